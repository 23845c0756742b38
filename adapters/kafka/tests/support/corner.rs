//! A topic of a test's own on the broker.

use std::time::Duration;

use comptoir_domain::port::bus::{
    BusError, LogAdmin as _, LogReader as _, Publisher as _, ReadLimit,
};
use comptoir_domain::port::platform::Log as _;
use comptoir_domain::record::{Outgoing, Position, Record, StoredRecord};
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::{Offset, Partition, Topic, TopicPartition};
use comptoir_kafka::{Kafka, Settings};
use tokio::time::timeout;

use crate::server;

pub(crate) struct Corner {
    pub(crate) kafka: Kafka,
    pub(crate) topic: Topic,
}

impl Corner {
    /// A name that no topic has yet.
    pub(crate) fn new(settings: Settings, name: &str) -> Self {
        let topic = Topic::try_from(format!("{name}-{}", server::suffix()).as_str()).unwrap();
        Self { kafka: Kafka::new(settings), topic }
    }

    /// A new topic of one partition.
    pub(crate) async fn open(settings: Settings, name: &str) -> Self {
        let corner = Self::new(settings, name);
        let admin = corner.kafka.admin();
        let creating = async {
            // A broker that another test treated badly may not be itself again yet.
            while admin.create_topics(std::slice::from_ref(&corner.topic), 1).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_mins(2), creating).await.unwrap();
        corner
    }

    pub(crate) fn at(&self) -> TopicPartition {
        TopicPartition { topic: self.topic.clone(), partition: Partition(0) }
    }

    pub(crate) fn outgoing(&self, key: &str, value: &str) -> Outgoing {
        let record = Record {
            key: Some(key.as_bytes().to_vec()),
            value: Some(value.as_bytes().to_vec()),
            headers: Vec::new(),
            time: Timestamp::from_millis(1_767_225_600_000),
        };
        Outgoing { topic: self.topic.clone(), record }
    }

    pub(crate) async fn publish(&self, key: &str, value: &str) -> Result<Position, BusError> {
        let published = self.kafka.publisher().publish(vec![self.outgoing(key, value)]).await;
        published.map(|mut places| places.remove(0))
    }

    /// Everything there is now.
    pub(crate) async fn read_all(&self) -> Vec<StoredRecord> {
        let limit = ReadLimit { records: usize::MAX, bytes: 1 << 20, wait: Duration::ZERO };
        let (reader, at) = (self.kafka.reader(), self.at());
        let mut from = reader.bounds(&self.topic).await.unwrap()[0].earliest;
        let mut all = Vec::new();
        loop {
            let some = reader.read(&at, from, limit).await.unwrap();
            let Some(last) = some.last() else { return all };
            from = last.offset.next();
            all.extend(some);
        }
    }

    pub(crate) async fn next(&self) -> Result<Offset, BusError> {
        let bounds = self.kafka.reader().bounds(&self.topic).await;
        bounds.map(|bounds| bounds[0].next)
    }
}

pub(crate) fn value(stored: &StoredRecord) -> String {
    String::from_utf8(stored.record.value.clone().unwrap()).unwrap()
}

/// So many times 16 hexadecimal digits, which no compression makes much smaller.
pub(crate) fn noise(seed: u64, times: u64) -> String {
    let digits =
        |n: u64| format!("{:016x}", (seed * 7_919 + n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (0..times).map(digits).collect::<Vec<_>>().concat()
}
