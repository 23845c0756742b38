//! What a membership's tasks share: what is owned and fetched, what the member is still to be told,
//! and who may commit.

mod claims;
mod held;
mod reading;
mod settling;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use held::{Held, Tenure};
pub(super) use held::{Placed, Start};

use super::Event;
use crate::batch::Record;
use crate::error::KafkaError;
use crate::membership::Standing;
use crate::topic::TopicPartition;

/// An offset to commit for a partition, under the tenure in which it was read.
pub(super) type Claim = (TopicPartition, i64, Tenure);

/// A partition, under one tenure.
pub(super) type Place = (TopicPartition, Tenure);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Life {
    Joining,
    /// It was let in; whether it is to get something is not known yet.
    LetIn,
    /// It was let in and knows its first assignment.
    Joined,
    /// The member wants to go, or is gone: what it has handled is still committed.
    Parting,
    /// Nothing is committed any more, and the group is left.
    Leaving,
    /// The task that owned the membership has ended.
    Ended,
}

#[derive(Debug)]
pub(super) struct Shelf {
    state: Mutex<State>,
    /// For the member: there may be an event.
    news: Notify,
    /// For the task that owns the membership: the member wants something.
    wishes: Notify,
    /// For the one that looks whether the group is settled: it may not be any more.
    unsettled: Notify,
    /// For the one that commits: what is noted is not to wait.
    pressed: Notify,
    life: watch::Sender<Life>,
    standing: watch::Sender<Standing>,
}

#[derive(Debug, Default)]
struct State {
    held: BTreeMap<TopicPartition, Held>,
    /// What was held before: a commit of those times must not pass for one of today's.
    past: BTreeSet<TopicPartition>,
    /// To be told.
    lost: BTreeSet<TopicPartition>,
    /// To be told.
    revoking: BTreeSet<TopicPartition>,
    /// Released, and the membership does not know yet.
    released: Vec<TopicPartition>,
    failure: Option<KafkaError>,
    /// The partition delivered last; the next batch is looked for behind it.
    last: Option<TopicPartition>,
    tenures: u64,
    is_settled: bool,
    /// Counts what may have unsettled the group.
    changes: u64,
    is_hurried: bool,
    skipped: u64,
}

impl Shelf {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::default(),
            news: Notify::new(),
            wishes: Notify::new(),
            unsettled: Notify::new(),
            pressed: Notify::new(),
            life: watch::Sender::new(Life::Joining),
            standing: watch::Sender::new(Standing::default()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn life(&self) -> watch::Receiver<Life> {
        self.life.subscribe()
    }

    /// Life goes only forward.
    pub(super) fn becomes(&self, life: Life) {
        let is_later = |now: &Life| (*now as u8) < life as u8;
        self.life.send_if_modified(|now| {
            let changes = is_later(now);
            if changes {
                *now = life;
            }
            changes
        });
        self.wishes.notify_one();
        self.news.notify_one();
        self.pressed.notify_one();
        self.unsettled.notify_one();
    }

    pub(super) fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    pub(super) fn stands(&self, standing: Standing) {
        let epoch = standing.epoch;
        let mut is_new_epoch = false;
        self.standing.send_if_modified(|now| {
            is_new_epoch = now.epoch != epoch;
            let is_new = *now != standing;
            *now = standing;
            is_new
        });
        if is_new_epoch {
            self.unsettle(&mut self.state());
        }
    }

    /// What the member is to be told next, if there is something.
    pub(super) fn event(&self) -> Option<Result<Event, KafkaError>> {
        let mut state = self.state();
        if !state.lost.is_empty() {
            let lost = std::mem::take(&mut state.lost);
            return Some(Ok(Event::Lost(lost.into_iter().collect())));
        }
        if !state.revoking.is_empty() {
            let revoking = std::mem::take(&mut state.revoking);
            return Some(Ok(Event::Revoking(revoking.into_iter().collect())));
        }
        if let Some(failure) = state.failure.take() {
            return Some(Err(failure));
        }
        if *self.life.borrow() == Life::Ended {
            return Some(Err(KafkaError::unavailable("the membership has ended")));
        }
        state.batch().map(|(at, batch)| Ok(Event::Records { at, batch }))
    }

    /// Waits until there may be an event.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    /// Takes partitions over.
    pub(super) fn assign(&self, partitions: Vec<TopicPartition>) -> Vec<Place> {
        let mut state = self.state();
        let mut places = Vec::with_capacity(partitions.len());
        for at in partitions {
            let tenure = state.next_tenure();
            let is_first = !state.past.contains(&at);
            state.held.insert(at.clone(), Held::new(tenure, is_first));
            places.push((at, tenure));
        }
        self.unsettle(&mut state);
        places
    }

    pub(super) fn revoke(&self, partitions: Vec<TopicPartition>) {
        let mut state = self.state();
        for at in partitions {
            if let Some(held) = state.held.get_mut(&at) {
                held.revoke();
                state.revoking.insert(at);
            }
        }
        self.unsettle(&mut state);
        self.news.notify_one();
    }

    pub(super) fn lose(&self, partitions: Vec<TopicPartition>) {
        let mut state = self.state();
        for at in partitions {
            state.held.remove(&at);
            state.revoking.remove(&at);
            state.past.insert(at.clone());
            state.lost.insert(at);
        }
        self.unsettle(&mut state);
        self.news.notify_one();
        self.wishes.notify_one();
    }

    pub(super) fn fail(&self, failure: KafkaError) {
        self.state().failure.get_or_insert(failure);
        self.news.notify_one();
    }

    /// Why the membership failed, if it did.
    pub(super) fn failure(&self) -> Option<KafkaError> {
        self.state().failure.take()
    }

    /// The member gives up what was revoked: at once, or when what is noted of it is confirmed.
    pub(super) fn release(&self, partitions: &[TopicPartition]) {
        let mut state = self.state();
        for at in partitions {
            let held = state.held.get_mut(at).filter(|held| held.is_revoked());
            if held.is_some_and(Held::give_up) {
                state.let_go(at);
            }
        }
        self.unsettle(&mut state);
        self.wishes.notify_one();
        self.pressed.notify_one();
    }

    pub(super) fn take_released(&self) -> Vec<TopicPartition> {
        std::mem::take(&mut self.state().released)
    }

    /// The coordinator seems to know better: the membership is to ask it soon.
    pub(super) fn hurry(&self) {
        self.state().is_hurried = true;
        self.wishes.notify_one();
    }

    pub(super) fn take_hurry(&self) -> bool {
        std::mem::take(&mut self.state().is_hurried)
    }

    /// Waits until the member may want something.
    pub(super) async fn wishes(&self) {
        self.wishes.notified().await;
    }

    pub(super) fn skipped(&self) -> u64 {
        self.state().skipped
    }

    fn unsettle(&self, state: &mut State) {
        state.is_settled = false;
        state.changes += 1;
        self.unsettled.notify_one();
    }
}

impl State {
    /// The partition is the member's no longer, by its own will.
    fn let_go(&mut self, at: &TopicPartition) {
        self.held.remove(at);
        self.revoking.remove(at);
        self.past.insert(at.clone());
        self.released.push(at.clone());
    }

    fn next_tenure(&mut self) -> Tenure {
        self.tenures += 1;
        Tenure(self.tenures)
    }

    fn holding(&mut self, at: &TopicPartition, tenure: Tenure) -> Option<&mut Held> {
        self.held.get_mut(at).filter(|held| held.tenure == tenure)
    }

    /// The next batch, partition by partition in turn.
    fn batch(&mut self) -> Option<(TopicPartition, Vec<Record>)> {
        let last = self.last.clone();
        let behind = last.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let found = self.held.range_mut((behind, Bound::Unbounded)).find_map(taken);
        let found = found.or_else(|| self.held.range_mut(..=last?).find_map(taken));
        let (at, batch) = found?;
        self.last = Some(at.clone());
        Some((at, batch))
    }
}

fn taken((at, held): (&TopicPartition, &mut Held)) -> Option<(TopicPartition, Vec<Record>)> {
    held.take().map(|batch| (at.clone(), batch))
}

#[cfg(test)]
mod tests;
