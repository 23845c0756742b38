//! Asking a broker to describe the cluster.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponse, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{ApiKey, MetadataRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::Cluster;
use crate::error::{KafkaError, Result};

/// The first version that can be told not to create topics.
const OLDEST: i16 = 4;
/// The first version that takes topic ids instead of names ([KIP-516]).
///
/// [KIP-516]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-516%3A+Topic+Identifiers
const BY_ID: i16 = 12;

/// A topic as the cluster describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicInfo {
    /// Its name.
    pub name: Arc<str>,
    /// Its identity; `None` from brokers before Kafka 2.8 (KIP-516).
    pub id: Option<Uuid>,
    /// Whether it is the cluster's own.
    pub internal: bool,
    /// Its partitions, by number.
    pub partitions: Vec<PartitionInfo>,
}

/// A partition as the cluster describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionInfo {
    /// Its number.
    pub partition: i32,
    /// The broker that leads it, unless one is being elected.
    pub leader: Option<i32>,
    /// How often its leader changed; -1 if the broker does not say.
    pub leader_epoch: i32,
    /// Brokers that hold it.
    pub replicas: Vec<i32>,
    /// Those of them that are up to date.
    pub in_sync: Vec<i32>,
}

impl TopicInfo {
    /// The partition of this number.
    pub fn partition(&self, partition: i32) -> Option<&PartitionInfo> {
        self.partitions.iter().find(|known| known.partition == partition)
    }
}

/// What a broker says of the cluster.
#[derive(Debug)]
pub(super) struct Description {
    pub(super) cluster_id: Option<String>,
    pub(super) brokers: HashMap<i32, String>,
    pub(super) controller: Option<i32>,
    pub(super) topics: Vec<Arc<TopicInfo>>,
    /// Topics that it does not describe, and why.
    refused: Vec<(Option<Arc<str>>, ResponseError)>,
}

/// What to ask about.
enum About {
    Everything,
    Names(Vec<Arc<str>>),
    Ids(Vec<Uuid>),
}

impl Cluster {
    /// The cluster's identity; `None` if the broker does not say.
    pub(crate) async fn cluster_id(&self) -> Result<Option<String>> {
        self.describe(About::Names(Vec::new())).await?;
        Ok(self.known().cluster_id())
    }

    /// All topics, asked anew.
    pub(crate) async fn all_topics(&self) -> Result<Vec<Arc<TopicInfo>>> {
        Ok(self.describe(About::Everything).await?.topics)
    }

    /// Asks about these topics and keeps the answer. Says nothing of those that do not exist.
    pub(super) async fn ask_metadata(&self, names: &[&str]) -> Result<()> {
        let names = self.known().worth_asking(names);
        self.describe(About::Names(names)).await.map(|_| ())
    }

    /// Brokers before [KIP-516]'s last step are asked about everything.
    ///
    /// [KIP-516]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-516%3A+Topic+Identifiers
    pub(super) async fn ask_ids(&self, ids: &[Uuid]) -> Result<()> {
        self.describe(About::Ids(ids.to_vec())).await.map(|_| ())
    }

    pub(super) fn fresh_topic(&self, name: &str) -> Option<Arc<TopicInfo>> {
        let max_age = self.settings().metadata_max_age;
        self.known().topic(name, max_age)
    }

    /// Asks about a topic. Whoever misses something asks for itself: waiting for another's answer
    /// would be waiting for a future that its owner may have stopped polling.
    pub(super) async fn ask_topic(&self, name: &str) -> Result<Arc<TopicInfo>> {
        let names = self.known().worth_asking(&[name]);
        let described = self.describe(About::Names(names)).await?;
        if let Some(topic) = described.topics.iter().find(|topic| *topic.name == *name) {
            return Ok(Arc::clone(topic));
        }
        let why = described.refused.iter().find(|(refused, _)| refused.as_deref() == Some(name));
        match why {
            Some((_, error)) if *error != ResponseError::UnknownTopicOrPartition => {
                Err(KafkaError::refused(ApiKey::Metadata, *error))
            }
            _ => Err(KafkaError::UnknownTopic { name: name.to_owned() }),
        }
    }

    async fn describe(&self, about: About) -> Result<Description> {
        let mut lease = self.lease_any().await?;
        let version = lease.version::<MetadataRequest>()?;
        if version < OLDEST {
            return Err(KafkaError::Unsupported { what: "Metadata 4, of Kafka 0.11".to_owned() });
        }
        let request = about.request(version);
        let answer = lease.request_at(version, &request, Duration::ZERO).await?;
        if let Some(error) = ResponseError::try_from_code(answer.error_code) {
            return Err(KafkaError::refused(ApiKey::Metadata, error));
        }
        let description = Description::from(answer);
        let mut known = self.known();
        known.learn(&description);
        for (name, error) in &description.refused {
            if let (Some(name), ResponseError::UnknownTopicOrPartition) = (name, error) {
                known.gone(name);
            }
        }
        Ok(description)
    }
}

impl About {
    fn request(self, version: i16) -> MetadataRequest {
        let topics = match self {
            Self::Everything => None,
            Self::Ids(_) if version < BY_ID => None,
            Self::Ids(ids) => {
                let of = |id| MetadataRequestTopic::default().with_name(None).with_topic_id(id);
                Some(ids.into_iter().map(of).collect())
            }
            Self::Names(names) => {
                let of = |name: Arc<str>| {
                    let name = TopicName(StrBytes::from_string(name.as_ref().to_owned()));
                    MetadataRequestTopic::default().with_name(Some(name))
                };
                Some(names.into_iter().map(of).collect())
            }
        };
        MetadataRequest::default().with_topics(topics).with_allow_auto_topic_creation(false)
    }
}

impl From<MetadataResponse> for Description {
    fn from(answer: MetadataResponse) -> Self {
        let mut topics = Vec::new();
        let mut refused = Vec::new();
        for topic in answer.topics {
            let name = topic.name.as_ref().map(|name| Arc::from(name.as_str()));
            match (ResponseError::try_from_code(topic.error_code), name) {
                (None, Some(name)) => topics.push(Arc::new(topic_info(name, &topic))),
                (None, None) => {}
                (Some(error), name) => refused.push((name, error)),
            }
        }
        Self {
            controller: (*answer.controller_id >= 0).then_some(*answer.controller_id),
            cluster_id: answer.cluster_id.map(|id| id.to_string()),
            brokers: answer
                .brokers
                .iter()
                .map(|broker| (*broker.node_id, address(&broker.host, broker.port)))
                .collect(),
            topics,
            refused,
        }
    }
}

/// `host:port`, also of an IPv6 address.
pub(super) fn address(host: &str, port: i32) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn topic_info(name: Arc<str>, topic: &MetadataResponseTopic) -> TopicInfo {
    let mut partitions: Vec<_> = topic.partitions.iter().map(partition_info).collect();
    partitions.sort_unstable_by_key(|partition| partition.partition);
    let id = (!topic.topic_id.is_nil()).then_some(topic.topic_id);
    TopicInfo { name, id, internal: topic.is_internal, partitions }
}

fn partition_info(partition: &MetadataResponsePartition) -> PartitionInfo {
    PartitionInfo {
        partition: partition.partition_index,
        leader: (*partition.leader_id >= 0).then_some(*partition.leader_id),
        leader_epoch: partition.leader_epoch,
        replicas: partition.replica_nodes.iter().map(|broker| **broker).collect(),
        in_sync: partition.isr_nodes.iter().map(|broker| **broker).collect(),
    }
}
