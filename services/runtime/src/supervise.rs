//! Owns every task of a program. The first signal, or the first task that ends, stops all of them;
//! then there is a deadline, and a second signal ends the wait.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use comptoir_domain::port::BoxError;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::stop_times::{FLUSH, ONE_REQUEST, WORK};

/// What a task ends with; nothing should end before it is asked to.
pub type TaskResult = Result<(), BoxError>;

/// The tasks of a program, in two stages: those that work, and relays, which publish what the
/// others still store while they stop.
#[derive(Debug)]
pub struct Tasks {
    stop: CancellationToken,
    flush: CancellationToken,
    work: Crew,
    relays: Crew,
}

impl Tasks {
    /// No tasks yet; `stop` will be cancelled when the program should end.
    pub fn new(stop: CancellationToken) -> Self {
        let flush = CancellationToken::new();
        Self { stop, flush, work: Crew::default(), relays: Crew::default() }
    }

    /// Owns a task that ends when the program's stop token is cancelled.
    pub fn work(
        &mut self,
        name: &'static str,
        task: impl Future<Output = TaskResult> + Send + 'static,
    ) {
        self.work.spawn(name, task);
    }

    /// Owns a relay. It gets a token of its own, cancelled when all work has ended.
    pub fn relay<F>(&mut self, name: &'static str, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = TaskResult> + Send + 'static,
    {
        self.relays.spawn(name, task(self.flush.clone()));
    }

    /// Runs until a signal, a cancelled stop token or the end of any task; then stops the rest.
    /// A further signal, unless it belongs to the first ([`ONE_REQUEST`]), ends the wait for them. True
    /// if everything ended as it should.
    pub async fn run(mut self, mut signal: impl AsyncFnMut()) -> bool {
        let mut asked = None;
        let mut clean = tokio::select! {
            biased;
            Some(well) = self.work.next_end() => well && self.stop.is_cancelled(),
            Some(_) = self.relays.next_end() => false,
            () = self.stop.cancelled() => true,
            () = signal() => {
                asked = Some(Instant::now());
                true
            }
        };
        self.stop.cancel();
        let drained = tokio::select! {
            biased;
            drained = self.drain() => drained,
            () = another(&mut signal, asked) => {
                tracing::warn!("ended by a second signal");
                false
            }
        };
        clean &= drained;
        self.work.tasks.abort_all();
        self.relays.tasks.abort_all();
        clean
    }

    async fn drain(&mut self) -> bool {
        let worked = self.work.all_end(WORK, "work in hand").await;
        self.flush.cancel();
        worked & self.relays.all_end(FLUSH, "the relays").await
    }
}

/// Waits for a signal that is not part of the one that `asked`.
async fn another(signal: &mut impl AsyncFnMut(), asked: Option<Instant>) {
    loop {
        signal().await;
        if asked.is_none_or(|at| at.elapsed() > ONE_REQUEST) {
            return;
        }
    }
}

/// Tasks with their names, which a crash does not tell.
#[derive(Debug, Default)]
struct Crew {
    tasks: JoinSet<TaskResult>,
    names: HashMap<Id, &'static str>,
}

impl Crew {
    fn spawn(
        &mut self,
        name: &'static str,
        task: impl Future<Output = TaskResult> + Send + 'static,
    ) {
        let id = self.tasks.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Waits for the next end and says how it was; true if it was good. `None` if all have ended.
    async fn next_end(&mut self) -> Option<bool> {
        let (id, ended) = match self.tasks.join_next_with_id().await? {
            Ok((id, ended)) => (id, Ok(ended)),
            Err(crash) => (crash.id(), Err(crash)),
        };
        let name = self.names.remove(&id).unwrap_or("a task");
        Some(report(name, ended))
    }

    async fn all_end(&mut self, grace: Duration, what: &str) -> bool {
        let mut clean = true;
        let all = async {
            while let Some(well) = self.next_end().await {
                clean &= well;
            }
        };
        let in_time = tokio::time::timeout(grace, all).await.is_ok();
        if !in_time {
            let late: Vec<_> = self.names.values().collect();
            tracing::warn!(?late, "{what} did not end within {} ms", grace.as_millis());
        }
        clean && in_time
    }
}

/// Says how a task ended; true if it ended well.
fn report(task: &'static str, ended: Result<TaskResult, JoinError>) -> bool {
    match ended {
        Ok(Ok(())) => {
            tracing::debug!(task, "ended");
            true
        }
        Ok(Err(error)) => {
            tracing::error!(task, error = &*error as &dyn std::error::Error, "failed");
            false
        }
        Err(crash) => {
            tracing::error!(task, %crash, "crashed");
            false
        }
    }
}
