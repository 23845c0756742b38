//! The event log: appending, reading without a group, consumer groups, and what an operator sees.

use std::future::Future;
use std::time::Duration;

use thiserror::Error;
use uuid::Uuid;

use crate::port::BoxError;
use crate::record::{Outgoing, Position, StoredRecord};
use crate::time::Timestamp;
use crate::topic::{GroupId, Offset, Partition, Topic, TopicPartition};

/// What the log could not do, by what its caller can do about it.
#[derive(Debug, Error)]
pub enum BusError {
    /// The log does not answer, or has no room; whether an append happened is unknown. Try later.
    #[error("the event log cannot be reached")]
    Unavailable(#[source] BoxError),
    /// There is no such topic or partition.
    #[error("there is no topic or partition {name}")]
    UnknownTopic {
        /// Its name.
        name: String,
    },
    /// Nothing is there to read: before the first or behind the last record.
    #[error("the offset is outside the log, which goes from {earliest} to {next}")]
    OutOfRange {
        /// The first offset that is there.
        earliest: Offset,
        /// The next one to be written.
        next: Offset,
    },
    /// The record will never fit.
    #[error("a record of {bytes} bytes is larger than the {limit} that fit")]
    TooLarge {
        /// Bytes of key, value and headers.
        bytes: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// The log will never take the record as it is.
    #[error("the event log refuses the record")]
    Refused(#[source] BoxError),
    /// The partition belongs to another member now: whatever was done with it since will be done
    /// again there.
    #[error("the partition was given to another member")]
    Fenced,
    /// What is stored cannot be read.
    #[error("a stored record cannot be read")]
    Corrupt(#[source] BoxError),
}

/// The largest record for an ordinary topic, in bytes of key, value and headers. Dead-letter topics
/// take twice as much.
pub const MAX_RECORD_BYTES: usize = 1_000_000;

/// Appends records.
pub trait Publisher: Clone + Send + Sync + 'static {
    /// Appends each record to the partition of its key ([`crate::topic::partition_for`]; any
    /// partition without a key) and returns their places once all are durable. Records of one topic
    /// and key keep the order given; between topics there is none.
    ///
    /// # Errors
    /// After an error some may have been appended: the caller repeats them all.
    fn publish(
        &self,
        records: Vec<Outgoing>,
    ) -> impl Future<Output = Result<Vec<Position>, BusError>> + Send;
}

/// How much to read at once, and how long to wait if there is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimit {
    /// At most so many records.
    pub records: usize,
    /// About so many bytes; the first record comes whatever its size.
    pub bytes: usize,
    /// How long to wait for a first record. Zero answers at once.
    pub wait: Duration,
}

/// The offsets that a partition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The first record that retention left.
    pub earliest: Offset,
    /// The high watermark: one behind the last durable record; never before `earliest`.
    pub next: Offset,
}

/// Reads partitions without a group.
pub trait LogReader: Clone + Send + Sync + 'static {
    /// The bounds of every partition of a topic, by partition.
    fn bounds(&self, topic: &Topic) -> impl Future<Output = Result<Vec<Bounds>, BusError>> + Send;

    /// Durable records from an offset on, in order, without holes of its own making. Empty if the
    /// wait ended without any. Dropping the future loses none.
    ///
    /// # Errors
    /// [`BusError::OutOfRange`] before the first record or behind the high watermark.
    fn read(
        &self,
        at: &TopicPartition,
        from: Offset,
        limit: ReadLimit,
    ) -> impl Future<Output = Result<Vec<StoredRecord>, BusError>> + Send;
}

/// What a member of a group is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupEvent {
    /// Records of one partition, in order. The partition's next ones come once these are committed.
    Records {
        /// The partition.
        at: TopicPartition,
        /// At least one.
        batch: Vec<StoredRecord>,
    },
    /// These partitions go to another member: finish what is under way, commit it, then
    /// [`GroupMember::release`] them.
    Revoking(Vec<TopicPartition>),
    /// These partitions are another member's already, or another log is there under their name: stop,
    /// commit nothing of what came before.
    Lost(Vec<TopicPartition>),
}

/// Joins consumer groups.
pub trait ConsumerGroups: Clone + Send + Sync + 'static {
    /// A membership.
    type Member: GroupMember;
    /// What commits for it.
    type Committer: Committer;

    /// Becomes a member of the group. Each partition of the topics belongs to one member; reading
    /// starts at the committed offset, or at the earliest record where none was committed.
    fn join(
        &self,
        group: &GroupId,
        topics: &[Topic],
    ) -> impl Future<Output = Result<(Self::Member, Self::Committer), BusError>> + Send;
}

/// One member of a group.
pub trait GroupMember: Send + 'static {
    /// Waits for what comes next. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`BusError::Corrupt`] if what comes next in a partition cannot be read. That is told once; the
    /// partition is held, and the others go on. After any other error the membership is over.
    fn next(&mut self) -> impl Future<Output = Result<GroupEvent, BusError>> + Send;

    /// Gives revoked partitions up, after their last commit.
    fn release(
        &mut self,
        partitions: &[TopicPartition],
    ) -> impl Future<Output = Result<(), BusError>> + Send;

    /// Whether every partition of the group's topics had an owner when that was looked at last, which
    /// is at least once after each change of this member.
    fn is_settled(&self) -> bool;

    /// Leaves, so that the others take over at once.
    fn leave(self) -> impl Future<Output = Result<(), BusError>> + Send;
}

/// Commits offsets for a member, from any task.
pub trait Committer: Clone + Send + Sync + 'static {
    /// Records, for each partition, the first offset that is not handled yet. It is durable at the
    /// latest when the partition is released or the group left; should the process die before, what
    /// was handled within the last second may come again.
    ///
    /// # Errors
    /// [`BusError::Fenced`] if any of the partitions is not the member's any more. After an error, some
    /// may have been committed.
    fn commit(
        &self,
        offsets: &[(TopicPartition, Offset)],
    ) -> impl Future<Output = Result<(), BusError>> + Send;
}

/// What is known about a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionInfo {
    /// Which.
    pub partition: Partition,
    /// What it holds.
    pub bounds: Bounds,
    /// Stored bytes, where the log knows.
    pub bytes: Option<u64>,
    /// When the newest record was appended, if there is one.
    pub last_write: Option<Timestamp>,
}

/// What is known about a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicInfo {
    /// Which.
    pub topic: Topic,
    /// Its partitions, by number.
    pub partitions: Vec<PartitionInfo>,
}

/// One member, as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberInfo {
    /// The id the group knows it by.
    pub id: String,
    /// Where it runs.
    pub host: String,
    /// What it owns.
    pub partitions: Vec<TopicPartition>,
}

/// Whether a group is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupState {
    /// Every partition has its owner.
    Stable,
    /// Partitions are changing hands.
    Rebalancing,
    /// There is no member.
    Empty,
}

/// What is known about a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupInfo {
    /// Which.
    pub group: GroupId,
    /// How it is.
    pub state: GroupState,
    /// Its members.
    pub members: Vec<MemberInfo>,
    /// Committed offsets, by partition.
    pub committed: Vec<(TopicPartition, Offset)>,
}

/// What an operator does and sees.
pub trait LogAdmin: Clone + Send + Sync + 'static {
    /// Creates the topics that do not exist; those that do keep their partitions.
    fn create_topics(
        &self,
        topics: &[Topic],
        partitions: u32,
    ) -> impl Future<Output = Result<(), BusError>> + Send;

    /// Every topic, by name.
    fn topics(&self) -> impl Future<Output = Result<Vec<TopicInfo>, BusError>> + Send;

    /// Every group, by name.
    fn groups(&self) -> impl Future<Output = Result<Vec<GroupInfo>, BusError>> + Send;

    /// What tells a topic's log from another one: it changes when the topic is made anew, so that its
    /// offsets mean other records.
    ///
    /// # Errors
    /// [`BusError::UnknownTopic`] if there is no such topic.
    fn log_id(&self, topic: &Topic) -> impl Future<Output = Result<Uuid, BusError>> + Send;
}
