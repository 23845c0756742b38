//! Between events and the bytes of records.

use thiserror::Error;

use crate::envelope::Envelope;
use crate::port::BoxError;
use crate::record::Record;

/// A record whose value is not an event. It can never be handled, so it is dead-lettered at once.
#[derive(Debug, Error)]
#[error("the record's value is not a readable CloudEvent: {problem}")]
pub struct Unreadable {
    /// What is wrong with it, in one line.
    pub problem: String,
    /// The parser's error, where there is one.
    #[source]
    pub source: Option<BoxError>,
}

/// Writes events as records and reads them back.
pub trait EventCodec: Send + Sync + 'static {
    /// The record of an event. `key` chooses the partition; its time is the event's.
    fn encode(event: &Envelope, key: Option<&[u8]>) -> Record;

    /// The event of a record. Unknown fields are ignored; an unknown type or version gives a
    /// [`crate::envelope::Payload::Foreign`]. A missing `time` is the record's, a missing trace is
    /// derived from the id.
    ///
    /// # Errors
    /// [`Unreadable`] if the value is no CloudEvent 1.0, or its data does not fit its type.
    fn decode(record: &Record) -> Result<Envelope, Unreadable>;
}
