//! Topics and the logs of their partitions: record batches as they came, with offsets of their own.

use bytes::{Bytes, BytesMut};
use kafka_protocol::records::RecordBatchDecoder;
use uuid::Uuid;

pub(crate) struct Topic {
    pub(crate) id: Uuid,
    pub(crate) partitions: Vec<Partition>,
}

pub(crate) struct Partition {
    pub(crate) leader: i32,
    /// The first offset that is there.
    pub(crate) start: i64,
    /// One behind the last record.
    pub(crate) next: i64,
    batches: Vec<Batch>,
}

struct Batch {
    last: i64,
    bytes: Bytes,
}

/// Bytes before a batch's length field counts, and where its fields are.
const PREFIX: usize = 12;
const LENGTH_AT: usize = 8;
const LAST_DELTA_AT: usize = 23;

impl Partition {
    pub(crate) fn new(leader: i32) -> Self {
        Self { leader, start: 0, next: 0, batches: Vec::new() }
    }

    /// Appends record batches and returns the offset of the first record.
    pub(crate) fn append(&mut self, batches: &Bytes) -> i64 {
        let base = self.next;
        let mut rest = batches.clone();
        while !rest.is_empty() {
            let length = usize::try_from(int(&rest, LENGTH_AT)).unwrap() + PREFIX;
            let mut bytes = BytesMut::from(&rest.split_to(length)[..]);
            bytes[..LENGTH_AT].copy_from_slice(&self.next.to_be_bytes());
            let last = self.next + i64::from(int(&bytes, LAST_DELTA_AT));
            self.next = last + 1;
            self.batches.push(Batch { last, bytes: bytes.freeze() });
        }
        base
    }

    /// The batches from the one with `from` on: as many as fit, but at least one.
    pub(crate) fn read(&self, from: i64, max_bytes: usize) -> Bytes {
        let mut out = BytesMut::new();
        for batch in self.batches.iter().filter(|batch| batch.last >= from) {
            if !out.is_empty() && out.len() + batch.bytes.len() > max_bytes {
                break;
            }
            out.extend_from_slice(&batch.bytes);
        }
        out.freeze()
    }

    /// The first record at or after a time, with its own time.
    pub(crate) fn at_time(&self, time: i64) -> Option<(i64, i64)> {
        let sets = self.batches.iter().map(|batch| batch.bytes.clone());
        let records =
            sets.flat_map(|mut bytes| RecordBatchDecoder::decode(&mut bytes).unwrap().records);
        records
            .map(|record| (record.offset, record.timestamp))
            .find(|&(offset, at)| at >= time && offset >= self.start)
    }

    /// What it takes on disk.
    pub(crate) fn bytes(&self) -> i64 {
        let bytes: usize = self.batches.iter().map(|batch| batch.bytes.len()).sum();
        i64::try_from(bytes).unwrap()
    }

    /// Retention: the records before `start` are gone.
    pub(crate) fn delete_before(&mut self, start: i64) {
        self.start = start;
        self.batches.retain(|batch| batch.last >= start);
    }

    /// An unclean election: the records from `next` on are gone.
    pub(crate) fn truncate(&mut self, next: i64) {
        self.next = next;
        self.batches.retain(|batch| batch.last < next);
    }
}

fn int(bytes: &[u8], at: usize) -> i32 {
    i32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}
