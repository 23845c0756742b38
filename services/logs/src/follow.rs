//! Follows all partitions from given offsets, for one client.

use std::collections::HashMap;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;

use comptoir_domain::port::bus::BusError;
use comptoir_domain::port::platform::Log;
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::{Offset, Partition, Topic, TopicPartition};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::history::Gap;
use crate::line::Line;
use crate::turn::{IDLE, Past, Places, Turn};
use crate::window::{Seen, Window};

/// Bytes after which a batch is not added to.
const BATCH_BYTES: usize = 512 * 1024;

/// A line and the partition that it stands in.
pub(crate) type Placed = (Partition, Arc<Line>);

/// What comes next for a client.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Lines, oldest first within a partition.
    pub(crate) lines: Vec<Placed>,
    /// What is gone for ever before them.
    pub(crate) gaps: Vec<Gap>,
    bytes: usize,
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.gaps.is_empty()
    }
}

/// One client's place in the log.
pub(crate) struct Follower<L: Log> {
    window: Arc<Window>,
    reader: L::Reader,
    logs: Topic,
    /// Which log the cursors are of.
    log_id: Option<Uuid>,
    cursors: Vec<Offset>,
    places: Places,
    /// At reading the log itself.
    turn: Option<Turn>,
    /// The first partition that the next turn is at, if all are behind.
    next_turn: Partition,
    grown: watch::Receiver<()>,
    /// Which partition is asked first, so that none waits behind a busy one.
    first: usize,
}

impl<L: Log> Follower<L> {
    pub(crate) fn new(
        window: Arc<Window>,
        reader: L::Reader,
        logs: Topic,
        places: Places,
        cursors: Vec<Offset>,
    ) -> Self {
        let (grown, log_id) = (window.grown(), window.log_id());
        let (turn, next_turn, first) = (None, Partition(0), 0);
        Self { window, reader, logs, log_id, cursors, places, turn, next_turn, grown, first }
    }

    /// Where the client stands: the next offset of every partition.
    pub(crate) fn cursors(&self) -> &[Offset] {
        &self.cursors
    }

    /// Waits for the next lines, about `count`: those of one partition in order, all together by time
    /// as far as that allows. Dropped in the middle, it may lose some.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] too if the log was made anew: the cursors lead nowhere.
    pub(crate) async fn next(&mut self, count: usize) -> Result<Batch, BusError> {
        loop {
            // Whatever comes after this is told by `grown`.
            self.grown.mark_unchanged();
            self.take_turn().await;
            // Also while it waited for its turn.
            if self.window.log_id() != self.log_id {
                return Err(BusError::Unavailable("the log was made anew".into()));
            }
            let batch = self.read_all(count).await?;
            if !batch.is_empty() {
                return Ok(batch);
            }
            if !self.needs_turn() {
                self.turn = None;
                // The window, and with it the sender, lives as long as its followers.
                let _ = self.grown.changed().await;
            }
        }
    }

    /// Does something else, for as long as it takes: whoever waits for this client's places gets them.
    pub(crate) async fn meanwhile<T>(&mut self, other: impl Future<Output = T>) -> T {
        let mut other = pin!(other);
        while let Some(turn) = &mut self.turn {
            if let Ok(done) = timeout(IDLE, &mut other).await {
                return done;
            }
            if !turn.goes_on() {
                self.turn = None;
            }
        }
        other.await
    }

    /// Does nothing, without end, for a client that takes nothing now. With the places go the lines
    /// that were not sent yet: they are read again when it is there again.
    pub(crate) async fn rest<T>(&mut self, unsent: &mut Vec<Placed>) -> T {
        loop {
            sleep(IDLE).await;
            if !self.turn.as_mut().is_some_and(Turn::goes_on) {
                break;
            }
        }
        self.turn = None;
        self.cursors = before(&self.cursors, unsent);
        *unsent = Vec::new();
        pending().await
    }

    /// Whether it is behind the window in a partition that this turn is not at.
    fn needs_turn(&self) -> bool {
        let here = |at| self.turn.as_ref().is_some_and(|turn| turn.is_for(at));
        !self.window.behind(&self.cursors).into_iter().all(here)
    }

    /// Waits for a turn at what is behind the window, if it has none.
    async fn take_turn(&mut self) {
        let mut behind = self.window.behind(&self.cursors);
        if self.turn.as_mut().is_some_and(|turn| !turn.is_over(&behind)) {
            return;
        }
        // Before it waits for others, it gives these back.
        self.turn = None;
        if behind.is_empty() {
            return;
        }
        let before = behind.partition_point(|at| *at < self.next_turn);
        behind.rotate_left(before);
        let turn = self.places.turn(&behind).await;
        self.next_turn = Partition(turn.last().map_or(0, |at| at.0 + 1));
        self.turn = Some(turn);
    }

    /// What there is in window and histories.
    async fn read_all(&mut self, count: usize) -> Result<Batch, BusError> {
        let mut batch = Batch::default();
        let partitions = self.cursors.len();
        self.first += 1;
        let first = self.first;
        for n in 0..partitions {
            let room = share(count, batch.lines.len(), partitions - n);
            if room > 0 && batch.bytes < BATCH_BYTES {
                self.read((n + first) % partitions, room, &mut batch).await?;
            }
        }
        batch.lines = by_time(batch.lines);
        Ok(batch)
    }

    async fn read(&mut self, at: usize, room: usize, batch: &mut Batch) -> Result<(), BusError> {
        let partition = Partition(u32::try_from(at).unwrap_or(u32::MAX));
        loop {
            let before = self.cursors[at];
            let (lines, next) = match self.window.read(partition, before, room) {
                Seen::Here(lines, next) => {
                    if let Some(turn) = &mut self.turn {
                        turn.has_caught_up(partition);
                    }
                    (lines, next)
                }
                Seen::Older => {
                    let Some(turn) = self.turn.as_mut().filter(|turn| turn.is_for(partition))
                    else {
                        return Ok(());
                    };
                    let at = TopicPartition { topic: self.logs.clone(), partition };
                    let read = turn.read::<_, L::Codec>(&self.reader, &at, before).await;
                    let Past { lines, next, gap } = read?;
                    batch.gaps.extend(gap);
                    (lines, next)
                }
            };
            self.cursors[at] = next;
            let all_hidden = lines.is_empty() && next > before;
            batch.bytes += lines.iter().map(|line| line.size()).sum::<usize>();
            batch.lines.extend(lines.into_iter().map(|line| (partition, line)));
            if !all_hidden {
                return Ok(());
            }
        }
    }
}

/// The cursor of a client that has everything before `offsets` but the lines still held back.
pub(crate) fn before(offsets: &[Offset], held: &[Placed]) -> Vec<Offset> {
    let mut cursors = offsets.to_vec();
    for (at, line) in held {
        if let Some(cursor) = cursors.get_mut(at.0 as usize) {
            *cursor = line.offset.min(*cursor);
        }
    }
    cursors
}

/// How many lines the next of `left` partitions may give to a batch of `count` that has `taken`: what
/// one leaves goes to those behind it. At least one while there is room, however many partitions there
/// are: an empty batch says that there is nothing to read.
fn share(count: usize, taken: usize, left: usize) -> usize {
    count.saturating_sub(taken).div_ceil(left)
}

/// Sorts by time without changing the order within a partition: a line whose event is older than the
/// one before it stays right behind that.
fn by_time(lines: Vec<Placed>) -> Vec<Placed> {
    let mut newest: HashMap<Partition, Timestamp> = HashMap::new();
    let place = |(at, line): Placed| {
        let time = newest.entry(at).or_insert(line.time);
        *time = line.time.max(*time);
        (*time, (at, line))
    };
    let mut placed: Vec<_> = lines.into_iter().map(place).collect();
    placed.sort_by_key(|(time, _)| *time);
    placed.into_iter().map(|(_, line)| line).collect()
}

#[cfg(test)]
mod tests;
