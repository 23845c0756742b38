//! Where partitions begin and end, and when they were last written to: one lease per leader,
//! whatever the number of topics.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::bus::Bounds;
use comptoir_domain::time::Timestamp;
use kafka_groups::{Cluster, KafkaError, Lease, TopicInfo, TopicPartition};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{BrokerId, ListOffsetsRequest, ListOffsetsResponse, TopicName};
use kafka_protocol::protocol::StrBytes;

use crate::names;

const EARLIEST: i64 = -2;
const LATEST: i64 = -1;
/// The record with the highest timestamp (KIP-734).
const MAX_TIMESTAMP: i64 = -3;
/// The first version of `ListOffsets` that knows [`MAX_TIMESTAMP`].
const KNOWS_MAX_TIMESTAMP: i16 = 7;
const READ_COMMITTED: i8 = 1;
const CONSUMER: BrokerId = BrokerId(-1);

/// What a leader tells of a partition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spots {
    pub(super) bounds: Bounds,
    pub(super) last_write: Option<Timestamp>,
}

/// A topic, and those of its partitions that one leader has.
type Led = (Arc<str>, Vec<i32>);

pub(super) type By<T> = HashMap<TopicPartition, T>;

/// What leaders tell. A partition is missing if it has none, or one that does not answer or leads it
/// no more.
pub(super) async fn ask(cluster: &Cluster, topics: &[Arc<TopicInfo>]) -> By<Spots> {
    let mut by_leader: BTreeMap<i32, Vec<Led>> = BTreeMap::new();
    for topic in topics {
        let mut led: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
        for info in &topic.partitions {
            if let Some(leader) = info.leader {
                led.entry(leader).or_default().push(info.partition);
            }
        }
        for (leader, partitions) in led {
            by_leader.entry(leader).or_default().push((Arc::clone(&topic.name), partitions));
        }
    }
    let asking = by_leader.into_iter().map(|(leader, asked)| async move {
        let told = ask_leader(cluster, leader, &asked).await;
        told.unwrap_or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::debug!(leader, error, "a leader does not tell its offsets");
            By::new()
        })
    });
    futures::future::join_all(asking).await.into_iter().flatten().collect()
}

async fn ask_leader(
    cluster: &Cluster,
    leader: i32,
    asked: &[Led],
) -> Result<By<Spots>, KafkaError> {
    let mut lease = cluster.lease(leader).await?;
    let earliest = ask_spot(&mut lease, asked, EARLIEST).await?;
    let latest = ask_spot(&mut lease, asked, LATEST).await?;
    let newest = if lease.version::<ListOffsetsRequest>()? >= KNOWS_MAX_TIMESTAMP {
        ask_spot(&mut lease, asked, MAX_TIMESTAMP).await?
    } else {
        By::new()
    };
    let spots = latest.into_iter().filter_map(|(at, latest)| {
        let bounds = names::bounds(earliest.get(&at)?.offset, latest.offset);
        let newest = newest.get(&at).filter(|newest| newest.timestamp >= 0);
        let last_write = newest.map(|newest| Timestamp::from_millis(newest.timestamp));
        Some((at, Spots { bounds, last_write }))
    });
    Ok(spots.collect())
}

#[derive(Debug, Clone, Copy)]
struct Told {
    offset: i64,
    timestamp: i64,
}

async fn ask_spot(lease: &mut Lease, asked: &[Led], spot: i64) -> Result<By<Told>, KafkaError> {
    let topics = asked.iter().map(|(name, partitions)| {
        let partition = |number: &i32| {
            ListOffsetsPartition::default().with_partition_index(*number).with_timestamp(spot)
        };
        ListOffsetsTopic::default()
            .with_name(TopicName(StrBytes::from_string(name.to_string())))
            .with_partitions(partitions.iter().map(partition).collect())
    });
    let request = ListOffsetsRequest::default()
        .with_replica_id(CONSUMER)
        .with_isolation_level(READ_COMMITTED)
        .with_topics(topics.collect());
    let answer = lease.request(&request, Duration::ZERO).await?;
    Ok(told(&answer))
}

fn told(answer: &ListOffsetsResponse) -> By<Told> {
    let mut told = By::new();
    for topic in &answer.topics {
        let name: Arc<str> = topic.name.0.as_str().into();
        for partition in topic.partitions.iter().filter(|partition| partition.error_code == 0) {
            let at = TopicPartition::new(Arc::clone(&name), partition.partition_index);
            let (offset, timestamp) = (partition.offset, partition.timestamp);
            told.insert(at, Told { offset, timestamp });
        }
    }
    told
}
