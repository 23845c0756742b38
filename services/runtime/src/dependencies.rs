//! What a service leans on, and what it means to the service when that is away.

use comptoir_http::{Condition, Readiness};

const LOG: &str = "log";
const STORE: &str = "store";

/// Tells a service's readiness how log and store are.
#[derive(Debug, Clone)]
pub struct Dependencies {
    readiness: Readiness,
    without_log: Condition,
}

impl Dependencies {
    /// For a service whose work goes on without the log, because its outbox covers that.
    pub fn log_is_covered(readiness: Readiness) -> Self {
        Self {
            readiness,
            without_log: Condition::Degraded,
        }
    }

    /// For a service that can do nothing without the log.
    pub fn log_is_needed(readiness: Readiness) -> Self {
        Self {
            readiness,
            without_log: Condition::Missing,
        }
    }

    /// The log answers.
    pub fn log_is_up(&self) {
        self.readiness.set_up(LOG);
    }

    /// The log does not answer, or has not yet.
    pub fn log_is_away(&self) {
        self.readiness.set(LOG, self.without_log);
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
