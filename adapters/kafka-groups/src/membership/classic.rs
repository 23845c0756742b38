//! A membership in the classic protocol: rounds of joining in which the coordinator makes one
//! member the leader, who assigns.
//!
//! With `cooperative-sticky` a member keeps what it owns through a round and gives up only what
//! moves, then joins once more (KIP-429). With any other assignor in its list it gives up everything
//! before a round, as Java's client does.

mod answer;
mod requests;
mod round;
mod verdict;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use verdict::Asked;

use super::assignor::{Assignor, Counts, Subscriber};
use super::backoff::Backoff;
use super::holdings::Holdings;
use super::{Answer, Change, Flight, Membership, Standing, Step, Terms, Ticket};
use crate::topic::TopicPartition;

/// Who leads looks for new partitions so often.
const COUNT_AGAIN: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// To join as soon as nothing more is to be given up first.
    Joining,
    /// Leads the round: the partitions are being counted.
    Counting,
    Syncing,
    Stable,
    Leaving,
    Over,
}

/// One membership.
#[derive(Debug)]
pub(crate) struct Classic {
    terms: Terms,
    assignors: Vec<Assignor>,
    member: String,
    generation: i32,
    /// The generation in which what is owned was given.
    owned_since: i32,
    assignor: Option<Assignor>,
    phase: Phase,
    holdings: Holdings<TopicPartition>,
    /// What it said it owned when it last joined: nobody else was given any of that.
    claimed: BTreeSet<TopicPartition>,
    /// The members of the round, if this one leads it.
    roster: Vec<Subscriber>,
    /// What its latest assignment was made of; `None` until that is known.
    counts: Option<Counts>,
    /// What the leader gives each member, as it is sent.
    shares: Vec<(String, bytes::Bytes)>,
    count_again: Option<Instant>,
    due: Instant,
    heard: Instant,
    flight: Option<Flight<Asked>>,
    tickets: u64,
    has_joined: bool,
    backoff: Backoff,
    changes: Vec<Change>,
}

impl Classic {
    pub(crate) fn new(terms: Terms, assignors: Vec<Assignor>, now: Instant) -> Self {
        Self {
            backoff: Backoff::new(terms.seed),
            terms,
            assignors,
            member: String::new(),
            generation: -1,
            owned_since: -1,
            assignor: None,
            phase: Phase::Joining,
            holdings: Holdings::new(),
            claimed: BTreeSet::new(),
            roster: Vec::new(),
            counts: None,
            shares: Vec::new(),
            count_again: None,
            due: now,
            heard: now,
            flight: None,
            tickets: 0,
            has_joined: false,
            changes: Vec::new(),
        }
    }

    /// Keeping partitions through a round is safe only if every assignor that may be chosen minds
    /// the claims of others.
    fn is_cooperative(&self) -> bool {
        self.assignors.iter().all(|assignor| *assignor == Assignor::CooperativeSticky)
    }

    /// While a member waits in a round, the coordinator does not expect heartbeats of it.
    fn session_end(&self) -> Option<Instant> {
        let is_round = |flight: &Flight<Asked>| matches!(flight.asked, Asked::Join | Asked::Sync);
        let is_waiting = self.flight.as_ref().is_some_and(is_round);
        let session = self.terms.session_timeout;
        let longest = if is_waiting { session + self.terms.rebalance_timeout } else { session };
        let can_end = self.generation >= 0 && !matches!(self.phase, Phase::Leaving | Phase::Over);
        can_end.then(|| self.heard + longest)
    }

    /// Whether it must give something up before it may join.
    fn is_giving_up(&self) -> bool {
        !self.is_cooperative() && !self.holdings.owned().is_empty()
    }

    fn is_giving_up_to_join(&self) -> bool {
        self.phase == Phase::Joining && self.is_giving_up()
    }

    fn rejoin(&mut self, now: Instant) {
        self.phase = Phase::Joining;
        self.count_again = None;
        self.due = now;
        if !self.is_cooperative() {
            self.holdings.set_target(BTreeSet::new());
            self.revoke();
        }
    }

    fn revoke(&mut self) -> bool {
        let going = self.holdings.revoke();
        let is_any = !going.is_empty();
        if is_any {
            self.changes.push(Change::Revoking(going));
        }
        is_any
    }

    fn gain(&mut self) {
        let gained = self.holdings.gain(|_, _| true);
        if !gained.is_empty() {
            self.changes.push(Change::Assigned(gained));
        }
    }

    /// Whether it claimed something when it last joined that it has given up since: others may have
    /// it only after another round.
    fn has_strays(&self) -> bool {
        !self.claimed.is_subset(self.holdings.owned())
    }

    fn what_is_due(&self) -> Option<Asked> {
        match self.phase {
            Phase::Joining if self.is_giving_up_to_join() => Some(Asked::Heartbeat),
            Phase::Joining => Some(Asked::Join),
            Phase::Syncing => Some(Asked::Sync),
            // Metadata that are away for a session must not cost the membership.
            Phase::Counting | Phase::Stable => Some(Asked::Heartbeat),
            Phase::Leaving => Some(Asked::Leave),
            Phase::Over => None,
        }
    }
}

impl Membership for Classic {
    fn step(&mut self, now: Instant) -> Step {
        if self.session_end().is_some_and(|end| now >= end) {
            tracing::warn!(
                group = self.terms.group,
                "the coordinator was away for a whole session"
            );
            self.flight = None;
            self.lose_all(now);
        }
        if self.phase == Phase::Over {
            return Step::Over;
        }
        if self.phase == Phase::Stable && self.count_again.is_some_and(|again| now >= again) {
            self.count_again = None;
            self.count();
        }
        let end = [self.session_end(), self.count_again].into_iter().flatten().min();
        if self.flight.is_some() {
            return Step::Wait(end);
        }
        match self.what_is_due() {
            Some(asked) if now >= self.due => self.send(asked, now),
            Some(_) => Step::Wait(Some(end.map_or(self.due, |end| end.min(self.due)))),
            None => Step::Wait(end),
        }
    }

    fn answered(&mut self, ticket: Ticket, answer: Answer, now: Instant) {
        match self.flight.take_if(|flight| flight.ticket == ticket) {
            Some(sent) if sent.asked.is_answered_by(&answer) => self.heed(&sent, answer, now),
            Some(sent) => self.unanswered(&sent, now),
            None => {}
        }
    }

    fn failed(&mut self, ticket: Ticket, now: Instant) {
        if let Some(sent) = self.flight.take_if(|flight| flight.ticket == ticket) {
            self.unanswered(&sent, now);
        }
    }

    fn named(&mut self, _names: &HashMap<Uuid, Arc<str>>, _now: Instant) {}

    fn counted(&mut self, generation: i32, counts: Option<BTreeMap<Arc<str>, i32>>, now: Instant) {
        if generation != self.generation || !self.is_leading() {
            return;
        }
        match (self.phase, counts) {
            (Phase::Counting, Some(counts)) => self.assign(counts, now),
            // By now the round goes on without what this one was to say.
            (Phase::Counting, None) => {
                self.rejoin(now);
                self.retry(now);
            }
            (Phase::Syncing | Phase::Stable, counts) => self.compare(counts, now),
            (Phase::Joining | Phase::Leaving | Phase::Over, _) => {}
        }
    }

    fn renamed(&mut self, _id: Uuid, _now: Instant) {}

    fn release(&mut self, partitions: &[TopicPartition], now: Instant) {
        let mut is_given_up = false;
        for at in partitions {
            if self.holdings.release(at) {
                is_given_up |= !self.holdings.target().contains(at);
            }
        }
        match self.phase {
            Phase::Joining if is_given_up && !self.is_giving_up() => self.due = now,
            Phase::Stable => {
                self.gain();
                // Only a member that comes back without it gives a partition to another.
                if self.has_strays() && !self.holdings.is_revoking() {
                    self.rejoin(now);
                }
            }
            _ => {}
        }
    }

    fn hurry(&mut self, now: Instant) {
        // Repetitions keep their pauses.
        if self.phase == Phase::Stable && !self.backoff.is_pausing() {
            self.due = now;
        }
    }

    fn leave(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Leaving | Phase::Over) {
            return;
        }
        self.holdings.lose_all();
        self.count_again = None;
        self.due = now;
        let is_known = !self.member.is_empty();
        // A static member's partitions wait for its return until the session ends (KIP-345).
        let has_to_say = self.terms.instance.is_none() && (is_known || self.flight.is_some());
        self.phase = if has_to_say { Phase::Leaving } else { Phase::Over };
        // Without an id there is nothing to leave by: the answer that brings it is awaited.
        self.flight.take_if(|_| is_known || !has_to_say);
    }

    fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    fn standing(&self) -> Standing {
        // Between the answers to join and sync the coordinator takes no commits.
        let is_firm = self.generation >= 0
            && match self.phase {
                Phase::Stable => true,
                Phase::Joining => self.generation == self.owned_since,
                Phase::Counting | Phase::Syncing | Phase::Leaving | Phase::Over => false,
            };
        let has_id = !self.member.is_empty();
        Standing { member: self.member.clone(), epoch: self.generation, is_firm, has_id }
    }
}

#[cfg(test)]
mod tests;
