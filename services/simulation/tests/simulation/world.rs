//! What every process of a run shares: the platform, the history, chance, and what is counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use comptoir_domain::topic::{GroupId, Offset, TopicPartition};
use comptoir_memory::Memory;
use fastrand::Rng;

use crate::clock::{SeededIds, TrueTime};
use crate::journal::{History, Journal};
use crate::proof::books;
use crate::tally::{Counted, Tally};

/// More calls than this and somebody goes round in circles without waiting for anything: time would
/// stand still for ever. A run makes some hundreds, most of them thousands.
const MOST_CALLS: u64 = 1_000_000;

/// One run's world.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) memory: Memory,
    pub(crate) time: TrueTime,
    pub(crate) ids: Arc<SeededIds>,
    pub(crate) journal: Journal,
    tally: Mutex<Tally>,
    chance: Mutex<Rng>,
    delivered: Mutex<BTreeMap<(GroupId, TopicPartition), Offset>>,
    broken: Mutex<Vec<String>>,
    calls: AtomicU64,
}

impl World {
    pub(crate) fn new(seed: u64, history: History) -> Arc<Self> {
        let mut chance = Rng::with_seed(seed);
        let time = TrueTime::start();
        Arc::new(Self {
            memory: Memory::seeded(chance.u64(..)),
            ids: Arc::new(SeededIds::new(chance.fork(), time)),
            journal: Journal::new(time, history),
            time,
            tally: Mutex::default(),
            chance: Mutex::new(chance),
            delivered: Mutex::default(),
            broken: Mutex::default(),
            calls: AtomicU64::new(0),
        })
    }

    /// Chance for one actor of its own, so that what others draw does not change what it does.
    pub(crate) fn chance(&self) -> Rng {
        lock(&self.chance).fork()
    }

    pub(crate) fn count(&self, what: Counted) {
        lock(&self.tally).count(what, 1);
    }

    /// Counts a call of a port; false if there have been too many.
    pub(crate) fn may_call(&self) -> bool {
        let before = self.calls.fetch_add(1, Ordering::Relaxed);
        if before == MOST_CALLS {
            self.breaks("nobody goes round in circles: somebody calls without end".to_owned());
        }
        before < MOST_CALLS
    }

    pub(crate) fn answered(&self, route: &'static str, answer: String) {
        lock(&self.tally).answered(route, answer);
    }

    /// Notes what must never be so. The run ends at the next look.
    pub(crate) fn breaks(&self, invariant: String) {
        self.journal.tell("invariant", format!("BROKEN: {invariant}"));
        lock(&self.broken).push(invariant);
    }

    pub(crate) fn broken(&self) -> Vec<String> {
        lock(&self.broken).clone()
    }

    /// Stock must balance at every step.
    pub(crate) fn check_books(&self) {
        if lock(&self.broken).is_empty()
            && let Err(broken) = books::balance(&self.memory)
        {
            self.breaks(broken);
        }
    }

    /// How many of these records a group has been given before.
    pub(crate) fn deliver(&self, group: &GroupId, at: &TopicPartition, [from, to]: [Offset; 2]) {
        let mut delivered = lock(&self.delivered);
        let next = delivered.entry((group.clone(), at.clone())).or_insert(Offset::ZERO);
        let again = next.0.min(to.0).saturating_sub(from.0);
        *next = to.max(*next);
        drop(delivered);
        lock(&self.tally).count(Counted::Redeliveries, again);
    }

    /// What was counted, with what the platform counted itself.
    pub(crate) fn tally(&self, took: Duration) -> Tally {
        let mut tally = lock(&self.tally).clone();
        let happened = self.memory.faults().happened();
        tally.count(Counted::FailedCalls, happened.failed);
        tally.count(Counted::LostAnswers, happened.lost_answers);
        tally.count(Counted::TornCalls, happened.torn);
        tally.count(Counted::Conflicts, happened.conflicts);
        tally.count(Counted::Duplicates, happened.duplicates);
        tally.count(Counted::Calls, self.calls.load(Ordering::Relaxed));
        tally.count(Counted::Steps, self.journal.len());
        tally.count(Counted::Seeds, 1);
        tally.virtual_time += took;
        tally
    }
}

/// A panic elsewhere has ended the run already.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
