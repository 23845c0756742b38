//! Lines that are too large for a frame.

use std::collections::BTreeMap;

use comptoir_domain::log_entry::{FieldValue, LogEntry};
use comptoir_domain::topic::{Offset, TopicPartition};

/// What is left of a cut line's message, and of all its fields together, in bytes.
const MESSAGE: usize = 4 * 1024;
const FIELDS: usize = 4 * 1024;
/// What is left of each of its other texts, in bytes.
const WORD: usize = 256;

/// The entry cut to what fits however much of it JSON has to escape. Its message says so and where the
/// whole is, and so do the fields `partition` and `offset`.
pub(crate) fn cut(at: &TopicPartition, offset: Offset, entry: &LogEntry) -> LogEntry {
    let message = shortened(&entry.message, MESSAGE);
    let mut fields = fitting(&entry.fields);
    fields.insert("partition".to_owned(), FieldValue::Integer(at.partition.0.into()));
    fields.insert("offset".to_owned(), FieldValue::Integer(offset.0.cast_signed()));
    LogEntry {
        id: entry.id.clone(),
        time: entry.time,
        level: entry.level,
        service: shortened(&entry.service, WORD),
        message: format!("{message} (cut; all of it is at {at}@{offset})"),
        trace_id: shortened(&entry.trace_id, WORD),
        event_type: shortened(&entry.event_type, WORD),
        fields,
    }
}

/// As many fields as there is room for, the last text cut.
fn fitting(all: &BTreeMap<String, FieldValue>) -> BTreeMap<String, FieldValue> {
    let mut room = FIELDS;
    let mut fields = BTreeMap::new();
    for (name, value) in all {
        // What stands around them, and a number, takes room too.
        let Some(left) = room.checked_sub(name.len() + size_of::<FieldValue>()) else {
            break;
        };
        let (value, bytes) = match value {
            FieldValue::Text(text) => (FieldValue::Text(shortened(text, left)), text.len()),
            FieldValue::Integer(number) => (FieldValue::Integer(*number), 0),
        };
        room = left.saturating_sub(bytes);
        fields.insert(name.clone(), value);
    }
    fields
}

/// The beginning of a text, to the end of a character.
fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(most)])
}

#[cfg(test)]
mod tests {
    use comptoir_domain::id::EventId;
    use comptoir_domain::log_entry::Level;
    use comptoir_domain::time::Timestamp;
    use comptoir_domain::topic::{Partition, Topic};

    use super::*;
    use crate::line::{Line, MAX_BYTES};

    fn place() -> TopicPartition {
        let topic = Topic::try_from(&*"t".repeat(249)).unwrap();
        TopicPartition { topic, partition: Partition(u32::MAX) }
    }

    /// A line all of whose texts are of that many bytes, with as many fields of each kind.
    fn of(text: &str, fields: usize) -> LogEntry {
        let named = |n| (format!("{n}{}", &text[..text.len().min(100)]), FieldValue::Integer(n));
        let mut all: BTreeMap<_, _> = (0..).map(named).take(fields).collect();
        all.insert(text.to_owned(), FieldValue::Text(text.to_owned()));
        all.insert(String::new(), FieldValue::Text(text.to_owned()));
        LogEntry {
            id: EventId::try_from("\u{1}".repeat(EventId::MAX_BYTES)).unwrap(),
            time: Timestamp::from_millis(0),
            level: Level::Warn,
            service: text.to_owned(),
            message: text.to_owned(),
            trace_id: text.to_owned(),
            event_type: text.to_owned(),
            fields: all,
        }
    }

    #[test]
    fn no_line_is_larger_than_a_frame_whatever_its_texts() {
        for character in ["x", "\u{1}", "\"", "é", "😀"] {
            for (bytes, fields) in [(1_000_000, 0), (9_000, 3), (20, 40_000), (300, 4_000)] {
                let text = character.repeat(bytes / character.len());
                let line = Line::encode(&place(), Offset(u64::MAX >> 11), &of(&text, fields));
                let size = line.plain.len().max(line.row.len());
                assert!(size <= MAX_BYTES, "{character:?} {bytes} {fields}: {size}");
            }
        }
    }

    #[test]
    fn a_line_that_fits_is_left_as_it_is() {
        let line = Line::encode(&place(), Offset(7), &of(&"x".repeat(8_000), 3));
        assert!(!line.plain.contains("(cut;") && line.plain.contains(&"x".repeat(8_000)));
    }
}
