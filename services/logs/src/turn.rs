//! Turns at reading the log itself: only so many histories are open at a time.
//!
//! A client is given the places of all the histories that it needs at once, and asks for no more while
//! it has some: so nobody who waits is waited for. Its turn ends when it has caught up, and earlier if
//! somebody else waits: after [`TURN`], or [`IDLE`] after it was last seen to take lines. Then it queues
//! again, and goes on where it was.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::bus::{BusError, LogReader};
use comptoir_domain::port::codec::EventCodec;
use comptoir_domain::topic::{Offset, Partition, TopicPartition};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::history::{Gap, History};
use crate::line::Line;

/// Histories open at a time, over all clients. Each costs the log a look at 65,536 records and the
/// service some 3 MB.
const MAX_OPEN: u32 = 32;
/// Those of one client; with more partitions than this behind the window, it reads some after the
/// others.
const MOST_OF_ONE: usize = 16;
/// How long a turn lasts while others wait.
const TURN: Duration = Duration::from_secs(10);
/// The same for a client that takes nothing meanwhile.
pub(crate) const IDLE: Duration = Duration::from_secs(2);

/// Places for histories; whoever came first is served first.
#[derive(Debug, Clone)]
pub(crate) struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_OPEN as usize)))
    }
}

impl Places {
    /// Waits for a turn at the first of these partitions, as many as one client may read.
    pub(crate) async fn turn(&self, partitions: &[Partition]) -> Turn {
        let open: BTreeMap<_, _> =
            partitions.iter().take(MOST_OF_ONE).map(|at| (*at, None)).collect();
        // Fails only once the semaphore is closed, which nobody does.
        let held = Arc::clone(&self.0).acquire_many_owned(count(&open)).await.ok();
        Turn { places: self.clone(), held, open, ends: Instant::now() + TURN }
    }
}

/// A client's turn: its places, and its histories of the partitions that they are for.
#[derive(Debug)]
pub(crate) struct Turn {
    places: Places,
    held: Option<OwnedSemaphorePermit>,
    /// Opened when they are first read.
    open: BTreeMap<Partition, Option<History>>,
    ends: Instant,
}

/// What was read of a history.
#[derive(Debug)]
pub(crate) struct Past {
    /// No lines at the end of the log, or if all of them were repeats.
    pub(crate) lines: Vec<Arc<Line>>,
    /// The offset behind them.
    pub(crate) next: Offset,
    /// What is gone before them.
    pub(crate) gap: Option<Gap>,
}

impl Turn {
    /// Whether it is a turn at this partition.
    pub(crate) fn is_for(&self, at: Partition) -> bool {
        self.open.contains_key(&at)
    }

    /// The last of its partitions.
    pub(crate) fn last(&self) -> Option<Partition> {
        self.open.last_key_value().map(|(at, _)| *at)
    }

    /// Whether the client needs another turn for what is `behind` the window now. If only its time is
    /// up, it goes on as long as nobody waits.
    pub(crate) fn is_over(&mut self, behind: &[Partition]) -> bool {
        if self.open.is_empty() {
            return true;
        }
        let is_up = Instant::now() >= self.ends;
        is_up && !(behind.iter().all(|at| self.is_for(*at)) && self.goes_on())
    }

    /// Gives the places to those who wait; true if nobody does, and it begins anew with the same ones.
    pub(crate) fn goes_on(&mut self) -> bool {
        // Places given back are theirs at once, so that what can be had again is left over.
        self.held = None;
        let again = Arc::clone(&self.places.0).try_acquire_many_owned(count(&self.open));
        self.held = again.ok();
        self.ends = Instant::now() + TURN;
        self.held.is_some()
    }

    /// A partition needs its place no more.
    pub(crate) fn has_caught_up(&mut self, at: Partition) {
        if self.open.remove(&at).is_some() {
            drop(self.held.as_mut().and_then(|held| held.split(1)));
        }
    }

    /// The next lines of one of its partitions. If retention overtakes the reading, it begins anew
    /// where the log begins now.
    pub(crate) async fn read<R: LogReader, C: EventCodec>(
        &mut self,
        reader: &R,
        at: &TopicPartition,
        from: Offset,
    ) -> Result<Past, BusError> {
        let place = self.open.entry(at.partition).or_default();
        if let Some(history) = place {
            match history.read::<R, C>(reader).await {
                Err(BusError::OutOfRange { .. }) => *place = None,
                read => return read.map(|(lines, next)| Past { lines, next, gap: None }),
            }
        }
        let (history, gap) = History::open::<R, C>(reader, at.clone(), from).await?;
        let (lines, next) = place.insert(history).read::<R, C>(reader).await?;
        Ok(Past { lines, next, gap })
    }
}

fn count(open: &BTreeMap<Partition, Option<History>>) -> u32 {
    u32::try_from(open.len()).unwrap_or(MAX_OPEN)
}
