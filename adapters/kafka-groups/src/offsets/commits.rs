//! Committing for a group.

use std::collections::HashMap;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::{ApiKey, GroupId, OffsetCommitRequest};

use super::group::{BY_NAME, Identity, doubt_coordinator};
use crate::cluster::Lease;
use crate::error::{KafkaError, Result};
use crate::topic::{TopicPartition, by_topic, text, topic_name};

/// The first version of commits that knows static members ([KIP-345]).
///
/// [KIP-345]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-345%3A+Introduce+static+membership+protocol+to+reduce+consumer+rebalances
const WITH_INSTANCE: i16 = 7;

/// What became of each partition's commit.
pub type Outcomes = HashMap<TopicPartition, Result<(), ResponseError>>;

/// Commits the offsets to go on at, over a connection to the group's coordinator.
///
/// # Errors
/// `Refused` with the first reason found; others of the offsets may have been committed, see
/// [`commit_each`].
pub async fn commit(
    lease: &mut Lease,
    who: Identity<'_>,
    offsets: &[(TopicPartition, i64)],
) -> Result<()> {
    let outcomes = commit_each(lease, who, offsets).await?;
    let outcome = |(at, _): &(TopicPartition, i64)| outcomes[at];
    let refused = |error| KafkaError::refused(ApiKey::OffsetCommit, error);
    offsets.iter().try_for_each(outcome).map_err(refused)
}

/// Commits the offsets to go on at and tells of each partition what became of it: the coordinator
/// takes some and refuses others.
///
/// # Errors
/// If there is no answer, or none that tells of every partition; then any may have been committed.
pub async fn commit_each(
    lease: &mut Lease,
    who: Identity<'_>,
    offsets: &[(TopicPartition, i64)],
) -> Result<Outcomes> {
    let version = commit_version(lease)?;
    let request = commit_request(who, offsets, version);
    let answer = lease.request_at(version, &request, Duration::ZERO).await?;
    let mut told = HashMap::new();
    for topic in &answer.topics {
        for partition in &topic.partitions {
            let refusal = ResponseError::try_from_code(partition.error_code);
            if let Some(error) = refusal {
                doubt_coordinator(lease, who.group, error);
            }
            told.insert((topic.name.as_str(), partition.partition_index), refusal);
        }
    }
    let outcome = |(at, _): &(TopicPartition, i64)| {
        let refusal = *told.get(&(&*at.topic, at.partition))?;
        Some((at.clone(), refusal.map_or(Ok(()), Err)))
    };
    let outcomes: Option<Outcomes> = offsets.iter().map(outcome).collect();
    outcomes
        .ok_or_else(|| KafkaError::corrupt("an answer about a group's commits lacks a partition"))
}

/// The highest common version of commits that names topics.
fn commit_version(lease: &Lease) -> Result<i16> {
    Ok(lease.version::<OffsetCommitRequest>()?.min(BY_NAME))
}

pub(super) fn commit_request(
    who: Identity<'_>,
    offsets: &[(TopicPartition, i64)],
    version: i16,
) -> OffsetCommitRequest {
    let partition = |(partition, offset)| {
        OffsetCommitRequestPartition::default()
            .with_partition_index(partition)
            .with_committed_offset(offset)
    };
    let topics = by_topic(offsets.iter().map(|(at, offset)| (at, *offset)));
    let topics = topics.into_iter().map(|(topic, offsets)| {
        OffsetCommitRequestTopic::default()
            .with_name(topic_name(topic))
            .with_partitions(offsets.into_iter().map(partition).collect())
    });
    let instance = who.instance.filter(|_| version >= WITH_INSTANCE);
    OffsetCommitRequest::default()
        .with_group_id(GroupId(text(who.group)))
        .with_generation_id_or_member_epoch(who.epoch)
        .with_member_id(text(who.member))
        .with_group_instance_id(instance.map(text))
        .with_topics(topics.collect())
}
