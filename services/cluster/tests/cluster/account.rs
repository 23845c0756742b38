//! The books: every event has exactly one line, read from the topics and from the logs service.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::kafka::{Event, read_all};
use crate::stage::Shop;

/// What stands on `notifications` and `logs`.
#[derive(Debug)]
pub(crate) struct Account {
    /// Events by id.
    pub(crate) events: HashMap<String, Event>,
    /// Records that repeat an event.
    pub(crate) repeated_events: usize,
    /// Records that repeat a line.
    pub(crate) repeated_lines: usize,
}

impl Account {
    /// Reads the topics. Every event must have lines of exactly one id, every line an event, and the logs
    /// service must show each line once.
    #[track_caller]
    pub(crate) fn of(shop: &Shop) -> Self {
        let records = |topic: &str| read_all(shop.brokers(), &shop.named(topic));
        let (written, said) = (records("notifications"), records("logs"));
        let events = written.iter().map(Event::of);
        let events: HashMap<_, _> = events.map(|event| (event.id.clone(), event)).collect();
        let mut lines: HashMap<String, HashSet<String>> = HashMap::new();
        for line in said.iter().map(Event::of) {
            let cause = line.cause.unwrap_or_else(|| panic!("line {} has no cause", line.id));
            assert_eq!(line.data["id"], line.id.as_str(), "the entry's id is the event's");
            assert!(events.contains_key(&cause), "line {} is of no event", line.id);
            lines.entry(cause).or_default().insert(line.id);
        }
        for event in events.values() {
            let count = lines.get(&event.id).map_or(0, HashSet::len);
            assert_eq!(count, 1, "lines of {event:?}");
        }
        let distinct: HashSet<_> = lines.into_values().flatten().collect();
        assert_eq!(distinct.len(), events.len(), "two events share a line");
        shows_each_once(shop, distinct);
        Self {
            repeated_events: written.len() - events.len(),
            repeated_lines: said.len() - events.len(),
            events,
        }
    }

    /// Each of these payments must have been requested, reserved and confirmed.
    #[track_caller]
    pub(crate) fn has_confirmed(&self, payments: &[String]) {
        let kinds = self.kinds_by_subject();
        let expected: HashSet<_> = [
            "comptoir.payment.requested.v1",
            "comptoir.stock.reserved.v1",
            "comptoir.payment.confirmed.v1",
        ]
        .into();
        for id in payments {
            assert_eq!(kinds.get(id.as_str()), Some(&expected), "payment {id}");
        }
    }

    /// Each of these users must have been registered.
    #[track_caller]
    pub(crate) fn has_registered(&self, users: &[String]) {
        let kinds = self.kinds_by_subject();
        for id in users {
            let own = kinds.get(id.as_str());
            assert!(own.is_some_and(|k| k.contains("comptoir.user.registered.v1")), "user {id}");
        }
    }

    fn kinds_by_subject(&self) -> HashMap<&str, HashSet<&str>> {
        let mut kinds: HashMap<_, HashSet<_>> = HashMap::new();
        for event in self.events.values() {
            kinds.entry(event.subject.as_str()).or_default().insert(event.kind.as_str());
        }
        kinds
    }
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { events, repeated_events, repeated_lines } = self;
        write!(
            f,
            "{} events, each with one line; {repeated_events} events and {repeated_lines} lines were \
             written again",
            events.len()
        )
    }
}

/// The logs service must show each of these lines once, and no other.
#[track_caller]
fn shows_each_once(shop: &Shop, mut expected: HashSet<String>) {
    let mut partition = 0;
    while let Some(rows) = lines_of(shop, partition) {
        for row in rows {
            let id = row[7]["id"].as_str().unwrap();
            assert!(expected.remove(id), "line {id} is shown twice, or of no event");
        }
        partition += 1;
    }
    assert!(expected.is_empty(), "lines that are not shown: {expected:?}");
}

/// All rows of one partition; `None` if there is no such partition.
fn lines_of(shop: &Shop, partition: usize) -> Option<Vec<Value>> {
    let mut lines: Vec<Value> = Vec::new();
    let mut from = 0;
    loop {
        let path = format!("/api/lines?partition={partition}&from={from}&limit=1000");
        let page = shop.get("logs-service", &path);
        if page.status == 404 && from == 0 {
            return None;
        }
        assert_eq!(page.status, 200, "{page:?}");
        let mut page = page.json();
        let Value::Array(rows) = page["l"].take() else { panic!("no rows") };
        let Some(last) = rows.last() else { return Some(lines) };
        from = last[1].as_u64().unwrap() + 1;
        lines.extend(rows);
    }
}
