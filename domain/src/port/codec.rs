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

/// A dead letter as it is read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLetter {
    /// Why it is there, and where it came from.
    pub letter: DeadLetter,
    /// Key, value and headers as they stood at the source; its time is the letter's.
    pub original: Record,
    /// How often it had been put back on its topic before this death.
    pub replays: u32,
    /// The bytes that its value had, if it was cut to fit: then it cannot be put back.
    pub cut_from: Option<u64>,
}

/// That a dead letter was put back on its topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// Where the dead letter came from.
    pub source: Position,
    /// Where it stands now.
    pub to: Position,
    /// When that was.
    pub time: Timestamp,
}

/// What a record of a dead-letter topic says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadRecord {
    /// Something was given up.
    Letter(StoredLetter),
    /// Something that was given up was put back.
    Replayed(Replay),
}

/// A record of a dead-letter topic that is neither letter nor note: somebody else put it there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the record is no dead letter of ours: {problem}")]
pub struct NoDeadLetter {
    /// What is missing or wrong.
    pub problem: &'static str,
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

    /// Reads what [`EventCodec::dead_letter`], [`EventCodec::dead_letter_cut`] or
    /// [`EventCodec::replay_note`] wrote.
    ///
    /// # Errors
    /// [`NoDeadLetter`] for anything else.
    fn read_dead(record: &Record) -> Result<DeadRecord, NoDeadLetter>;

    /// The record that goes back to the source topic: the original, and behind its headers how often
    /// that was done, so that it is known if it dies again.
    fn replayed(stored: &StoredLetter, time: Timestamp) -> Record;

    /// The note on the dead-letter topic that a letter with that key was put back.
    fn replay_note(key: Option<&[u8]>, replay: &Replay) -> Record;
}
