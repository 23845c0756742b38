//! Members of consumer groups.

mod committer;
mod coordinator;
mod driver;
mod fetcher;
mod pause;
mod protocol;
mod settings;
mod settled;
mod shelf;
mod starter;

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::task::TaskTracker;

pub use committer::Committer;
use pause::Pauses;
pub use settings::{GroupProtocol, GroupSettings};
use shelf::{Life, Shelf};

use crate::batch::Record;
use crate::cluster::Cluster;
use crate::error::{KafkaError, Result};
use crate::topic::TopicPartition;

/// What a member is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Records of one partition, in order. The partition's next ones come once all of these are
    /// committed.
    Records {
        /// The partition.
        at: TopicPartition,
        /// At least one.
        batch: Vec<Record>,
    },
    /// These partitions go to another member: finish what is under way, commit it, then
    /// [`Member::release`] them.
    Revoking(Vec<TopicPartition>),
    /// These partitions are another member's already: stop, commit nothing. Or another log is there
    /// under their name (a topic made anew, a log that an election cut off), whose records come next:
    /// offsets of the one before must not be committed into it.
    Lost(Vec<TopicPartition>),
}

/// One member of a group. Dropped, it leaves the group in the background.
#[derive(Debug)]
pub struct Member {
    shelf: Arc<Shelf>,
    settings: Arc<GroupSettings>,
}

impl Member {
    /// Becomes a member. Each partition of the topics belongs to one member of the group; reading
    /// starts at the committed offset, or at the earliest record where none was committed.
    ///
    /// The membership is a task among `tasks`: wait for them to end before the program does, and a
    /// member that was dropped has left by then. Dropping the future leaves nobody behind.
    ///
    /// All of it takes [`GroupSettings::join_timeout`] at most. A topic that does not exist is waited for
    /// as long: brokers hear of a new one at different times.
    ///
    /// # Errors
    /// [`KafkaError::UnknownTopic`] if one of the topics does not exist by then;
    /// [`KafkaError::Unavailable`] if the coordinator did not answer in time;
    /// [`KafkaError::Refused`] if it does not let the member in.
    pub async fn join(
        cluster: &Cluster,
        settings: GroupSettings,
        tasks: &TaskTracker,
    ) -> Result<(Self, Committer)> {
        let deadline = Instant::now() + settings.join_timeout;
        for topic in &settings.topics {
            is_there(cluster, topic, deadline).await?;
        }
        let settings = Arc::new(settings);
        let shelf = Arc::new(Shelf::new());
        let (queue, commits) = mpsc::channel(committer::QUEUE);
        let membership =
            driver::run(cluster.clone(), Arc::clone(&settings), Arc::clone(&shelf), commits);
        tasks.spawn(membership);
        let committer =
            Committer { shelf: Arc::clone(&shelf), settings: Arc::clone(&settings), queue };
        // From here on, dropping it leaves.
        let member = Self { shelf, settings };
        member.joined(deadline).await?;
        Ok((member, committer))
    }

    /// Waits for the first assignment, or until it is known that one will take long: in a round
    /// that waits for another member to give something up.
    async fn joined(&self, deadline: Instant) -> Result<()> {
        let mut life = self.shelf.life();
        let waiting = life.wait_for(|life| *life >= Life::Joined);
        let is_late = timeout_at(deadline, waiting).await.is_err();
        if is_late && self.shelf.standing().borrow().has_id {
            return Ok(());
        }
        if is_late {
            return Err(KafkaError::unavailable(
                "the group's coordinator did not let the member in",
            ));
        }
        match self.shelf.failure() {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    /// Waits for what comes next. Dropping the future loses nothing.
    ///
    /// # Errors
    /// What ends the membership: the coordinator refuses it for good, or what is stored cannot be
    /// read. A coordinator that is away is none: it is looked for again, for as long as it takes.
    pub async fn next(&mut self) -> Result<Event> {
        loop {
            if let Some(event) = self.shelf.event() {
                return event;
            }
            self.shelf.news().await;
        }
    }

    /// Gives revoked partitions up, after their last commit. What is not being revoked is kept.
    pub fn release(&mut self, partitions: &[TopicPartition]) {
        self.shelf.release(partitions);
    }

    /// Whether every partition of the member's topics had an owner and none was changing hands, when
    /// the coordinator was asked last. It is asked until that is so once, and again after each change
    /// of this member: what becomes of other members meanwhile is not looked at.
    pub fn is_settled(&self) -> bool {
        self.shelf.is_settled()
    }

    /// How many records retention removed before this member read them.
    pub fn skipped(&self) -> u64 {
        self.shelf.skipped()
    }

    /// Leaves, so that the others take over at once.
    ///
    /// # Errors
    /// [`KafkaError::Unavailable`] if the coordinator did not confirm it in time; then the others
    /// take over once the session ends.
    pub async fn leave(self) -> Result<()> {
        let mut life = self.shelf.life();
        self.shelf.becomes(Life::Parting);
        let ending = life.wait_for(|life| *life == Life::Ended);
        match timeout(self.settings.leave_timeout, ending).await {
            Ok(_) => Ok(()),
            Err(late) => Err(KafkaError::unavailable(late)),
        }
    }
}

/// Waits until the cluster knows the topic.
async fn is_there(cluster: &Cluster, topic: &str, deadline: Instant) -> Result<()> {
    let mut pauses = Pauses::new();
    let mut missing = None;
    loop {
        let found = cluster.retry(deadline, || cluster.topic(topic)).await;
        let pause = pauses.next();
        match found {
            Ok(_) => return Ok(()),
            Err(error @ KafkaError::UnknownTopic { .. }) if Instant::now() + pause < deadline => {
                missing = Some(error);
                sleep(pause).await;
            }
            // The last look was cut short; those before it told enough.
            Err(error @ KafkaError::Unavailable(_)) => return Err(missing.unwrap_or(error)),
            Err(error) => return Err(error),
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.shelf.becomes(Life::Parting);
    }
}

/// Compiles what the README shows.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
