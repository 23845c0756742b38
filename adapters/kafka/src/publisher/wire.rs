//! From a writer to the leader of its partition.

use std::sync::Arc;
use std::time::Duration;

use kafka_groups::batch::NewRecord;
use kafka_groups::{Cluster, KafkaError, TopicPartition};
use tokio::time::{Instant, timeout_at};

use super::clients::Clients;
use super::failure::{Failure, Stopped};
use super::ordered::{self, Ordered};
use super::rskafka::Rskafka;
use crate::error::Cause;
use crate::settings::{Compression, Settings};

/// One partition's way to its leader, a batch at a time.
#[derive(Debug)]
pub(super) struct Wire {
    at: TopicPartition,
    cluster: Cluster,
    clients: Arc<Clients>,
    compression: Compression,
    encrypts: bool,
    timeout: Duration,
    road: Road,
}

/// What batches go over.
#[derive(Debug)]
enum Road {
    /// Brokers recognise what is repeated, so that it is appended once; measured, it also takes half
    /// of the time that rskafka does.
    Ordered(Ordered),
    /// For batches that are to be packed, and for brokers that give this client no producer id. Not
    /// where TLS is wanted: here it has none.
    Rskafka(Rskafka),
}

impl Wire {
    pub(super) fn new(
        at: TopicPartition,
        cluster: &Cluster,
        clients: &Arc<Clients>,
        settings: &Settings,
    ) -> Self {
        let (cluster, clients) = (cluster.clone(), Arc::clone(clients));
        let (compression, encrypts) = (settings.compression, settings.encrypts());
        let road = if encrypts || compression == Compression::None {
            Road::Ordered(Ordered::new(&at, &cluster))
        } else {
            Road::Rskafka(Rskafka::new(&at, &cluster, &clients, compression))
        };
        let timeout = settings.request_timeout;
        Self { at, cluster, clients, compression, encrypts, timeout, road }
    }

    /// Appends the records as one batch and returns the offset of the first once all in-sync
    /// replicas have them. After [`Failure::Away`] the same batch has to come again, or
    /// [`Wire::give_up`].
    pub(super) async fn append(
        &mut self,
        batch: &Vec<NewRecord>,
        deadline: Instant,
    ) -> Result<i64, Failure> {
        let limit = deadline.min(Instant::now() + self.timeout);
        let attempt = async {
            match &mut self.road {
                Road::Ordered(road) => road.append(batch).await,
                Road::Rskafka(road) => road.append(batch).await,
            }
        };
        let done = timeout_at(limit, attempt).await;
        match done.unwrap_or_else(|_| Err(Failure::stopped(Stopped::Late))) {
            Err(Failure::NoProducerId) => Err(self.without_producer_id()),
            Err(Failure::UnknownTopic) => Err(self.unknown_topic(limit).await),
            Err(failure @ Failure::Away(_)) => {
                if let Road::Rskafka(road) = &mut self.road {
                    road.start_again();
                }
                Err(failure)
            }
            done => done,
        }
    }

    /// The batch is not going to be repeated: whether it was appended stays open.
    pub(super) fn give_up(&mut self) {
        match &mut self.road {
            Road::Ordered(road) => road.start_again(),
            Road::Rskafka(road) => road.start_again(),
        }
    }

    /// Takes the road for which no producer id is needed, if there is one.
    fn without_producer_id(&mut self) -> Failure {
        if self.encrypts {
            return Failure::Denied(Cause::new(Stopped::NoProducerIdOverTls));
        }
        tracing::info!(partition = %self.at, "no producer id: repeated batches may stand twice");
        let (at, packed) = (&self.at, self.compression);
        self.road = Road::Rskafka(Rskafka::new(at, &self.cluster, &self.clients, packed));
        Failure::stopped(Stopped::NoProducerId)
    }

    /// What it means that the leader does not know the partition: asks the cluster anew.
    async fn unknown_topic(&self, limit: Instant) -> Failure {
        self.cluster.forget_topic(&self.at.topic);
        match timeout_at(limit, self.cluster.topic(&self.at.topic)).await {
            Err(_) => Failure::stopped(Stopped::Late),
            Ok(Err(error)) => ordered::judge(error),
            Ok(Ok(topic)) if topic.partition(self.at.partition).is_some() => {
                Failure::Away(Cause::new(KafkaError::UnknownTopic { name: self.at.to_string() }))
            }
            Ok(Ok(_)) => Failure::UnknownTopic,
        }
    }
}

#[cfg(all(test, feature = "tls"))]
mod tests {
    use super::*;

    /// Nothing goes out in the open where TLS is wanted, whatever else is.
    #[test]
    fn rskafka_is_no_road_over_tls() {
        let mut settings = Settings::new(["127.0.0.1:1"]);
        settings.tls = Some(crate::settings::trusting_nobody());
        settings.compression = Compression::Snappy;
        let (cluster, clients) = (Cluster::new(settings.for_groups()), Clients::new(&settings));
        let at = TopicPartition::new("t", 0);
        let mut wire = Wire::new(at, &cluster, &Arc::new(clients), &settings);
        assert!(matches!(wire.road, Road::Ordered(_)));
        let told = wire.without_producer_id();
        assert!(matches!(told, Failure::Denied(_)), "{told:?}: it is final");
        assert!(matches!(wire.road, Road::Ordered(_)));
    }
}
