//! CloudEvents as they stand on the topics.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::kcat::{Record, read_all};

/// The media type of every record.
pub(crate) const CLOUDEVENTS_JSON: &str = "application/cloudevents+json";

/// What a CloudEvent of ours must have.
const NEEDED: [&str; 7] =
    ["id", "source", "type", "subject", "time", "datacontenttype", "traceparent"];

/// An event, read.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) subject: String,
    /// The id of the event that led to it.
    pub(crate) cause: Option<String>,
    /// What it says.
    pub(crate) data: Value,
}

impl Event {
    /// Reads a value, which must be a whole event of ours.
    #[track_caller]
    pub(crate) fn parse(value: &str) -> Self {
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
            cause: text("causationid"),
            data: event["data"].clone(),
        }
    }

    /// Reads a record of ours.
    #[track_caller]
    pub(crate) fn of(record: &Record) -> Self {
        assert_eq!(record.header("content-type"), Some(CLOUDEVENTS_JSON), "{record:?}");
        Self::parse(record.value.as_deref().unwrap_or_default())
    }
}

/// The ids of the events that stand as causes on a topic of lines.
pub(crate) fn said(brokers: &str, logs: &str) -> HashSet<String> {
    read_all(brokers, logs).iter().filter_map(|record| Event::of(record).cause).collect()
}

/// A CloudEvent of a type that nobody here knows, of now.
pub(crate) fn made_up(id: &str) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "elsewhere", "type": "org.example.happened.v1",
        "subject": format!("subject of {id}"), "datacontenttype": "application/json",
        "data": {"by": "hand"},
    })
}
