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
                // It is appended: repeating it tells no more.
                _ => {
                    let lost = "the leader does not remember where it appended the batch";
                    return Err(Failure::Denied(Cause::new(KafkaError::Corrupt(lost.into()))));
                }
            },
            Err(error) => error,
        };
        if is_stranger(&error) {
            self.start_again();
        }
        Err(judge(error))
    }
}

/// Whether the leader knows nothing of this producer, and so did not append the batch. After any other
/// error it may have been appended: only under the same identity is it recognised when it is repeated.
fn is_stranger(error: &KafkaError) -> bool {
    let lost = [E::OutOfOrderSequenceNumber, E::UnknownProducerId, E::InvalidProducerEpoch];
    error.refusal().is_some_and(|error| lost.contains(&error))
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

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::ApiKey;

    use super::*;

    /// What is judged "again" is repeated under the same identity unless it was not appended for sure.
    #[test]
    fn a_batch_that_may_stand_keeps_its_identity() {
        let refused = |error| KafkaError::refused(ApiKey::Produce, error);
        let open = [
            KafkaError::Corrupt("garbled, or another's answer".into()),
            KafkaError::Unavailable("no answer".into()),
            KafkaError::UnknownTopic { name: "metadata that lag".to_owned() },
            refused(E::UnknownTopicOrPartition),
            refused(E::NotLeaderOrFollower),
            refused(E::RequestTimedOut),
        ];
        for error in open {
            assert!(!is_stranger(&error), "{error:?}");
        }
        for lost in [E::OutOfOrderSequenceNumber, E::UnknownProducerId, E::InvalidProducerEpoch] {
            assert!(is_stranger(&refused(lost)), "{lost}");
            assert!(matches!(judge(refused(lost)), Failure::Away(_)), "{lost}");
        }
    }
}
