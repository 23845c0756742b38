//! Whose events the saves of this process brought, until its relay asks; and the events themselves,
//! where they need not be read back.
//!
//! What the first save of an owner brought is all that there is, and so is what a save brought that
//! took the published ones along: that can be published from memory. If another process has saved the
//! owner since, that process relays its own events; what is kept here is the beginning of the outbox
//! and is published in order all the same. It is given out once; whoever asks again reads what is
//! stored.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use comptoir_domain::outbox::{OutboxEntry, OutboxOwner, Pending, Sequence};
use tokio::sync::Notify;

use super::Remains;
use crate::sync::lock;

/// The most owners that wait to be told; further ones are left to the sweep for leftovers, which comes
/// seldom when there is much to do.
const MOST: usize = 65_536;

/// Of so many of them the events are kept; those of further ones are read back.
const MOST_KEPT: usize = 4_096;

/// An owner's first events, in sequence.
pub(crate) type First = Vec<(Sequence, OutboxEntry)>;

#[derive(Debug, Default)]
pub(crate) struct Nudges {
    /// What is published already.
    pub(crate) remains: Remains,
    kept: Mutex<Kept>,
    added: Notify,
}

#[derive(Debug, Default)]
struct Kept {
    /// Who is still to be told of, and what is known of their events.
    owners: BTreeMap<OutboxOwner, Option<First>>,
    /// What is known of those who were told of, until it is asked for.
    told: HashMap<OutboxOwner, First>,
}

impl Nudges {
    /// Waits for owners whose outbox got something. Cancel-safe.
    pub(crate) async fn nudged(&self) -> Vec<OutboxOwner> {
        loop {
            let owners = lock(&self.kept).tell();
            if !owners.is_empty() {
                return owners;
            }
            self.added.notified().await;
        }
    }

    /// Notes whose outboxes got something. `None` for events that may have others before them.
    pub(crate) fn add(&self, saved: impl IntoIterator<Item = (String, Option<First>)>) {
        let mut kept = lock(&self.kept);
        for (owner, first) in saved {
            kept.add(OutboxOwner(owner), first);
        }
        let some = !kept.owners.is_empty();
        drop(kept);
        if some {
            self.added.notify_one();
        }
    }

    /// Takes what is known of these owners' events; the second list are those it is not known of.
    pub(crate) fn take(&self, owners: &[OutboxOwner]) -> (Vec<Pending>, Vec<OutboxOwner>) {
        let mut kept = lock(&self.kept);
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for owner in owners {
            match kept.told.remove(owner) {
                Some(entries) => known.push(Pending { owner: owner.clone(), entries }),
                None => unknown.push(owner.clone()),
            }
        }
        (known, unknown)
    }

    /// Forgets what is known of these owners' events: some of them are no longer to be published.
    pub(crate) fn forget<'a>(&self, owners: impl IntoIterator<Item = &'a OutboxOwner>) {
        let mut kept = lock(&self.kept);
        for owner in owners {
            kept.told.remove(owner);
            if let Some(first) = kept.owners.get_mut(owner) {
                *first = None;
            }
        }
    }
}

impl Kept {
    fn tell(&mut self) -> Vec<OutboxOwner> {
        let owners = std::mem::take(&mut self.owners);
        if self.told.len() > MOST_KEPT {
            self.told.clear();
        }
        let tell = |(owner, first): (OutboxOwner, Option<First>)| {
            if let Some(first) = first {
                self.told.insert(owner.clone(), first);
            }
            owner
        };
        owners.into_iter().map(tell).collect()
    }

    fn add(&mut self, owner: OutboxOwner, first: Option<First>) {
        self.told.remove(&owner);
        if let Some(known) = self.owners.get_mut(&owner) {
            *known = None;
        } else if self.owners.len() < MOST {
            let first = first.filter(|_| self.owners.len() < MOST_KEPT);
            self.owners.insert(owner, first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(n: usize) -> OutboxOwner {
        OutboxOwner(n.to_string())
    }

    /// Which of these owners' events are known.
    fn known(nudges: &Nudges, owners: &[OutboxOwner]) -> Vec<OutboxOwner> {
        nudges.take(owners).0.into_iter().map(|pending| pending.owner).collect()
    }

    #[tokio::test]
    async fn first_events_are_given_out_once() {
        let nudges = Nudges::default();
        nudges.add([("1".to_owned(), Some(vec![])), ("2".to_owned(), None)]);
        assert!(known(&nudges, &[owner(1)]).is_empty(), "nobody was told yet");
        let owners = nudges.nudged().await;
        assert_eq!(owners, [owner(1), owner(2)]);
        assert_eq!(known(&nudges, &owners), [owner(1)]);
        assert!(known(&nudges, &owners).is_empty());
    }

    #[tokio::test]
    async fn what_is_no_longer_the_whole_is_read() {
        let nudges = Nudges::default();
        let first = || [("1".to_owned(), Some(vec![]))];
        let later = [("1".to_owned(), None)];
        nudges.add(first());
        nudges.add(later.clone());
        assert!(known(&nudges, &nudges.nudged().await).is_empty(), "saved again before it is told");
        nudges.add(first());
        let owners = nudges.nudged().await;
        nudges.add(later);
        assert!(known(&nudges, &owners).is_empty(), "saved again after it was told");
        nudges.add(first());
        let owners = nudges.nudged().await;
        nudges.forget(&owners);
        assert!(known(&nudges, &owners).is_empty(), "cleared by somebody else");
    }

    #[tokio::test]
    async fn no_more_is_kept_than_may_wait() {
        let nudges = Nudges::default();
        nudges.add((0..MOST + 9).map(|n| (n.to_string(), Some(vec![]))));
        assert_eq!(nudges.nudged().await.len(), MOST);
        assert_eq!(lock(&nudges.kept).told.len(), MOST_KEPT);
        for told in [MOST_KEPT + 1, 1] {
            nudges.add([(format!("x{told}"), Some(vec![]))]);
            nudges.nudged().await;
            assert_eq!(lock(&nudges.kept).told.len(), told);
        }
    }
}
