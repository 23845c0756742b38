//! The account of events and lines: every event has exactly one line, and each line is shown once.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::Shop;
use crate::kafka::{Event, read_all};
use crate::problem::Problem;

/// What stands on `notifications` and `logs`, and what the logs service shows.
#[derive(Debug, Default)]
pub struct Account {
    /// Events by id.
    pub events: HashMap<String, Event>,
    /// Records that repeat an event.
    pub repeated_events: usize,
    /// Records that repeat a line.
    pub repeated_lines: usize,
    /// The lines of each event, by their ids.
    lines: HashMap<String, HashSet<String>>,
    shown: Vec<String>,
    /// What is wrong with a line by itself.
    odd: Vec<Problem>,
}

impl Account {
    /// Reads the topics and the logs service. All must be well.
    #[track_caller]
    pub fn of(shop: &Shop) -> Self {
        let account = Self::read(shop);
        assert_eq!(account.problems(), []);
        account
    }

    /// Reads the topics and the logs service.
    #[track_caller]
    pub fn read(shop: &Shop) -> Self {
        let events =
            |topic| read_all(shop.brokers(), &shop.named(topic)).iter().map(Event::of).collect();
        let (written, said) = (events("notifications"), events("logs"));
        let shown = shown_lines(|path| shop.get("logs-service", path));
        Self::new(written, said, shown)
    }

    /// From the events as they were written, those about lines, and the ids of the lines that are shown.
    pub fn new(written: Vec<Event>, said: Vec<Event>, shown: Vec<String>) -> Self {
        let (all_events, all_lines) = (written.len(), said.len());
        let mut account = Self { shown, ..Self::default() };
        account.events = written.into_iter().map(|event| (event.id.clone(), event)).collect();
        for line in said {
            account.take_line(line);
        }
        let lines: usize = account.lines.values().map(HashSet::len).sum();
        account.repeated_events = all_events - account.events.len();
        account.repeated_lines = all_lines - lines;
        account
    }

    fn take_line(&mut self, line: Event) {
        if line.data["id"] != line.id.as_str() {
            self.odd.push(Problem::Wrong(format!("line {} is not its event's", line.id)));
        }
        self.lines.entry(line.cause.unwrap_or_default()).or_default().insert(line.id);
    }

    /// Every event must have lines of exactly one id, every line an event, and the logs service must show
    /// each line once.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.odd.clone();
        for event in self.events.values() {
            let what = || format!("the line of {} {} of {}", event.kind, event.id, event.subject);
            match self.lines.get(&event.id).map_or(0, HashSet::len) {
                0 => problems.push(Problem::Lost(what())),
                1 => {}
                _ => problems.push(Problem::Doubled(what())),
            }
        }
        let orphans = self.lines.keys().filter(|cause| !self.events.contains_key(*cause));
        problems.extend(orphans.map(|cause| Problem::Lost(format!("the event {cause} of a line"))));
        let mut unseen: HashSet<&str> = HashSet::new();
        for line in self.lines.values().flatten() {
            if !unseen.insert(line) {
                problems.push(Problem::Wrong(format!("two events share the line {line}")));
            }
        }
        for line in &self.shown {
            if !unseen.remove(line.as_str()) {
                problems.push(Problem::Doubled(format!(
                    "line {line} as it is shown, or it is of no event"
                )));
            }
        }
        problems.extend(unseen.iter().map(|line| Problem::Lost(format!("line {line}, not shown"))));
        problems
    }

    /// The ids of all lines.
    pub fn line_ids(&self) -> HashSet<&str> {
        self.lines.values().flatten().map(String::as_str).collect()
    }

    /// Each of these payments must have been requested, reserved and confirmed.
    #[track_caller]
    pub fn has_confirmed(&self, payments: &[String]) {
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
    pub fn has_registered(&self, users: &[String]) {
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
        let Self { events, repeated_events, repeated_lines, .. } = self;
        write!(
            f,
            "{} events, each with one line; {repeated_events} events and {repeated_lines} lines were \
             written again",
            events.len()
        )
    }
}

/// The ids of all lines that the logs service shows, partition by partition.
pub fn shown_lines(get: impl Fn(&str) -> crate::http::Answer) -> Vec<String> {
    let mut lines = Vec::new();
    let mut partition = 0;
    while let Some(rows) = lines_of(&get, partition) {
        lines.extend(rows.iter().map(|row| row[7]["id"].as_str().unwrap().to_owned()));
        partition += 1;
    }
    lines
}

/// All rows of one partition; `None` if there is no such partition.
fn lines_of(get: &impl Fn(&str) -> crate::http::Answer, partition: usize) -> Option<Vec<Value>> {
    let mut lines: Vec<Value> = Vec::new();
    let mut from = 0;
    loop {
        let page = get(&format!("/api/lines?partition={partition}&from={from}&limit=1000"));
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

#[cfg(test)]
mod tests {
    use super::Account;
    use crate::kafka::Event;
    use crate::kafka::event;
    use crate::problem::Problem;

    fn line(id: &str, cause: &str) -> Event {
        let mut line = event(id, "comptoir.log.written.v1", "p");
        line.cause = Some(cause.to_owned());
        line.data = serde_json::json!({ "id": id });
        line
    }

    fn written(ids: &[&str]) -> Vec<Event> {
        ids.iter().map(|id| event(id, "comptoir.payment.requested.v1", "p")).collect()
    }

    fn problems(written: Vec<Event>, said: Vec<Event>, shown: &[&str]) -> Vec<Problem> {
        Account::new(written, said, shown.iter().map(|id| (*id).to_owned()).collect()).problems()
    }

    #[test]
    fn repeats_of_the_same_ids_are_counted_and_nothing_wrong() {
        let said = vec![line("l1", "e1"), line("l1", "e1"), line("l2", "e2")];
        let shown = ["l1".to_owned(), "l2".to_owned()];
        let account = Account::new(written(&["e1", "e2", "e2"]), said, shown.into());
        assert_eq!(account.problems(), []);
        assert_eq!(
            (account.events.len(), account.repeated_events, account.repeated_lines),
            (2, 1, 1)
        );
    }

    #[test]
    fn a_missing_line_is_lost_and_a_second_one_doubled() {
        let lost = problems(written(&["e1"]), vec![], &[]);
        assert!(matches!(&lost[..], [Problem::Lost(_)]), "{lost:?}");
        let doubled =
            problems(written(&["e1"]), vec![line("l1", "e1"), line("l2", "e1")], &["l1", "l2"]);
        assert!(matches!(&doubled[..], [Problem::Doubled(_)]), "{doubled:?}");
    }

    #[test]
    fn a_line_without_an_event_means_that_the_event_is_lost() {
        let lost = problems(vec![], vec![line("l1", "e1")], &["l1"]);
        assert!(matches!(&lost[..], [Problem::Lost(_)]), "{lost:?}");
    }

    #[test]
    fn a_line_must_be_shown_exactly_once() {
        let said = || vec![line("l1", "e1")];
        let lost = problems(written(&["e1"]), said(), &[]);
        assert!(matches!(&lost[..], [Problem::Lost(_)]), "{lost:?}");
        let doubled = problems(written(&["e1"]), said(), &["l1", "l1"]);
        assert!(matches!(&doubled[..], [Problem::Doubled(_)]), "{doubled:?}");
    }

    #[test]
    fn a_line_that_two_events_share_is_wrong() {
        let said = vec![line("l1", "e1"), line("l1", "e2")];
        let wrong = problems(written(&["e1", "e2"]), said, &["l1"]);
        assert!(matches!(&wrong[..], [Problem::Wrong(_)]), "{wrong:?}");
    }
}
