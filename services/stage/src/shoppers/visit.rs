//! What clients remember.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use crate::asked::Asked;

/// How a request was answered, each time that it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answered {
    /// 2xx.
    Done,
    /// 4xx.
    Refused,
    /// 5xx.
    Unavailable,
    /// The connection ended instead.
    Cut,
    /// Nobody listened.
    Nobody,
}

/// All that was asked, and how it went.
#[derive(Debug, Default)]
pub struct Visit {
    /// What somebody was asked. Where nobody listened, nothing was.
    pub asked: Vec<Asked>,
    /// How often each kind of request was answered how.
    pub answers: BTreeMap<(&'static str, Answered), usize>,
    /// The longest that a client went without the answer that it wanted, by kind of request.
    pub longest_without: BTreeMap<&'static str, Duration>,
    /// The token of each user that logged in.
    pub tokens: HashMap<String, String>,
    without_since: HashMap<&'static str, Instant>,
}

impl Visit {
    pub(super) fn note(&mut self, what: &'static str, answered: Answered, began: Instant) {
        *self.answers.entry((what, answered)).or_default() += 1;
        match answered {
            Answered::Done | Answered::Refused => self.ends_without(what),
            Answered::Unavailable | Answered::Cut | Answered::Nobody => {
                self.without_since.entry(what).or_insert(began);
            }
        }
    }

    fn ends_without(&mut self, what: &'static str) {
        if let Some(since) = self.without_since.remove(what) {
            let longest = self.longest_without.entry(what).or_default();
            *longest = since.elapsed().max(*longest);
        }
    }

    /// What still had no answer, has none.
    pub(super) fn end(&mut self) {
        let waiting: Vec<_> = self.without_since.keys().copied().collect();
        for what in waiting {
            self.ends_without(what);
        }
    }

    /// Adds what another client remembers.
    pub fn add(&mut self, other: Self) {
        self.asked.extend(other.asked);
        self.tokens.extend(other.tokens);
        for (key, count) in other.answers {
            *self.answers.entry(key).or_default() += count;
        }
        for (what, time) in other.longest_without {
            let longest = self.longest_without.entry(what).or_default();
            *longest = time.max(*longest);
        }
    }

    /// How many requests were answered so.
    pub fn count(&self, what: &'static str, answered: Answered) -> usize {
        self.answers.get(&(what, answered)).copied().unwrap_or_default()
    }

    /// How often anything was answered so.
    pub fn total(&self, answered: Answered) -> usize {
        self.answers.iter().filter(|((_, one), _)| *one == answered).map(|(_, count)| count).sum()
    }
}
