//! `comptoir.log.written.v1`: its data is the line as the live stream shows it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use comptoir_domain::id::EventId;
use comptoir_domain::log_entry::{FieldValue, Level, LogEntry};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::problem::{Misfit, field};
use crate::timestamp::{self, Written};

#[derive(Debug, Serialize)]
pub(crate) struct LogOut<'a> {
    id: &'a str,
    time: Written,
    level: &'static str,
    service: &'a str,
    message: &'a str,
    trace_id: &'a str,
    event_type: &'a str,
    fields: FieldsOut<'a>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct LogIn<'a> {
    id: String,
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    level: Cow<'a, str>,
    service: String,
    message: String,
    trace_id: String,
    event_type: String,
    #[serde(borrow, default)]
    fields: BTreeMap<String, &'a RawValue>,
}

#[derive(Debug)]
struct FieldsOut<'a>(&'a BTreeMap<String, FieldValue>);

#[derive(Debug)]
struct FieldOut<'a>(&'a FieldValue);

impl Serialize for FieldsOut<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(name, value)| (name, FieldOut(value))))
    }
}

impl Serialize for FieldOut<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            FieldValue::Text(text) => to.serialize_str(text),
            FieldValue::Integer(number) => to.serialize_i64(*number),
        }
    }
}

impl<'a> From<&'a LogEntry> for LogOut<'a> {
    fn from(entry: &'a LogEntry) -> Self {
        Self {
            id: entry.id.as_str(),
            time: Written(entry.time),
            level: entry.level.as_str(),
            service: &entry.service,
            message: &entry.message,
            trace_id: &entry.trace_id,
            event_type: &entry.event_type,
            fields: FieldsOut(&entry.fields),
        }
    }
}

impl TryFrom<LogIn<'_>> for LogEntry {
    type Error = Misfit;

    fn try_from(data: LogIn<'_>) -> Result<Self, Misfit> {
        let fields = data.fields.into_iter();
        let fields = fields.map(|(name, raw)| Ok((name, value(raw.get())?)));
        Ok(Self {
            id: field("id", EventId::try_from(data.id))?,
            time: field("time", timestamp::parse(&data.time))?,
            level: level(&data.level)?,
            service: data.service,
            message: data.message,
            trace_id: data.trace_id,
            event_type: data.event_type,
            fields: fields.collect::<Result<_, Misfit>>()?,
        })
    }
}

fn level(text: &str) -> Result<Level, Misfit> {
    let known = [Level::Info, Level::Warn, Level::Error];
    let found = known.into_iter().find(|level| level.as_str() == text);
    field("level", found.ok_or("it is none of INFO, WARN and ERROR"))
}

/// The value of a field. What is neither text nor a whole number of 64 bits stays the JSON it is, as
/// text: a line is for reading.
fn value(json: &str) -> Result<FieldValue, Misfit> {
    if json.starts_with('"') {
        return Ok(FieldValue::Text(serde_json::from_str(json)?));
    }
    Ok(match json.parse() {
        Ok(number) => FieldValue::Integer(number),
        Err(_) => FieldValue::Text(json.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_field_values_become_text() {
        let text = |text: &str| FieldValue::Text(text.to_owned());
        for (json, expected) in [
            (r#""a\n""#, text("a\n")),
            (r#""7""#, text("7")),
            ("-9223372036854775808", FieldValue::Integer(i64::MIN)),
            ("9223372036854775808", text("9223372036854775808")),
            ("1.50", text("1.50")),
            ("true", text("true")),
            ("null", text("null")),
            (r#"{"a": [1]}"#, text(r#"{"a": [1]}"#)),
        ] {
            assert_eq!(value(json).unwrap(), expected, "{json}");
        }
    }
}
