//! How to be a member.

use std::time::Duration;

use crate::membership::assignor::Assignor;

/// Which protocol to speak to the coordinator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GroupProtocol {
    /// KIP-848 if the coordinator offers it, else the classic one.
    #[default]
    Auto,
    /// The one of [KIP-848], in which the coordinator assigns. Kafka 4.0 and later.
    ///
    /// [KIP-848]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-848%3A+The+Next+Generation+of+the+Consumer+Rebalance+Protocol
    Consumer,
    /// `JoinGroup` and `SyncGroup`: older brokers, and what is compatible with them.
    Classic,
}

/// How to be a member of a group.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GroupSettings {
    /// The group's name.
    pub group: String,
    /// The topics to read.
    pub topics: Vec<String>,
    /// The protocol.
    pub protocol: GroupProtocol,
    /// A name of its own makes the member a static one ([KIP-345]): gone for less than a session,
    /// it gets the same partitions back, and nobody else gets them meanwhile. No two members may
    /// have the same.
    ///
    /// [KIP-345]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-345%3A+Introduce+static+membership+protocol+to+reduce+consumer+rebalances
    pub instance_id: Option<String>,
    /// How a classic group shares partitions out, by preference. Only if all of them are
    /// [`Assignor::CooperativeSticky`] does a member keep what it can through a rebalance.
    pub assignors: Vec<Assignor>,
    /// How long the coordinator can be away before all partitions count as lost. In a classic group
    /// also how long the coordinator waits for this member; in KIP-848 that is the broker's setting
    /// (`group.consumer.session.timeout.ms`), to which this should be equal.
    pub session_timeout: Duration,
    /// How long the group waits for this member to release what is revoked from it.
    pub rebalance_timeout: Duration,
    /// Between heartbeats of a classic group. In KIP-848 the coordinator says it.
    pub heartbeat_interval: Duration,
    /// The largest batch of [`Event::Records`](super::Event::Records).
    pub max_batch_records: usize,
    /// About how much of one partition to fetch at once, in bytes as they are stored. What is read
    /// ahead of [`Member::next`](super::Member::next) is counted unpacked, headers included: below
    /// this much of a partition, one more fetch is made, whose batches may unpack to
    /// [`Settings::max_batch_bytes`](crate::Settings::max_batch_bytes) each.
    pub fetch_max_bytes: i32,
    /// How long the broker waits for records before it says that there are none.
    pub fetch_max_wait: Duration,
    /// For [`Member::join`](super::Member::join), from the look at its topics to the first assignment.
    pub join_timeout: Duration,
    /// For [`Committer::commit`](super::Committer::commit), repetitions included. A commit that is late
    /// is `Unavailable`, never `Fenced`.
    pub commit_timeout: Duration,
    /// Between commits of one member, so that many small batches do not cost a request each. Above
    /// zero, [`Committer::commit`](super::Committer::commit) does not wait for the coordinator, and a
    /// member that dies may have so much of its last work repeated. A partition that goes to another
    /// member, and an orderly leave, wait for the commits. Zero, the default, waits for each.
    pub commit_interval: Duration,
    /// For [`Member::leave`](super::Member::leave).
    pub leave_timeout: Duration,
}

impl GroupSettings {
    /// A member of this group that reads these topics, with Kafka's defaults.
    pub fn new(
        group: impl Into<String>,
        topics: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            group: group.into(),
            topics: topics.into_iter().map(Into::into).collect(),
            protocol: GroupProtocol::Auto,
            instance_id: None,
            assignors: vec![Assignor::CooperativeSticky],
            session_timeout: Duration::from_secs(45),
            rebalance_timeout: Duration::from_mins(1),
            heartbeat_interval: Duration::from_secs(3),
            max_batch_records: 500,
            fetch_max_bytes: 1 << 20,
            fetch_max_wait: Duration::from_millis(500),
            join_timeout: Duration::from_secs(15),
            commit_timeout: Duration::from_secs(10),
            commit_interval: Duration::ZERO,
            leave_timeout: Duration::from_secs(5),
        }
    }
}
