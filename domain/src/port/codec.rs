//! Between events and the bytes of records.

use thiserror::Error;

use crate::envelope::Envelope;
use crate::port::BoxError;
use crate::record::{Position, Record};
use crate::time::Timestamp;
use crate::topic::GroupId;

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

/// Why a record ended in the dead letters, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Why it could not be handled, in one line.
    pub reason: String,
    /// How often it was tried; 0 if it could not be read.
    pub attempts: u32,
    /// Where it stood.
    pub source: Position,
    /// The group that gave up on it.
    pub group: GroupId,
    /// When it gave up.
    pub time: Timestamp,
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

    /// The record for the dead-letter topic: key, value and headers of the original byte for byte,
    /// plus headers that tell what `letter` says.
    fn dead_letter(original: &Record, letter: &DeadLetter) -> Record;

    /// The same with the value cut to its first `bytes` and marked as cut, for a log that refuses the
    /// whole one. It cannot be replayed.
    fn dead_letter_cut(original: &Record, letter: &DeadLetter, bytes: usize) -> Record;
}
