//! What groups committed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
};
use kafka_protocol::messages::{ApiKey, GroupId, OffsetFetchRequest, OffsetFetchResponse};

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
/// The last version, of commits and of questions about them, that names topics. From version 10 on
/// only their ids are sent ([KIP-848]'s second step), which the requests here do not have.
///
/// [KIP-848]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-848%3A+The+Next+Generation+of+the+Consumer+Rebalance+Protocol
pub(super) const BY_NAME: i16 = 9;
/// The first version that waits for transactions ([KIP-447]).
///
/// [KIP-447]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-447%3A+Producer+scalability+for+exactly+once+semantics
const STABLE: i16 = 7;

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
    let version = fetch_version(lease)?;
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
    let version = fetch_version(lease)?;
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

/// The highest common version that names topics.
fn fetch_version(lease: &Lease) -> Result<i16> {
    Ok(lease.version::<OffsetFetchRequest>()?.min(BY_NAME))
}

/// Another broker may be the coordinator now: whoever asks next looks for it.
pub(super) fn doubt_coordinator(lease: &Lease, group: &str, error: ResponseError) {
    if matches!(error, ResponseError::NotCoordinator | ResponseError::CoordinatorNotAvailable) {
        lease.cluster().forget_coordinator(group);
    }
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
