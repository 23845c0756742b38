//! How far one partition reaches, and who waits for more.

use std::sync::{Arc, Mutex};

use comptoir_domain::port::bus::Bounds;
use comptoir_domain::topic::{Offset, TopicPartition};
use fjall::Slice;
use tokio::sync::{Notify, watch};

use super::batch::{self, Stamp};
use crate::keyspaces::{self, LogStart, PartitionId, RECORD_KEY_BYTES};
use crate::sync::lock;

/// A row takes no more records once it has so many bytes, so that reading one of them stays cheap.
const ROW_BYTES: usize = 64 << 10;

/// What is durable of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Extent {
    /// The first offset that retention left.
    pub(crate) start: u64,
    /// Bytes of all rows before it, ever.
    pub(crate) bytes_before: u64,
    /// The high watermark: one behind the last record.
    pub(crate) next: u64,
    /// Bytes of all rows, ever.
    pub(crate) bytes_through: u64,
    /// When the newest record was appended, in milliseconds.
    pub(crate) last_write: i64,
}

impl Extent {
    pub(crate) fn bounds(self) -> Bounds {
        Bounds { earliest: Offset(self.start), next: Offset(self.next) }
    }
}

/// The end of the partition as the writer's current group leaves it; durable once it is committed.
#[derive(Default)]
struct Tail {
    next: u64,
    bytes_through: u64,
    last_write: i64,
    /// The row that records are put into; kept between groups for its capacity.
    row: Vec<u8>,
    /// How many of them it has.
    count: u32,
    changed: bool,
}

impl Tail {
    fn reset(&mut self, extent: Extent) {
        self.next = extent.next;
        self.bytes_through = extent.bytes_through;
        self.last_write = extent.last_write;
        self.count = 0;
        self.changed = false;
    }
}

/// A row of the log to be written.
pub(crate) type Row = (Slice, Slice);

/// What became of an append.
pub(crate) struct Appended {
    pub(crate) offset: u64,
    /// Whether it is the first one since the last [`PartitionLog::commit`].
    pub(crate) is_first: bool,
    /// The row before, if it was full.
    pub(crate) full: Option<Row>,
}

/// One partition.
pub(crate) struct PartitionLog {
    pub(crate) at: TopicPartition,
    pub(crate) id: PartitionId,
    extent: Mutex<Extent>,
    /// Only the writer's thread takes it.
    tail: Mutex<Tail>,
    high_watermark: watch::Sender<u64>,
    /// Members of groups that own the partition.
    followers: Mutex<Vec<Arc<Notify>>>,
}

impl PartitionLog {
    pub(crate) fn new(at: TopicPartition, id: PartitionId) -> Self {
        Self {
            at,
            id,
            extent: Mutex::default(),
            tail: Mutex::default(),
            high_watermark: watch::Sender::new(0),
            followers: Mutex::default(),
        }
    }

    pub(crate) fn extent(&self) -> Extent {
        *lock(&self.extent)
    }

    /// Waits until the high watermark is behind `offset`. Cancel-safe.
    pub(crate) async fn wait_behind(&self, offset: u64) {
        let mut high_watermark = self.high_watermark.subscribe();
        // The sender lives as long as this partition does.
        let _ = high_watermark.wait_for(|next| *next > offset).await;
    }

    pub(crate) fn follow(&self, follower: &Arc<Notify>) {
        lock(&self.followers).push(Arc::clone(follower));
    }

    pub(crate) fn unfollow(&self, follower: &Arc<Notify>) {
        lock(&self.followers).retain(|other| !Arc::ptr_eq(other, follower));
    }

    /// Takes over what the database holds.
    pub(crate) fn load(&self, extent: Extent) {
        lock(&self.tail).reset(extent);
        *lock(&self.extent) = extent;
        self.tell(extent.next);
    }

    /// Gives a record, as [`batch::put`] made it, its place.
    pub(crate) fn append(&self, encoded: &[u8], now: i64) -> Appended {
        let mut tail = lock(&self.tail);
        let has_room = tail.count == 0 || tail.row.len() + encoded.len() <= ROW_BYTES;
        let full = if has_room { None } else { self.seal_row(&mut tail) };
        if tail.count == 0 {
            batch::begin(&mut tail.row);
        }
        tail.row.extend_from_slice(encoded);
        tail.count += 1;
        // Retention searches by these times, so they must not go back when the clock does.
        tail.last_write = tail.last_write.max(now);
        tail.next += 1;
        Appended {
            offset: tail.next - 1,
            is_first: !std::mem::replace(&mut tail.changed, true),
            full,
        }
    }

    /// The row that was begun, to be written.
    pub(crate) fn seal(&self) -> Option<Row> {
        self.seal_row(&mut lock(&self.tail))
    }

    fn seal_row(&self, tail: &mut Tail) -> Option<Row> {
        let count = std::mem::take(&mut tail.count);
        if count == 0 {
            return None;
        }
        tail.bytes_through += (RECORD_KEY_BYTES + tail.row.len()) as u64;
        let stamp = Stamp { appended: tail.last_write, bytes_through: tail.bytes_through, count };
        batch::stamp(&mut tail.row, stamp);
        let key = keyspaces::record_key(self.id, tail.next - 1);
        Some((key.into(), Slice::new(&tail.row)))
    }

    /// What was appended is durable: shows it, and wakes who waits for it.
    pub(crate) fn commit(&self) {
        let mut tail = lock(&self.tail);
        tail.changed = false;
        let mut extent = lock(&self.extent);
        extent.next = tail.next;
        extent.bytes_through = tail.bytes_through;
        extent.last_write = tail.last_write;
        drop(extent);
        let next = tail.next;
        drop(tail);
        self.tell(next);
    }

    /// What was appended is lost.
    pub(crate) fn roll_back(&self) {
        lock(&self.tail).reset(self.extent());
    }

    /// Retention moved the start.
    pub(crate) fn advance(&self, start: LogStart) {
        let mut extent = lock(&self.extent);
        extent.start = start.offset;
        extent.bytes_before = start.bytes_before;
    }

    fn tell(&self, next: u64) {
        self.high_watermark.send_replace(next);
        for follower in lock(&self.followers).iter() {
            follower.notify_one();
        }
    }
}
