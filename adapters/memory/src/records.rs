//! The records of every topic.

use std::collections::{BTreeMap, VecDeque};

use comptoir_domain::port::bus::{Bounds, BusError, MAX_RECORD_BYTES, PartitionInfo, TopicInfo};
use comptoir_domain::record::{Outgoing, Position, Record, StoredRecord};
use comptoir_domain::topic::{Offset, Partition, Topic, TopicPartition, partition_for};

#[derive(Debug, Default)]
struct PartitionLog {
    earliest: u64,
    records: VecDeque<Record>,
}

impl PartitionLog {
    fn bounds(&self) -> Bounds {
        Bounds {
            earliest: Offset(self.earliest),
            next: Offset(self.earliest + self.records.len() as u64),
        }
    }

    fn index(&self, offset: Offset) -> usize {
        usize::try_from(offset.0.saturating_sub(self.earliest)).unwrap_or(usize::MAX)
    }

    fn forget_before(&mut self, offset: Offset) {
        let gone = self.index(offset).min(self.records.len());
        self.records.drain(..gone);
        self.earliest += gone as u64;
    }

    fn info(&self, partition: Partition) -> PartitionInfo {
        let bytes: usize = self.records.iter().map(Record::size).sum();
        PartitionInfo {
            partition,
            bounds: self.bounds(),
            bytes: Some(bytes as u64),
            // Memory has no clock: a record is appended when it was made.
            last_write: self.records.back().map(|record| record.time),
        }
    }
}

#[derive(Debug)]
struct TopicLog {
    partitions: Vec<PartitionLog>,
    keyless: u32,
}

impl TopicLog {
    fn count(&self) -> u32 {
        u32::try_from(self.partitions.len()).unwrap_or(u32::MAX)
    }

    fn place(&mut self, key: Option<&[u8]>) -> Partition {
        if let Some(key) = key {
            return partition_for(key, self.count());
        }
        self.keyless = self.keyless.wrapping_add(1);
        Partition(self.keyless % self.count())
    }
}

/// Every topic with its records.
#[derive(Debug, Default)]
pub(crate) struct Records {
    topics: BTreeMap<Topic, TopicLog>,
}

fn limit_of(topic: &Topic) -> usize {
    if topic.as_str().strip_suffix(".dlq").is_some() {
        2 * MAX_RECORD_BYTES
    } else {
        MAX_RECORD_BYTES
    }
}

fn unknown(name: &impl ToString) -> BusError {
    BusError::UnknownTopic { name: name.to_string() }
}

impl Records {
    pub(crate) fn create(&mut self, topic: &Topic, partitions: u32) {
        self.topics.entry(topic.clone()).or_insert_with(|| TopicLog {
            partitions: (0..partitions.max(1)).map(|_| PartitionLog::default()).collect(),
            keyless: 0,
        });
    }

    pub(crate) fn partition_count(&self, topic: &Topic) -> Result<u32, BusError> {
        self.topics.get(topic).map(TopicLog::count).ok_or_else(|| unknown(topic))
    }

    pub(crate) fn append(&mut self, outgoing: Outgoing) -> Result<Position, BusError> {
        let Outgoing { topic, record } = outgoing;
        let log = self.topics.get_mut(&topic).ok_or_else(|| unknown(&topic))?;
        let (bytes, limit) = (record.size(), limit_of(&topic));
        if bytes > limit {
            return Err(BusError::TooLarge { bytes, limit });
        }
        let partition = log.place(record.key.as_deref());
        let at = TopicPartition { topic, partition };
        let stored = log.partitions.get_mut(partition.0 as usize).ok_or_else(|| unknown(&at))?;
        let offset = stored.bounds().next;
        stored.records.push_back(record);
        Ok(Position { at, offset })
    }

    fn partition(&self, at: &TopicPartition) -> Result<&PartitionLog, BusError> {
        self.topics
            .get(&at.topic)
            .and_then(|log| log.partitions.get(at.partition.0 as usize))
            .ok_or_else(|| unknown(at))
    }

    pub(crate) fn bounds(&self, topic: &Topic) -> Result<Vec<Bounds>, BusError> {
        let log = self.topics.get(topic).ok_or_else(|| unknown(topic))?;
        Ok(log.partitions.iter().map(PartitionLog::bounds).collect())
    }

    /// Records from an offset on; none at the end.
    pub(crate) fn read(
        &self,
        at: &TopicPartition,
        from: Offset,
        most: usize,
        bytes: usize,
    ) -> Result<Vec<StoredRecord>, BusError> {
        let log = self.partition(at)?;
        let Bounds { earliest, next } = log.bounds();
        if from < earliest || from > next {
            return Err(BusError::OutOfRange { earliest, next });
        }
        let mut batch = Vec::new();
        let mut read = 0_usize;
        let rest = log.records.range(log.index(from)..).take(most);
        for (offset, record) in (from.0..).zip(rest) {
            read = read.saturating_add(record.size());
            if !batch.is_empty() && read > bytes {
                break;
            }
            batch.push(StoredRecord { offset: Offset(offset), record: record.clone() });
        }
        Ok(batch)
    }

    /// Where a group reads on from: retention may have overtaken it.
    pub(crate) fn first_at_or_after(&self, at: &TopicPartition, offset: Offset) -> Offset {
        self.partition(at).map_or(offset, |log| offset.max(log.bounds().earliest))
    }

    pub(crate) fn forget_before(&mut self, at: &TopicPartition, offset: Offset) {
        let log = self.topics.get_mut(&at.topic);
        if let Some(log) = log.and_then(|log| log.partitions.get_mut(at.partition.0 as usize)) {
            log.forget_before(offset);
        }
    }

    pub(crate) fn infos(&self) -> Vec<TopicInfo> {
        let partitions = |log: &TopicLog| {
            (0..)
                .map(Partition)
                .zip(&log.partitions)
                .map(|(number, log)| log.info(number))
                .collect()
        };
        let info = |(topic, log): (&Topic, &TopicLog)| TopicInfo {
            topic: topic.clone(),
            partitions: partitions(log),
        };
        self.topics.iter().map(info).collect()
    }
}
