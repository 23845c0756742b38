use comptoir_domain::envelope::{Envelope, Payload, Service};
use comptoir_domain::event::Event;
use comptoir_domain::id::EventId;
use comptoir_domain::outbox::OutboxEntry;
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::Topic;
use comptoir_domain::trace::TraceContext;

use super::{THEN, a_user, another};
use crate::world::SequentialIds;

/// Makes an envelope, or an outbox entry around it.
#[derive(Debug, Clone)]
#[must_use]
pub struct EnvelopeBuilder(Envelope);

/// The envelope of a login that a request asked for.
pub fn an_envelope() -> EnvelopeBuilder {
    let user = a_user().build();
    let seed = SequentialIds::nth(another());
    let id = EventId::new(seed);
    EnvelopeBuilder(Envelope {
        source: Service::Users.name().to_owned(),
        subject: Some(user.id.to_string()),
        time: THEN,
        trace: TraceContext::start(seed),
        correlation: Some(id.to_string()),
        causation: None,
        received: Some(THEN),
        payload: Payload::Known(user.logged_in()),
        id,
    })
}

impl EnvelopeBuilder {
    /// Its id.
    pub fn identified(mut self, id: &str) -> Self {
        self.0.id = EventId::try_from(id.to_owned()).unwrap();
        self
    }

    /// What happened; the subject is the event's.
    pub fn of(mut self, event: Event) -> Self {
        self.0.subject = event.subject();
        self.0.payload = Payload::Known(event);
        self
    }

    /// An event of somebody else's.
    pub fn of_foreign(mut self, kind: &str) -> Self {
        self.0.payload = Payload::Foreign { kind: kind.to_owned() };
        self
    }

    /// Who produced it.
    pub fn from_source(mut self, source: &str) -> Self {
        source.clone_into(&mut self.0.source);
        self
    }

    /// What it is about.
    pub fn about(mut self, subject: Option<&str>) -> Self {
        self.0.subject = subject.map(str::to_owned);
        self
    }

    /// When it happened.
    pub fn at(mut self, time: Timestamp) -> Self {
        self.0.time = time;
        self
    }

    /// The trace it belongs to.
    pub fn in_trace(mut self, trace: TraceContext) -> Self {
        self.0.trace = trace;
        self
    }

    /// What led to it.
    pub fn caused_by(mut self, causation: Option<EventId>) -> Self {
        self.0.causation = causation;
        self
    }

    /// The story it belongs to.
    pub fn in_story(mut self, correlation: Option<&str>) -> Self {
        self.0.correlation = correlation.map(str::to_owned);
        self
    }

    /// When its producer took up the cause.
    pub fn received(mut self, at: Option<Timestamp>) -> Self {
        self.0.received = at;
        self
    }

    /// The envelope.
    pub fn build(self) -> Envelope {
        self.0
    }

    /// The envelope as it waits in an outbox for these topics.
    pub fn waiting_for(self, topics: &[&str]) -> OutboxEntry {
        let topic = |name: &&str| Topic::try_from(*name).unwrap();
        OutboxEntry { envelope: self.0, topics: topics.iter().map(topic).collect() }
    }
}
