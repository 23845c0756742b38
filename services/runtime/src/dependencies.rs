//! What a service leans on, and what it means to the service when that is away.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use comptoir_http::{Condition, Readiness};

const LOG: &str = "log";
const STORE: &str = "store";

/// Tells a service's readiness how log and store are.
#[derive(Debug, Clone)]
pub struct Dependencies {
    readiness: Readiness,
    without_log: Condition,
    watches: Arc<Mutex<Watches>>,
}

/// Those who watch the log, by number.
#[derive(Debug, Default)]
struct Watches {
    given: usize,
    away: BTreeSet<usize>,
}

impl Dependencies {
    fn new(readiness: Readiness, without_log: Condition) -> Self {
        Self { readiness, without_log, watches: Arc::default() }
    }

    /// For a service whose work goes on without the log, because its outbox covers that.
    pub fn log_is_covered(readiness: Readiness) -> Self {
        Self::new(readiness, Condition::Degraded)
    }

    /// For a service that can do nothing without the log.
    pub fn log_is_needed(readiness: Readiness) -> Self {
        Self::new(readiness, Condition::Missing)
    }

    /// One more who watches the log, such as a consumer or a relay. The log is up if none of them
    /// finds it away, so that the success of one does not hide the failure of another.
    pub fn watch_log(&self) -> LogWatch {
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.given += 1;
        LogWatch { dependencies: self.clone(), number: watches.given }
    }

    /// The store answers.
    pub fn store_is_up(&self) {
        self.readiness.set_up(STORE);
    }

    /// The store does not answer, or has not yet.
    pub fn store_is_away(&self) {
        self.readiness.set_missing(STORE);
    }
}

/// What one of those who use the log knows about it. At first it knows of nothing bad.
#[derive(Debug)]
pub struct LogWatch {
    dependencies: Dependencies,
    number: usize,
}

impl LogWatch {
    /// The log answers.
    pub fn is_up(&self) {
        self.tell(|away| away.remove(&self.number));
    }

    /// The log does not answer, or has not yet.
    pub fn is_away(&self) {
        self.tell(|away| away.insert(self.number));
    }

    fn tell(&self, change: impl FnOnce(&mut BTreeSet<usize>) -> bool) {
        let Dependencies { readiness, without_log, watches } = &self.dependencies;
        // Held while readiness is told, so that two changes are told in their order.
        let mut watches = watches.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut watches.away);
        let condition = if watches.away.is_empty() { Condition::Up } else { *without_log };
        readiness.set(LOG, condition);
    }
}
