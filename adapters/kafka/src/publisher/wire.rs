//! From a writer to the leader of its partition.

use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::record::Record;
use kafka_groups::{Cluster, KafkaError, TopicPartition};
use kafka_protocol::ResponseError;
use rskafka::client::Client;
use rskafka::client::error::{Error, ProtocolError};
use rskafka::client::partition::{Compression, PartitionClient, UnknownTopicHandling};
use tokio::time::{Instant, timeout_at};

use super::clients::Clients;
use super::failure::{Failure, Stopped};
use crate::error::Cause;
use crate::record::{for_kafka_groups, for_rskafka};
use crate::settings::{self, Settings};

/// One partition's connection to its leader, made when first needed and thrown away when it fails.
#[derive(Debug)]
pub(super) struct Wire {
    at: TopicPartition,
    clients: Arc<Clients>,
    cluster: Cluster,
    compression: Compression,
    timeout: Duration,
    open: Option<Open>,
    road: Road,
}

#[derive(Debug)]
struct Open {
    client: Arc<Client>,
    partition: PartitionClient,
}

/// What batches go over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Road {
    Rskafka,
    /// rskafka repeats every request whose answer says that a quota held it back, although its
    /// records were appended; it never ends. All that is seen of it is that no answer came in time.
    KafkaGroups,
}

impl Wire {
    pub(super) fn new(
        at: TopicPartition,
        clients: &Arc<Clients>,
        cluster: &Cluster,
        settings: &Settings,
    ) -> Self {
        Self {
            at,
            clients: Arc::clone(clients),
            cluster: cluster.clone(),
            compression: match settings.compression {
                settings::Compression::None => Compression::NoCompression,
                settings::Compression::Gzip => Compression::Gzip,
                settings::Compression::Snappy => Compression::Snappy,
            },
            timeout: settings.request_timeout,
            open: None,
            road: Road::Rskafka,
        }
    }

    /// Appends the records as one batch and returns the offset of the first once all in-sync
    /// replicas have them (rskafka always asks with acks=all).
    pub(super) async fn produce(
        &mut self,
        records: &[&Record],
        deadline: Instant,
    ) -> Result<i64, Failure> {
        let limit = deadline.min(Instant::now() + self.timeout);
        let narrow = match self.road {
            Road::Rskafka => records.iter().map(|record| for_rskafka(record)).collect(),
            Road::KafkaGroups => None,
        };
        let mut sent = false;
        let attempt = async {
            match narrow {
                Some(batch) => self.over_rskafka(batch, &mut sent).await,
                None => self.over_kafka_groups(records).await,
            }
        };
        let done = timeout_at(limit, attempt).await;
        let done = done.unwrap_or_else(|_| {
            if sent {
                self.road = Road::KafkaGroups;
            }
            Err(Failure::stopped(Stopped::Late))
        });
        match done {
            Err(Failure::UnknownTopic) => Err(self.unknown_topic(limit).await),
            Err(failure @ (Failure::Away(_) | Failure::Denied(_))) => {
                self.start_again();
                Err(failure)
            }
            done => done,
        }
    }

    async fn over_rskafka(
        &mut self,
        batch: Vec<rskafka::record::Record>,
        sent: &mut bool,
    ) -> Result<i64, Failure> {
        let open = match &mut self.open {
            Some(open) => open,
            closed => closed.insert(open(&self.clients, &self.at).await.map_err(judge)?),
        };
        *sent = true;
        let offsets = open.partition.produce(batch, self.compression).await.map_err(judge)?;
        *sent = false;
        let none = || Failure::Away(Cause::new(Error::InvalidResponse("no offset".to_owned())));
        offsets.first().copied().ok_or_else(none)
    }

    async fn over_kafka_groups(&self, records: &[&Record]) -> Result<i64, Failure> {
        let records: Vec<_> = records.iter().map(|record| for_kafka_groups(record)).collect();
        let appended = async {
            let mut lease = self.cluster.lease_leader(&self.at).await?;
            kafka_groups::produce::produce(&mut lease, &self.at, &records).await
        };
        appended.await.map_err(judge_own)
    }

    /// What it means that the leader does not know the partition: asks the cluster anew.
    async fn unknown_topic(&mut self, limit: Instant) -> Failure {
        self.start_again();
        self.cluster.forget_topic(&self.at.topic);
        match timeout_at(limit, self.cluster.topic(&self.at.topic)).await {
            Err(_) => Failure::stopped(Stopped::Late),
            Ok(Err(error)) => judge_own(error),
            Ok(Ok(topic)) if topic.partitions.iter().any(|p| p.partition == self.at.partition) => {
                Failure::Away(Cause::new(KafkaError::UnknownTopic { name: self.at.to_string() }))
            }
            Ok(Ok(_)) => Failure::UnknownTopic,
        }
    }

    fn start_again(&mut self) {
        if let Some(open) = self.open.take() {
            self.clients.forget(&open.client);
        }
    }
}

async fn open(clients: &Clients, at: &TopicPartition) -> Result<Open, Error> {
    let client = clients.get().await?;
    let unknown = UnknownTopicHandling::Error;
    match client.partition_client(&*at.topic, at.partition, unknown).await {
        Ok(partition) => Ok(Open { client, partition }),
        Err(error) => {
            clients.forget(&client);
            Err(error)
        }
    }
}

fn judge(error: Error) -> Failure {
    use ProtocolError as E;
    let Error::ServerError { protocol_error, .. } = &error else {
        return Failure::Away(Cause::new(error));
    };
    match protocol_error {
        E::UnknownTopicOrPartition => Failure::UnknownTopic,
        E::MessageTooLarge | E::RecordListTooLarge => Failure::TooLarge,
        E::InvalidRecord | E::InvalidTimestamp => Failure::Rejected(Cause::new(error)),
        E::TopicAuthorizationFailed
        | E::ClusterAuthorizationFailed
        | E::InvalidTopicException
        | E::PolicyViolation
        | E::UnsupportedCompressionType => Failure::Denied(Cause::new(error)),
        _ => Failure::Away(Cause::new(error)),
    }
}

fn judge_own(error: KafkaError) -> Failure {
    use ResponseError as E;
    match (error.refusal(), &error) {
        (_, KafkaError::UnknownTopic { .. }) | (Some(E::UnknownTopicOrPartition), _) => {
            Failure::UnknownTopic
        }
        (_, KafkaError::TooLarge { .. })
        | (Some(E::MessageTooLarge | E::RecordListTooLarge), _) => Failure::TooLarge,
        (Some(E::InvalidRecord | E::InvalidTimestamp), _) => Failure::Rejected(Cause::new(error)),
        _ if error.is_retriable() => Failure::Away(Cause::new(error)),
        _ => Failure::Denied(Cause::new(error)),
    }
}
