//! What a service leans on, and what it means to the service when that is away.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use comptoir_domain::port::platform::{Log, Platform};
use comptoir_http::{Condition, Readiness};

/// Never told: a service without a store has none that could be away.
const NO_STORE: &str = "store";

/// Tells a service's readiness how log and store are.
#[derive(Debug, Clone)]
pub struct Dependencies {
    readiness: Readiness,
    log: &'static str,
    without_log: Condition,
    store: &'static str,
    watches: Arc<Mutex<Watches>>,
}

/// Those who watch the log, by number.
#[derive(Debug, Default)]
struct Watches {
    given: usize,
    away: BTreeSet<usize>,
}

impl Dependencies {
    /// For a service whose work goes on without the log, because its outbox covers that.
    pub fn log_is_covered<P: Platform>(readiness: Readiness) -> Self {
        let without_log = Condition::Degraded;
        Self { without_log, ..Self::log_and_store_are_needed::<P>(readiness) }
    }

    /// For a service that can do nothing without log and store.
    pub fn log_and_store_are_needed<P: Platform>(readiness: Readiness) -> Self {
        Self { store: P::STORE_NAME, ..Self::log_is_needed::<P>(readiness) }
    }

    /// For a service that keeps nothing, and can do nothing without the log.
    pub fn log_is_needed<L: Log>(readiness: Readiness) -> Self {
        let without_log = Condition::Missing;
        Self { readiness, log: L::LOG_NAME, without_log, store: NO_STORE, watches: Arc::default() }
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
        self.readiness.set_up(self.store);
    }

    /// The store does not answer, or has not yet.
    pub fn store_is_away(&self) {
        self.readiness.set_missing(self.store);
    }
}

/// What one of those who use the log knows about it. A new one, and one that is gone, know of nothing
/// bad.
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
        let Dependencies { readiness, log, without_log, watches, .. } = &self.dependencies;
        // Held while readiness is told, so that two changes are told in their order.
        let mut watches = watches.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut watches.away);
        let condition = if watches.away.is_empty() { Condition::Up } else { *without_log };
        readiness.set(log, condition);
    }
}

impl Drop for LogWatch {
    fn drop(&mut self) {
        self.is_up();
    }
}

#[cfg(test)]
mod tests {
    use comptoir_memory::Memory;

    use super::*;

    #[test]
    fn whoever_is_gone_knows_of_nothing_bad() {
        let readiness = Readiness::default();
        let dependencies = Dependencies::log_is_needed::<Memory>(readiness.clone());
        let (stays, goes) = (dependencies.watch_log(), dependencies.watch_log());
        stays.is_up();
        goes.is_away();
        assert!(!readiness.is_ready());
        drop(goes);
        assert!(readiness.is_ready());
    }
}
