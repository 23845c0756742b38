//! The consumer runtime: joins a group, hands batches to a handler, commits after the effect.
//!
//! One batch per partition is under way at a time; partitions run in parallel. A revocation ends the
//! waits of its partitions' batches, lets them finish and commit, and only then gives them up.

mod batch;
mod work;

use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::bus::{BusError, Committer, ConsumerGroups, GroupEvent, GroupMember};
use comptoir_domain::port::handler::Handler;
use comptoir_domain::port::platform::Log;
use comptoir_domain::record::StoredRecord;
use comptoir_domain::topic::{GroupId, Topic, TopicPartition};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::batch::Batches;
use self::work::Work;
use crate::backoff::Backoff;
use crate::context::Context;
use crate::dead_letters::DeadLetters;
use crate::dependencies::{Dependencies, LogWatch};
use crate::stop_times::LEAVE;
use crate::supervise::TaskResult;

/// How often a new member looks whether its group has settled, which no event tells.
const SETTLED_CHECK: Duration = Duration::from_millis(250);

/// Consumes one topic in the name of a group.
pub struct Consumer<L: Log, H> {
    groups: L::Groups,
    group: GroupId,
    topic: Topic,
    batches: Arc<Batches<L, H>>,
    log: LogWatch,
    context: Context,
}

type Member<L> = <<L as Log>::Groups as ConsumerGroups>::Member;
type Commits<L> = <<L as Log>::Groups as ConsumerGroups>::Committer;

impl<L: Log, H: Handler> Consumer<L, H> {
    /// A consumer of `topic` for `group`. `dependencies` are told when the group's partitions have
    /// their owners, and when the log is away.
    pub fn new(
        platform: &L,
        (group, topic): (GroupId, Topic),
        handler: H,
        dependencies: &Dependencies,
        context: Context,
    ) -> Self {
        let log = dependencies.watch_log();
        log.is_away();
        let (clock, ids) = (Arc::clone(&context.clock), Arc::clone(&context.ids));
        let letters = DeadLetters::new(platform.publisher(), group.clone(), clock, ids);
        let batches = Arc::new(Batches::new(handler, letters, context.clone()));
        Self { groups: platform.groups(), group, topic, batches, log, context }
    }

    /// Runs until the stop token is cancelled: then finishes what is in hand, commits it and leaves.
    pub async fn run(self) -> TaskResult {
        let stop = self.context.stop.clone();
        let mut backoff = Backoff::new(Arc::clone(&self.context.ids));
        while !stop.is_cancelled() {
            let joining = self.groups.join(&self.group, std::slice::from_ref(&self.topic));
            let error = match stop.run_until_cancelled(joining).await {
                None => break,
                Some(Err(error)) => error,
                Some(Ok((member, committer))) => {
                    match self.consume(member, committer, &mut backoff).await {
                        Ok(()) => break,
                        Err(error) => error,
                    }
                }
            };
            self.log.is_away();
            tracing::warn!(group = %self.group, error = &error as &dyn std::error::Error,
                "the group cannot be read; joining it again");
            backoff.wait(&stop).await;
        }
        Ok(())
    }

    /// One membership, until the stop (`Ok`) or until it has to be taken up anew. The backoff starts
    /// over once a batch is done: a membership that only begins is no success.
    async fn consume(
        &self,
        mut member: Member<L>,
        commits: Commits<L>,
        backoff: &mut Backoff,
    ) -> Result<(), BusError> {
        let mut work = Work::default();
        let mut told = false;
        let ended = loop {
            if !told && member.is_settled() {
                self.log.is_up();
                told = true;
            }
            tokio::select! {
                biased;
                () = self.context.stop.cancelled() => break Ok(()),
                Some(done) = work.next_done() => match done {
                    Ok(at) => {
                        work.forget(&at);
                        backoff.reset();
                    }
                    Err(crashed) => break Err(crashed),
                },
                event = member.next() => match event {
                    Ok(GroupEvent::Records { at, batch }) => self.start(&mut work, &commits, at, batch),
                    Ok(GroupEvent::Revoking(partitions)) => {
                        let handing_over = hand_over(&mut work, &mut member, &partitions);
                        // A stop cuts it short: whatever is in hand is then finished together, and
                        // leaving gives all partitions up.
                        let stop = &self.context.stop;
                        if let Some(Err(error)) = stop.run_until_cancelled(handing_over).await {
                            break Err(error);
                        }
                    }
                    Ok(GroupEvent::Lost(partitions)) => work.abandon(&partitions),
                    Err(error @ BusError::Corrupt(_)) => {
                        self.hold(&error);
                        told = true;
                    }
                    Err(error) => break Err(error),
                },
                () = sleep(SETTLED_CHECK), if !told => {}
            }
        };
        let finished = work.finish_all().await;
        if let Ok(Err(error)) = timeout(LEAVE, member.leave()).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "leaving the group failed");
        }
        ended.and(finished)
    }

    /// A partition is held: waiting does not mend it, and to pass over it would be to lose something.
    /// The service is not ready until somebody has seen to it and started it again.
    fn hold(&self, error: &BusError) {
        self.log.is_away();
        tracing::error!(group = %self.group, error = error as &dyn std::error::Error,
            "a partition is damaged and is read no further");
    }

    fn start(
        &self,
        work: &mut Work,
        commits: &Commits<L>,
        at: TopicPartition,
        records: Vec<StoredRecord>,
    ) {
        let hurry = CancellationToken::new();
        let (batches, commits) = (Arc::clone(&self.batches), commits.clone());
        let (partition, until) = (at.clone(), hurry.clone());
        let task = async move {
            let next = batches.process(&partition, &records, &until).await;
            if let Some(next) = next {
                commit(&commits, &partition, next, &batches, &until).await;
            }
            partition
        };
        work.start(at, hurry, task);
    }
}

/// Lets the batches of revoked partitions finish, then gives these up.
async fn hand_over(
    work: &mut Work,
    member: &mut impl GroupMember,
    partitions: &[TopicPartition],
) -> Result<(), BusError> {
    let finished = work.finish(partitions).await;
    finished.and(member.release(partitions).await)
}

/// Commits with patience: a log that is away holds the partition, and a partition that was given
/// away needs no commit of ours.
async fn commit<L: Log, H: Handler>(
    commits: &impl Committer,
    at: &TopicPartition,
    next: comptoir_domain::topic::Offset,
    batches: &Batches<L, H>,
    hurry: &CancellationToken,
) {
    let (mut backoff, mut is_told) = (batches.backoff(), false);
    loop {
        match commits.commit(&[(at.clone(), next)]).await {
            Ok(()) => return,
            Err(BusError::Fenced) => {
                tracing::debug!(%at, "not committed: the partition belongs to another member");
                return;
            }
            Err(error) if !std::mem::replace(&mut is_told, true) => {
                tracing::warn!(%at, error = &error as &dyn std::error::Error,
                    "the offset cannot be committed; trying again");
            }
            Err(_) => {}
        }
        if !backoff.wait(hurry).await {
            return;
        }
    }
}
