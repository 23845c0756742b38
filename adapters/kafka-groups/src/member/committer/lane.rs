//! The one that sends a member's commits, one request at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::ApiKey;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::{Commit, QUEUE, Wait, fold};
use crate::cluster::{Cluster, Lease};
use crate::error::{KafkaError, Reaction, Result, reaction};
use crate::member::GroupSettings;
use crate::member::pause::Pauses;
use crate::member::shelf::{Claim, Life, Shelf};
use crate::membership::Standing;
use crate::offsets::{self, Identity, Outcomes};

/// Sends a member's commits.
pub(in crate::member) struct Lane {
    pub(in crate::member) cluster: Cluster,
    pub(in crate::member) settings: Arc<GroupSettings>,
    pub(in crate::member) shelf: Arc<Shelf>,
    pub(in crate::member) queue: mpsc::Receiver<Commit>,
    pub(in crate::member) lease: Option<Lease>,
    /// Before this moment nothing is sent that nobody waits for.
    pub(in crate::member) next: Instant,
}

impl Lane {
    /// Sends commits until there is nobody who could make any.
    pub(in crate::member) async fn run(mut self) {
        let mut waiting = Vec::new();
        let mut pauses = Pauses::new();
        while self.more(&mut waiting, &mut pauses).await {
            waiting = self.send(waiting).await;
        }
    }

    /// Waits for commits. Those that the broker postponed stand before them, and go with whatever
    /// comes or, after a pause, by themselves.
    async fn more(&mut self, waiting: &mut Vec<Commit>, pauses: &mut Pauses) -> bool {
        if waiting.is_empty() {
            pauses.reset();
            if self.queue.recv_many(waiting, QUEUE).await == 0 {
                return false;
            }
        } else {
            let coming = timeout(pauses.next(), self.queue.recv_many(waiting, QUEUE)).await;
            if coming == Ok(0) {
                return false;
            }
        }
        self.pace(waiting).await;
        true
    }

    /// Gathers commits that nobody waits for.
    async fn pace(&mut self, waiting: &mut Vec<Commit>) {
        while waiting.iter().all(|commit| matches!(commit.wait, Wait::Nobody)) {
            fold(waiting);
            tokio::select! {
                biased;
                () = self.shelf.pressed() => break,
                count = self.queue.recv_many(waiting, QUEUE) => if count == 0 { break },
                () = sleep_until(self.next) => break,
            }
        }
        self.next = Instant::now() + self.settings.commit_interval;
    }

    /// Sends commits together, again and again for as long as they are allowed and wanted. Returns
    /// those that wait for their own partitions only: they must not hold the others up.
    async fn send(&mut self, mut commits: Vec<Commit>) -> Vec<Commit> {
        let mut standing = self.shelf.standing();
        let mut pauses = Pauses::new();
        loop {
            commits = self.still_wanted(commits);
            if commits.is_empty() {
                return commits;
            }
            let now = standing.borrow_and_update().clone();
            if now.is_firm {
                match self.attempt(&now, &commits).await {
                    Ok(outcomes) => {
                        let is_of_all;
                        (commits, is_of_all) = self.take_note(commits, &outcomes);
                        if !is_of_all {
                            return commits;
                        }
                    }
                    Err(error) if self.is_passing(&error) => {
                        tracing::debug!(group = self.settings.group, ?error, "committing again");
                    }
                    Err(error) => {
                        for commit in commits {
                            self.refuse(commit, told(&error));
                        }
                        return Vec::new();
                    }
                }
            }
            // A new epoch is what most of the refusals wait for.
            let _ = timeout(pauses.next(), standing.changed()).await;
            while let Ok(commit) = self.queue.try_recv() {
                commits.push(commit);
            }
            fold(&mut commits);
        }
    }

    /// Answers those whose partitions are not the member's any more, and those that come too late.
    fn still_wanted(&self, commits: Vec<Commit>) -> Vec<Commit> {
        let now = Instant::now();
        let mut wanted = Vec::with_capacity(commits.len());
        for commit in commits {
            if !self.shelf.allows(&commit.claims) {
                commit.answer(Err(KafkaError::Fenced));
                continue;
            }
            match &commit.wait {
                Wait::Caller(_, deadline) if now >= *deadline => {
                    let late = "the coordinator did not take the commit in time";
                    commit.answer(Err(KafkaError::unavailable(late)));
                }
                Wait::Caller(caller, _) if caller.is_closed() => {}
                Wait::Caller(..) | Wait::Nobody => wanted.push(commit),
            }
        }
        wanted
    }

    async fn attempt(&mut self, now: &Standing, commits: &[Commit]) -> Result<Outcomes> {
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
        let last = commits.iter().filter_map(Commit::deadline).max();
        let last = last.unwrap_or_else(|| Instant::now() + self.settings.commit_timeout);
        let lease = self.lease.take();
        let cluster = &self.cluster;
        let asking = async {
            let mut lease = match lease.filter(|lease| lease.is_healthy()) {
                Some(lease) => lease,
                None => cluster.lease_coordinator(who.group).await?,
            };
            let outcomes = offsets::commit_each(&mut lease, who, &offsets).await?;
            Ok((lease, outcomes))
        };
        let asked = timeout_at(last, asking).await;
        let (lease, outcomes) = asked.map_err(KafkaError::unavailable).flatten()?;
        // Who says that it does not coordinate the group is not asked again.
        let is_moved = |error: ResponseError| reaction(error) == Reaction::FindCoordinator;
        let has_moved = outcomes.values().any(|outcome| outcome.is_err_and(is_moved));
        self.lease = (!has_moved).then_some(lease);
        Ok(outcomes)
    }

    /// Marks what is committed, and answers whoever has nothing more to wait for. Returns the others,
    /// and whether what they wait for concerns every commit.
    fn take_note(&self, commits: Vec<Commit>, outcomes: &Outcomes) -> (Vec<Commit>, bool) {
        let mut waiting = Vec::new();
        let mut is_of_all = false;
        for mut commit in commits {
            let is_done = |(at, ..): &Claim| matches!(outcomes.get(at), Some(Ok(())));
            let (done, left): (Vec<_>, Vec<_>) = commit.claims.into_iter().partition(is_done);
            self.shelf.confirm(&done);
            commit.claims = left;
            let refusals = commit.claims.iter().filter_map(|(at, ..)| outcomes.get(at)?.err());
            let judged: Vec<_> = refusals.map(|error| (self.judge(error), error)).collect();
            if let Some((_, error)) = judged.iter().find(|(what, _)| *what == Verdict::Final) {
                self.refuse(commit, KafkaError::refused(ApiKey::OffsetCommit, *error));
            } else if commit.claims.is_empty() {
                commit.answer(Ok(()));
            } else {
                is_of_all |= judged.iter().any(|(what, _)| *what == Verdict::OfAll);
                waiting.push(commit);
            }
        }
        (waiting, is_of_all)
    }

    /// A commit is refused for good. If nobody waits to be told, the membership ends with it: what is
    /// handled could never be committed.
    fn refuse(&self, commit: Commit, error: KafkaError) {
        match commit.wait {
            Wait::Caller(..) => commit.answer(Err(error)),
            Wait::Nobody => {
                self.shelf.fail(error);
                self.shelf.becomes(Life::Leaving);
            }
        }
    }

    /// What a refusal means, and what can be done about it: by the next attempt the epoch is another
    /// one, the coordinator is, or the partitions are gone.
    fn judge(&self, error: ResponseError) -> Verdict {
        use ResponseError::{
            FencedInstanceId, FencedMemberEpoch, GroupIdNotFound, IllegalGeneration,
            RebalanceInProgress, StaleMemberEpoch, UnknownMemberId, UnknownServerError,
        };
        match (error, reaction(error)) {
            (RebalanceInProgress, _) => Verdict::OfAll,
            (
                StaleMemberEpoch | IllegalGeneration | UnknownMemberId | FencedMemberEpoch
                | FencedInstanceId | GroupIdNotFound,
                _,
            ) => {
                self.shelf.hurry();
                Verdict::OfAll
            }
            (_, Reaction::FindCoordinator) => {
                self.cluster.forget_coordinator(&self.settings.group);
                Verdict::OfAll
            }
            (UnknownServerError, _) | (_, Reaction::Refresh) => Verdict::OfPartition,
            (_, Reaction::Retry) => Verdict::OfAll,
            (_, Reaction::GiveUp) => Verdict::Final,
        }
    }

    /// Whether a request that failed as a whole is worth repeating.
    fn is_passing(&self, error: &KafkaError) -> bool {
        match error.refusal() {
            Some(error) => self.judge(error) != Verdict::Final,
            // What came garbled is asked for again; the deadline bounds it.
            None => error.is_retriable() || matches!(error, KafkaError::Corrupt(_)),
        }
    }
}

/// What a refused commit waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Something that all commits of the member wait for.
    OfAll,
    /// Something of its own: a topic that is gone, or that the coordinator does not know yet.
    OfPartition,
    /// Nothing: repeating does not help.
    Final,
}

/// One of the errors that end a request for good, for each of those who wait for it.
fn told(error: &KafkaError) -> KafkaError {
    match error {
        KafkaError::Refused { api, error } => KafkaError::refused(*api, *error),
        KafkaError::Unauthenticated { why } => KafkaError::Unauthenticated { why: why.clone() },
        KafkaError::Unsupported { what } => KafkaError::Unsupported { what: what.clone() },
        other => KafkaError::unavailable(other.to_string()),
    }
}
