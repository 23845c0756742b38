//! Creating, describing and deleting topics.

use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::{ApiKey, CreateTopicsRequest, DeleteTopicsRequest};

use super::Admin;
use crate::cluster::TopicInfo;
use crate::error::{KafkaError, Result};
use crate::topic::{text, topic_name};

/// The first version that deletes by topic id or name, each in a struct of its own.
const DELETE_BY_STATE: i16 = 6;

/// A topic to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions; -1 is the broker's default.
    pub partitions: i32,
    /// On how many brokers each; -1 is the broker's default.
    pub replicas: i16,
    /// Settings, such as `max.message.bytes`.
    pub configs: Vec<(String, String)>,
}

impl Admin {
    /// Creates what is not there yet and waits until every partition has a leader. A topic that
    /// exists stays as it is.
    pub async fn create_topics(&self, topics: &[NewTopic]) -> Result<()> {
        let deadline = self.deadline();
        self.cluster.retry(deadline, || self.create_once(topics)).await?;
        self.cluster.retry(deadline, || self.all_led(topics)).await
    }

    /// Every topic, the cluster's own included, asked anew.
    pub async fn topics(&self) -> Result<Vec<Arc<TopicInfo>>> {
        self.cluster.retry(self.deadline(), || self.cluster.all_topics()).await
    }

    /// Deletes topics; one that is not there is none the less deleted.
    pub async fn delete_topics(&self, names: &[&str]) -> Result<()> {
        self.cluster.retry(self.deadline(), || self.delete_once(names)).await
    }

    async fn create_once(&self, topics: &[NewTopic]) -> Result<()> {
        let mut lease = self.cluster.lease_controller().await?;
        let request = CreateTopicsRequest::default()
            .with_topics(topics.iter().map(creatable).collect())
            .with_timeout_ms(milliseconds(self.cluster.settings().request_timeout));
        let wait = self.cluster.settings().request_timeout;
        let answer = lease.request(&request, wait).await?;
        for topic in &answer.topics {
            match ResponseError::try_from_code(topic.error_code) {
                None | Some(ResponseError::TopicAlreadyExists) => {}
                Some(error) => {
                    let why = topic.error_message.as_deref().unwrap_or_default();
                    tracing::debug!(topic = %*topic.name, why, "a topic was not created");
                    return Err(self.controller_refused(ApiKey::CreateTopics, error));
                }
            }
        }
        Ok(())
    }

    /// Fails, in a way that repeating can help, while a topic is not known everywhere or is not led.
    async fn all_led(&self, topics: &[NewTopic]) -> Result<()> {
        for topic in topics {
            let described = self.cluster.topic(&topic.name).await;
            let missing = match described {
                Ok(topic) if topic.partitions.iter().all(|one| one.leader.is_some()) => continue,
                Ok(_) => ResponseError::LeaderNotAvailable,
                Err(KafkaError::UnknownTopic { .. }) => ResponseError::UnknownTopicOrPartition,
                Err(error) => return Err(error),
            };
            self.cluster.forget_topic(&topic.name);
            return Err(KafkaError::refused(ApiKey::Metadata, missing));
        }
        Ok(())
    }

    async fn delete_once(&self, names: &[&str]) -> Result<()> {
        let mut lease = self.cluster.lease_controller().await?;
        let version = lease.version::<DeleteTopicsRequest>()?;
        let wait = self.cluster.settings().request_timeout;
        let request = DeleteTopicsRequest::default().with_timeout_ms(milliseconds(wait));
        let request = if version >= DELETE_BY_STATE {
            let state = |name: &&str| DeleteTopicState::default().with_name(Some(topic_name(name)));
            request.with_topics(names.iter().map(state).collect())
        } else {
            request.with_topic_names(names.iter().map(|name| topic_name(name)).collect())
        };
        let answer = lease.request_at(version, &request, wait).await?;
        for name in names {
            self.cluster.forget_topic(name);
        }
        let mut errors = answer
            .responses
            .iter()
            .filter_map(|topic| ResponseError::try_from_code(topic.error_code))
            .filter(|error| *error != ResponseError::UnknownTopicOrPartition);
        match errors.next() {
            None => Ok(()),
            Some(error) => Err(self.controller_refused(ApiKey::DeleteTopics, error)),
        }
    }

    fn controller_refused(&self, api: ApiKey, error: ResponseError) -> KafkaError {
        if error == ResponseError::NotController {
            self.cluster.forget_controller();
        }
        KafkaError::refused(api, error)
    }
}

fn creatable(topic: &NewTopic) -> CreatableTopic {
    let config = |(name, value): &(String, String)| {
        CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
    };
    CreatableTopic::default()
        .with_name(topic_name(&topic.name))
        .with_num_partitions(topic.partitions)
        .with_replication_factor(topic.replicas)
        .with_configs(topic.configs.iter().map(config).collect())
}

fn milliseconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}
