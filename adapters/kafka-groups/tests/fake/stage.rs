//! A broker, a cluster and players: members whose events a test waits for.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kafka_groups::{
    Cluster, Committer, Event, GroupSettings, KafkaError, Member, Record, Settings, TopicPartition,
};
use kafka_protocol::messages::{ConsumerGroupHeartbeatRequest, HeartbeatRequest};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::broker::{Broker, PATIENCE};

/// How long a request is waited for. Long enough for a busy machine, short enough to be run into.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_millis(400);

/// How long a member keeps its partitions without hearing of the coordinator.
pub(crate) const SESSION: Duration = Duration::from_secs(3);

/// How long a test looks whether something happens that must not: several heartbeats.
pub(crate) const A_WHILE: Duration = Duration::from_millis(200);

pub(crate) const GROUP: &str = "g";
pub(crate) const TOPIC: &str = "t";

pub(crate) fn settings(broker: &Broker) -> Settings {
    let mut settings = Settings::new(broker.addresses());
    settings.connect_timeout = REQUEST_TIMEOUT * 2;
    settings.request_timeout = REQUEST_TIMEOUT;
    settings
}

/// A cluster whose requests fail soon.
pub(crate) fn hasty(broker: &Broker) -> Cluster {
    Cluster::new(settings(broker))
}

/// A cluster for tests in which no answer is missing.
pub(crate) fn patient(broker: &Broker) -> Cluster {
    let mut settings = settings(broker);
    settings.request_timeout = PATIENCE / 2;
    Cluster::new(settings)
}

pub(crate) fn at(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition::new(topic, partition)
}

/// How a player is a member, unless a test says otherwise.
pub(crate) fn terms() -> GroupSettings {
    let mut terms = GroupSettings::new(GROUP, [TOPIC]);
    terms.session_timeout = SESSION;
    terms.rebalance_timeout = SESSION;
    terms.heartbeat_interval = Duration::from_millis(50);
    terms.fetch_max_wait = Duration::from_millis(100);
    terms.commit_timeout = SESSION * 2 / 3;
    terms.leave_timeout = REQUEST_TIMEOUT * 2;
    terms
}

/// Brokers that know one of the protocols, and a topic.
pub(crate) struct Stage {
    pub(crate) broker: Broker,
    pub(crate) cluster: Cluster,
    pub(crate) is_classic: bool,
    /// The members' tasks.
    pub(crate) tasks: TaskTracker,
}

impl Stage {
    pub(crate) async fn consumer(nodes: usize, partitions: usize) -> Self {
        let broker = Broker::start_nodes(nodes).await;
        broker.create_topic(TOPIC, partitions);
        let cluster = hasty(&broker);
        Self { broker, cluster, is_classic: false, tasks: TaskTracker::new() }
    }

    pub(crate) async fn classic(nodes: usize, partitions: usize) -> Self {
        let stage = Self::consumer(nodes, partitions).await;
        stage.broker.classic_only();
        Self { is_classic: true, ..stage }
    }

    pub(crate) async fn join(&self) -> Player {
        self.join_as(terms()).await.unwrap()
    }

    pub(crate) async fn join_as(&self, terms: GroupSettings) -> Result<Player, KafkaError> {
        let joined = timeout(PATIENCE, Member::join(&self.cluster, terms, &self.tasks)).await;
        let (member, committer) = joined.expect("it does not join")?;
        Ok(Player { member, committer, stuck: BTreeSet::new() })
    }

    /// Lets another member in beside one that goes on working, until every partition has its owner.
    pub(crate) async fn join_beside(&self, one: &mut Player, terms: GroupSettings) -> Player {
        let is_done = AtomicBool::new(false);
        let other = async {
            let mut two = self.join_as(terms).await.unwrap();
            two.settle().await;
            is_done.store(true, Ordering::Relaxed);
            two
        };
        let working = one.work_until(|_, _| is_done.load(Ordering::Relaxed));
        let (two, _) = tokio::join!(other, working);
        two
    }

    /// Writes a record whose value says where it is: `partition:offset`.
    pub(crate) fn write(&self, partition: usize, count: usize) {
        for _ in 0..count {
            let next = self.broker.next_offset(TOPIC, partition);
            self.broker.write(TOPIC, partition, &[&format!("{partition}:{next}")]);
        }
    }

    pub(crate) fn committed(&self, partition: i32) -> Option<i64> {
        self.broker.committed(GROUP, TOPIC, partition)
    }

    /// The heartbeats that the coordinators saw so far, of either protocol.
    pub(crate) fn heartbeats(&self) -> usize {
        self.broker.seen::<HeartbeatRequest>().len()
            + self.broker.seen::<ConsumerGroupHeartbeatRequest>().len()
    }
}

/// A member, and what it was told.
pub(crate) struct Player {
    pub(crate) member: Member,
    pub(crate) committer: Committer,
    /// Partitions with records that are not committed.
    stuck: BTreeSet<TopicPartition>,
}

impl Player {
    /// What comes next.
    pub(crate) async fn event(&mut self) -> Result<Event, KafkaError> {
        timeout(PATIENCE, self.member.next()).await.expect("nothing comes")
    }

    /// The next records; nothing else must come before.
    pub(crate) async fn records(&mut self) -> (TopicPartition, Vec<Record>) {
        match self.event().await.unwrap() {
            Event::Records { at, batch } => {
                self.stuck.insert(at.clone());
                (at, batch)
            }
            other => panic!("instead of records: {other:?}"),
        }
    }

    /// The partitions that are revoked next; records may come before.
    pub(crate) async fn revoking(&mut self) -> Vec<TopicPartition> {
        loop {
            match self.event().await.unwrap() {
                Event::Revoking(partitions) => return partitions,
                Event::Records { at, .. } => drop(self.stuck.insert(at)),
                other @ Event::Lost(_) => panic!("instead of a revocation: {other:?}"),
            }
        }
    }

    /// The partitions that are lost next; records may come before.
    pub(crate) async fn lost(&mut self) -> Vec<TopicPartition> {
        loop {
            match self.event().await.unwrap() {
                Event::Lost(partitions) => return partitions,
                Event::Records { at, .. } => drop(self.stuck.insert(at)),
                other @ Event::Revoking(_) => panic!("instead of a loss: {other:?}"),
            }
        }
    }

    /// Takes records and commits them, releases what is revoked, forgets what is lost, until
    /// `enough`; returns all values in the order in which they came.
    pub(crate) async fn work_until(
        &mut self,
        mut enough: impl FnMut(&Self, &[String]) -> bool + Send,
    ) -> Vec<String> {
        let mut values = Vec::new();
        let work = async {
            while !enough(self, &values) {
                let Ok(event) = timeout(Duration::from_millis(20), self.member.next()).await else {
                    continue;
                };
                match event.unwrap() {
                    Event::Records { at, batch } => {
                        values.extend(texts(&batch));
                        self.commit_unless_gone(&at, &batch).await;
                    }
                    Event::Revoking(partitions) => self.member.release(&partitions),
                    Event::Lost(_) => {}
                }
            }
        };
        timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("it is never enough: {values:?}"));
        values
    }

    /// Works until so many records came.
    pub(crate) async fn work(&mut self, count: usize) -> Vec<String> {
        self.work_until(|_, values| values.len() >= count).await
    }

    /// Works until every partition has its owner.
    pub(crate) async fn settle(&mut self) {
        self.work_until(|player, _| player.member.is_settled()).await;
    }

    pub(crate) async fn commit(
        &self,
        at: &TopicPartition,
        batch: &[Record],
    ) -> Result<(), KafkaError> {
        let next = batch.last().unwrap().offset + 1;
        self.committer.commit(&[(at.clone(), next)]).await
    }

    /// Commits, and repeats it: without it the partition's next batch would not come.
    async fn commit_unless_gone(&self, at: &TopicPartition, batch: &[Record]) {
        while let Err(error) = self.commit(at, batch).await {
            if matches!(error, KafkaError::Fenced) {
                return;
            }
        }
    }

    /// Whether nothing comes for a while.
    pub(crate) async fn is_quiet(&mut self) -> bool {
        timeout(A_WHILE, self.member.next()).await.is_err()
    }
}

pub(crate) fn texts(batch: &[Record]) -> Vec<String> {
    let text = |record: &Record| String::from_utf8(record.value.clone().unwrap().into()).unwrap();
    batch.iter().map(text).collect()
}
