//! Appending as an idempotent producer (KIP-98).

use kafka_groups::batch::NewRecord;
use kafka_groups::produce::OrderedProducer;
use kafka_groups::{Cluster, KafkaError, TopicPartition};
use kafka_protocol::ResponseError as E;

use super::failure::Failure;
use crate::error::Cause;

/// Appends to one partition with sequence numbers, by which its leader recognises a batch that it
/// has, whatever became of the answer.
#[derive(Debug)]
pub(super) struct Ordered {
    at: TopicPartition,
    cluster: Cluster,
    producer: Option<OrderedProducer>,
}

impl Ordered {
    pub(super) fn new(at: &TopicPartition, cluster: &Cluster) -> Self {
        Self { at: at.clone(), cluster: cluster.clone(), producer: None }
    }

    /// Begins with a new identity. The numbers of the old one may be taken by a batch whose answer
    /// never came, and the next batch would pass for that one.
    pub(super) fn start_again(&mut self) {
        self.producer = None;
    }

    pub(super) async fn append(&mut self, batch: &Vec<NewRecord>) -> Result<i64, Failure> {
        let producer = match &mut self.producer {
            Some(producer) => producer,
            none => none.insert(start(&self.cluster, &self.at).await?),
        };
        let appended = async {
            let mut lease = self.cluster.lease_leader(&self.at).await?;
            producer.produce(&mut lease, std::slice::from_ref(batch)).await
        };
        let error = match appended.await {
            Ok(firsts) => match firsts.first() {
                Some(&first) if first >= 0 => return Ok(first),
                _ => KafkaError::Corrupt("the leader does not know where the batch is".into()),
            },
            Err(error) => error,
        };
        if !error.is_retriable() {
            self.start_again();
        }
        Err(judge(error))
    }
}

async fn start(cluster: &Cluster, at: &TopicPartition) -> Result<OrderedProducer, Failure> {
    let started = OrderedProducer::start(cluster, at.clone()).await;
    started.map_err(|error| match (error.refusal(), &error) {
        (Some(E::ClusterAuthorizationFailed), _) | (_, KafkaError::Unsupported { .. }) => {
            Failure::NoProducerId
        }
        _ => judge(error),
    })
}

pub(super) fn judge(error: KafkaError) -> Failure {
    match (error.refusal(), &error) {
        (_, KafkaError::UnknownTopic { .. }) | (Some(E::UnknownTopicOrPartition), _) => {
            Failure::UnknownTopic
        }
        (_, KafkaError::TooLarge { .. })
        | (Some(E::MessageTooLarge | E::RecordListTooLarge), _) => Failure::TooLarge,
        (Some(E::InvalidRecord | E::InvalidTimestamp), _) => Failure::Rejected(Cause::new(error)),
        // The leader lost what it knew of the producer; another one starts.
        (Some(E::OutOfOrderSequenceNumber | E::UnknownProducerId | E::InvalidProducerEpoch), _) => {
            Failure::Away(Cause::new(error))
        }
        _ if error.is_retriable() => Failure::Away(Cause::new(error)),
        (_, KafkaError::Corrupt(_)) => Failure::Away(Cause::new(error)),
        _ => Failure::Denied(Cause::new(error)),
    }
}
