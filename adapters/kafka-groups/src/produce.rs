//! Writing to one partition.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{ApiKey, InitProducerIdRequest, ProduceRequest, ProduceResponse};

use crate::batch::{self, Compression, NewRecord, Sequence};
use crate::cluster::{Cluster, Lease, TopicInfo};
use crate::error::{KafkaError, Result};
use crate::topic::{TopicPartition, topic_name};

/// The last version that names topics.
const BY_NAME: i16 = 12;
/// Acknowledged once all in-sync replicas have it.
const ALL: i16 = -1;
/// A broker recognises so many of a producer's latest batches ([KIP-98]).
///
/// [KIP-98]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-98+-+Exactly+Once+Delivery+and+Transactional+Messaging
pub const MOST_IN_FLIGHT: usize = 5;

/// Appends the records as one batch, over a connection to the partition's leader, and returns the
/// offset of the first once all in-sync replicas have them.
///
/// # Errors
/// [`KafkaError::TooLarge`] if the topic does not take a batch of this size. After
/// [`KafkaError::Unavailable`] it may have been appended, or may yet be.
///
/// # Panics
/// If there are no records.
pub async fn produce(lease: &mut Lease, at: &TopicPartition, records: &[NewRecord]) -> Result<i64> {
    assert!(!records.is_empty(), "a batch without records cannot be appended");
    let batch = batch::encode(records, Compression::None, Sequence::NONE);
    let sent = send(lease, at, vec![batch]).await?;
    sent.into_iter().next().unwrap_or_else(|| Err(lacks_answer()))
}

/// A producer of one partition that brokers recognise: what it repeats is appended once, and its
/// batches in their order although several are under way ([KIP-98]).
///
/// [KIP-98]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-98+-+Exactly+Once+Delivery+and+Transactional+Messaging
#[derive(Debug)]
pub struct OrderedProducer {
    at: TopicPartition,
    next: Sequence,
}

impl OrderedProducer {
    /// A producer with an identity of its own.
    pub async fn start(cluster: &Cluster, at: TopicPartition) -> Result<Self> {
        let mut lease = cluster.lease_any().await?;
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_transaction_timeout_ms(i32::MAX)
            .with_producer_id((-1).into())
            .with_producer_epoch(-1);
        let answer = lease.request(&request, Duration::ZERO).await?;
        match ResponseError::try_from_code(answer.error_code) {
            None => {
                let (producer, epoch) = (answer.producer_id.0, answer.producer_epoch);
                Ok(Self { at, next: Sequence { producer, epoch, first: 0 } })
            }
            Some(error) => Err(KafkaError::refused(ApiKey::InitProducerId, error)),
        }
    }

    /// Appends up to [`MOST_IN_FLIGHT`] batches, all sent before the first is answered, over a
    /// connection to the partition's leader, and returns their first offsets; -1 of one that had
    /// been appended already so long ago that the broker does not remember where.
    ///
    /// # Errors
    /// Of the first batch that failed. If it can be repeated ([`KafkaError::is_retriable`]), all
    /// batches are to be given again unchanged; none is appended twice then. After another error
    /// the producer is at its end, and another one has to be started.
    ///
    /// # Panics
    /// If more batches are given, or one without records.
    pub async fn produce(
        &mut self,
        lease: &mut Lease,
        batches: &[Vec<NewRecord>],
    ) -> Result<Vec<i64>> {
        assert!(batches.len() <= MOST_IN_FLIGHT, "{} batches are too many", batches.len());
        let mut next = self.next;
        let mut encoded = Vec::with_capacity(batches.len());
        for records in batches {
            assert!(!records.is_empty(), "a batch without records cannot be appended");
            encoded.push(batch::encode(records, Compression::None, next));
            next.first = after(next.first, records.len());
        }
        let sent = send(lease, &self.at, encoded).await?;
        let offsets = sent
            .into_iter()
            .map(|sent| match sent {
                Err(KafkaError::Refused {
                    error: ResponseError::DuplicateSequenceNumber, ..
                }) => Ok(-1),
                sent => sent,
            })
            .collect::<Result<Vec<i64>>>()?;
        self.next = next;
        Ok(offsets)
    }
}

/// Sequence numbers go back to 0 behind the largest.
fn after(first: i32, records: usize) -> i32 {
    let records = i64::try_from(records).expect("a batch is far smaller than 2 GiB");
    let next = (i64::from(first) + records) % (i64::from(i32::MAX) + 1);
    i32::try_from(next).expect("a remainder is smaller than its divisor")
}

async fn send(
    lease: &mut Lease,
    at: &TopicPartition,
    batches: Vec<Bytes>,
) -> Result<Vec<Result<i64>>> {
    let cluster = lease.cluster().clone();
    let topic = cluster.topic(&at.topic).await?;
    let newest = lease.version::<ProduceRequest>()?;
    let version = if topic.id.is_some() { newest } else { newest.min(BY_NAME) };
    let timeout = cluster.settings().request_timeout;
    let sizes: Vec<usize> = batches.iter().map(Bytes::len).collect();
    let requests: Vec<ProduceRequest> =
        batches.into_iter().map(|batch| request(&topic, at, batch, timeout)).collect();
    let answers = lease.request_all(version, &requests, Duration::ZERO).await?;
    let mut sent = Vec::with_capacity(sizes.len());
    for (answer, bytes) in answers.into_iter().zip(sizes) {
        lease.held_back(answer.throttle_time_ms);
        sent.push(read(&answer, bytes).inspect_err(|error| {
            if let Some(reason) = error.refusal() {
                cluster.doubt_topic(&at.topic, reason);
            }
        }));
    }
    Ok(sent)
}

fn request(
    topic: &TopicInfo,
    at: &TopicPartition,
    batch: Bytes,
    timeout: Duration,
) -> ProduceRequest {
    let data = PartitionProduceData::default().with_index(at.partition).with_records(Some(batch));
    let topic = TopicProduceData::default()
        .with_name(topic_name(&at.topic))
        .with_topic_id(topic.id.unwrap_or_default())
        .with_partition_data(vec![data]);
    ProduceRequest::default()
        .with_acks(ALL)
        .with_timeout_ms(i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX))
        .with_topic_data(vec![topic])
}

fn read(answer: &ProduceResponse, bytes: usize) -> Result<i64> {
    let mut partitions = answer.responses.iter().flat_map(|topic| &topic.partition_responses);
    let partition = partitions.next().ok_or_else(lacks_answer)?;
    match ResponseError::try_from_code(partition.error_code) {
        None => Ok(partition.base_offset),
        Some(ResponseError::MessageTooLarge | ResponseError::RecordListTooLarge) => {
            Err(KafkaError::TooLarge { bytes })
        }
        Some(error) => Err(KafkaError::refused(ApiKey::Produce, error)),
    }
}

fn lacks_answer() -> KafkaError {
    KafkaError::corrupt("a produce answer lacks its partition")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::BytesMut;
    use kafka_protocol::messages::produce_response::{
        PartitionProduceResponse, TopicProduceResponse,
    };
    use kafka_protocol::protocol::{Decodable as _, Encodable as _, Message as _};
    use uuid::Uuid;

    use super::*;
    use crate::connection::damage;
    use proptest::prelude::*;

    fn answer(code: i16) -> ProduceResponse {
        let partition =
            PartitionProduceResponse::default().with_error_code(code).with_base_offset(42);
        let topic = TopicProduceResponse::default().with_partition_responses(vec![partition]);
        ProduceResponse::default().with_responses(vec![topic])
    }

    #[test]
    fn it_can_be_sent_to_every_broker() {
        let id = Some(Uuid::from_u128(7));
        let topic =
            TopicInfo { name: Arc::from("orders"), id, internal: false, partitions: vec![] };
        let at = TopicPartition::new("orders", 3);
        for version in ProduceRequest::VERSIONS.min..=ProduceRequest::VERSIONS.max {
            let mut bytes = BytesMut::new();
            request(&topic, &at, Bytes::from_static(b"batch"), Duration::from_secs(5))
                .encode(&mut bytes, version)
                .unwrap();
            let came = ProduceRequest::decode(&mut bytes.freeze(), version).unwrap();
            assert_eq!((came.acks, came.timeout_ms), (-1, 5_000), "version {version}");
            let data = &came.topic_data[0].partition_data[0];
            assert_eq!((data.index, data.records.as_deref()), (3, Some(&b"batch"[..])));
        }
    }

    #[test]
    fn what_became_of_a_batch_is_told_apart() {
        assert_eq!(read(&answer(0), 9).unwrap(), 42);
        for code in [10, 18] {
            assert!(matches!(read(&answer(code), 9), Err(KafkaError::TooLarge { bytes: 9 })));
        }
        let moved = read(&answer(6), 9).unwrap_err();
        assert!(moved.is_retriable(), "{moved:?}");
        let none = read(&ProduceResponse::default(), 9);
        assert!(matches!(none, Err(KafkaError::Corrupt(_))));
    }

    #[test]
    fn numbers_begin_again_behind_the_largest() {
        assert_eq!(after(0, 3), 3);
        assert_eq!(after(i32::MAX - 1, 1), i32::MAX);
        assert_eq!(after(i32::MAX, 1), 0);
        assert_eq!(after(i32::MAX - 1, 5), 3);
    }

    proptest! {
        #[test]
        fn any_answer_tells_of_the_batch_or_is_an_error(
            answer in damage::damaged::<ProduceRequest>(&damage::samples::produced()),
        ) {
            if let Some((_, answer)) = answer {
                let _ = read(&answer, 9);
            }
        }
    }
}
