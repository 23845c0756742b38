//! What an operator does and sees.

use std::sync::Arc;

use comptoir_domain::port::bus::{BusError, GroupInfo, LogAdmin, PartitionInfo, TopicInfo};
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::Topic;
use uuid::Uuid;

use super::{PartitionLog, TopicLog};
use crate::embedded::Core;
use crate::error::Failure;
use crate::keyspaces::{self, Space};
use crate::writer::Transaction;

/// Creates and shows topics and groups.
#[derive(Clone)]
pub struct Admin(pub(crate) Arc<Core>);

impl LogAdmin for Admin {
    async fn create_topics(&self, topics: &[Topic], partitions: u32) -> Result<(), BusError> {
        let exists = |name: &&Topic| self.0.shared.log.topic(name).is_err();
        let missing: Vec<Topic> = topics.iter().filter(exists).cloned().collect();
        if missing.is_empty() {
            return Ok(());
        }
        // A topic without partitions could never be written to.
        let partitions = partitions.max(1);
        let create = move |tx: &mut Transaction<'_>| {
            missing.iter().try_for_each(|name| create_topic(tx, name, partitions))
        };
        self.0.write(0, create).await.map_err(|failure: Failure| failure.into())
    }

    async fn topics(&self) -> Result<Vec<TopicInfo>, BusError> {
        let topics = self.0.shared.log.all();
        let info = |topic: &Arc<TopicLog>| TopicInfo {
            topic: topic.name.clone(),
            partitions: topic.partitions.iter().map(|log| partition_info(log)).collect(),
        };
        Ok(topics.iter().map(info).collect())
    }

    async fn groups(&self) -> Result<Vec<GroupInfo>, BusError> {
        Ok(self.0.shared.groups.describe())
    }

    async fn log_id(&self, topic: &Topic) -> Result<Uuid, BusError> {
        self.0.shared.log.topic(topic)?;
        Ok(self.0.shared.log_id)
    }
}

fn create_topic(tx: &mut Transaction<'_>, name: &Topic, partitions: u32) -> Result<(), Failure> {
    let key = keyspaces::topic_key(name.as_str());
    if tx.get(Space::Meta, &key)?.is_some() {
        return Ok(());
    }
    let id = match tx.get(Space::Meta, &keyspaces::TOPIC_COUNT.into())? {
        Some(row) => keyspaces::parse_u32(&row, "the number of topics")?,
        None => 0,
    };
    tx.put(Space::Meta, keyspaces::TOPIC_COUNT.into(), (id + 1).to_be_bytes());
    tx.put(Space::Meta, key, [id.to_be_bytes(), partitions.to_be_bytes()].concat());
    let topic = Arc::new(TopicLog::new(name, id, partitions));
    tx.after(move |shared| shared.log.add(topic));
    Ok(())
}

fn partition_info(log: &PartitionLog) -> PartitionInfo {
    let extent = log.extent();
    let is_empty = extent.start == extent.next;
    PartitionInfo {
        partition: log.at.partition,
        bounds: extent.bounds(),
        bytes: Some(extent.bytes_through - extent.bytes_before),
        last_write: (!is_empty).then(|| Timestamp::from_millis(extent.last_write)),
    }
}
