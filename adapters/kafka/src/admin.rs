//! What an operator does and sees.

mod groups;
mod spots;
mod topics;

use std::sync::Arc;

use comptoir_domain::port::bus::{BusError, GroupInfo, LogAdmin, TopicInfo};
use comptoir_domain::topic::Topic;
use kafka_groups::admin::{Admin, NewTopic};
use tokio::time::Instant;
use uuid::Uuid;

use crate::error::bus_error;
use crate::kafka::Core;
use crate::publisher::is_dead_letters;

/// The largest batch of a dead-letter topic, in bytes: two of the largest records with what Kafka
/// needs around them.
const DEAD_LETTER_BYTES: u32 = 2 << 20;

/// Creates and shows topics and groups.
#[derive(Debug, Clone)]
pub struct KafkaAdmin(pub(crate) Arc<Core>);

impl LogAdmin for KafkaAdmin {
    async fn create_topics(&self, topics: &[Topic], partitions: u32) -> Result<(), BusError> {
        if topics.is_empty() {
            return Ok(());
        }
        let new: Vec<_> = topics.iter().map(|topic| new_topic(topic, partitions)).collect();
        self.admin().create_topics(&new).await.map_err(bus_error)
    }

    async fn topics(&self) -> Result<Vec<TopicInfo>, BusError> {
        topics::all(&self.0.cluster, &self.admin()).await.map_err(bus_error)
    }

    async fn groups(&self) -> Result<Vec<GroupInfo>, BusError> {
        groups::all(&self.admin()).await.map_err(bus_error)
    }

    /// The topic's id, or one made of the cluster's id and the topic's name where brokers give topics
    /// none (before Kafka 2.8); such a one does not tell a topic from another one of the same name.
    async fn log_id(&self, topic: &Topic) -> Result<Uuid, BusError> {
        let cluster = &self.0.cluster;
        let deadline = Instant::now() + self.0.settings.call_timeout;
        let ask = || {
            // What is known may be of the topic that was there before.
            cluster.forget_topic(topic.as_str());
            cluster.topic(topic.as_str())
        };
        let info = cluster.retry(deadline, ask).await.map_err(bus_error)?;
        if let Some(id) = info.id {
            return Ok(id);
        }
        let cluster_id = self.admin().cluster_id().await.map_err(bus_error)?.unwrap_or_default();
        let name = format!("kafka:{cluster_id}/{topic}");
        Ok(Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()))
    }
}

impl KafkaAdmin {
    fn admin(&self) -> Admin {
        Admin::new(&self.0.cluster, self.0.settings.call_timeout)
    }
}

fn new_topic(topic: &Topic, partitions: u32) -> NewTopic {
    let dead_letters = ("max.message.bytes".to_owned(), DEAD_LETTER_BYTES.to_string());
    NewTopic {
        name: topic.as_str().to_owned(),
        partitions: i32::try_from(partitions.max(1)).unwrap_or(i32::MAX),
        // As many as the broker is set to.
        replicas: -1,
        configs: if is_dead_letters(topic) { vec![dead_letters] } else { Vec::new() },
    }
}
