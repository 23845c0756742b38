//! Events that are published and still stand in their documents.
//!
//! The next save of the document takes them along; only what no save came for within a moment is
//! removed by a write of its own. A process that dies before that has its last events published once
//! more, which their ids tell.
//!
//! Where several processes save the same documents, the next save may be another's, which does not know
//! what is published and would publish it again. Whoever meets such a document waits for no saves.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use comptoir_domain::outbox::{OutboxOwner, Published, Sequence};
use comptoir_domain::port::store::Version;
use tokio::time::Instant;

use super::entries::save_of;
use crate::sync::lock;

/// How long a next save is waited for.
const PATIENCE: Duration = Duration::from_millis(250);
/// So many together are worth a command; fewer are at [`LONGEST`].
const WORTH_IT: usize = 100;
const LONGEST: Duration = Duration::from_secs(1);
/// For how long nothing waits after a save over what another process had made.
const COMPANY: Duration = Duration::from_secs(10);
/// More owners than these wait for no save.
const MOST: usize = 4_096;

#[derive(Debug, Default)]
pub(crate) struct Remains(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    through: HashMap<OutboxOwner, Sequence>,
    /// Since when, oldest first; of those that a save has taken along too.
    order: VecDeque<(Instant, OutboxOwner)>,
    /// Whose events this process has removed lately, oldest first: a save over those is not over what
    /// another process made.
    removed: VecDeque<OutboxOwner>,
    is_removed: HashSet<OutboxOwner>,
    /// When the last save went over what another process had made.
    company: Option<Instant>,
}

impl Remains {
    /// These are published, up to and including one event of each.
    pub(crate) fn add(&self, published: &[Published], now: Instant) {
        let kept = &mut *lock(&self.0);
        for Published { owner, through } in published {
            let known = kept.through.entry(owner.clone()).or_insert(*through);
            *known = through.max(known).to_owned();
            kept.order.push_back((now, owner.clone()));
        }
    }

    /// A save is to replace that version: whether all that the document holds is known to be published.
    /// If it is not, and was not removed from here, another process made it: that is noted.
    pub(crate) fn meet(&self, owner: &str, version: Version, now: Instant) -> bool {
        let kept = &mut *lock(&self.0);
        let owner = OutboxOwner(owner.to_owned());
        let through = kept.through.get(&owner);
        let is_all = through.is_some_and(|through| save_of(*through) == Some(version));
        if !is_all && (through.is_some() || !kept.is_removed.contains(&owner)) {
            kept.company = Some(now);
        }
        is_all
    }

    /// The last published event of an owner that may still stand there.
    pub(crate) fn through(&self, owner: &OutboxOwner) -> Option<Sequence> {
        lock(&self.0).through.get(owner).copied()
    }

    /// Saves have taken what was left of these along.
    pub(crate) fn gone<'a>(&self, owners: impl IntoIterator<Item = &'a str>) {
        let kept = &mut *lock(&self.0);
        for owner in owners {
            kept.through.remove(&OutboxOwner(owner.to_owned()));
        }
    }

    /// Takes those that are to be removed now, if that is worth it.
    pub(crate) fn due(&self, now: Instant) -> Vec<Published> {
        let kept = &mut *lock(&self.0);
        kept.drop_gone();
        let age = |at: &Instant| now.saturating_duration_since(*at);
        let is_late = kept.order.front().is_some_and(|(at, _)| age(at) >= LONGEST);
        let due = kept.order.partition_point(|(at, _)| age(at) >= PATIENCE);
        let due = due.max(kept.order.len().saturating_sub(MOST));
        if kept.company.as_ref().is_some_and(|at| age(at) < COMPANY) {
            return kept.take(kept.order.len());
        }
        if due >= WORTH_IT || is_late { kept.take(due) } else { Vec::new() }
    }

    /// Takes all.
    pub(crate) fn all(&self) -> Vec<Published> {
        let kept = &mut *lock(&self.0);
        kept.take(kept.order.len())
    }
}

impl Kept {
    fn drop_gone(&mut self) {
        while self.order.front().is_some_and(|(_, owner)| !self.through.contains_key(owner)) {
            self.order.pop_front();
        }
    }

    fn take(&mut self, count: usize) -> Vec<Published> {
        let mut taken = Vec::with_capacity(count);
        for (_, owner) in self.order.drain(..count) {
            let Some((owner, through)) = self.through.remove_entry(&owner) else { continue };
            if self.is_removed.insert(owner.clone()) {
                self.removed.push_back(owner.clone());
            }
            taken.push(Published { owner, through });
        }
        while self.removed.len() > MOST {
            if let Some(oldest) = self.removed.pop_front() {
                self.is_removed.remove(&oldest);
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The owner's only event so far, of its first save.
    fn first(owner: usize) -> Published {
        Published { owner: OutboxOwner(owner.to_string()), through: Sequence(1_999) }
    }

    #[test]
    fn a_save_over_what_is_published_takes_it_along() {
        let remains = Remains::default();
        remains.add(&[first(1)], Instant::now());
        let now = Instant::now();
        assert!(remains.meet("1", Version(1), now));
        assert!(!remains.meet("1", Version(2), now), "somebody has saved since");
        assert!(!remains.meet("2", Version(1), now));
        remains.gone(["1"]);
        assert_eq!(remains.all(), []);
    }

    #[test]
    fn few_wait_longer_than_many() {
        let (few, many) = (Remains::default(), Remains::default());
        let then = Instant::now();
        few.add(&[first(1)], then);
        let all: Vec<_> = (0..WORTH_IT).map(first).collect();
        many.add(&all, then);
        let late = |remains: &Remains, after| remains.due(then + after).len();
        assert_eq!((late(&few, Duration::ZERO), late(&many, Duration::ZERO)), (0, 0));
        assert_eq!((late(&few, PATIENCE), late(&many, PATIENCE)), (0, WORTH_IT));
        assert_eq!(late(&few, LONGEST), 1);
        assert_eq!(late(&few, LONGEST), 0, "taken once");
    }

    #[test]
    fn in_company_nothing_waits() {
        let remains = Remains::default();
        let then = Instant::now();
        assert!(!remains.meet("another's", Version(1), then));
        remains.add(&[first(1)], then);
        assert_eq!(remains.due(then), [first(1)]);
        assert!(!remains.meet("1", Version(1), then + COMPANY), "removed, but by this process");
        remains.add(&[first(2)], then + COMPANY);
        assert_eq!(remains.due(then + COMPANY), []);
    }

    #[test]
    fn no_more_wait_than_may() {
        let remains = Remains::default();
        let then = Instant::now();
        let all: Vec<_> = (0..MOST + WORTH_IT).map(first).collect();
        remains.add(&all, then);
        assert_eq!(remains.due(then).len(), WORTH_IT);
    }
}
