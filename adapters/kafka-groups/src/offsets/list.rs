//! Where partitions begin and end.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{ApiKey, BrokerId, ListOffsetsRequest, ListOffsetsResponse};

use crate::cluster::{Cluster, Lease};
use crate::error::{KafkaError, Result};
use crate::topic::{TopicPartition, by_topic, topic_name};

/// The first version that knows isolation.
const WITH_ISOLATION: i16 = 2;
/// The first version that knows [`Spot::MaxTimestamp`].
const WITH_MAX_TIMESTAMP: i16 = 7;
const CONSUMER: BrokerId = BrokerId(-1);

/// Which offset of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// The first record's.
    Earliest,
    /// One behind the last record that readers may see.
    Latest,
    /// The record's with the highest timestamp ([KIP-734]); -1 if there is none.
    ///
    /// [KIP-734]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-734%3A+Improve+AdminClient.listOffsets+to+return+timestamp+and+offset+for+the+record+with+the+largest+timestamp
    MaxTimestamp,
    /// The first record's at or after so many milliseconds since 1970; -1 if there is none.
    From(i64),
}

impl Spot {
    fn code(self) -> i64 {
        match self {
            Self::Earliest => -2,
            Self::Latest => -1,
            Self::MaxTimestamp => -3,
            Self::From(timestamp) => timestamp.max(0),
        }
    }
}

/// Offsets of partitions, asked of their leaders: one request for each leader.
///
/// # Errors
/// Also if only one of the partitions has none to tell; a partition that is not there is
/// [`KafkaError::UnknownTopic`].
pub async fn list(
    cluster: &Cluster,
    partitions: &[TopicPartition],
    spot: Spot,
) -> Result<HashMap<TopicPartition, i64>> {
    let mut led: BTreeMap<i32, Vec<TopicPartition>> = BTreeMap::new();
    for at in partitions {
        led.entry(cluster.leader(at).await?).or_default().push(at.clone());
    }
    let mut offsets = HashMap::with_capacity(partitions.len());
    for (leader, partitions) in led {
        let mut lease = cluster.lease(leader).await?;
        offsets.extend(list_of_leader(&mut lease, &partitions, spot).await?);
    }
    Ok(offsets)
}

/// The first offset of a partition and the one behind its last, over a connection to its leader.
///
/// # Errors
/// As of [`list`].
pub async fn bounds(lease: &mut Lease, at: &TopicPartition) -> Result<(i64, i64)> {
    let asked = std::slice::from_ref(at);
    let earliest = list_of_leader(lease, asked, Spot::Earliest).await?;
    let latest = list_of_leader(lease, asked, Spot::Latest).await?;
    Ok((earliest[at], latest[at]))
}

async fn list_of_leader(
    lease: &mut Lease,
    partitions: &[TopicPartition],
    spot: Spot,
) -> Result<HashMap<TopicPartition, i64>> {
    let version = lease.version::<ListOffsetsRequest>()?;
    if spot == Spot::MaxTimestamp && version < WITH_MAX_TIMESTAMP {
        return Err(KafkaError::Unsupported { what: "offsets by highest timestamp".to_owned() });
    }
    let settings = lease.cluster().settings();
    let isolation = if version < WITH_ISOLATION { 0 } else { settings.isolation.level() };
    let timeout = i32::try_from(settings.request_timeout.as_millis()).unwrap_or(i32::MAX);
    let request =
        request(partitions, spot).with_isolation_level(isolation).with_timeout_ms(timeout);
    let answer = lease.request_at(version, &request, Duration::ZERO).await?;
    read(lease.cluster(), &answer, partitions)
}

pub(super) fn request(partitions: &[TopicPartition], spot: Spot) -> ListOffsetsRequest {
    let partition = |(partition, ())| {
        ListOffsetsPartition::default().with_partition_index(partition).with_timestamp(spot.code())
    };
    let topics = by_topic(partitions.iter().map(|at| (at, ())));
    let topics = topics.into_iter().map(|(topic, partitions)| {
        ListOffsetsTopic::default()
            .with_name(topic_name(topic))
            .with_partitions(partitions.into_iter().map(partition).collect())
    });
    ListOffsetsRequest::default().with_replica_id(CONSUMER).with_topics(topics.collect())
}

pub(super) fn read(
    cluster: &Cluster,
    answer: &ListOffsetsResponse,
    asked: &[TopicPartition],
) -> Result<HashMap<TopicPartition, i64>> {
    let mut told = HashMap::with_capacity(asked.len());
    for topic in &answer.topics {
        for partition in &topic.partitions {
            if let Some(error) = ResponseError::try_from_code(partition.error_code) {
                cluster.doubt_topic(&topic.name, error);
                return Err(KafkaError::refused(ApiKey::ListOffsets, error));
            }
            told.insert((topic.name.as_str(), partition.partition_index), partition.offset);
        }
    }
    let of = |at: &TopicPartition| Some((at.clone(), *told.get(&(&*at.topic, at.partition))?));
    let offsets: Option<HashMap<_, _>> = asked.iter().map(of).collect();
    offsets.ok_or_else(|| KafkaError::corrupt("an answer about offsets lacks a partition"))
}
