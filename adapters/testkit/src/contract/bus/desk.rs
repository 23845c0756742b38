//! One topic on an open log, and the usual moves on it.

use std::time::Duration;

use comptoir_domain::port::bus::{ConsumerGroups, LogAdmin, LogReader, Publisher, ReadLimit};
use comptoir_domain::record::{Outgoing, Position, Record, StoredRecord};
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::{GroupId, Offset, Partition, Topic, TopicPartition, partition_for};

use super::crew::Crew;
use crate::contract::{BusHarness, Harness, Log};
use crate::wait::within;

/// Everything there is, now.
pub(super) const ALL: ReadLimit =
    ReadLimit { records: usize::MAX, bytes: usize::MAX, wait: Duration::ZERO };

pub(super) type Member<L> = <<L as Log>::Groups as ConsumerGroups>::Member;
pub(super) type Commits<L> = <<L as Log>::Groups as ConsumerGroups>::Committer;

pub(super) struct Desk<L> {
    pub(super) log: L,
    pub(super) topic: Topic,
    pub(super) group: GroupId,
    pub(super) partitions: u32,
    pub(super) patience: Duration,
}

/// Opens the log with one topic.
pub(super) async fn desk<H: BusHarness>(h: &H, partitions: u32) -> Desk<H::Subject> {
    let desk = desk_on(h, h.open().await, partitions);
    desk.create(&desk.topic).await;
    desk
}

/// The same topic again, after a reopening.
pub(super) fn desk_on<H: Harness>(h: &H, log: H::Subject, partitions: u32) -> Desk<H::Subject> {
    Desk {
        log,
        topic: h.topic("contract"),
        group: h.group("contract-group"),
        partitions,
        patience: H::FEATURES.patience,
    }
}

impl<L: Log> Desk<L> {
    pub(super) async fn create(&self, topic: &Topic) {
        let topics = std::slice::from_ref(topic);
        let created = self.log.admin().create_topics(topics, self.partitions).await;
        created.unwrap();
    }

    pub(super) fn at(&self, partition: u32) -> TopicPartition {
        TopicPartition { topic: self.topic.clone(), partition: Partition(partition) }
    }

    pub(super) fn every_partition(&self) -> Vec<TopicPartition> {
        (0..self.partitions).map(|n| self.at(n)).collect()
    }

    pub(super) async fn publish(&self, records: impl IntoIterator<Item = Record>) -> Vec<Position> {
        let topic = &self.topic;
        let outgoing = |record| Outgoing { topic: topic.clone(), record };
        let records = records.into_iter().map(outgoing).collect();
        self.log.publisher().publish(records).await.unwrap()
    }

    /// Publishes so many records to each partition.
    pub(super) async fn fill(&self, each: usize) {
        for partition in 0..self.partitions {
            self.publish((0..each).map(|n| self.record_on(partition, &n.to_string()))).await;
        }
    }

    /// A record that belongs on that partition.
    pub(super) fn record_on(&self, partition: u32, value: &str) -> Record {
        let key = (0..100_000)
            .map(|n| format!("key-{n}"))
            .find(|key| partition_for(key.as_bytes(), self.partitions) == Partition(partition));
        record(Some(&key.unwrap()), value)
    }

    /// A partition's records, all of them.
    pub(super) async fn read(&self, partition: u32) -> Vec<StoredRecord> {
        let reader = self.log.reader();
        let mut all = Vec::new();
        let mut from = Offset::ZERO;
        loop {
            let some = reader.read(&self.at(partition), from, ALL).await.unwrap();
            let Some(last) = some.last() else { return all };
            from = last.offset.next();
            all.extend(some);
        }
    }

    pub(super) async fn join(&self) -> (Member<L>, Commits<L>) {
        self.join_as(&self.group).await
    }

    pub(super) async fn join_as(&self, group: &GroupId) -> (Member<L>, Commits<L>) {
        let groups = self.log.groups();
        let joining = groups.join(group, std::slice::from_ref(&self.topic));
        within(self.patience, "joining the group", joining).await.unwrap()
    }

    /// So many members that have shared the partitions out.
    pub(super) async fn crew(&self, members: usize) -> Crew<Member<L>, Commits<L>> {
        let mut crew = Crew::new(self.patience);
        for _ in 0..members {
            crew.add(self.join().await);
        }
        crew.work_until("every partition to have its owner", Crew::is_settled).await;
        crew
    }

    /// What the group has committed for each partition, as seen at one moment.
    pub(super) async fn all_committed(&self) -> Vec<Option<Offset>> {
        let groups = self.log.admin().groups().await.unwrap();
        let group = groups.into_iter().find(|info| info.group == self.group);
        let committed = group.map_or(Vec::new(), |info| info.committed);
        let of = |at: &TopicPartition| {
            let found = committed.iter().find(|(place, _)| place == at);
            found.map(|(_, next)| *next)
        };
        self.every_partition().iter().map(of).collect()
    }

    /// What the group has committed for one partition.
    pub(super) async fn committed(&self, at: &TopicPartition) -> Option<Offset> {
        self.all_committed().await[at.partition.0 as usize]
    }
}

pub(super) fn record(key: Option<&str>, value: &str) -> Record {
    Record {
        key: key.map(|key| key.as_bytes().to_vec()),
        value: Some(value.as_bytes().to_vec()),
        headers: Vec::new(),
        time: Timestamp::from_millis(1_767_225_600_123),
    }
}

pub(super) fn value(record: &StoredRecord) -> String {
    String::from_utf8(record.record.value.clone().unwrap()).unwrap()
}

pub(super) fn values(records: &[StoredRecord]) -> Vec<String> {
    records.iter().map(value).collect()
}

pub(super) fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}
