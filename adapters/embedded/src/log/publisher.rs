//! Appending.

use std::ops::Range;
use std::sync::Arc;

use comptoir_domain::port::bus::{BusError, MAX_RECORD_BYTES, Publisher};
use comptoir_domain::record::{Outgoing, Position, Record};
use comptoir_domain::topic::{Offset, Partition, Topic, partition_for};

use super::{PartitionLog, TopicLog, batch};
use crate::embedded::Core;
use crate::writer::Transaction;

/// Appends records to the log.
#[derive(Clone)]
pub struct LogPublisher(pub(crate) Arc<Core>);

impl Publisher for LogPublisher {
    async fn publish(&self, records: Vec<Outgoing>) -> Result<Vec<Position>, BusError> {
        let mut appends = Appends::default();
        for outgoing in &records {
            check_size(outgoing)?;
            let topic = appends.topic(&self.0, &outgoing.topic)?;
            let partition = appends.partition(topic, outgoing.record.key.as_deref());
            appends.add(partition, &outgoing.record);
        }
        drop(records);
        if appends.places.is_empty() {
            return Ok(Vec::new());
        }
        let bytes = appends.bytes.len();
        self.0.write(bytes, move |tx| Ok(appends.run(tx))).await
    }
}

fn check_size(outgoing: &Outgoing) -> Result<(), BusError> {
    let is_dead_letter = outgoing.topic.as_str().strip_suffix(".dlq").is_some();
    let limit = if is_dead_letter { 2 * MAX_RECORD_BYTES } else { MAX_RECORD_BYTES };
    let bytes = outgoing.record.size();
    if bytes > limit {
        return Err(BusError::TooLarge { bytes, limit });
    }
    Ok(())
}

/// The encoded records of one call, and where they go.
#[derive(Default)]
struct Appends {
    bytes: Vec<u8>,
    places: Vec<(Arc<PartitionLog>, Range<usize>)>,
    /// The topics of this call, each with its partition for records without a key once one came.
    topics: Vec<(Arc<TopicLog>, Option<Partition>)>,
}

impl Appends {
    fn topic(&mut self, core: &Core, name: &Topic) -> Result<usize, BusError> {
        let known = self.topics.iter().position(|(topic, _)| topic.name == *name);
        if let Some(known) = known {
            return Ok(known);
        }
        self.topics.push((core.shared.log.topic(name)?, None));
        Ok(self.topics.len() - 1)
    }

    fn partition(&mut self, topic: usize, key: Option<&[u8]>) -> Arc<PartitionLog> {
        let (topic, keyless) = &mut self.topics[topic];
        let partition = match key {
            Some(key) => partition_for(key, topic.partition_count()),
            None => *keyless.get_or_insert_with(|| topic.next_in_rotation()),
        };
        Arc::clone(&topic.partitions[partition.0 as usize])
    }

    fn add(&mut self, partition: Arc<PartitionLog>, record: &Record) {
        let start = self.bytes.len();
        batch::put(record, &mut self.bytes);
        self.places.push((partition, start..self.bytes.len()));
    }

    fn run(self, tx: &mut Transaction<'_>) -> Vec<Position> {
        let bytes = &self.bytes;
        let append = |(partition, place): (Arc<PartitionLog>, Range<usize>)| Position {
            offset: Offset(tx.append(&partition, &bytes[place])),
            at: partition.at.clone(),
        };
        self.places.into_iter().map(append).collect()
    }
}
