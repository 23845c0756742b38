//! The outbox: events that are stored with the state they tell of, until the relay has published them.

use std::sync::Arc;

use crate::envelope::{Cause, Envelope, Service};
use crate::event::Event;
use crate::port::world::Clock;
use crate::topic::{Topic, Topics};

/// An event that waits to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// The event.
    pub envelope: Envelope,
    /// Where it goes, in order; it is cleared when all have acknowledged it.
    pub topics: Vec<Topic>,
}

/// The aggregate whose outbox it is: the key of its record in the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OutboxOwner(pub String);

/// An entry's place in its owner's outbox; it grows, and publishing follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sequence(pub u64);

/// All that one owner has not published yet, in sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Whose.
    pub owner: OutboxOwner,
    /// What, oldest first.
    pub entries: Vec<(Sequence, OutboxEntry)>,
}

/// What has been published and can be forgotten: an owner's entries up to and including one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Whose.
    pub owner: OutboxOwner,
    /// The last one published.
    pub through: Sequence,
}

/// Makes outbox entries in the name of one service.
#[derive(Debug, Clone)]
pub struct Announcer {
    service: Service,
    topics: Topics,
    clock: Arc<dyn Clock>,
}

impl Announcer {
    /// An announcer for `service`.
    pub fn new(service: Service, topics: Topics, clock: Arc<dyn Clock>) -> Self {
        Self { service, topics, clock }
    }

    /// Puts the events that a decision made into envelopes, with their topics.
    pub fn entries(
        &self,
        cause: &Cause,
        events: impl IntoIterator<Item = Event>,
    ) -> Vec<OutboxEntry> {
        let now = self.clock.now();
        let entry = |event: Event| OutboxEntry {
            topics: self.topics.route(&event),
            envelope: cause.announce(event, self.service, now),
        };
        events.into_iter().map(entry).collect()
    }

    /// The service's clock.
    pub fn now(&self) -> crate::time::Timestamp {
        self.clock.now()
    }
}
