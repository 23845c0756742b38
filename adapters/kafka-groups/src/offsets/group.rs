//! What groups committed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
};
use kafka_protocol::messages::{
    ApiKey, GroupId, OffsetCommitRequest, OffsetFetchRequest, OffsetFetchResponse,
};

use crate::cluster::Lease;
use crate::error::{KafkaError, Result};
use crate::settings::Isolation;
use crate::topic::{TopicPartition, by_topic, text, topic_name};

/// The first version that asks about several groups ([KIP-709]).
///
/// [KIP-709]: https://cwiki.apache.org/confluence/pages/viewpage.action?pageId=173084258
const BATCHED: i16 = 8;
/// The first version that says who asks ([KIP-848]).
///
/// [KIP-848]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-848%3A+The+Next+Generation+of+the+Consumer+Rebalance+Protocol
const WITH_MEMBER: i16 = 9;
/// The first version that waits for transactions ([KIP-447]).
///
/// [KIP-447]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-447%3A+Producer+scalability+for+exactly+once+semantics
const STABLE: i16 = 7;
/// The first version of commits that knows static members ([KIP-345]).
///
/// [KIP-345]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-345%3A+Introduce+static+membership+protocol+to+reduce+consumer+rebalances
const WITH_INSTANCE: i16 = 7;

/// Who asks for a group's offsets, or commits them.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// The group.
    pub group: &'a str,
    /// The member; empty if not a member.
    pub member: &'a str,
    /// Its epoch (KIP-848) or generation (classic); -1 if not a member.
    pub epoch: i32,
    /// Its static name (KIP-345).
    pub instance: Option<&'a str>,
}

/// What a group committed, over a connection to its coordinator; `None` where nothing was.
///
/// # Errors
/// `Refused` also when the epoch is stale, the member unknown or a transaction pending: then what
/// was committed is not known, and asking again is the only answer.
pub async fn committed(
    lease: &mut Lease,
    who: Identity<'_>,
    partitions: &[TopicPartition],
) -> Result<HashMap<TopicPartition, Option<i64>>> {
    let version = lease.version::<OffsetFetchRequest>()?;
    let stable = lease.cluster().settings().isolation == Isolation::ReadCommitted;
    let request = Question { who, partitions: Some(partitions) }.request(version, stable);
    let answer = lease.request_at(version, &request, Duration::ZERO).await?;
    let told = read(answer, who.group, version).inspect_err(|error| {
        if let Some(error) = error.refusal() {
            doubt_coordinator(lease, who.group, error);
        }
    });
    let told = told?.remove(who.group).unwrap_or_default();
    let of = |at: &TopicPartition| Some((at.clone(), *told.get(at)?));
    let offsets: Option<HashMap<_, _>> = partitions.iter().map(of).collect();
    offsets
        .ok_or_else(|| KafkaError::corrupt("an answer about a group's offsets lacks a partition"))
}

/// All that groups committed, over a connection to the coordinator of all of them.
pub(crate) async fn all_committed(
    lease: &mut Lease,
    groups: &[&str],
) -> Result<HashMap<String, HashMap<TopicPartition, i64>>> {
    let version = lease.version::<OffsetFetchRequest>()?;
    let all = |group| {
        let who = Identity { group, member: "", epoch: -1, instance: None };
        Question { who, partitions: None }
    };
    let requests: Vec<OffsetFetchRequest> = if version >= BATCHED {
        let groups = groups.iter().map(|group| all(group).batched(version)).collect();
        vec![OffsetFetchRequest::default().with_groups(groups)]
    } else {
        groups.iter().map(|group| all(group).request(version, false)).collect()
    };
    let mut committed = HashMap::new();
    for (request, group) in requests.iter().zip(groups) {
        let answer = lease.request_at(version, request, Duration::ZERO).await?;
        for (group, offsets) in read(answer, group, version)? {
            let some = offsets.into_iter().filter_map(|(at, offset)| Some((at, offset?)));
            committed.insert(group, some.collect());
        }
    }
    Ok(committed)
}

/// Commits the offsets to go on at, over a connection to the group's coordinator.
///
/// # Errors
/// `Refused` with the first reason found; others of the offsets may have been committed.
pub async fn commit(
    lease: &mut Lease,
    who: Identity<'_>,
    offsets: &[(TopicPartition, i64)],
) -> Result<()> {
    let version = lease.version::<OffsetCommitRequest>()?;
    let request = commit_request(who, offsets, version);
    let answer = lease.request_at(version, &request, Duration::ZERO).await?;
    let mut partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
    let told = partitions.clone().count();
    match partitions.find_map(|partition| ResponseError::try_from_code(partition.error_code)) {
        Some(error) => {
            doubt_coordinator(lease, who.group, error);
            Err(KafkaError::refused(ApiKey::OffsetCommit, error))
        }
        None if told < offsets.len() => {
            Err(KafkaError::corrupt("an answer about a group's commits lacks a partition"))
        }
        None => Ok(()),
    }
}

/// Another broker may be the coordinator now: whoever asks next looks for it.
fn doubt_coordinator(lease: &Lease, group: &str, error: ResponseError) {
    if matches!(error, ResponseError::NotCoordinator | ResponseError::CoordinatorNotAvailable) {
        lease.cluster().forget_coordinator(group);
    }
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

/// A group's offsets that are asked for; of all partitions if none are named.
#[derive(Debug)]
pub(super) struct Question<'a> {
    pub(super) who: Identity<'a>,
    pub(super) partitions: Option<&'a [TopicPartition]>,
}

impl Question<'_> {
    pub(super) fn request(&self, version: i16, stable: bool) -> OffsetFetchRequest {
        let request =
            OffsetFetchRequest::default().with_require_stable(stable && version >= STABLE);
        if version >= BATCHED {
            return request.with_groups(vec![self.batched(version)]);
        }
        let topics = self.by_topic(|topic, partitions| {
            OffsetFetchRequestTopic::default()
                .with_name(topic_name(topic))
                .with_partition_indexes(partitions)
        });
        request.with_group_id(GroupId(text(self.who.group))).with_topics(topics)
    }

    fn batched(&self, version: i16) -> OffsetFetchRequestGroup {
        let topics = self.by_topic(|topic, partitions| {
            OffsetFetchRequestTopics::default()
                .with_name(topic_name(topic))
                .with_partition_indexes(partitions)
        });
        let group = OffsetFetchRequestGroup::default()
            .with_group_id(GroupId(text(self.who.group)))
            .with_topics(topics);
        if version >= WITH_MEMBER && !self.who.member.is_empty() {
            group.with_member_id(Some(text(self.who.member))).with_member_epoch(self.who.epoch)
        } else {
            group
        }
    }

    fn by_topic<T>(&self, topic: impl Fn(&str, Vec<i32>) -> T) -> Option<Vec<T>> {
        let topics = by_topic(self.partitions?.iter().map(|at| (at, ())));
        let numbers =
            |partitions: Vec<(i32, ())>| partitions.into_iter().map(|(number, ())| number);
        Some(
            topics
                .into_iter()
                .map(|(name, partitions)| topic(name, numbers(partitions).collect()))
                .collect(),
        )
    }
}

pub(super) type Offsets = HashMap<TopicPartition, Option<i64>>;

/// Offsets by group. An answer of an old version does not name its group: it is the one asked for.
pub(super) fn read(
    answer: OffsetFetchResponse,
    asked: &str,
    version: i16,
) -> Result<HashMap<String, Offsets>> {
    if version < BATCHED {
        refused(answer.error_code)?;
        let mut offsets = Offsets::new();
        for topic in &answer.topics {
            read_topic(&mut offsets, &topic.name, topic.partitions.iter().map(single))?;
        }
        return Ok(HashMap::from([(asked.to_owned(), offsets)]));
    }
    let mut groups = HashMap::new();
    for group in answer.groups {
        refused(group.error_code)?;
        let mut offsets = Offsets::new();
        for topic in &group.topics {
            read_topic(&mut offsets, &topic.name, topic.partitions.iter().map(batched))?;
        }
        groups.insert(group.group_id.to_string(), offsets);
    }
    Ok(groups)
}

/// Partition, error code and offset, of both shapes of answer.
type Told = (i32, i16, i64);

fn single(partition: &OffsetFetchResponsePartition) -> Told {
    (partition.partition_index, partition.error_code, partition.committed_offset)
}

fn batched(partition: &OffsetFetchResponsePartitions) -> Told {
    (partition.partition_index, partition.error_code, partition.committed_offset)
}

fn read_topic(into: &mut Offsets, topic: &str, told: impl Iterator<Item = Told>) -> Result<()> {
    let topic: Arc<str> = topic.into();
    for (partition, code, offset) in told {
        refused(code)?;
        let at = TopicPartition { topic: Arc::clone(&topic), partition };
        into.insert(at, (offset >= 0).then_some(offset));
    }
    Ok(())
}

fn refused(code: i16) -> Result<()> {
    match ResponseError::try_from_code(code) {
        None => Ok(()),
        Some(error) => Err(KafkaError::refused(ApiKey::OffsetFetch, error)),
    }
}
