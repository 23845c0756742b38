//! What happened, in order, for people to read; and a hash of it, to compare two runs.

use std::fmt::{Display, Write as _};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::TrueTime;
use crate::world::lock;

/// Whether anybody is to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum History {
    Written,
    Counted,
}

#[derive(Debug)]
struct Step {
    at: Duration,
    who: String,
    what: String,
}

/// The history of a run. Only the number of its steps, unless somebody is to read it: to find the
/// words takes longer than all the rest.
#[derive(Debug)]
pub(crate) struct Journal {
    time: TrueTime,
    is_written: bool,
    count: AtomicU64,
    steps: Mutex<Vec<Step>>,
}

impl Journal {
    pub(crate) fn new(time: TrueTime, history: History) -> Self {
        let is_written = history == History::Written;
        Self { time, is_written, count: AtomicU64::new(0), steps: Mutex::default() }
    }

    pub(crate) fn tell(&self, who: &str, what: impl Display) {
        self.count.fetch_add(1, Ordering::Relaxed);
        if self.is_written {
            let (at, what) = (self.time.elapsed(), what.to_string());
            lock(&self.steps).push(Step { at, who: who.to_owned(), what });
        }
    }

    /// Words for what is about to happen; none if nobody reads them.
    pub(crate) fn words(&self, words: impl FnOnce() -> String) -> String {
        if self.is_written { words() } else { String::new() }
    }

    pub(crate) fn len(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn hash(&self) -> u64 {
        // The same in every process, unlike that of a `HashMap`.
        let mut hasher = DefaultHasher::new();
        for Step { at, who, what } in &*lock(&self.steps) {
            (at, who, what).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// All of it, a line for each step.
    pub(crate) fn print(&self) -> String {
        let mut text = String::new();
        for Step { at, who, what } in &*lock(&self.steps) {
            // Writing to a string never fails.
            let _ = writeln!(text, "{:>9.3} s  {who:<16} {what}", at.as_secs_f64());
        }
        text
    }
}
