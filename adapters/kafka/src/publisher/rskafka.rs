//! Appending over rskafka.

use std::sync::Arc;

use kafka_groups::batch::NewRecord;
use kafka_groups::{Cluster, TopicPartition};
use rskafka::client::Client;
use rskafka::client::error::{Error, ProtocolError as E};
use rskafka::client::partition::{Compression, PartitionClient, UnknownTopicHandling};

use super::clients::Clients;
use super::failure::Failure;
use super::ordered::judge as judge_own;
use crate::error::Cause;
use crate::record::for_rskafka;
use crate::settings;

/// Appends to one partition over rskafka, which always asks for acks=all. Its connection is made when
/// first needed and thrown away when it fails.
#[derive(Debug)]
pub(super) struct Rskafka {
    at: TopicPartition,
    cluster: Cluster,
    clients: Arc<Clients>,
    compression: Compression,
    open: Option<Open>,
    /// A request was sent and not answered.
    is_waiting: bool,
    /// rskafka repeats a request whose answer says that a quota held it back, although its records
    /// were appended, and never ends. All that is seen of it is that no answer comes in time.
    is_mistrusted: bool,
}

#[derive(Debug)]
struct Open {
    client: Arc<Client>,
    partition: PartitionClient,
}

impl Rskafka {
    pub(super) fn new(
        at: &TopicPartition,
        cluster: &Cluster,
        clients: &Arc<Clients>,
        compression: settings::Compression,
    ) -> Self {
        Self {
            at: at.clone(),
            cluster: cluster.clone(),
            clients: Arc::clone(clients),
            compression: match compression {
                settings::Compression::None => Compression::NoCompression,
                settings::Compression::Gzip => Compression::Gzip,
                settings::Compression::Snappy => Compression::Snappy,
            },
            open: None,
            is_waiting: false,
            is_mistrusted: false,
        }
    }

    /// Begins with a new connection and new metadata.
    pub(super) fn start_again(&mut self) {
        self.is_mistrusted |= std::mem::take(&mut self.is_waiting);
        if let Some(open) = self.open.take() {
            self.clients.forget(&open.client);
        }
    }

    pub(super) async fn append(&mut self, batch: &[NewRecord]) -> Result<i64, Failure> {
        let narrow =
            if self.is_mistrusted { None } else { batch.iter().map(for_rskafka).collect() };
        match narrow {
            Some(batch) => self.produce(batch).await,
            None => self.produce_wide(batch).await,
        }
    }

    async fn produce(&mut self, batch: Vec<rskafka::record::Record>) -> Result<i64, Failure> {
        let open = match &mut self.open {
            Some(open) => open,
            closed => closed.insert(open(&self.clients, &self.at).await.map_err(judge)?),
        };
        self.is_waiting = true;
        let produced = open.partition.produce(batch, self.compression).await;
        self.is_waiting = false;
        let offsets = produced.map_err(judge)?;
        let none = || Failure::Away(Cause::new(Error::InvalidResponse("no offset".to_owned())));
        offsets.first().copied().ok_or_else(none)
    }

    /// Appends what rskafka has no words for.
    async fn produce_wide(&self, batch: &[NewRecord]) -> Result<i64, Failure> {
        let appended = async {
            let mut lease = self.cluster.lease_leader(&self.at).await?;
            kafka_groups::produce::produce(&mut lease, &self.at, batch).await
        };
        appended.await.map_err(judge_own)
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
