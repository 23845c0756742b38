//! Listing and describing consumer groups.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::consumer_group_describe_response::{
    Assignment, DescribedGroup as Consumer, Member, TopicPartitions,
};
use kafka_protocol::messages::describe_groups_response::{
    DescribedGroup as Classic, DescribedGroupMember,
};
use kafka_protocol::messages::{
    ApiKey, ConsumerGroupDescribeRequest, DescribeGroupsRequest, GroupId, ListGroupsRequest,
};

use super::Admin;
use crate::cluster::Lease;
use crate::error::{KafkaError, Reaction, Result};
use crate::membership::wire;
use crate::offsets;
use crate::topic::{TopicPartition, text};

/// The first version of listing that tells protocols apart ([KIP-848]).
///
/// [KIP-848]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-848%3A+The+Next+Generation+of+the+Consumer+Rebalance+Protocol
const TYPED: i16 = 5;
/// What a coordinator says of a classic group that it does not know.
const DEAD: &str = "Dead";

/// Which protocol a group speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupKind {
    /// KIP-848.
    Consumer,
    /// `JoinGroup` and `SyncGroup`.
    Classic,
}

/// A group as the cluster lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedGroup {
    /// Its name.
    pub group: String,
    /// Its protocol.
    pub kind: GroupKind,
    /// Its state as the broker names it, such as `Stable`; empty from old brokers.
    pub state: String,
}

/// A group, its members and what they own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupInfo {
    /// Its name.
    pub group: String,
    /// Its protocol.
    pub kind: GroupKind,
    /// Its state as the broker names it, such as `Stable`.
    pub state: String,
    /// Its epoch; `None` in a classic group.
    pub epoch: Option<i32>,
    /// Its members.
    pub members: Vec<GroupMemberInfo>,
}

/// A member and what it owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMemberInfo {
    /// Its id.
    pub member: String,
    /// Its static name.
    pub instance: Option<String>,
    /// What it calls itself.
    pub client_id: String,
    /// Where it connects from.
    pub host: String,
    /// Its epoch; `None` in a classic group.
    pub epoch: Option<i32>,
    /// Topics that it asks for.
    pub topics: Vec<String>,
    /// What it owns now.
    pub assigned: Vec<TopicPartition>,
    /// What it is to own once others have released it; the same as `assigned` in a classic group.
    pub target: Vec<TopicPartition>,
}

impl Admin {
    /// Every consumer group, asked of every broker.
    pub async fn groups(&self) -> Result<Vec<ListedGroup>> {
        self.cluster.retry(self.deadline(), || self.groups_once()).await
    }

    /// Groups with their members, of either protocol; groups that do not exist are missing. A few
    /// requests for each broker, however many groups there are.
    pub async fn describe_groups(&self, groups: &[&str]) -> Result<Vec<GroupInfo>> {
        self.cluster.retry(self.deadline(), || self.describe_once(groups)).await
    }

    /// What groups committed, also for partitions that they do not read any more.
    pub async fn committed(
        &self,
        groups: &[&str],
    ) -> Result<HashMap<String, HashMap<TopicPartition, i64>>> {
        self.cluster.retry(self.deadline(), || self.committed_once(groups)).await
    }

    async fn groups_once(&self) -> Result<Vec<ListedGroup>> {
        self.cluster.all_topics().await?; // for the brokers of now
        let mut groups = Vec::new();
        for broker in self.cluster.broker_ids() {
            let mut lease = self.cluster.lease(broker).await?;
            groups.extend(list_of_broker(&mut lease).await?);
        }
        Ok(groups)
    }

    async fn describe_once(&self, groups: &[&str]) -> Result<Vec<GroupInfo>> {
        let mut described = Vec::with_capacity(groups.len());
        for (broker, groups) in self.by_coordinator(groups).await? {
            let mut lease = self.cluster.lease(broker).await?;
            let found = describe_of_broker(&mut lease, &groups).await;
            described.extend(found.inspect_err(|error| self.doubt_coordinators(&groups, error))?);
        }
        Ok(described)
    }

    async fn committed_once(
        &self,
        groups: &[&str],
    ) -> Result<HashMap<String, HashMap<TopicPartition, i64>>> {
        let mut committed = HashMap::with_capacity(groups.len());
        for (broker, groups) in self.by_coordinator(groups).await? {
            let mut lease = self.cluster.lease(broker).await?;
            let found = offsets::all_committed(&mut lease, &groups).await;
            committed.extend(found.inspect_err(|error| self.doubt_coordinators(&groups, error))?);
        }
        Ok(committed)
    }

    async fn by_coordinator<'a>(&self, groups: &[&'a str]) -> Result<BTreeMap<i32, Vec<&'a str>>> {
        let coordinators = self.cluster.coordinators(groups).await?;
        let mut brokers: BTreeMap<i32, Vec<&str>> = BTreeMap::new();
        for group in groups {
            brokers.entry(coordinators[*group]).or_default().push(group);
        }
        Ok(brokers)
    }

    fn doubt_coordinators(&self, groups: &[&str], error: &KafkaError) {
        if error.reaction() == Reaction::FindCoordinator {
            for group in groups {
                self.cluster.forget_coordinator(group);
            }
        }
    }
}

async fn list_of_broker(lease: &mut Lease) -> Result<Vec<ListedGroup>> {
    let version = lease.version::<ListGroupsRequest>()?;
    let mut request = ListGroupsRequest::default();
    if version >= TYPED {
        request = request.with_types_filter(vec![text("classic"), text("consumer")]);
    }
    let answer = lease.request_at(version, &request, Duration::ZERO).await?;
    if let Some(error) = ResponseError::try_from_code(answer.error_code) {
        return Err(KafkaError::refused(ApiKey::ListGroups, error));
    }
    // Workers of Kafka Connect and others use groups of their own kind.
    let consumers = answer
        .groups
        .into_iter()
        .filter(|group| group.protocol_type.is_empty() || &*group.protocol_type == "consumer");
    let listed = consumers.map(|group| ListedGroup {
        kind: if group.group_type.eq_ignore_ascii_case("consumer") {
            GroupKind::Consumer
        } else {
            GroupKind::Classic
        },
        group: group.group_id.to_string(),
        state: group.group_state.to_string(),
    });
    Ok(listed.collect())
}

/// Those that do not speak KIP-848 are asked about once more as classic groups.
async fn describe_of_broker(lease: &mut Lease, groups: &[&str]) -> Result<Vec<GroupInfo>> {
    let mut found = Vec::with_capacity(groups.len());
    if lease.versions::<ConsumerGroupDescribeRequest>().is_some() {
        let request = ConsumerGroupDescribeRequest::default().with_group_ids(ids(groups));
        let answer = lease.request(&request, Duration::ZERO).await?;
        for group in answer.groups {
            if exists(ApiKey::ConsumerGroupDescribe, group.error_code)? {
                found.push(consumer(group));
            }
        }
    }
    let rest: Vec<&str> = groups
        .iter()
        .copied()
        .filter(|group| !found.iter().any(|known| known.group == **group))
        .collect();
    if rest.is_empty() {
        return Ok(found);
    }
    let request = DescribeGroupsRequest::default().with_groups(ids(&rest));
    let answer = lease.request(&request, Duration::ZERO).await?;
    for group in answer.groups {
        if exists(ApiKey::DescribeGroups, group.error_code)? && &*group.group_state != DEAD {
            found.push(classic(group));
        }
    }
    Ok(found)
}

fn ids(groups: &[&str]) -> Vec<GroupId> {
    groups.iter().map(|group| GroupId(text(group))).collect()
}

/// Whether the group exists in the protocol asked about. A broker may know KIP-848's request without
/// being allowed to serve it (Kafka 3.7 to 3.9, or as it is set): then there are no such groups.
fn exists(api: ApiKey, code: i16) -> Result<bool> {
    match (ResponseError::try_from_code(code), api) {
        (None, _) => Ok(true),
        (Some(ResponseError::GroupIdNotFound), _)
        | (Some(ResponseError::UnsupportedVersion), ApiKey::ConsumerGroupDescribe) => Ok(false),
        (Some(error), _) => Err(KafkaError::refused(api, error)),
    }
}

pub(super) fn consumer(group: Consumer) -> GroupInfo {
    GroupInfo {
        group: group.group_id.to_string(),
        kind: GroupKind::Consumer,
        state: group.group_state.to_string(),
        epoch: Some(group.group_epoch),
        members: group.members.into_iter().map(consumer_member).collect(),
    }
}

fn consumer_member(member: Member) -> GroupMemberInfo {
    GroupMemberInfo {
        member: member.member_id.to_string(),
        instance: member.instance_id.map(|instance| instance.to_string()),
        client_id: member.client_id.to_string(),
        host: member.client_host.to_string(),
        epoch: Some(member.member_epoch),
        topics: member.subscribed_topic_names.iter().map(|topic| topic.to_string()).collect(),
        assigned: partitions(&member.assignment),
        target: partitions(&member.target_assignment),
    }
}

fn partitions(assignment: &Assignment) -> Vec<TopicPartition> {
    let of_topic = |topic: &TopicPartitions| {
        let name: Arc<str> = topic.topic_name.as_str().into();
        let numbers = topic.partitions.clone();
        numbers.into_iter().map(move |number| TopicPartition::new(name.clone(), number))
    };
    assignment.topic_partitions.iter().flat_map(of_topic).collect()
}

pub(super) fn classic(group: Classic) -> GroupInfo {
    GroupInfo {
        group: group.group_id.to_string(),
        kind: GroupKind::Classic,
        state: group.group_state.to_string(),
        epoch: None,
        members: group.members.into_iter().map(classic_member).collect(),
    }
}

fn classic_member(member: DescribedGroupMember) -> GroupMemberInfo {
    let assigned: Vec<_> =
        wire::assigned(&member.member_assignment).unwrap_or_default().into_iter().collect();
    let subscriber = wire::subscriber(&member.member_metadata).unwrap_or_default();
    GroupMemberInfo {
        member: member.member_id.to_string(),
        instance: member.group_instance_id.map(|instance| instance.to_string()),
        client_id: member.client_id.to_string(),
        host: member.client_host.to_string(),
        epoch: None,
        topics: subscriber.topics.iter().map(ToString::to_string).collect(),
        target: assigned.clone(),
        assigned,
    }
}
