//! Owns every task of a program. The first signal, or the first task that ends, stops all of them;
//! then there is a deadline, and a second signal ends the wait.

use std::future::Future;
use std::time::Duration;

use comptoir_domain::port::BoxError;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// How long work in hand may take after a stop.
const WORK_GRACE: Duration = Duration::from_millis(3_500);
/// How long relays may then take to publish what is left. What they leave is in the outbox.
const FLUSH_GRACE: Duration = Duration::from_secs(1);

/// What a task ends with; nothing should end before it is asked to.
pub type TaskResult = Result<(), BoxError>;

/// The tasks of a program, in two stages: those that work, and relays, which publish what the
/// others still store while they stop.
#[derive(Debug)]
pub struct Tasks {
    stop: CancellationToken,
    flush: CancellationToken,
    work: JoinSet<(&'static str, TaskResult)>,
    relays: JoinSet<(&'static str, TaskResult)>,
}

impl Tasks {
    /// No tasks yet; `stop` will be cancelled when the program should end.
    pub fn new(stop: CancellationToken) -> Self {
        let flush = CancellationToken::new();
        Self { stop, flush, work: JoinSet::new(), relays: JoinSet::new() }
    }

    /// Owns a task that ends when the program's stop token is cancelled.
    pub fn work(
        &mut self,
        name: &'static str,
        task: impl Future<Output = TaskResult> + Send + 'static,
    ) {
        self.work.spawn(async move { (name, task.await) });
    }

    /// Owns a relay. It gets a token of its own, cancelled when all work has ended.
    pub fn relay<F>(&mut self, name: &'static str, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = TaskResult> + Send + 'static,
    {
        let task = task(self.flush.clone());
        self.relays.spawn(async move { (name, task.await) });
    }

    /// Runs until a signal, a cancelled stop token or the end of any task; then stops the rest.
    /// A second signal ends the wait for them. True if everything ended as it should.
    pub async fn run(mut self, mut signal: impl AsyncFnMut()) -> bool {
        let mut clean = tokio::select! {
            biased;
            Some(ended) = self.work.join_next() => report(ended) && self.stop.is_cancelled(),
            Some(ended) = self.relays.join_next() => {
                report(ended);
                false
            }
            () = self.stop.cancelled() => true,
            () = signal() => true,
        };
        self.stop.cancel();
        let drained = tokio::select! {
            biased;
            drained = self.drain() => drained,
            () = signal() => {
                tracing::warn!("ended by a second signal");
                false
            }
        };
        clean &= drained;
        self.work.abort_all();
        self.relays.abort_all();
        clean
    }

    async fn drain(&mut self) -> bool {
        let worked = join_all(&mut self.work, WORK_GRACE, "work in hand").await;
        self.flush.cancel();
        worked & join_all(&mut self.relays, FLUSH_GRACE, "the relays").await
    }
}

async fn join_all(
    tasks: &mut JoinSet<(&'static str, TaskResult)>,
    grace: Duration,
    what: &str,
) -> bool {
    let mut clean = true;
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            clean &= report(ended);
        }
    };
    let in_time = tokio::time::timeout(grace, all).await.is_ok();
    if !in_time {
        tracing::warn!("{what} did not end within {} ms", grace.as_millis());
    }
    clean && in_time
}

/// Says how a task ended; true if it ended well.
fn report(ended: Result<(&'static str, TaskResult), JoinError>) -> bool {
    match ended {
        Ok((task, Ok(()))) => {
            tracing::debug!(task, "ended");
            true
        }
        Ok((task, Err(error))) => {
            tracing::error!(task, error = &*error as &dyn std::error::Error, "failed");
            false
        }
        Err(panicked) => {
            tracing::error!(%panicked, "a task crashed");
            false
        }
    }
}
