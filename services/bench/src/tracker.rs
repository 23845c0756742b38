use std::collections::{HashMap, VecDeque, hash_map::Entry};

use serde::Deserialize;
use tokio::time::Instant;

use crate::{
    histogram::Histogram,
    http::Answer,
    stream::{Line, News},
};

/// Names kept from lines that came before the answer with the id. Far more than can be in flight;
/// the oldest go first.
const EARLY_HELD: usize = 65_536;

/// Matches payments with their lines, whichever of the two is read first.
#[derive(Debug, Default)]
pub struct Tracker {
    open: HashMap<String, Open>,
    early: HashMap<String, Seen>,
    early_order: VecDeque<String>,
    results: Results,
}

#[derive(Debug, Default)]
pub struct Results {
    /// Until the first line that names the payment.
    pub first: Histogram,
    /// Until the line that says it is confirmed.
    pub confirmed: Histogram,
    /// Rejected or expired.
    pub refused: u64,
    pub last_settled: Option<Instant>,
    pub claimed: u64,
    pub no_line: u64,
    pub unsettled: u64,
}

#[derive(Debug)]
struct Open {
    since: Instant,
    seen: Seen,
}

#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    first: Option<Instant>,
    settled: Option<(Instant, News)>,
}

impl Seen {
    /// Lines come in the order they were read, so the first of a kind stays.
    fn add(&mut self, line: &Line) {
        self.first.get_or_insert(line.at);
        if line.news != News::Other {
            self.settled.get_or_insert((line.at, line.news));
        }
    }
}

impl Tracker {
    /// From now on `id` is a payment that began at `since`.
    pub fn claim(&mut self, id: String, since: Instant) {
        self.results.claimed += 1;
        let seen = self.early.remove(&id).unwrap_or_default();
        match seen.settled {
            Some(_) => self.results.settle(since, seen),
            None => {
                self.open.insert(id, Open { since, seen });
            }
        }
    }

    pub fn see(&mut self, line: &Line) {
        for name in &line.names {
            if let Some(open) = self.open.get_mut(name) {
                open.seen.add(line);
                if open.seen.settled.is_some()
                    && let Some(done) = self.open.remove(name)
                {
                    self.results.settle(done.since, done.seen);
                }
            } else {
                self.keep(name, line);
            }
        }
    }

    fn keep(&mut self, name: &str, line: &Line) {
        match self.early.entry(name.to_owned()) {
            Entry::Occupied(mut seen) => seen.get_mut().add(line),
            Entry::Vacant(place) => {
                place.insert(Seen::default()).add(line);
                self.early_order.push_back(name.to_owned());
            }
        }
        if self.early_order.len() > EARLY_HELD
            && let Some(oldest) = self.early_order.pop_front()
        {
            self.early.remove(&oldest);
        }
    }

    /// Payments that are settled, either way.
    pub fn settled(&self) -> u64 {
        self.results.confirmed.count() + self.results.refused
    }

    pub fn is_settled(&self) -> bool {
        self.open.is_empty()
    }

    /// What is still open now counts as missing.
    pub fn finish(mut self) -> Results {
        for open in self.open.into_values() {
            self.results.unsettled += 1;
            self.results.note_first(open.since, open.seen);
        }
        self.results
    }
}

impl Results {
    fn settle(&mut self, since: Instant, seen: Seen) {
        self.note_first(since, seen);
        match seen.settled {
            Some((at, News::Confirmed)) => {
                self.confirmed.record(at.saturating_duration_since(since));
                self.last_settled = self.last_settled.max(Some(at));
            }
            Some((at, News::Refused | News::Other)) => {
                self.refused += 1;
                self.last_settled = self.last_settled.max(Some(at));
            }
            None => self.unsettled += 1,
        }
    }

    fn note_first(&mut self, since: Instant, seen: Seen) {
        match seen.first {
            Some(at) => self.first.record(at.saturating_duration_since(since)),
            None => self.no_line += 1,
        }
    }
}

/// The payment's id from the body of a 202.
pub fn id_of(answer: &Answer) -> Result<String, String> {
    #[derive(Deserialize)]
    struct Accepted {
        id: String,
    }
    serde_json::from_slice::<Accepted>(&answer.body)
        .map(|accepted| accepted.id)
        .map_err(|error| format!("a 2xx answer without a payment id: {error}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn line(at: Instant, news: News, name: &str) -> Line {
        Line { at, news, names: vec!["other-1".to_owned(), name.to_owned()] }
    }

    fn ms(of: &Histogram) -> u128 {
        of.max().unwrap().as_millis()
    }

    #[test]
    fn lines_after_the_answer_are_matched() {
        let (begin, mut tracker) = (Instant::now(), Tracker::default());
        tracker.claim("p-1".to_owned(), begin);
        for (after, news) in [(3, News::Other), (5, News::Other), (8, News::Confirmed)] {
            tracker.see(&line(begin + Duration::from_millis(after), news, "p-1"));
        }
        assert!(tracker.is_settled());
        let results = tracker.finish();
        assert_eq!((ms(&results.first), ms(&results.confirmed)), (3, 8));
    }

    #[test]
    fn lines_before_the_answer_are_matched() {
        let (begin, mut tracker) = (Instant::now(), Tracker::default());
        tracker.see(&line(begin + Duration::from_millis(2), News::Other, "p-1"));
        tracker.see(&line(begin + Duration::from_millis(4), News::Confirmed, "p-1"));
        assert_eq!(tracker.results.first.count(), 0);
        tracker.claim("p-1".to_owned(), begin);
        let results = tracker.finish();
        assert_eq!((ms(&results.first), ms(&results.confirmed)), (2, 4));
    }

    #[test]
    fn what_never_came_is_missing() {
        let (begin, mut tracker) = (Instant::now(), Tracker::default());
        for id in ["p-1", "p-2", "p-3"] {
            tracker.claim(id.to_owned(), begin);
        }
        tracker.see(&line(begin, News::Other, "p-1"));
        tracker.see(&line(begin, News::Refused, "p-2"));
        let results = tracker.finish();
        assert_eq!((results.claimed, results.no_line, results.unsettled), (3, 1, 2));
        assert_eq!(results.refused, 1);
    }

    #[test]
    fn early_names_are_bounded() {
        let (begin, mut tracker) = (Instant::now(), Tracker::default());
        for number in 0..2 * EARLY_HELD {
            tracker.see(&line(begin, News::Other, &format!("p-{number}")));
        }
        assert!(tracker.early.len() <= EARLY_HELD && tracker.early_order.len() <= EARLY_HELD);
    }
}
