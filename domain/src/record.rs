//! A record as the log keeps it: bytes, whatever they mean.

use crate::time::Timestamp;
use crate::topic::{Offset, Topic, TopicPartition};

/// One record to append, or as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// Chooses the partition; records of one key stay in order. `None` goes to any partition.
    pub key: Option<Vec<u8>>,
    /// The content. `None` (a tombstone) can come from other producers.
    pub value: Option<Vec<u8>>,
    /// Named values beside the content, in order; a name may repeat.
    pub headers: Vec<(String, Vec<u8>)>,
    /// When it was made.
    pub time: Timestamp,
}

impl Record {
    /// Bytes of key, value and headers together.
    pub fn size(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len());
        self.key.as_ref().map_or(0, Vec::len)
            + self.value.as_ref().map_or(0, Vec::len)
            + headers.sum::<usize>()
    }

    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_slice())
    }
}

/// A record on its way to a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Where to.
    pub topic: Topic,
    /// What.
    pub record: Record,
}

/// A record with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its offset in the partition it was read from.
    pub offset: Offset,
    /// The record.
    pub record: Record,
}

/// Where a record came to stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The partition.
    pub at: TopicPartition,
    /// The offset in it.
    pub offset: Offset,
}
