//! Getting well again after a failure of the disk, without a restart: the database is dropped and
//! opened again, at growing intervals, until it takes a write.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::keyspaces::Db;
use crate::shared::Shared;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often it is looked whether the last reader has let the failed database go.
const READER_PAUSE: Duration = Duration::from_millis(10);

/// A database that failed, on its way to being opened again.
pub(super) struct Reopening {
    failed: Option<Arc<Db>>,
    attempts: u32,
    next: Instant,
}

impl Reopening {
    pub(super) fn after(failed: Arc<Db>) -> Self {
        Self { failed: Some(failed), attempts: 0, next: Instant::now() }
    }

    /// How long until there is something to do.
    pub(super) fn pause(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// Tries again if it is time. `None` when the database is open.
    pub(super) fn step(mut self, shared: &Arc<Shared>) -> Option<Self> {
        if !self.pause().is_zero() {
            return Some(self);
        }
        // The last reader that lets it go drops it.
        self.failed = self.failed.and_then(|failed| Arc::try_unwrap(failed).err());
        if self.failed.is_some() {
            self.next = Instant::now() + READER_PAUSE;
            return Some(self);
        }
        match shared.open_db() {
            Ok(()) => {
                tracing::info!(attempts = self.attempts + 1, "the database is open again");
                None
            }
            Err(error) => {
                tracing::warn!(
                    attempts = self.attempts + 1,
                    error = &error as &dyn std::error::Error,
                    "the database cannot be opened again yet"
                );
                self.next = Instant::now() + pause_after(self.attempts);
                self.attempts += 1;
                Some(self)
            }
        }
    }
}

fn pause_after(attempts: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << attempts.min(10)).min(LONGEST_PAUSE)
}
