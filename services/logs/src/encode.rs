//! The JSON of a line, in both forms.

use comptoir_domain::log_entry::{FieldValue, Level, LogEntry};
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::{Offset, Partition};
use comptoir_runtime::terminal::json_escaped;
use serde::ser::{
    Serialize, SerializeMap as _, SerializeStruct as _, SerializeTuple as _, Serializer,
};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// RFC 3339 with milliseconds and Z.
const TIME: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// A frame of plain mode.
pub(crate) fn plain(entry: &LogEntry) -> String {
    json(&Plain(entry))
}

/// A row of `stream.v1`: `[partition, offset, epoch ms, level, service, trace id, message, fields]`.
pub(crate) fn row(at: Partition, offset: Offset, entry: &LogEntry) -> String {
    json(&Row { at, offset, entry })
}

fn json(value: &impl Serialize) -> String {
    json_escaped(serde_json::to_string(value).expect("every map here has text keys"))
}

struct Plain<'a>(&'a LogEntry);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(entry) = self;
        let mut frame = serializer.serialize_struct("Plain", 8)?;
        frame.serialize_field("id", entry.id.as_str())?;
        frame.serialize_field("time", &rfc3339(entry.time))?;
        frame.serialize_field("level", entry.level.as_str())?;
        frame.serialize_field("service", &entry.service)?;
        frame.serialize_field("message", &entry.message)?;
        frame.serialize_field("trace_id", &entry.trace_id)?;
        frame.serialize_field("event_type", &entry.event_type)?;
        frame.serialize_field("fields", &Fields { entry, with_identity: false })?;
        frame.end()
    }
}

struct Row<'a> {
    at: Partition,
    offset: Offset,
    entry: &'a LogEntry,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { at, offset, entry } = self;
        let mut row = serializer.serialize_tuple(8)?;
        row.serialize_element(&at.0)?;
        row.serialize_element(&offset.0)?;
        row.serialize_element(&entry.time.as_millis())?;
        row.serialize_element(&level_number(entry.level))?;
        row.serialize_element(&entry.service)?;
        row.serialize_element(&entry.trace_id)?;
        row.serialize_element(&entry.message)?;
        row.serialize_element(&Fields { entry, with_identity: true })?;
        row.end()
    }
}

/// The entry's fields; in a row they carry the entry's id and event type as well.
struct Fields<'a> {
    entry: &'a LogEntry,
    with_identity: bool,
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { entry, with_identity } = *self;
        let mut map = serializer.serialize_map(None)?;
        if with_identity {
            map.serialize_entry("id", entry.id.as_str())?;
            map.serialize_entry("event_type", &entry.event_type)?;
        }
        let hidden = |name: &str| with_identity && (name == "id" || name == "event_type");
        for (name, value) in entry.fields.iter().filter(|(name, _)| !hidden(name)) {
            match value {
                FieldValue::Text(text) => map.serialize_entry(name, text)?,
                FieldValue::Integer(number) => map.serialize_entry(name, number)?,
            }
        }
        map.end()
    }
}

const fn level_number(level: Level) -> u8 {
    match level {
        Level::Info => 2,
        Level::Warn => 3,
        Level::Error => 4,
    }
}

/// A time outside of what the format can tell becomes its epoch; nothing of ours makes one.
fn rfc3339(at: Timestamp) -> String {
    let nanos = i128::from(at.as_millis()) * 1_000_000;
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanos);
    time.unwrap_or(OffsetDateTime::UNIX_EPOCH).format(TIME).unwrap_or_default()
}
