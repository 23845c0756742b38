//! Committing offsets.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_protocol::error::ResponseError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use super::GroupSettings;
use super::pause::Pauses;
use super::shelf::{Claim, Shelf};
use crate::cluster::{Cluster, Lease};
use crate::error::{KafkaError, Reaction, Result};
use crate::membership::Standing;
use crate::offsets::{self, Identity};
use crate::topic::TopicPartition;

/// Commits that wait for their turn.
pub(super) const QUEUE: usize = 256;

/// Commits for one member, from any task. Commits take effect in the order in which they were made;
/// those that wait for each other share a request.
#[derive(Debug, Clone)]
pub struct Committer {
    pub(super) shelf: Arc<Shelf>,
    pub(super) settings: Arc<GroupSettings>,
    pub(super) queue: mpsc::Sender<Commit>,
}

/// A commit on its way.
#[derive(Debug)]
pub(super) struct Commit {
    claims: Vec<Claim>,
    deadline: Instant,
    answer: oneshot::Sender<Result<()>>,
}

impl Committer {
    /// Records, for each partition, the first offset that is not handled yet. Dropping the future
    /// leaves it open whether the offsets are committed, but never commits a part of them.
    ///
    /// # Errors
    /// [`KafkaError::Fenced`] if any of the partitions is not the member's any more; then none is
    /// committed. [`KafkaError::Unavailable`] if the coordinator did not answer in time; then they
    /// may have been.
    pub async fn commit(&self, offsets: &[(TopicPartition, i64)]) -> Result<()> {
        if offsets.is_empty() {
            return Ok(());
        }
        let claims = self.shelf.claim(offsets)?;
        let deadline = Instant::now() + self.settings.commit_timeout;
        let (answer, answered) = oneshot::channel();
        let commit = Commit { claims, deadline, answer };
        let asking = async {
            // Both ends only with the membership.
            self.queue.send(commit).await.map_err(|_| KafkaError::Fenced)?;
            answered.await.map_err(|_| KafkaError::Fenced)?
        };
        match timeout_at(deadline, asking).await {
            Ok(done) => done,
            Err(late) => Err(KafkaError::unavailable(late)),
        }
    }
}

/// The one that sends a member's commits, one request at a time.
pub(super) struct Lane {
    pub(super) cluster: Cluster,
    pub(super) settings: Arc<GroupSettings>,
    pub(super) shelf: Arc<Shelf>,
    pub(super) queue: mpsc::Receiver<Commit>,
    pub(super) lease: Option<Lease>,
}

/// Commits that the broker does not take, and why.
type Refused = (Vec<Commit>, KafkaError);

impl Lane {
    /// Sends commits until there is nobody who could make any.
    pub(super) async fn run(mut self) {
        let mut waiting = Vec::new();
        while self.queue.recv_many(&mut waiting, QUEUE).await > 0 {
            let together = std::mem::take(&mut waiting);
            let Some((mut refused, error)) = self.send(together).await else { continue };
            if refused.len() == 1 {
                answer(refused.pop(), error);
                continue;
            }
            // One that cannot be taken must not take the others with it.
            for commit in refused {
                if let Some((mut refused, error)) = self.send(vec![commit]).await {
                    answer(refused.pop(), error);
                }
            }
        }
    }

    /// Sends commits together, again and again for as long as they are allowed and wanted.
    async fn send(&mut self, mut commits: Vec<Commit>) -> Option<Refused> {
        let mut standing = self.shelf.standing();
        let mut pauses = Pauses::new();
        loop {
            commits = self.still_wanted(commits);
            if commits.is_empty() {
                return None;
            }
            let now = standing.borrow_and_update().clone();
            if now.is_firm {
                match self.attempt(&now, &commits).await {
                    Ok(()) => {
                        self.done(commits);
                        return None;
                    }
                    Err(error) if !self.is_passing(&error) => return Some((commits, error)),
                    Err(error) => {
                        tracing::debug!(group = self.settings.group, ?error, "committing again");
                    }
                }
            }
            // A new epoch is what most of the refusals wait for.
            let _ = timeout(pauses.next(), standing.changed()).await;
        }
    }

    /// Refuses those whose partitions are not the member's any more, and forgets those that nobody
    /// waits for.
    fn still_wanted(&self, commits: Vec<Commit>) -> Vec<Commit> {
        let now = Instant::now();
        let mut wanted = Vec::with_capacity(commits.len());
        for commit in commits {
            if !self.shelf.allows(&commit.claims) {
                answer(Some(commit), KafkaError::Fenced);
            } else if !commit.answer.is_closed() && now < commit.deadline {
                wanted.push(commit);
            }
        }
        wanted
    }

    async fn attempt(&mut self, now: &Standing, commits: &[Commit]) -> Result<()> {
        // Of two for one partition, the later one counts.
        let claims = commits.iter().flat_map(|commit| &commit.claims);
        let offsets: BTreeMap<_, _> = claims.map(|(at, offset, _)| (at.clone(), *offset)).collect();
        let offsets: Vec<_> = offsets.into_iter().collect();
        let who = Identity {
            group: &self.settings.group,
            member: &now.member,
            epoch: now.epoch,
            instance: self.settings.instance_id.as_deref(),
        };
        let last = commits.iter().map(|commit| commit.deadline).max();
        let lease = self.lease.take();
        let cluster = &self.cluster;
        let asking = async {
            let mut lease = match lease.filter(|lease| lease.is_healthy()) {
                Some(lease) => lease,
                None => cluster.lease_coordinator(who.group).await?,
            };
            offsets::commit(&mut lease, who, &offsets).await?;
            Ok(lease)
        };
        match timeout_at(last.unwrap_or_else(Instant::now), asking).await {
            Ok(lease) => self.lease = Some(lease?),
            Err(late) => return Err(KafkaError::unavailable(late)),
        }
        Ok(())
    }

    fn done(&self, commits: Vec<Commit>) {
        for commit in commits {
            self.shelf.committed(&commit.claims);
            // Whoever waited may have gone meanwhile.
            let _ = commit.answer.send(Ok(()));
        }
    }

    /// Whether the refusal is one of the moment: by the next attempt the epoch is another one, the
    /// coordinator is, or the partitions are gone.
    fn is_passing(&self, error: &KafkaError) -> bool {
        use ResponseError::{
            FencedInstanceId, FencedMemberEpoch, GroupIdNotFound, IllegalGeneration,
            RebalanceInProgress, StaleMemberEpoch, UnknownMemberId, UnknownServerError,
        };
        match error.refusal() {
            Some(RebalanceInProgress | UnknownServerError) => true,
            Some(
                StaleMemberEpoch | IllegalGeneration | UnknownMemberId | FencedMemberEpoch
                | FencedInstanceId | GroupIdNotFound,
            ) => {
                self.shelf.hurry();
                true
            }
            _ => {
                if error.reaction() == Reaction::FindCoordinator {
                    self.cluster.forget_coordinator(&self.settings.group);
                }
                // What came garbled is asked for again; the deadline bounds it.
                error.is_retriable() || matches!(error, KafkaError::Corrupt(_))
            }
        }
    }
}

fn answer(commit: Option<Commit>, error: KafkaError) {
    if let Some(commit) = commit {
        let _ = commit.answer.send(Err(error));
    }
}
