//! The envelope that every event travels in, and the cause that it is made from.

use crate::event::Event;
use crate::id::EventId;
use crate::time::Timestamp;
use crate::trace::TraceContext;

/// The services, as they name themselves in the events they produce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Registers users and logs them in.
    Users,
    /// Takes payments and drives the checkout.
    Payments,
    /// Keeps stock.
    Inventories,
    /// Writes a line for every event.
    Notifications,
    /// Shows the lines.
    Logs,
}

impl Service {
    /// The program's name: the CloudEvents `source` of its events and its consumer group.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Users => "users-service",
            Self::Payments => "payments-service",
            Self::Inventories => "inventories-service",
            Self::Notifications => "notifications-service",
            Self::Logs => "logs-service",
        }
    }
}

/// An event with what is known about it: the attributes of CloudEvents 1.0 and four extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Identity; a repeat carries the same.
    pub id: EventId,
    /// The program that produced it.
    pub source: String,
    /// What it is about.
    pub subject: Option<String>,
    /// When it happened.
    pub time: Timestamp,
    /// The trace it belongs to (extension `traceparent`).
    pub trace: TraceContext,
    /// The id of the first event of the whole story (extension `correlationid`).
    pub correlation: Option<String>,
    /// The event that led to this one (extension `causationid`).
    pub causation: Option<EventId>,
    /// When the producer took up the cause (extension `receivedtime`).
    pub received: Option<Timestamp>,
    /// What happened.
    pub payload: Payload,
}

/// An event of ours, or one that only its envelope can be read of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// An event whose type and version are known here.
    Known(Event),
    /// A readable CloudEvent of another type or version.
    Foreign {
        /// Its CloudEvents `type`.
        kind: String,
    },
}

impl Envelope {
    /// The CloudEvents `type`.
    pub fn kind(&self) -> &str {
        match &self.payload {
            Payload::Known(event) => event.kind(),
            Payload::Foreign { kind } => kind,
        }
    }
}

/// Where a story began; kept with an aggregate that may continue it later on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The trace.
    pub trace: TraceContext,
    /// The id of the story's first event.
    pub correlation: String,
    /// The event that asked.
    pub event: EventId,
}

/// Why something is done: what the envelopes of the resulting events are made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A request from outside.
    Request {
        /// The trace that it brought, or a new one.
        trace: TraceContext,
        /// The id that the event gets if there is one; also the correlation id of all that follows.
        id: EventId,
        /// When it was taken up.
        received: Timestamp,
    },
    /// An event of ours or of others, or a story that goes on by itself.
    Event {
        /// Its trace.
        trace: TraceContext,
        /// Its story; its own id if it began one.
        correlation: String,
        /// Its id.
        id: EventId,
        /// When it was taken up.
        received: Timestamp,
    },
}

impl Cause {
    /// The cause that a delivered event is.
    pub fn delivered(event: &Envelope, received: Timestamp) -> Self {
        Self::Event {
            trace: event.trace,
            correlation: event.correlation.clone().unwrap_or_else(|| event.id.to_string()),
            id: event.id.clone(),
            received,
        }
    }

    /// A story that goes on without a new event, such as an expiry.
    pub fn continued(origin: &Origin, received: Timestamp) -> Self {
        Self::Event {
            trace: origin.trace,
            correlation: origin.correlation.clone(),
            id: origin.event.clone(),
            received,
        }
    }

    /// What an aggregate keeps of a request, so that it can continue the story.
    pub fn origin(&self) -> Origin {
        match self {
            Self::Request { trace, id, .. } => {
                Origin { trace: *trace, correlation: id.to_string(), event: id.clone() }
            }
            Self::Event { trace, correlation, id, .. } => {
                Origin { trace: *trace, correlation: correlation.clone(), event: id.clone() }
            }
        }
    }

    /// Puts an event into its envelope. From the same cause, the same kind of event always gets the
    /// same id, so each cause may announce each kind once.
    pub fn announce(&self, event: Event, by: Service, at: Timestamp) -> Envelope {
        let (trace, correlation, causation, id, received) = match self {
            Self::Request { trace, id, received } => {
                (trace, id.to_string(), None, id.clone(), received)
            }
            Self::Event { trace, correlation, id, received } => {
                let own = id.derive(event.kind());
                (trace, correlation.clone(), Some(id.clone()), own, received)
            }
        };
        Envelope {
            trace: trace.child(&id),
            id,
            source: by.name().to_owned(),
            subject: event.subject(),
            time: at,
            correlation: Some(correlation),
            causation,
            received: Some(*received),
            payload: Payload::Known(event),
        }
    }
}
