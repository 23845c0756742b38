//! What happened, in order, for people to read; and a hash of it, to compare two runs.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Mutex;
use std::time::Duration;

use crate::clock::TrueTime;
use crate::world::lock;

#[derive(Debug)]
struct Step {
    at: Duration,
    who: String,
    what: String,
}

/// The history of a run.
#[derive(Debug)]
pub(crate) struct Journal {
    time: TrueTime,
    steps: Mutex<Vec<Step>>,
}

impl Journal {
    pub(crate) fn new(time: TrueTime) -> Self {
        Self { time, steps: Mutex::default() }
    }

    pub(crate) fn tell(&self, who: &str, what: String) {
        let at = self.time.elapsed();
        lock(&self.steps).push(Step { at, who: who.to_owned(), what });
    }

    pub(crate) fn len(&self) -> u64 {
        lock(&self.steps).len() as u64
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
