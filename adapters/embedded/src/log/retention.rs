//! Removing the oldest records: by age, and by bytes per partition.
//!
//! What a group has not read yet is kept longer, but not without end: a group that never comes back
//! must not fill the disk. What is removed all the same is told, with who missed how much.
//!
//! What is removed is first only a number, the durable start of the partition's log, which readers
//! honour at once. The space is freed by dropping the tables that have nothing else,
//! and for the rest when a compaction next comes by. Age and bytes are known of whole rows, so that is
//! what they remove.

use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::bus::{Bounds, BusError};
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::Offset;

use super::reader::{Found, row_with};
use super::{Extent, PartitionLog};
use crate::error::Failure;
use crate::keyspaces::{self, Db, LogStart, Space};
use crate::shared::Shared;
use crate::writer::Transaction;

/// Removes what is too old or too much at that time; returns how many records. Blocks.
pub(crate) fn enforce(shared: &Arc<Shared>, now: Timestamp) -> Result<u64, Failure> {
    let db = shared.db()?;
    let mut cuts = Vec::new();
    for log in shared.log.by_id().into_values() {
        if let Some(start) = cut(shared, &db, &log, now)? {
            cuts.push((log, start));
        }
    }
    move_starts(shared, &db, cuts)
}

/// Removes a partition's records before `offset`; returns how many. Blocks.
pub(crate) fn remove_before(
    shared: &Arc<Shared>,
    log: &Arc<PartitionLog>,
    offset: Offset,
) -> Result<u64, BusError> {
    let extent = log.extent();
    if offset.0 > extent.next {
        let Bounds { earliest, next } = extent.bounds();
        return Err(BusError::OutOfRange { earliest, next });
    }
    let db = shared.db()?;
    let start = start_at(offset.0, extent, |offset| row_with(&db, log, offset))?;
    let cuts = start.map(|start| (Arc::clone(log), start));
    Ok(move_starts(shared, &db, cuts.into_iter().collect())?)
}

type Cut = (Arc<PartitionLog>, LogStart);

/// Makes the new starts durable, then known; returns how many records are gone.
fn move_starts(shared: &Shared, db: &Db, cuts: Vec<Cut>) -> Result<u64, Failure> {
    if cuts.is_empty() {
        return Ok(0);
    }
    let gone = |(log, start): &Cut| start.offset - log.extent().start;
    let removed = cuts.iter().map(gone).sum();
    let starts: Vec<_> = cuts.iter().map(|(log, start)| (log.id, start.offset)).collect();
    shared.write_blocking(move |tx: &mut Transaction<'_>| {
        for (log, start) in cuts {
            tx.put(Space::Meta, keyspaces::log_start_key(log.id), start.encode());
            tx.after(move |shared| advance(shared, &log, start));
        }
        Ok::<_, Failure>(())
    })?;
    for (id, start) in starts {
        db.drop_log_before(id, start)?;
    }
    Ok(removed)
}

fn advance(shared: &Shared, log: &PartitionLog, start: LogStart) {
    let before = Offset(log.extent().start);
    log.advance(start);
    shared.log.starts.set(log.id, start.offset);
    shared.groups.warn_of_unread(&log.at, before, Offset(start.offset));
}

/// Where the partition's log should start, if further on than it does.
fn cut(
    shared: &Shared,
    db: &Db,
    log: &PartitionLog,
    now: Timestamp,
) -> Result<Option<LogStart>, Failure> {
    let extent = log.extent();
    if extent.start == extent.next {
        return Ok(None);
    }
    let row = |offset| row_with(db, log, offset);
    let by_age = match shared.options.retention_age {
        None | Some(Duration::ZERO) => extent.start,
        Some(age) => {
            let oldest = now.minus(age).as_millis();
            search(extent.start..extent.next, |offset| Ok(row(offset)?.stamp.appended < oldest))?
        }
    };
    let beyond = |most: u64| {
        let too_much = |offset| Ok(extent.bytes_through - row(offset)?.bytes_before() > most);
        // The newest record stays, however large.
        search(extent.start..extent.next - 1, too_much)
    };
    let by_bytes = match shared.options.retention_bytes {
        None | Some(0) => extent.start,
        Some(most) => beyond(most)?,
    };
    let mut kept = by_age.max(by_bytes);
    let most_unread = shared.options.retention_unread_bytes;
    if most_unread > 0
        && let Some(unread) = shared.groups.first_unread(&log.at, Offset(extent.start))
        && unread.0 < kept
    {
        kept = kept.min(unread.0.max(beyond(most_unread)?));
    }
    let first = if kept == extent.next { kept } else { row(kept)?.first };
    start_at(first, extent, row)
}

fn start_at(
    offset: u64,
    extent: Extent,
    row: impl Fn(u64) -> Result<Found, Failure>,
) -> Result<Option<LogStart>, Failure> {
    let (offset, bytes_before) = if offset == extent.next {
        (offset, extent.bytes_through)
    } else {
        (offset, row(offset)?.bytes_before())
    };
    Ok((offset > extent.start).then_some(LogStart {
        offset,
        bytes_before,
        last_write: extent.last_write,
    }))
}

/// The first offset of the range for which `removed` does not hold; it must hold for all before it.
fn search(
    range: std::ops::Range<u64>,
    removed: impl Fn(u64) -> Result<bool, Failure>,
) -> Result<u64, Failure> {
    // Most of the time there is nothing to remove, and one look says so.
    if range.is_empty() || !removed(range.start)? {
        return Ok(range.start);
    }
    let (mut low, mut high) = (range.start + 1, range.end);
    while low < high {
        let middle = low + (high - low) / 2;
        if removed(middle)? {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}
