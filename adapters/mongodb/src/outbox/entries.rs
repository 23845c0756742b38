//! The events of one save as their owner's document holds them.

use comptoir_domain::outbox::{OutboxEntry, Sequence};
use comptoir_domain::port::codec::EventCodec;
use comptoir_domain::port::store::Version;
use comptoir_domain::record::Record;
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::Topic;
use comptoir_wire::CloudEventsJson;
use mongodb::bson::raw::CString;
use mongodb::bson::{RawArrayBuf, RawBsonRef, RawDocument, RawDocumentBuf, rawdoc};

use crate::document::Found;
use crate::error::{Failure, Malformed};
use crate::outbox::First;

/// The most events of one save, and the most bytes of theirs.
const MOST: u64 = 1_000;
const MOST_BYTES: usize = 1 << 20;

/// The events of one save, in order, with their keys in the document.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entries {
    pub(crate) events: Vec<(CString, RawDocumentBuf)>,
    /// The time of the oldest, in milliseconds; `None` if there are none.
    pub(crate) oldest: Option<i64>,
    /// The same events as they came.
    pub(crate) listed: First,
}

impl Entries {
    /// The events that come with the save that makes `version`.
    pub(crate) fn of(version: Version, outbox: &[OutboxEntry]) -> Result<Self, Failure> {
        let count = u64::try_from(outbox.len()).unwrap_or(u64::MAX);
        if count > MOST {
            return Err(Failure::TooManyEvents);
        }
        let first = version.0.saturating_mul(MOST).saturating_add(MOST - count);
        let events: Vec<_> =
            (first..).zip(outbox).map(|(at, entry)| (key(at), encode(entry))).collect();
        if events.iter().map(|(_, entry)| entry.as_bytes().len()).sum::<usize>() > MOST_BYTES {
            return Err(Failure::TooManyEvents);
        }
        let oldest = outbox.iter().map(|entry| entry.envelope.time.as_millis()).min();
        let listed = (first..).map(Sequence).zip(outbox.iter().cloned()).collect();
        Ok(Self { events, oldest, listed })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// As a part of a document.
    pub(crate) fn part(&self) -> RawDocumentBuf {
        self.events.iter().map(|(key, entry)| (key, entry)).collect()
    }
}

fn key(sequence: u64) -> CString {
    CString::try_from(sequence.to_string()).expect("digits have no zero byte")
}

/// The version of the save whose last event this is; `None` if it is not the last of its save.
pub(crate) fn save_of(sequence: Sequence) -> Option<Version> {
    let is_last = sequence.0 % MOST == MOST - 1;
    is_last.then_some(Version(sequence.0 / MOST))
}

/// The value is the CloudEvent as text; headers are made again from it.
fn encode(entry: &OutboxEntry) -> RawDocumentBuf {
    let record = CloudEventsJson::encode(&entry.envelope, None);
    let event = record.value.and_then(|value| String::from_utf8(value).ok());
    let mut topics = RawArrayBuf::new();
    for topic in &entry.topics {
        topics.push(topic.as_str());
    }
    rawdoc! {
        "time": entry.envelope.time.as_millis(),
        "topics": topics,
        "event": event.unwrap_or_default(),
    }
}

/// The entries of an outbox, in sequence.
pub(super) fn decode(
    found: Found<'_>,
    outbox: &RawDocument,
) -> Result<Vec<(Sequence, OutboxEntry)>, Malformed> {
    let mut entries = Vec::new();
    for element in outbox {
        let (sequence, entry) = element.map_err(|error| found.wrong(&error))?;
        let RawBsonRef::Document(entry) = entry else {
            return Err(found.wrong("an event of its outbox is no document"));
        };
        entries.push((parse_key(found, sequence.as_str())?, decode_one(found, entry)?));
    }
    entries.sort_by_key(|(sequence, _)| *sequence);
    Ok(entries)
}

/// The sequences of an outbox with the times of their events.
pub(super) fn times(
    found: Found<'_>,
    outbox: &RawDocument,
) -> Result<Vec<(Sequence, i64)>, Malformed> {
    let mut times = Vec::new();
    for element in outbox {
        let (sequence, entry) = element.map_err(|error| found.wrong(&error))?;
        let time = entry.as_document().and_then(|entry| entry.get_i64("time").ok());
        let time = time.ok_or_else(|| found.wrong("an event of its outbox has no time"))?;
        times.push((parse_key(found, sequence.as_str())?, time));
    }
    Ok(times)
}

fn parse_key(found: Found<'_>, key: &str) -> Result<Sequence, Malformed> {
    let sequence = key.parse().map_err(|_| format!("{key:?} is no place in an outbox"));
    found.accept(sequence).map(Sequence)
}

fn decode_one(found: Found<'_>, entry: &RawDocument) -> Result<OutboxEntry, Malformed> {
    let time = found.accept(entry.get_i64("time"))?;
    let event = found.accept(entry.get_str("event"))?;
    let record = Record {
        value: Some(event.as_bytes().to_vec()),
        time: Timestamp::from_millis(time),
        ..Record::default()
    };
    let mut topics = Vec::new();
    for topic in found.accept(entry.get_array("topics"))? {
        let topic = found.accept(topic)?;
        let topic = topic.as_str().ok_or_else(|| found.wrong("a topic is no text"))?;
        topics.push(found.accept(Topic::try_from(topic))?);
    }
    Ok(OutboxEntry { envelope: found.accept(CloudEventsJson::decode(&record))?, topics })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_grow_from_save_to_save() {
        let sequences = |version, count: u64| {
            let first = version * MOST + MOST - count;
            first..first + count
        };
        assert!(sequences(1, 1_000).last() < sequences(2, 1_000).next());
        let last = sequences(7, 3).map(|at| save_of(Sequence(at))).collect::<Vec<_>>();
        assert_eq!(last, [None, None, Some(Version(7))]);
    }
}
