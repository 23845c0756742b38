//! The batches that a consumer has under way, one per partition at most.

use std::collections::BTreeMap;
use std::future::Future;

use comptoir_domain::port::bus::BusError;
use comptoir_domain::topic::TopicPartition;
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::stop_times::FINISH;

#[derive(Debug)]
struct Running {
    /// Ends waits between attempts, not an attempt itself.
    hurry: CancellationToken,
    task: AbortHandle,
}

/// The batches under way.
#[derive(Debug, Default)]
pub(super) struct Work {
    tasks: JoinSet<TopicPartition>,
    running: BTreeMap<TopicPartition, Running>,
}

impl Work {
    /// Begins a batch. `hurry` is cancelled when it should come to an end.
    ///
    /// The next batch of a partition comes once the last one is committed. If that one is still here,
    /// the answer to its commit was lost; repeated now, the commit would set the group back.
    pub(super) fn start(
        &mut self,
        at: TopicPartition,
        hurry: CancellationToken,
        batch: impl Future<Output = TopicPartition> + Send + 'static,
    ) {
        let task = self.tasks.spawn(batch);
        if let Some(last) = self.running.insert(at, Running { hurry, task }) {
            last.task.abort();
        }
    }

    /// The partition of a batch that ended, or the crash that ended it; `None` if there is no batch.
    pub(super) async fn next_done(&mut self) -> Option<Result<TopicPartition, BusError>> {
        loop {
            match self.tasks.join_next().await? {
                Ok(at) => return Some(Ok(at)),
                Err(ended) => {
                    if let Some(crash) = crash(ended) {
                        return Some(Err(crash));
                    }
                }
            }
        }
    }

    /// Strikes a batch out, unless the partition has begun another one meanwhile.
    pub(super) fn forget(&mut self, at: &TopicPartition) {
        if self.running.get(at).is_some_and(|running| running.task.is_finished()) {
            self.running.remove(at);
        }
    }

    /// Gives batches up where they are.
    pub(super) fn abandon(&mut self, partitions: &[TopicPartition]) {
        for at in partitions {
            if let Some(running) = self.running.remove(at) {
                running.task.abort();
            }
        }
    }

    /// Lets batches come to their end, and gives them up if that takes too long. Dropping the future
    /// gives none up.
    ///
    /// # Errors
    /// If any batch crashed meanwhile.
    pub(super) async fn finish(&mut self, partitions: &[TopicPartition]) -> Result<(), BusError> {
        for running in partitions.iter().filter_map(|at| self.running.get(at)) {
            running.hurry.cancel();
        }
        let wait = async {
            while partitions.iter().any(|at| self.running.contains_key(at)) {
                match self.tasks.join_next().await {
                    Some(Ok(at)) => self.forget(&at),
                    Some(Err(ended)) => {
                        if let Some(crash) = crash(ended) {
                            return Err(crash);
                        }
                    }
                    None => break,
                }
            }
            Ok(())
        };
        // Out of time or not: whatever is left of them is given up.
        let finished = timeout(FINISH, wait).await.unwrap_or(Ok(()));
        self.abandon(partitions);
        finished
    }

    pub(super) async fn finish_all(&mut self) -> Result<(), BusError> {
        let all: Vec<_> = self.running.keys().cloned().collect();
        self.finish(&all).await
    }
}

/// A crash, which must not pass unnoticed. A batch that was given up is none.
fn crash(ended: JoinError) -> Option<BusError> {
    ended.is_panic().then(|| BusError::Unavailable(ended.into()))
}
