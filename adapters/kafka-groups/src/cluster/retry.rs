//! Repeating what failed.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::Cluster;
use crate::error::{KafkaError, Reaction, Result};

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);

impl Cluster {
    /// Repeats `attempt` with growing pauses while it fails in a way that repeating can help, until
    /// the deadline. Leaders and coordinators that turned out wrong were forgotten by whoever
    /// noticed, so an attempt has to lease anew.
    ///
    /// # Errors
    /// The last attempt's; [`KafkaError::Unavailable`] if the deadline passed during the first.
    pub async fn retry<T, F, Fut>(&self, deadline: Instant, mut attempt: F) -> Result<T>
    where
        F: FnMut() -> Fut + Send,
        Fut: Future<Output = Result<T>> + Send,
        T: Send,
    {
        let mut pauses = Pauses::new();
        let mut last = None;
        loop {
            let error = match timeout_at(deadline, attempt()).await {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(error)) => error,
                Err(_) => {
                    let silent =
                        || KafkaError::unavailable("the deadline passed without an answer");
                    return Err(last.unwrap_or_else(silent));
                }
            };
            let pause = pauses.next();
            match error.reaction() {
                Reaction::Retry | Reaction::Refresh | Reaction::FindCoordinator
                    if Instant::now() + pause < deadline =>
                {
                    tracing::debug!(error = %error, ?pause, "an attempt failed");
                    last = Some(error);
                    sleep(pause).await;
                }
                Reaction::Retry
                | Reaction::Refresh
                | Reaction::FindCoordinator
                | Reaction::GiveUp => return Err(error),
            }
        }
    }
}

/// Pauses that double from 50 ms to 1 s, each shortened at random by up to half, so that those who
/// failed together do not come back together.
#[derive(Debug)]
pub(crate) struct Pauses {
    next: Duration,
}

impl Pauses {
    pub(crate) fn new() -> Self {
        Self { next: FIRST }
    }

    /// The next pause.
    pub(crate) fn next(&mut self) -> Duration {
        let half = self.next / 2;
        self.next = (self.next * 2).min(LONGEST);
        // Without chance the pauses still grow.
        half + half * (getrandom::u32().unwrap_or(u32::MAX) >> 16) / u32::from(u16::MAX)
    }
}
