//! A membership in the protocol of KIP-848: heartbeats to a coordinator that assigns.

mod answer;
mod heartbeat;
mod reconcile;
mod verdict;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use tokio::time::Instant;
use uuid::Uuid;

use heartbeat::JOIN;
use verdict::Asked;

use super::backoff::Backoff;
use super::holdings::Holdings;
use super::{Answer, Change, Flight, Membership, Request, Standing, Step, Terms, Ticket};
use crate::topic::TopicPartition;

/// Topic ids that the cluster cannot name yet are asked for again after this.
const NAME_AGAIN: Duration = Duration::from_secs(1);

/// A partition by its topic's id: a topic made anew is another topic.
type IdPlace = (Uuid, i32);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Joining,
    Member,
    Leaving,
    Over,
}

#[derive(Debug, Clone)]
struct Sent {
    as_what: Asked,
    owned: BTreeSet<IdPlace>,
}

/// One membership.
#[derive(Debug)]
pub(crate) struct Consumer {
    terms: Terms,
    id: Uuid,
    epoch: i32,
    phase: Phase,
    holdings: Holdings<IdPlace>,
    names: BTreeMap<Uuid, Arc<str>>,
    /// Topic ids that are being asked for.
    asking: BTreeSet<Uuid>,
    name_again: Option<Instant>,
    /// What the coordinator knows that the member owns; `None`: tell it everything.
    told: Option<BTreeSet<IdPlace>>,
    /// When the next request is due; `None` while a new id is awaited.
    due: Option<Instant>,
    /// When the latest request that was answered was sent: the session is as old at most.
    heard: Instant,
    flight: Option<Flight<Sent>>,
    tickets: u64,
    was_asked_in: bool,
    has_joined: bool,
    /// Since when the static name is waited for.
    awaiting_instance: Option<Instant>,
    backoff: Backoff,
    changes: Vec<Change>,
}

impl Consumer {
    pub(crate) fn new(terms: Terms, id: Uuid, now: Instant) -> Self {
        Self {
            backoff: Backoff::new(terms.seed),
            terms,
            id,
            epoch: JOIN,
            phase: Phase::Joining,
            holdings: Holdings::new(),
            names: BTreeMap::new(),
            asking: BTreeSet::new(),
            name_again: None,
            told: None,
            due: Some(now),
            heard: now,
            flight: None,
            tickets: 0,
            was_asked_in: false,
            has_joined: false,
            awaiting_instance: None,
            changes: Vec::new(),
        }
    }

    fn session_end(&self) -> Option<Instant> {
        (self.phase == Phase::Member).then(|| self.heard + self.terms.session_timeout)
    }

    fn lose_all(&mut self) {
        let lost = self.holdings.lose_all();
        self.asking.clear();
        self.name_again = None;
        if !lost.is_empty() {
            let lost = self.named_places(&lost);
            self.changes.push(Change::Lost(lost));
        }
        self.phase = Phase::Joining;
        self.epoch = JOIN;
        self.told = None;
    }

    fn send(&mut self, as_what: Asked, now: Instant) -> Step {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        let owned = self.holdings.owned().clone();
        let request = self.request(as_what, &owned);
        self.was_asked_in = true;
        self.flight = Some(Flight { ticket, asked: Sent { as_what, owned }, sent: now });
        Step::Send(ticket, Request::ConsumerHeartbeat(request))
    }
}

impl Membership for Consumer {
    fn step(&mut self, now: Instant) -> Step {
        if self.session_end().is_some_and(|end| now >= end) {
            tracing::warn!(
                group = self.terms.group,
                "the coordinator was away for a whole session"
            );
            self.lose_all();
            self.flight = None;
            self.due = Some(now);
        }
        if self.name_again.is_some_and(|again| now >= again) {
            self.name_again = None;
            self.reconcile(now);
        }
        if self.phase == Phase::Over {
            return Step::Over;
        }
        let end = [self.session_end(), self.name_again].into_iter().flatten().min();
        if self.flight.is_some() {
            return Step::Wait(end);
        }
        match (self.phase, self.due) {
            (Phase::Joining, Some(due)) if now >= due => self.send(Asked::Join, now),
            (Phase::Member, Some(due)) if now >= due => self.send(Asked::Stay, now),
            (Phase::Leaving, Some(due)) if now >= due => self.send(Asked::Leave, now),
            (_, due) => Step::Wait([end, due].into_iter().flatten().min()),
        }
    }

    fn answered(&mut self, ticket: Ticket, answer: Answer, now: Instant) {
        let Some(sent) = self.flight.take_if(|flight| flight.ticket == ticket) else { return };
        let Answer::ConsumerHeartbeat(answer) = answer else {
            return self.retry(now);
        };
        if self.phase == Phase::Leaving && sent.asked.as_what != Asked::Leave {
            return; // too late to matter
        }
        match (ResponseError::try_from_code(answer.error_code), sent.asked.as_what) {
            (Some(error), _) => self.refused(&sent, error, now),
            (None, Asked::Leave) => self.phase = Phase::Over,
            (None, Asked::Join | Asked::Stay) => self.accepted(&sent, answer, now),
        }
    }

    fn failed(&mut self, ticket: Ticket, now: Instant) {
        if self.flight.take_if(|flight| flight.ticket == ticket).is_some() {
            self.changes.push(Change::FindCoordinator);
            self.retry(now);
        }
    }

    fn named(&mut self, names: &HashMap<Uuid, Arc<str>>, now: Instant) {
        self.asking.clear();
        self.names.extend(names.iter().map(|(id, name)| (*id, Arc::clone(name))));
        let is_unknown = |(id, _): &IdPlace| !self.names.contains_key(id);
        if self.holdings.target().iter().any(is_unknown) {
            self.name_again = Some(now + NAME_AGAIN);
        }
        if self.phase == Phase::Member {
            self.reconcile(now);
        }
    }

    fn counted(&mut self, _: i32, _: Option<BTreeMap<Arc<str>, i32>>, _: Instant) {}

    fn renamed(&mut self, id: Uuid, now: Instant) {
        self.id = id;
        if self.due.is_none() {
            self.due = Some(now + self.backoff.pause());
        }
    }

    fn release(&mut self, partitions: &[TopicPartition], now: Instant) {
        let owned: Vec<_> = self.holdings.owned().iter().copied().collect();
        let mut is_changed = false;
        for (id, partition) in owned {
            let name = self.names.get(&id);
            let is_named =
                |at: &TopicPartition| at.partition == partition && Some(&at.topic) == name;
            if partitions.iter().any(is_named) {
                is_changed |= self.holdings.release(&(id, partition));
            }
        }
        if is_changed && self.phase == Phase::Member {
            self.reconcile(now);
        }
    }

    fn hurry(&mut self, now: Instant) {
        // Repetitions keep their pauses.
        if self.phase == Phase::Member && self.told.is_some() {
            self.due = Some(now);
        }
    }

    fn leave(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Leaving | Phase::Over) {
            return;
        }
        self.holdings.lose_all();
        self.phase = if self.was_asked_in { Phase::Leaving } else { Phase::Over };
        self.due = Some(now);
        // A request to stay may arrive behind the goodbye and is refused then. One to be let in
        // would let in a member that nobody is: its answer is awaited first.
        self.flight.take_if(|flight| flight.asked.as_what != Asked::Join);
    }

    fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    fn standing(&self) -> Standing {
        let is_firm = self.phase == Phase::Member;
        Standing { member: self.id.to_string(), epoch: self.epoch, is_firm, has_id: is_firm }
    }
}

#[cfg(test)]
mod tests;
