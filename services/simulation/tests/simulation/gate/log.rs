//! Appending, reading and looking at the log.

use comptoir_domain::port::bus::{
    Bounds, BusError, GroupInfo, LogAdmin, LogReader, Publisher, ReadLimit, TopicInfo,
};
use comptoir_domain::record::{Outgoing, Position, StoredRecord};
use comptoir_domain::topic::{Offset, Topic, TopicPartition};
use uuid::Uuid;

use super::Gated;
use crate::words;

impl<P: Publisher> Publisher for Gated<P> {
    async fn publish(&self, records: Vec<Outgoing>) -> Result<Vec<Position>, BusError> {
        let word =
            |Outgoing { topic, record }: &Outgoing| format!("{topic}: {}", words::record(record));
        let what = || records.iter().map(word).collect::<Vec<_>>().join(", ");
        let what = self.life.words(what);
        let published = self.life.call("a publish", async {
            let published = self.inner.publish(records).await;
            self.life.tell(format_args!("publishes {what}: {}", words::outcome(&published)));
            published
        });
        published.await
    }
}

impl<R: LogReader> LogReader for Gated<R> {
    async fn bounds(&self, topic: &Topic) -> Result<Vec<Bounds>, BusError> {
        self.life.call("a look at bounds", self.inner.bounds(topic)).await
    }

    async fn read(
        &self,
        at: &TopicPartition,
        from: Offset,
        limit: ReadLimit,
    ) -> Result<Vec<StoredRecord>, BusError> {
        self.life.call("a read", self.inner.read(at, from, limit)).await
    }
}

impl<A: LogAdmin> LogAdmin for Gated<A> {
    async fn create_topics(&self, topics: &[Topic], partitions: u32) -> Result<(), BusError> {
        self.life.call("creating topics", self.inner.create_topics(topics, partitions)).await
    }

    async fn topics(&self) -> Result<Vec<TopicInfo>, BusError> {
        self.life.call("a look at topics", self.inner.topics()).await
    }

    async fn groups(&self) -> Result<Vec<GroupInfo>, BusError> {
        self.life.call("a look at groups", self.inner.groups()).await
    }

    async fn log_id(&self, topic: &Topic) -> Result<Uuid, BusError> {
        self.life.call("a look at the log", self.inner.log_id(topic)).await
    }
}
