//! Log entries: one line for each event, the same line whenever it is made again.

use std::collections::BTreeMap;

use crate::envelope::Envelope;
use crate::id::EventId;
use crate::notification::{Notification, shortened};
use crate::time::Timestamp;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As expected.
    Info,
    /// Somebody may want to look.
    Warn,
    /// Something is broken.
    Error,
}

impl Level {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

/// The value of a field of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldValue {
    /// A text.
    Text(String),
    /// A whole number.
    Integer(i64),
}

/// One structured line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Derived from the event's id: a repeat gives the same.
    pub id: EventId,
    /// The event's time.
    pub time: Timestamp,
    /// How much it matters.
    pub level: Level,
    /// The program that produced the event.
    pub service: String,
    /// One sentence.
    pub message: String,
    /// The trace: 32 hexadecimal digits.
    pub trace_id: String,
    /// The event's CloudEvents `type`.
    pub event_type: String,
    /// The facts, by name.
    pub fields: BTreeMap<String, FieldValue>,
}

impl LogEntry {
    /// The line of an event: a pure function of it, its time included.
    pub fn of(envelope: &Envelope) -> Self {
        let Notification { level, message, fields } = Notification::about(envelope);
        Self {
            id: envelope.id.derive("comptoir.log.written.v1"),
            time: envelope.time,
            level,
            service: shortened(&envelope.source),
            message,
            trace_id: envelope.trace.trace_id(),
            event_type: shortened(envelope.kind()),
            fields,
        }
    }
}
