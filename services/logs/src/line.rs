//! A line as clients get it: encoded once, shared by all of them.

use comptoir_domain::envelope::{Payload, Service};
use comptoir_domain::event::Event;
use comptoir_domain::id::EventId;
use comptoir_domain::log_entry::{FieldValue, Level, LogEntry};
use comptoir_domain::port::codec::EventCodec;
use comptoir_domain::record::StoredRecord;
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::{Offset, TopicPartition};
use comptoir_domain::trace::TraceContext;
use comptoir_http::upgrade::Utf8Bytes;

use crate::cut::cut;
use crate::encode;

/// Bytes of a line as it is sent: it fits into a frame, and every client can be told of it.
pub(crate) const MAX_BYTES: usize = 64 * 1024;

/// One line of the log.
#[derive(Debug)]
pub(crate) struct Line {
    /// Where it stands in its partition.
    pub(crate) offset: Offset,
    /// When its event happened.
    pub(crate) time: Timestamp,
    /// The frame of plain mode.
    pub(crate) plain: Utf8Bytes,
    /// The row of `stream.v1`.
    pub(crate) row: String,
}

impl Line {
    /// Encodes an entry in both forms, cut if either is too large.
    pub(crate) fn encode(at: &TopicPartition, offset: Offset, entry: &LogEntry) -> Self {
        let whole = Self::of(at, offset, entry);
        if whole.plain.len().max(whole.row.len()) <= MAX_BYTES {
            return whole;
        }
        Self::of(at, offset, &cut(at, offset, entry))
    }

    fn of(at: &TopicPartition, offset: Offset, entry: &LogEntry) -> Self {
        Self {
            offset,
            time: entry.time,
            plain: encode::plain(entry).into(),
            row: encode::row(at.partition, offset, entry),
        }
    }

    /// Bytes that it keeps in memory.
    pub(crate) fn size(&self) -> usize {
        self.plain.len() + self.row.len() + size_of::<Self>()
    }
}

/// The entry of a record. What is no log entry still makes one: another event its own line, and what
/// cannot be read a warning that says where it is.
pub(crate) fn entry<C: EventCodec>(at: &TopicPartition, stored: &StoredRecord) -> LogEntry {
    match C::decode(&stored.record) {
        Ok(envelope) => match envelope.payload {
            Payload::Known(Event::LogWritten(entry)) => entry,
            Payload::Known(_) | Payload::Foreign { .. } => LogEntry::of(&envelope),
        },
        Err(unreadable) => unreadable_entry(at, stored, &unreadable.problem),
    }
}

/// Half of the entry's id: enough to recognise a repeat among some ten thousands.
pub(crate) fn fingerprint(entry: &LogEntry) -> u64 {
    entry.id.as_namespace().as_u64_pair().1
}

fn unreadable_entry(at: &TopicPartition, stored: &StoredRecord, problem: &str) -> LogEntry {
    let place = format!("{at}@{}", stored.offset);
    // Never fails: a topic's name and two numbers are short.
    let id = EventId::try_from(place.clone()).unwrap_or_else(|_| EventId::new(uuid::Uuid::nil()));
    LogEntry {
        trace_id: TraceContext::derived(&id).trace_id(),
        id: id.derive("unreadable"),
        time: stored.record.time,
        level: Level::Warn,
        service: Service::Logs.name().to_owned(),
        message: format!("Unreadable record at {place}: {problem}"),
        event_type: "unreadable".to_owned(),
        fields: [
            ("partition".to_owned(), FieldValue::Integer(at.partition.0.into())),
            ("offset".to_owned(), FieldValue::Integer(stored.offset.0.cast_signed())),
        ]
        .into(),
    }
}

#[cfg(test)]
mod tests {
    use comptoir_domain::record::Record;
    use comptoir_domain::topic::{Partition, Topic};
    use comptoir_testkit::damage::{any_json, damaged};
    use comptoir_wire::CloudEventsJson;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// What a line takes for each byte of its record, and beside.
    const TIMES: u64 = 40;
    const BESIDE: u64 = 64 << 10;

    fn written() -> Vec<Vec<u8>> {
        let event = |data: &str, kind: &str| {
            let head = "\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"s\"";
            format!("{{{head},\"type\":\"{kind}\",\"data\":{data}}}").into_bytes()
        };
        let line = "{\"id\":\"e\",\"time\":\"2026-02-03T04:05:06Z\",\"level\":\"WARN\",\"service\":\"s\",\
            \"message\":\"m\",\"trace_id\":\"t\",\"event_type\":\"x\",\"fields\":{\"id\":1,\"b\":\"c\"}}";
        vec![event(line, "comptoir.log.written.v1"), event("{}", "com.example.other")]
    }

    fn values() -> impl Strategy<Value = Option<Vec<u8>>> {
        prop_oneof![
            1 => Just(None),
            1 => vec(any::<u8>(), 0..200).prop_map(Some),
            2 => any_json().prop_map(|json| Some(json.into_bytes())),
            4 => damaged(written()).prop_map(Some),
        ]
    }

    proptest! {
        /// Whatever stands on the topic makes one line, which clients can read in both forms.
        #[test]
        fn any_record_makes_a_line(value in values(), offset: u64, time: i64) {
            let at = TopicPartition {
                topic: Topic::try_from("logs").unwrap(),
                partition: Partition(u32::MAX),
            };
            let length = value.as_ref().map_or(0, Vec::len) as u64;
            let record = Record { value, time: Timestamp::from_millis(time), ..Record::default() };
            let stored = StoredRecord { offset: Offset(offset), record };
            let mut line = None;
            let taken = allocation_counter::measure(|| {
                let entry = entry::<CloudEventsJson>(&at, &stored);
                fingerprint(&entry);
                line = Some(Line::encode(&at, stored.offset, &entry));
            });
            prop_assert!(taken.bytes_max <= TIMES * length + BESIDE, "{}", taken.bytes_max);
            let line = line.unwrap();
            for form in [line.plain.as_str(), &line.row] {
                let read = serde_json::from_str::<serde_json::Value>(form);
                prop_assert!(read.is_ok(), "{}", form);
            }
        }
    }
}
