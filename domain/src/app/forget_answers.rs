//! Forgets the answers to requests that nobody repeats any more.

use std::sync::Arc;
use std::time::Duration;

use crate::port::store::{FirstAnswers, StoreError};
use crate::port::world::Clock;

/// How long the first answer to a request is kept, at least.
pub const KEPT_FOR: Duration = Duration::from_hours(24);

/// About how many answers one sweep forgets at most.
pub const SWEEP_LIMIT: usize = 500;

/// Forgets answers.
#[derive(Debug)]
pub struct ForgetAnswers<R> {
    answers: R,
    clock: Arc<dyn Clock>,
}

impl<R: FirstAnswers> ForgetAnswers<R> {
    /// The use case over its ports.
    pub fn new(answers: R, clock: Arc<dyn Clock>) -> Self {
        Self { answers, clock }
    }

    /// Forgets what is older than [`KEPT_FOR`], about [`SWEEP_LIMIT`] answers at most, and says how
    /// many it was. Any instance may sweep.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        let before = self.clock.now().minus(KEPT_FOR);
        self.answers.forget_answers(before, SWEEP_LIMIT).await
    }
}
