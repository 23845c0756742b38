//! The consumer runtime: joins a group, hands batches to a handler, commits after the effect.
//!
//! One batch per partition is under way at a time; partitions run in parallel. A revocation ends the
//! waits of its partitions' batches, lets them finish and commit, and only then gives them up.

mod batch;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::bus::{BusError, Committer, ConsumerGroups, GroupEvent, GroupMember};
use comptoir_domain::port::handler::Handler;
use comptoir_domain::port::platform::Platform;
use comptoir_domain::record::StoredRecord;
use comptoir_domain::topic::{GroupId, Topic, TopicPartition};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::batch::Batches;
use crate::backoff::Backoff;
use crate::context::Context;
use crate::dead_letters::DeadLetters;
use crate::dependencies::Dependencies;
use crate::supervise::TaskResult;

/// How long batches in hand may take to finish after a revocation or a stop. What is not finished is
/// not committed, so it is delivered again.
const FINISH_GRACE: Duration = Duration::from_secs(3);
/// How often a new member looks whether its group has settled, which no event tells.
const SETTLED_CHECK: Duration = Duration::from_millis(250);
/// How long leaving the group may take.
const LEAVE_GRACE: Duration = Duration::from_millis(500);

/// Consumes one topic in the name of a group.
pub struct Consumer<P: Platform, H> {
    groups: P::Groups,
    group: GroupId,
    topic: Topic,
    batches: Arc<Batches<P, H>>,
    dependencies: Dependencies,
    context: Context,
}

type Member<P> = <<P as Platform>::Groups as ConsumerGroups>::Member;
type Commits<P> = <<P as Platform>::Groups as ConsumerGroups>::Committer;

impl<P: Platform, H: Handler> Consumer<P, H> {
    /// A consumer of `topic` for `group`. `dependencies` are told when the group's partitions have
    /// their owners, and when the log is away.
    pub fn new(
        platform: &P,
        (group, topic): (GroupId, Topic),
        handler: H,
        dependencies: Dependencies,
        context: Context,
    ) -> Self {
        dependencies.log_is_away();
        let (clock, ids) = (Arc::clone(&context.clock), Arc::clone(&context.ids));
        let letters = DeadLetters::new(platform.publisher(), group.clone(), clock, ids);
        let batches = Arc::new(Batches::new(handler, letters, context.clone()));
        Self {
            groups: platform.groups(),
            group,
            topic,
            batches,
            dependencies,
            context,
        }
    }

    /// Runs until the stop token is cancelled: then finishes what is in hand, commits it and leaves.
    pub async fn run(self) -> TaskResult {
        let stop = self.context.stop.clone();
        let mut backoff = Backoff::new(Arc::clone(&self.context.ids));
        while !stop.is_cancelled() {
            let joining = self
                .groups
                .join(&self.group, std::slice::from_ref(&self.topic));
            let error = match stop.run_until_cancelled(joining).await {
                None => break,
                Some(Err(error)) => error,
                Some(Ok((member, committer))) => {
                    backoff.reset();
                    match self.consume(member, committer).await {
                        Ok(()) => break,
                        Err(error) => error,
                    }
                }
            };
            self.dependencies.log_is_away();
            tracing::warn!(group = %self.group, error = &error as &dyn std::error::Error,
                "the group cannot be read; joining it again");
            backoff.wait(&stop).await;
        }
        Ok(())
    }

    /// One membership, until the stop (`Ok`) or until it has to be taken up anew.
    async fn consume(&self, mut member: Member<P>, commits: Commits<P>) -> Result<(), BusError> {
        let mut work = Work::default();
        let mut told = false;
        let ended = loop {
            if !told && member.is_settled() {
                self.dependencies.log_is_up();
                told = true;
            }
            tokio::select! {
                biased;
                () = self.context.stop.cancelled() => break Ok(()),
                Some(done) = work.next_done() => match done {
                    Ok(at) => work.forget(&at),
                    Err(crashed) => break Err(crashed),
                },
                event = member.next() => match event {
                    Ok(GroupEvent::Records { at, batch }) => self.start(&mut work, &commits, at, batch),
                    Ok(GroupEvent::Revoking(partitions)) => {
                        work.finish(&partitions).await;
                        member.release(&partitions).await?;
                    }
                    Ok(GroupEvent::Lost(partitions)) => work.abandon(&partitions),
                    Err(error) => break Err(error),
                },
                () = sleep(SETTLED_CHECK), if !told => {}
            }
        };
        work.finish_all().await;
        if let Ok(Err(error)) = timeout(LEAVE_GRACE, member.leave()).await {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "leaving the group failed"
            );
        }
        ended
    }

    fn start(
        &self,
        work: &mut Work,
        commits: &Commits<P>,
        at: TopicPartition,
        records: Vec<StoredRecord>,
    ) {
        let hurry = CancellationToken::new();
        let (batches, commits) = (Arc::clone(&self.batches), commits.clone());
        let (partition, until) = (at.clone(), hurry.clone());
        let task = work.tasks.spawn(async move {
            let next = batches.process(&partition, &records, &until).await;
            if let Some(next) = next {
                commit(&commits, &partition, next, &batches, &until).await;
            }
            partition
        });
        work.running.insert(at, Running { hurry, task });
    }
}

/// Commits with patience: a log that is away holds the partition, and a partition that was given
/// away needs no commit of ours.
async fn commit<P: Platform, H: Handler>(
    commits: &impl Committer,
    at: &TopicPartition,
    next: comptoir_domain::topic::Offset,
    batches: &Batches<P, H>,
    hurry: &CancellationToken,
) {
    let mut backoff = batches.backoff();
    loop {
        match commits.commit(&[(at.clone(), next)]).await {
            Ok(()) => return,
            Err(BusError::Fenced) => {
                tracing::debug!(%at, "not committed: the partition belongs to another member");
                return;
            }
            Err(error) => tracing::warn!(%at, error = &error as &dyn std::error::Error,
                "the offset cannot be committed"),
        }
        if !backoff.wait(hurry).await {
            return;
        }
    }
}

#[derive(Debug)]
struct Running {
    /// Ends waits between attempts, not an attempt itself.
    hurry: CancellationToken,
    task: tokio::task::AbortHandle,
}

/// The batches under way, one per partition at most.
#[derive(Debug, Default)]
struct Work {
    tasks: JoinSet<TopicPartition>,
    running: HashMap<TopicPartition, Running>,
}

impl Work {
    /// The partition of a batch that ended, or what ended it otherwise; `None` if there is no batch.
    async fn next_done(&mut self) -> Option<Result<TopicPartition, BusError>> {
        match self.tasks.join_next().await? {
            Ok(at) => Some(Ok(at)),
            Err(crashed) if crashed.is_panic() => Some(Err(BusError::Unavailable(crashed.into()))),
            // Aborted: its partition was lost and is forgotten already.
            Err(_) => None,
        }
    }

    fn forget(&mut self, at: &TopicPartition) {
        if self
            .running
            .get(at)
            .is_some_and(|running| running.task.is_finished())
        {
            self.running.remove(at);
        }
    }

    fn abandon(&mut self, partitions: &[TopicPartition]) {
        for at in partitions {
            if let Some(running) = self.running.remove(at) {
                running.task.abort();
            }
        }
    }

    async fn finish(&mut self, partitions: &[TopicPartition]) {
        for running in partitions.iter().filter_map(|at| self.running.get(at)) {
            running.hurry.cancel();
        }
        let wait = async {
            while partitions.iter().any(|at| self.running.contains_key(at)) {
                match self.tasks.join_next().await {
                    Some(Ok(at)) => self.forget(&at),
                    Some(Err(_)) => {}
                    None => break,
                }
            }
        };
        // Out of time or not: whatever is left of them is given up.
        let _ = timeout(FINISH_GRACE, wait).await;
        self.abandon(partitions);
    }

    async fn finish_all(&mut self) {
        let all: Vec<_> = self.running.keys().cloned().collect();
        self.finish(&all).await;
    }
}
