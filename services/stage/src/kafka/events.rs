//! CloudEvents as they stand on the topics.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::kcat::{Record, read_all};

/// The media type of every record.
pub const CLOUDEVENTS_JSON: &str = "application/cloudevents+json";

/// What a CloudEvent of ours must have.
const NEEDED: [&str; 7] =
    ["id", "source", "type", "subject", "time", "datacontenttype", "traceparent"];

/// An event, read.
#[derive(Debug, Clone)]
pub struct Event {
    pub id: String,
    pub kind: String,
    pub subject: String,
    /// The id of the trace that it is part of.
    pub trace: String,
    /// The id of the event that led to it.
    pub cause: Option<String>,
    /// What it says.
    pub data: Value,
}

impl Event {
    /// Reads a value, which must be a whole event of ours.
    #[track_caller]
    pub fn parse(value: &str) -> Self {
        let event: Value = serde_json::from_str(value).unwrap_or_else(|_| panic!("{value}"));
        assert_eq!(event["specversion"], "1.0", "{event}");
        for name in NEEDED {
            assert!(event[name].as_str().is_some_and(|text| !text.is_empty()), "{name} in {event}");
        }
        let text = |name: &str| event[name].as_str().map(str::to_owned);
        Self {
            id: text("id").unwrap(),
            kind: text("type").unwrap(),
            subject: text("subject").unwrap(),
            // Version, trace, span and flags (W3C Trace Context).
            trace: event["traceparent"]
                .as_str()
                .and_then(|p| p.split('-').nth(1))
                .unwrap()
                .to_owned(),
            cause: text("causationid"),
            data: event["data"].clone(),
        }
    }

    /// Reads a record of ours.
    #[track_caller]
    pub fn of(record: &Record) -> Self {
        assert_eq!(record.header("content-type"), Some(CLOUDEVENTS_JSON), "{record:?}");
        Self::parse(record.value.as_deref().unwrap_or_default())
    }
}

/// The ids of the events that stand as causes on a topic of lines.
pub fn said(brokers: &str, logs: &str) -> HashSet<String> {
    read_all(brokers, logs).iter().filter_map(|record| Event::of(record).cause).collect()
}

/// A CloudEvent of a type that nobody here knows, of now.
pub fn made_up(id: &str) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "elsewhere", "type": "org.example.happened.v1",
        "subject": format!("subject of {id}"), "datacontenttype": "application/json",
        "data": {"by": "hand"},
    })
}

/// An event of a trace of its own, for tests of what is read.
#[cfg(test)]
pub(crate) fn event(id: &str, kind: &str, subject: &str) -> Event {
    Event {
        id: id.to_owned(),
        kind: kind.to_owned(),
        subject: subject.to_owned(),
        trace: format!("trace of {subject}"),
        cause: None,
        data: Value::Null,
    }
}
