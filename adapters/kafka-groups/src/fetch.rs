//! Reading one partition.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::{ApiKey, FetchRequest, FetchResponse};
use uuid::Uuid;

use crate::batch::{self, Aborted, BatchError, Record};
use crate::cluster::{Lease, TopicInfo};
use crate::error::{KafkaError, Result};
use crate::offsets;
use crate::topic::{TopicPartition, topic_name};

/// The last version that names topics; from the next on their ids stand for them ([KIP-516]).
///
/// [KIP-516]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-516%3A+Topic+Identifiers
const BY_NAME: i16 = 12;

/// How much to read at once, and how long to wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The broker answers once so many bytes are there.
    pub min_bytes: i32,
    /// About so many bytes; a first batch that is larger comes whole.
    pub max_bytes: i32,
    /// The broker answers after so long whatever is there.
    pub max_wait: Duration,
}

/// What a fetch brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Records from the asked offset on, in order.
    pub records: Vec<Record>,
    /// Where to go on; past the last record if only markers or compacted records follow it.
    pub next: i64,
    /// One behind the last record that is replicated.
    pub high_watermark: i64,
    /// The first offset that is there; -1 if the broker does not say.
    pub log_start: i64,
    /// The identity of the topic read, if the broker knows identities: another one than before is
    /// another log, whose offsets mean something else.
    pub topic_id: Option<Uuid>,
}

/// Reads a partition from an offset on, over a connection to its leader.
///
/// # Errors
/// [`KafkaError::OutOfRange`] before the first record or behind the high watermark. After an error
/// that says that leader or topic changed, the cluster has forgotten them: lease the leader again.
pub async fn fetch(
    lease: &mut Lease,
    at: &TopicPartition,
    from: i64,
    limits: Limits,
) -> Result<Fetched> {
    let cluster = lease.cluster().clone();
    let topic = cluster.topic(&at.topic).await?;
    let newest = lease.version::<FetchRequest>()?;
    let version = if topic.id.is_some() { newest } else { newest.min(BY_NAME) };
    let isolation = cluster.settings().isolation.level();
    let request = request(&topic, at, from, limits).with_isolation_level(isolation);
    let answer = lease.request_at(version, &request, limits.max_wait).await?;
    lease.held_back(answer.throttle_time_ms);
    match partition(answer) {
        Ok(data) => {
            let topic_id = topic.id.filter(|_| version > BY_NAME);
            let limit = cluster.settings().max_batch_bytes;
            read(data, from, limit).map(|fetched| Fetched { topic_id, ..fetched })
        }
        Err(KafkaError::Refused { error: ResponseError::OffsetOutOfRange, .. }) => {
            Err(out_of_range(lease, at, from).await?)
        }
        Err(error) => {
            if let Some(reason) = error.refusal() {
                cluster.doubt_topic(&at.topic, reason);
            }
            Err(error)
        }
    }
}

fn request(topic: &TopicInfo, at: &TopicPartition, from: i64, limits: Limits) -> FetchRequest {
    let epoch = topic.partition(at.partition).map_or(-1, |partition| partition.leader_epoch);
    let partition = FetchPartition::default()
        .with_partition(at.partition)
        .with_current_leader_epoch(epoch)
        .with_fetch_offset(from)
        .with_partition_max_bytes(limits.max_bytes);
    let wanted = FetchTopic::default()
        .with_topic(topic_name(&at.topic))
        .with_topic_id(topic.id.unwrap_or_default())
        .with_partitions(vec![partition]);
    FetchRequest::default()
        .with_max_wait_ms(i32::try_from(limits.max_wait.as_millis()).unwrap_or(i32::MAX))
        .with_min_bytes(limits.min_bytes)
        .with_max_bytes(limits.max_bytes)
        .with_topics(vec![wanted])
}

/// The one partition that was asked for.
fn partition(answer: FetchResponse) -> Result<PartitionData> {
    let refused = |code| match ResponseError::try_from_code(code) {
        None => Ok(()),
        Some(error) => Err(KafkaError::refused(ApiKey::Fetch, error)),
    };
    refused(answer.error_code)?;
    let data = answer.responses.into_iter().flat_map(|topic| topic.partitions).next();
    let data = data.ok_or_else(|| KafkaError::corrupt("a fetch answer lacks its partition"))?;
    refused(data.error_code)?;
    Ok(data)
}

fn read(data: PartitionData, from: i64, limit: usize) -> Result<Fetched> {
    let aborted = data.aborted_transactions.unwrap_or_default();
    let aborted = aborted
        .iter()
        .map(|gone| Aborted { producer: gone.producer_id.0, first_offset: gone.first_offset })
        .collect();
    let bytes: Bytes = data.records.unwrap_or_default();
    let something = !bytes.is_empty();
    let decoded = batch::decode(bytes, from, aborted, limit).map_err(unreadable)?;
    // The broker gives a first batch whole (KIP-74), so without one the same would come for ever.
    if something && decoded.next == from {
        return Err(KafkaError::corrupt("a fetch answer has no whole batch"));
    }
    Ok(Fetched {
        records: decoded.records,
        next: decoded.next,
        high_watermark: data.high_watermark,
        log_start: data.log_start_offset,
        topic_id: None,
    })
}

fn unreadable(error: BatchError) -> KafkaError {
    match error {
        BatchError::Format { .. } | BatchError::Codec { .. } => {
            KafkaError::Unsupported { what: error.to_string() }
        }
        BatchError::Malformed { .. }
        | BatchError::Checksum { .. }
        | BatchError::Unpack { .. }
        | BatchError::TooLarge { .. } => KafkaError::corrupt(error),
    }
}

/// The error for an offset that the leader does not have, unless it has it by now.
async fn out_of_range(lease: &mut Lease, at: &TopicPartition, from: i64) -> Result<KafkaError> {
    let (earliest, next) = offsets::bounds(lease, at).await?;
    Ok(if (earliest..=next).contains(&from) {
        KafkaError::refused(ApiKey::Fetch, ResponseError::OffsetNotAvailable)
    } else {
        KafkaError::OutOfRange { earliest, next }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::BytesMut;
    use kafka_protocol::messages::fetch_response::{AbortedTransaction, FetchableTopicResponse};
    use kafka_protocol::protocol::{Decodable as _, Encodable as _, Message as _};

    use super::*;
    use crate::batch::{Compression, NewRecord, Sequence};
    use crate::cluster::PartitionInfo;
    use crate::connection::damage;
    use proptest::prelude::*;

    const LIMITS: Limits =
        Limits { min_bytes: 1, max_bytes: 1_000, max_wait: Duration::from_millis(500) };

    fn topic(id: Option<Uuid>) -> TopicInfo {
        let partition = PartitionInfo {
            partition: 3,
            leader: Some(1),
            leader_epoch: 5,
            replicas: vec![],
            in_sync: vec![],
        };
        TopicInfo { name: Arc::from("orders"), id, internal: false, partitions: vec![partition] }
    }

    fn answer(data: PartitionData) -> FetchResponse {
        let topic = FetchableTopicResponse::default().with_partitions(vec![data]);
        FetchResponse::default().with_responses(vec![topic])
    }

    #[test]
    fn it_can_be_asked_of_every_broker_with_and_without_topic_ids() {
        let id = Uuid::from_u128(7);
        let at = TopicPartition::new("orders", 3);
        for version in FetchRequest::VERSIONS.min..=FetchRequest::VERSIONS.max {
            let id = (version > BY_NAME).then_some(id);
            let mut bytes = BytesMut::new();
            request(&topic(Some(Uuid::from_u128(7))), &at, 42, LIMITS)
                .encode(&mut bytes, version)
                .unwrap();
            let came = FetchRequest::decode(&mut bytes.freeze(), version).unwrap();
            assert_eq!((came.max_wait_ms, came.min_bytes, came.max_bytes), (500, 1, 1_000));
            let topic = &came.topics[0];
            match id {
                Some(id) => assert_eq!(topic.topic_id, id),
                None => assert_eq!(&**topic.topic, "orders"),
            }
            let partition = &topic.partitions[0];
            assert_eq!((partition.partition, partition.fetch_offset), (3, 42), "{version}");
            assert_eq!(partition.current_leader_epoch, if version < 9 { -1 } else { 5 });
        }
    }

    #[test]
    fn refusals_of_the_request_and_of_the_partition_are_told() {
        let whole = answer(PartitionData::default()).with_error_code(70);
        let part = answer(PartitionData::default().with_error_code(6));
        let refusal = |answer| partition(answer).unwrap_err().refusal();
        assert_eq!(refusal(whole), Some(ResponseError::FetchSessionIdNotFound));
        assert_eq!(refusal(part), Some(ResponseError::NotLeaderOrFollower));
        let empty = partition(FetchResponse::default());
        assert!(matches!(empty, Err(KafkaError::Corrupt(_))));
    }

    #[test]
    fn an_answer_is_read_with_what_it_says_of_the_partition() {
        let records = [NewRecord::default(), NewRecord::default()];
        let batch = batch::encode(&records, Compression::None, Sequence::NONE);
        let data = PartitionData::default()
            .with_high_watermark(9)
            .with_log_start_offset(1)
            .with_aborted_transactions(Some(vec![AbortedTransaction::default()]))
            .with_records(Some(batch));
        let fetched = read(data, 1, 1_000).unwrap();
        assert_eq!((fetched.records.len(), fetched.next), (1, 2));
        assert_eq!((fetched.high_watermark, fetched.log_start), (9, 1));
    }

    #[test]
    fn nothing_new_is_not_an_error_but_nothing_readable_is() {
        let batch = batch::encode(&[NewRecord::default()], Compression::None, Sequence::NONE);
        let nothing = PartitionData::default().with_records(Some(Bytes::new()));
        assert_eq!(read(nothing, 4, 1_000).unwrap().next, 4);
        let part = PartitionData::default().with_records(Some(batch.slice(..20)));
        assert!(matches!(read(part, 0, 1_000), Err(KafkaError::Corrupt(_))));
    }

    proptest! {
        #[test]
        fn what_is_read_of_any_answer_goes_on_where_it_began_or_behind(
            answer in damage::damaged::<FetchRequest>(&damage::samples::fetched()),
            from in prop_oneof![Just(0), any::<i64>()],
        ) {
            let data = answer.and_then(|(_, answer)| partition(answer).ok());
            if let Some(Ok(fetched)) = data.map(|data| read(data, from, 1_000)) {
                prop_assert!(fetched.next >= from);
                let offsets = fetched.records.iter().map(|record| record.offset);
                prop_assert!(offsets.clone().is_sorted());
                prop_assert!(offsets.into_iter().all(|at| (from..fetched.next).contains(&at)));
            }
        }
    }
}
