//! A platform, a clock and consumers that a test owns.

use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::bus::{LogAdmin as _, LogReader as _, Publisher as _, ReadLimit};
use comptoir_domain::port::codec::EventCodec as _;
use comptoir_domain::port::handler::Handler;
use comptoir_domain::port::platform::Log;
use comptoir_domain::record::{Outgoing, Record, StoredRecord};
use comptoir_domain::topic::{GroupId, Offset, Partition, Topic, TopicPartition, partition_for};
use comptoir_http::{PublicHosts, Readiness};
use comptoir_memory::Memory;
use comptoir_runtime::consume::Consumer;
use comptoir_runtime::context::{Consumer as Who, Context};
use comptoir_runtime::dependencies::Dependencies;
use comptoir_runtime::supervise::TaskResult;
use comptoir_testkit::{FakeClock, SequentialIds, an_envelope, within};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

type Codec = <Memory as Log>::Codec;

/// How long a test waits for what must come, in the time that the test owns.
pub(crate) const LONG: Duration = Duration::from_hours(1);

const ALL: ReadLimit = ReadLimit { records: usize::MAX, bytes: usize::MAX, wait: Duration::ZERO };

/// Waits until something is so.
pub(crate) async fn until<F>(what: &str, is_so: impl FnMut() -> F + Send)
where
    F: Future<Output = bool> + Send,
{
    comptoir_testkit::until(LONG, what, is_so).await;
}

/// The platform with the shop's topics, and the clock.
pub(crate) struct World {
    pub(crate) memory: Memory,
    pub(crate) clock: FakeClock,
    pub(crate) context: Context,
    partitions: u32,
}

impl World {
    pub(crate) async fn new(partitions: u32) -> Self {
        Self::seeded(partitions, 0).await
    }

    /// A world whose batches have other sizes.
    pub(crate) async fn seeded(partitions: u32, seed: u64) -> Self {
        let (memory, clock) = (Memory::seeded(seed), FakeClock::default());
        let ids = Arc::new(SequentialIds::new());
        let (hosts, stop) = (PublicHosts::default(), CancellationToken::new());
        let context = Context::new("", Arc::new(clock.clone()), ids, hosts, stop).unwrap();
        let (admin, topics) = (memory.admin(), context.topics.all());
        admin.create_topics(&topics, partitions).await.unwrap();
        Self { memory, clock, context, partitions }
    }

    /// What all consumers here read, and in whose name.
    pub(crate) fn subscription(&self) -> (GroupId, Topic) {
        self.context.subscription(Who::Notifications)
    }

    pub(crate) fn topic(&self) -> Topic {
        self.subscription().1
    }

    pub(crate) fn at(&self, partition: u32) -> TopicPartition {
        TopicPartition { topic: self.topic(), partition: Partition(partition) }
    }

    /// The first of `key-0`, `key-1`… that belongs on that partition.
    pub(crate) fn key_on(&self, partition: u32) -> String {
        let mut keys = (0..1_000).map(|n| format!("key-{n}"));
        let on = |key: &String| partition_for(key.as_bytes(), self.partitions).0 == partition;
        keys.find(on).unwrap()
    }

    pub(crate) async fn publish(&self, records: impl IntoIterator<Item = Record>) {
        let topic = self.topic();
        let outgoing = |record| Outgoing { topic: topic.clone(), record };
        let records = records.into_iter().map(outgoing).collect();
        self.memory.publisher().publish(records).await.unwrap();
    }

    /// Publishes events with these ids to one partition.
    pub(crate) async fn publish_to(&self, partition: u32, ids: &[&str]) {
        let key = self.key_on(partition);
        self.publish(ids.iter().map(|id| event(&key, id))).await;
    }

    /// All records of a topic, by partition.
    pub(crate) async fn records(&self, topic: &Topic) -> Vec<StoredRecord> {
        let mut all = Vec::new();
        for partition in (0..self.partitions).map(Partition) {
            let at = TopicPartition { topic: topic.clone(), partition };
            all.extend(self.memory.reader().read(&at, Offset::ZERO, ALL).await.unwrap());
        }
        all
    }

    pub(crate) async fn dead(&self) -> Vec<Record> {
        let dead = self.records(&self.topic().dead_letters()).await;
        dead.into_iter().map(|stored| stored.record).collect()
    }

    /// What the group has committed in a partition.
    pub(crate) async fn committed(&self, partition: u32) -> Option<u64> {
        let (group, _) = self.subscription();
        let groups = self.memory.admin().groups().await.unwrap();
        let own = groups.into_iter().find(|info| info.group == group)?;
        let at = self.at(partition);
        let found = own.committed.into_iter().find(|(place, _)| *place == at);
        found.map(|(_, next)| next.0)
    }

    pub(crate) async fn until_committed(&self, partition: u32, next: u64) {
        let what = format!("offset {next} of partition {partition} to be committed");
        until(&what, || async { self.committed(partition).await == Some(next) }).await;
    }

    pub(crate) async fn until_dead(&self, count: usize) {
        until("dead letters", || async { self.dead().await.len() >= count }).await;
    }

    /// A consumer at work, one more member of the group.
    pub(crate) fn consume(&self, handler: impl Handler) -> Running {
        let readiness = Readiness::default();
        let dependencies = Dependencies::log_and_store_are_needed::<Memory>(readiness.clone());
        let stop = CancellationToken::new();
        let mut context = self.context.clone();
        context.stop = stop.clone();
        let subscription = self.subscription();
        let consumer = Consumer::new(&self.memory, subscription, handler, &dependencies, context);
        let mut task = JoinSet::new();
        task.spawn(consumer.run());
        Running { readiness, stop, task }
    }
}

/// A consumer; dropped, it is gone as in a crash.
pub(crate) struct Running {
    pub(crate) readiness: Readiness,
    pub(crate) stop: CancellationToken,
    task: JoinSet<TaskResult>,
}

impl Running {
    /// Asks it to stop and waits until it has.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.ended().await;
    }

    pub(crate) async fn ended(mut self) {
        let ended = within(LONG, "the consumer's end", self.task.join_next()).await;
        ended.unwrap().unwrap().unwrap();
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) async fn crash(mut self) {
        self.task.shutdown().await;
    }
}

pub(crate) fn event(key: &str, id: &str) -> Record {
    Codec::encode(&an_envelope().identified(id).build(), Some(key.as_bytes()))
}

/// The id of a record's event.
pub(crate) fn id_of(record: &Record) -> String {
    Codec::decode(record).unwrap().id.to_string()
}
