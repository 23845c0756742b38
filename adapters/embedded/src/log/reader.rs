//! Reading without a group.

use std::ops::Range;
use std::sync::Arc;

use comptoir_domain::port::bus::{Bounds, BusError, LogReader, ReadLimit};
use comptoir_domain::record::StoredRecord;
use comptoir_domain::topic::{Offset, Topic, TopicPartition};
use fjall::Slice;
use tokio::time::timeout;

use super::batch::{self, Batch, Stamp};
use super::{PartitionLog, record};
use crate::embedded::Core;
use crate::error::{Failure, Malformed};
use crate::keyspaces::{self, Db, RECORD_KEY_BYTES, Space};
use crate::shared::Shared;

/// Reads partitions of the log.
#[derive(Clone)]
pub struct Reader(pub(crate) Arc<Core>);

impl LogReader for Reader {
    async fn bounds(&self, topic: &Topic) -> Result<Vec<Bounds>, BusError> {
        let topic = self.0.shared.log.topic(topic)?;
        Ok(topic.partitions.iter().map(|log| log.extent().bounds()).collect())
    }

    async fn read(
        &self,
        at: &TopicPartition,
        from: Offset,
        limit: ReadLimit,
    ) -> Result<Vec<StoredRecord>, BusError> {
        let log = self.0.shared.log.partition(at)?;
        check_bounds(&log, from)?;
        if log.extent().next == from.0 {
            let waited = timeout(limit.wait, log.wait_behind(from.0)).await;
            if waited.is_err() {
                return Ok(Vec::new());
            }
        }
        fetch(&self.0.shared, &log, from, limit).await
    }
}

fn check_bounds(log: &PartitionLog, from: Offset) -> Result<(), BusError> {
    let Bounds { earliest, next } = log.extent().bounds();
    if from < earliest || from > next {
        return Err(BusError::OutOfRange { earliest, next });
    }
    Ok(())
}

/// Durable records from `from` on, within the limit; its `wait` is not looked at.
pub(crate) async fn fetch(
    shared: &Arc<Shared>,
    log: &Arc<PartitionLog>,
    from: Offset,
    limit: ReadLimit,
) -> Result<Vec<StoredRecord>, BusError> {
    let until = log.extent().next.min(from.0.saturating_add(limit.records as u64));
    if from.0 >= until {
        return Ok(Vec::new());
    }
    let of = Arc::clone(log);
    let read = move |db: &Db| scan(db, &of, from.0..until, limit.bytes);
    let found = shared.read(read).await.map_err(BusError::from)?;
    if found.is_empty() {
        // Retention was faster than this read, or else records are missing.
        check_bounds(log, from)?;
        return Err(hole(log, from.0).into());
    }
    Ok(found)
}

fn scan(
    db: &Db,
    log: &PartitionLog,
    offsets: Range<u64>,
    bytes: usize,
) -> Result<Vec<StoredRecord>, Failure> {
    let mut found = Collected { records: Vec::new(), offsets, bytes };
    for row in rows_from(db, log, found.offsets.start) {
        match take(&mut found, row, log) {
            Ok(true) => {}
            // What stands before damage is read first; the next read begins at it.
            Err(_) if !found.records.is_empty() => break,
            Ok(false) => break,
            Err(failure) => return Err(failure),
        }
    }
    Ok(found.records)
}

/// Takes what is wanted of the next row; says whether there is room for more.
fn take(
    found: &mut Collected,
    row: Result<Found, Failure>,
    log: &PartitionLog,
) -> Result<bool, Failure> {
    let row = row?;
    let expected = found.offsets.start;
    if row.first > expected {
        // Not a hole if retention was faster.
        let is_removed = found.records.is_empty() && log.extent().start > expected;
        return if is_removed { Ok(false) } else { Err(hole(log, expected)) };
    }
    found.add(&row)
}

/// Records on their way out.
struct Collected {
    records: Vec<StoredRecord>,
    /// What is wanted and not found yet.
    offsets: Range<u64>,
    /// How many more bytes are.
    bytes: usize,
}

impl Collected {
    /// Takes what is wanted of a row; says whether there is room for more.
    fn add(&mut self, row: &Found) -> Result<bool, Failure> {
        let mut batch = Batch::open(&row.row)?;
        let mut offset = row.first;
        while let Some(bytes) = batch.next() {
            let bytes = bytes?;
            if self.offsets.contains(&offset) {
                if bytes.len() > self.bytes && !self.records.is_empty() {
                    return Ok(false);
                }
                self.bytes = self.bytes.saturating_sub(bytes.len());
                self.offsets.start = offset + 1;
                self.records
                    .push(StoredRecord { offset: Offset(offset), record: record::decode(bytes)? });
            }
            offset += 1;
        }
        Ok(!self.offsets.is_empty())
    }
}

/// A row of the log.
pub(super) struct Found {
    /// The offset of its first record.
    pub(super) first: u64,
    pub(super) stamp: Stamp,
    row: Slice,
}

impl Found {
    fn read((key, row): (Slice, Slice)) -> Result<Self, Malformed> {
        let (_, last) = keyspaces::parse_record_key(&key)?;
        let stamp = batch::decode_stamp(&row)?;
        let first = (last + 1).checked_sub(stamp.count.into());
        let first = first.ok_or_else(|| Malformed::new("the log", "a row has too many records"))?;
        Ok(Self { first, stamp, row })
    }

    /// Bytes of all rows before it, ever.
    pub(super) fn bytes_before(&self) -> u64 {
        let own = (RECORD_KEY_BYTES + self.row.len()) as u64;
        self.stamp.bytes_through.saturating_sub(own)
    }
}

/// The partition's rows, from the one on that has the record of that offset.
fn rows_from(
    db: &Db,
    log: &PartitionLog,
    offset: u64,
) -> impl Iterator<Item = Result<Found, Failure>> {
    let keys = keyspaces::record_key(log.id, offset)..=keyspaces::record_key(log.id, u64::MAX);
    let rows = db.space(Space::Log).range(keys);
    rows.map(|row| Ok(Found::read(row.into_inner()?)?))
}

/// The row that has the record of that offset.
pub(super) fn row_with(db: &Db, log: &PartitionLog, offset: u64) -> Result<Found, Failure> {
    match rows_from(db, log, offset).next() {
        Some(Ok(row)) if row.first > offset => Err(hole(log, offset)),
        Some(row) => row,
        None => Err(hole(log, offset)),
    }
}

fn hole(log: &PartitionLog, offset: u64) -> Failure {
    Malformed::new("the log", format!("record {offset} of {} is missing", log.at)).into()
}
