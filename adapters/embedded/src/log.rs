//! The event log: topics, partitions, offsets.
//!
//! What is in memory here is an image of the database: which topics there are, and how far each
//! partition reaches. The writer brings it up to date after each commit, so nobody ever sees a record
//! that is not durable.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, RwLock};

use comptoir_domain::port::bus::BusError;
use comptoir_domain::topic::{Partition, Topic, TopicPartition};

use crate::error::{Failure, Malformed};
use crate::keyspaces::{self, Db, LogStart, PartitionId, Space, Starts};
use crate::sync;

mod admin;
pub(crate) mod batch;
mod partition;
mod publisher;
mod reader;
pub(crate) mod record;
pub(crate) mod retention;

pub use admin::Admin;
pub(crate) use partition::{Extent, PartitionLog, Row};
pub use publisher::LogPublisher;
pub use reader::Reader;
pub(crate) use reader::fetch;

/// One topic.
pub(crate) struct TopicLog {
    pub(crate) name: Topic,
    pub(crate) partitions: Vec<Arc<PartitionLog>>,
    /// Where the next publish call puts records without a key.
    rotation: AtomicU32,
}

impl TopicLog {
    pub(crate) fn new(name: &Topic, id: u32, partitions: u32) -> Self {
        let partition = |partition| {
            let at = TopicPartition { topic: name.clone(), partition: Partition(partition) };
            let id = PartitionId { topic: id, partition };
            Arc::new(PartitionLog::new(at, id))
        };
        Self {
            name: name.clone(),
            partitions: (0..partitions).map(partition).collect(),
            rotation: AtomicU32::new(0),
        }
    }

    pub(crate) fn partition_count(&self) -> u32 {
        u32::try_from(self.partitions.len()).unwrap_or(u32::MAX)
    }

    /// The partition for the records without a key of one publish call.
    fn next_in_rotation(&self) -> Partition {
        let turn = self.rotation.fetch_add(1, Ordering::Relaxed);
        Partition(turn % self.partition_count())
    }
}

/// Every topic.
#[derive(Default)]
pub(crate) struct Log {
    topics: RwLock<BTreeMap<Topic, Arc<TopicLog>>>,
    pub(crate) starts: Starts,
}

impl Log {
    /// The topic of that name.
    pub(crate) fn topic(&self, name: &Topic) -> Result<Arc<TopicLog>, BusError> {
        let found = sync::read(&self.topics).get(name).cloned();
        found.ok_or_else(|| BusError::UnknownTopic { name: name.to_string() })
    }

    pub(crate) fn partition(&self, at: &TopicPartition) -> Result<Arc<PartitionLog>, BusError> {
        let topic = self.topic(&at.topic)?;
        let found = topic.partitions.get(at.partition.0 as usize).cloned();
        found.ok_or_else(|| BusError::UnknownTopic { name: at.to_string() })
    }

    /// Every topic, by name.
    pub(crate) fn all(&self) -> Vec<Arc<TopicLog>> {
        sync::read(&self.topics).values().cloned().collect()
    }

    /// Every partition, by its number in the database.
    pub(crate) fn by_id(&self) -> BTreeMap<PartitionId, Arc<PartitionLog>> {
        let topics = self.all();
        let partitions = topics.iter().flat_map(|topic| &topic.partitions);
        partitions.map(|log| (log.id, Arc::clone(log))).collect()
    }

    pub(crate) fn add(&self, topic: Arc<TopicLog>) {
        let mut topics = sync::write(&self.topics);
        topics.entry(topic.name.clone()).or_insert(topic);
    }

    /// Takes over what the database holds: at the start, and after it was reopened. Topics that are
    /// known already keep their partitions, and those who wait on them.
    pub(crate) fn load(&self, db: &Db) -> Result<(), Failure> {
        for row in db.space(Space::Meta).prefix(keyspaces::TOPICS) {
            let (key, value) = row.into_inner()?;
            self.add(Arc::new(read_topic(&key, &value)?));
        }
        for log in self.by_id().into_values() {
            let start = match db.get(Space::Meta, &keyspaces::log_start_key(log.id))? {
                Some(row) => LogStart::decode(&row)?,
                None => LogStart::default(),
            };
            self.starts.set(log.id, start.offset);
            log.load(extent(db, log.id, start)?);
        }
        Ok(())
    }
}

fn read_topic(key: &[u8], value: &[u8]) -> Result<TopicLog, Malformed> {
    const WHAT: &str = "a topic";
    let name = std::str::from_utf8(&key[keyspaces::TOPICS.len()..]).ok();
    let name = name.and_then(|name| Topic::try_from(name).ok());
    let name = name.ok_or_else(|| Malformed::new(WHAT, "its name cannot be read"))?;
    let (id, count) = value.split_at_checked(4).unwrap_or_default();
    let id = keyspaces::parse_u32(id, WHAT)?;
    Ok(TopicLog::new(&name, id, keyspaces::parse_u32(count, WHAT)?))
}

/// How far a partition reaches: from where retention left its start, to its last record.
fn extent(db: &Db, id: PartitionId, start: LogStart) -> Result<Extent, Failure> {
    let all = keyspaces::record_key(id, start.offset)..=keyspaces::record_key(id, u64::MAX);
    let empty = Extent {
        start: start.offset,
        bytes_before: start.bytes_before,
        next: start.offset,
        bytes_through: start.bytes_before,
        last_write: start.last_write,
    };
    let Some(last) = db.space(Space::Log).range(all).next_back() else {
        return Ok(empty);
    };
    let (key, value) = last.into_inner()?;
    let (_, last) = keyspaces::parse_record_key(&key)?;
    let stamp = batch::decode_stamp(&value)?;
    Ok(Extent {
        next: last + 1,
        bytes_through: stamp.bytes_through,
        last_write: stamp.appended,
        ..empty
    })
}
