//! Getting well again after a failure of the disk, without a restart.
//!
//! A database that failed takes no more writes, but can still be read. So it stays until a file on
//! the same disk can be written; only then is it dropped and opened again, during which reads wait.
//! That goes on, at growing intervals, until it takes a write.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::folder::OpenError;
use crate::keyspaces::Db;
use crate::shared::Shared;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Whoever fails again so soon was not well: the intervals go on growing.
const RELAPSE: Duration = Duration::from_mins(1);
/// How often it is looked whether the last reader has let the failed database go.
const READER_PAUSE: Duration = Duration::from_millis(10);

/// A database that failed, on its way to being opened again.
pub(super) struct Reopening {
    /// The one that failed, once nobody new can read it.
    leaving: Option<Arc<Db>>,
    began: Instant,
    attempts: u32,
    next: Instant,
    is_damage_told: bool,
}

/// What is remembered of the last recovery: when it was, and after how many attempts.
#[derive(Default)]
pub(super) struct Relapses(Option<(Instant, u32)>);

impl Reopening {
    /// From now on there are no writes.
    pub(super) fn begin(shared: &Shared) -> Self {
        shared.set_takes_writes(false);
        let now = Instant::now();
        Self { leaving: None, began: now, attempts: 0, next: now, is_damage_told: false }
    }

    /// The same, with longer intervals if the last recovery did not last.
    pub(super) fn after(mut self, relapses: &Relapses) -> Self {
        if let Some((at, attempts)) = relapses.0
            && at.elapsed() < RELAPSE
        {
            self.next += pause_after(attempts);
            self.attempts = attempts + 1;
        }
        self
    }

    /// How long until there is something to do.
    pub(super) fn pause(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// Tries again if it is time. `None` when the database takes writes.
    pub(super) fn step(mut self, shared: &Arc<Shared>, relapses: &mut Relapses) -> Option<Self> {
        if !self.pause().is_zero() {
            return Some(self);
        }
        if self.leaving.is_none() {
            if let Err(error) = shared.probe() {
                return Some(self.put_off(&error));
            }
            self.leaving = shared.close_db();
        }
        // The last reader that lets it go drops it.
        self.leaving = self.leaving.and_then(|leaving| Arc::try_unwrap(leaving).err());
        if self.leaving.is_some() {
            self.next = Instant::now() + READER_PAUSE;
            return Some(self);
        }
        let opened = shared.open_db().and_then(|db| shared.check_writes(&db));
        if let Err(error) = opened {
            if matches!(error, OpenError::Damaged { .. }) && !self.is_damage_told {
                self.is_damage_told = true;
                let error: &dyn Error = &error;
                tracing::error!(error, "the database cannot be opened again");
            }
            return Some(self.put_off(&error));
        }
        shared.set_takes_writes(true);
        relapses.0 = Some((Instant::now(), self.attempts));
        let seconds = self.began.elapsed().as_secs_f32();
        // The end of what was told as an error, so whoever saw that sees this.
        tracing::warn!(seconds, "the database takes writes again");
        None
    }

    fn put_off(mut self, error: &(dyn Error + 'static)) -> Self {
        tracing::debug!(attempts = self.attempts + 1, error, "the database takes no writes yet");
        self.next = Instant::now() + pause_after(self.attempts);
        self.attempts += 1;
        self
    }
}

fn pause_after(attempts: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << attempts.min(10)).min(LONGEST_PAUSE)
}
