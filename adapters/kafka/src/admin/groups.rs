//! Groups as an operator sees them.

use std::collections::{BTreeMap, HashMap};

use comptoir_domain::port::bus::{GroupInfo, GroupState, MemberInfo};
use comptoir_domain::topic::GroupId;
use kafka_groups::admin::{Admin, GroupMemberInfo};
use kafka_groups::{KafkaError, TopicPartition};

use crate::names::{from_kafka, offset};

/// Every group, by name. However many there are, each broker is asked three times.
pub(super) async fn all(admin: &Admin) -> Result<Vec<GroupInfo>, KafkaError> {
    let listed = admin.groups().await?;
    let names: Vec<_> = listed.iter().map(|listed| listed.group.as_str()).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let (described, mut committed) =
        tokio::try_join!(admin.describe_groups(&names), admin.committed(&names))?;
    let mut groups = BTreeMap::new();
    for described in described {
        let committed = committed.remove(&described.group).unwrap_or_default();
        if let Some(info) = group_info(described, committed) {
            groups.insert(info.group.clone(), info);
        }
    }
    Ok(groups.into_values().collect())
}

/// `None` for a group whose name the domain does not know as one; Kafka takes any text.
fn group_info(
    described: kafka_groups::admin::GroupInfo,
    committed: HashMap<TopicPartition, i64>,
) -> Option<GroupInfo> {
    let group = GroupId::try_from(described.group.as_str()).ok()?;
    let committed: BTreeMap<_, _> = committed
        .into_iter()
        .filter_map(|(at, next)| Some((from_kafka(&at)?, offset(next))))
        .collect();
    Some(GroupInfo {
        group,
        state: state(&described.state),
        members: described.members.into_iter().map(member_info).collect(),
        committed: committed.into_iter().collect(),
    })
}

/// The states of both protocols. What is not known yet is something on its way.
fn state(name: &str) -> GroupState {
    match name {
        "Stable" => GroupState::Stable,
        "Empty" | "Dead" => GroupState::Empty,
        _ => GroupState::Rebalancing,
    }
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
