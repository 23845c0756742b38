//! Committing offsets.

mod lane;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

pub(super) use lane::Lane;

use super::GroupSettings;
use super::shelf::{Claim, Life, Shelf};
use crate::error::{KafkaError, Result};
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

/// How long commits may be on their way before somebody has to wait for them: what a member that dies
/// has done in vain stays bounded.
const LONGEST_ON_THE_WAY: Duration = Duration::from_secs(1);

/// A commit on its way.
#[derive(Debug)]
pub(super) struct Commit {
    /// Those that are not committed yet.
    claims: Vec<Claim>,
    wait: Wait,
}

/// Who waits for a commit, and until when.
#[derive(Debug)]
enum Wait {
    Caller(oneshot::Sender<Result<()>>, Instant),
    Nobody,
}

impl Committer {
    /// Records, for each partition, the first offset that is not handled yet. Each partition's commit
    /// stands for itself: of several, the coordinator may take some and refuse others, and dropping
    /// the future leaves it open which are committed.
    ///
    /// # Errors
    /// [`KafkaError::Fenced`] if any of the partitions is not the member's any more: if it was not
    /// when this was called, none is committed, and if it was lost meanwhile, others may be.
    /// [`KafkaError::Unavailable`] if the coordinator did not take all of them in time;
    /// [`KafkaError::Refused`] if it refuses one for good. After these, too, others may be committed.
    ///
    /// With a [`GroupSettings::commit_interval`], the offsets are on their way when this returns `Ok`; it
    /// waits for them only while the coordinator does not answer, or the partition is to be released.
    ///
    /// What was delivered of a partition holds it until it is committed: after any error but `Fenced`
    /// the next batch comes only once this is repeated with success.
    pub async fn commit(&self, offsets: &[(TopicPartition, i64)]) -> Result<()> {
        if offsets.is_empty() {
            return Ok(());
        }
        let claims = self.shelf.claim(offsets)?;
        if !self.settings.commit_interval.is_zero()
            && self.shelf.may_note(&claims, LONGEST_ON_THE_WAY)
            && self.note(&claims)
        {
            return Ok(());
        }
        let deadline = Instant::now() + self.settings.commit_timeout;
        let (answer, answered) = oneshot::channel();
        let commit = Commit { claims, wait: Wait::Caller(answer, deadline) };
        let asking = async {
            self.queue.send(commit).await.map_err(|_| self.unanswered())?;
            answered.await.map_err(|_| self.unanswered())?
        };
        match timeout_at(deadline, asking).await {
            Ok(done) => done,
            Err(late) => Err(KafkaError::unavailable(late)),
        }
    }

    /// Sends them on their way; false if there is no room.
    fn note(&self, claims: &[Claim]) -> bool {
        let Ok(room) = self.queue.try_reserve() else { return false };
        // Before they can be confirmed.
        self.shelf.note(claims);
        room.send(Commit { claims: claims.to_vec(), wait: Wait::Nobody });
        true
    }

    /// Nobody answers: without a membership nothing is the member's any more. With one, nothing is
    /// known, and taking that for fenced would leave the partition waiting for its commit for ever.
    fn unanswered(&self) -> KafkaError {
        if *self.shelf.life().borrow() >= Life::Leaving {
            return KafkaError::Fenced;
        }
        KafkaError::unavailable("the commit was not answered")
    }
}

impl Commit {
    fn answer(self, outcome: Result<()>) {
        if let Wait::Caller(caller, _) = self.wait {
            // Whoever waited may have gone meanwhile.
            let _ = caller.send(outcome);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match self.wait {
            Wait::Caller(_, deadline) => Some(deadline),
            Wait::Nobody => None,
        }
    }
}

/// Of what nobody waits for, only each partition's last offset counts.
fn fold(commits: &mut Vec<Commit>) {
    let mut later = BTreeSet::new();
    for commit in commits.iter_mut().rev().filter(|commit| matches!(commit.wait, Wait::Nobody)) {
        commit.claims.retain(|(at, _, tenure)| later.insert((at.clone(), *tenure)));
    }
    commits.retain(|commit| !commit.claims.is_empty());
}
