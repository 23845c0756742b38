//! Groups as an operator sees them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use comptoir_domain::port::bus::{GroupInfo, GroupState, MemberInfo};
use comptoir_domain::topic::GroupId;
use kafka_groups::admin::{Admin, GroupInfo as Described, GroupKind, GroupMemberInfo};
use kafka_groups::{KafkaError, TopicInfo, TopicPartition};

use crate::names::{from_kafka, offset};

/// Every group, by name. However many there are, each broker is asked three times, and one of them
/// about topics.
pub(super) async fn all(admin: &Admin) -> Result<Vec<GroupInfo>, KafkaError> {
    let listed = admin.groups().await?;
    let names: Vec<_> = listed.iter().map(|listed| listed.group.as_str()).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let (described, mut committed, topics) =
        tokio::try_join!(admin.describe_groups(&names), admin.committed(&names), admin.topics())?;
    let mut groups = BTreeMap::new();
    for described in described {
        let committed = committed.remove(&described.group).unwrap_or_default();
        let state = state(&described, &topics);
        if let Some(info) = group_info(described, state, committed) {
            groups.insert(info.group.clone(), info);
        }
    }
    Ok(groups.into_values().collect())
}

/// `None` for a group whose name the domain does not know as one; Kafka takes any text.
fn group_info(
    described: Described,
    state: GroupState,
    committed: HashMap<TopicPartition, i64>,
) -> Option<GroupInfo> {
    let group = GroupId::try_from(described.group.as_str()).ok()?;
    let committed: BTreeMap<_, _> = committed
        .into_iter()
        .filter_map(|(at, next)| Some((from_kafka(&at)?, offset(next))))
        .collect();
    Some(GroupInfo {
        group,
        state,
        members: described.members.into_iter().map(member_info).collect(),
        committed: committed.into_iter().collect(),
    })
}

/// The state that the broker names, in either protocol; what is not known yet is something on its
/// way. A classic group calls itself stable between the two rounds in which a partition changes
/// hands, too: then nobody has the partition.
fn state(described: &Described, topics: &[Arc<TopicInfo>]) -> GroupState {
    match described.state.as_str() {
        "Empty" | "Dead" => GroupState::Empty,
        "Stable" if described.kind == GroupKind::Classic && !is_shared_out(described, topics) => {
            GroupState::Rebalancing
        }
        "Stable" => GroupState::Stable,
        _ => GroupState::Rebalancing,
    }
}

/// Whether of every topic that members have something of, they have all.
fn is_shared_out(described: &Described, topics: &[Arc<TopicInfo>]) -> bool {
    let mut assigned: BTreeMap<&str, BTreeSet<i32>> = BTreeMap::new();
    for at in described.members.iter().flat_map(|member| &member.assigned) {
        assigned.entry(&at.topic).or_default().insert(at.partition);
    }
    let mut topics = topics.iter().filter_map(|topic| Some((topic, assigned.get(&*topic.name)?)));
    topics.all(|(topic, owned)| topic.partitions.iter().all(|it| owned.contains(&it.partition)))
}

fn member_info(member: GroupMemberInfo) -> MemberInfo {
    let mut partitions: Vec<_> = member.assigned.iter().filter_map(from_kafka).collect();
    partitions.sort();
    MemberInfo {
        id: member.member,
        // Java prints addresses with a slash in front.
        host: member.host.trim_start_matches('/').to_owned(),
        partitions,
    }
}
