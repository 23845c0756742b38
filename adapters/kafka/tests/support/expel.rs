//! Throwing members out behind their backs.

use std::time::Duration;

use kafka_groups::Cluster;
use kafka_groups::admin::{Admin, GroupKind, GroupMemberInfo};
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::{ConsumerGroupHeartbeatRequest, GroupId, LeaveGroupRequest};
use kafka_protocol::protocol::StrBytes;

/// The epoch of a member that leaves (KIP-848).
const LEAVING: i32 = -1;

/// Leaves the group on behalf of each of its members.
pub(crate) async fn everybody(cluster: &Cluster, group: &str) {
    let admin = Admin::new(cluster, Duration::from_secs(10));
    let described = admin.describe_groups(&[group]).await.unwrap().pop().unwrap();
    assert!(!described.members.is_empty(), "{group} has no members");
    for member in described.members {
        match described.kind {
            GroupKind::Consumer => heartbeat(cluster, group, &member).await,
            GroupKind::Classic => leave(cluster, group, &member).await,
        }
    }
}

async fn heartbeat(cluster: &Cluster, group: &str, member: &GroupMemberInfo) {
    let request = ConsumerGroupHeartbeatRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_member_id(text(&member.member))
        .with_member_epoch(LEAVING);
    let mut lease = cluster.lease_coordinator(group).await.unwrap();
    let answer = lease.request(&request, Duration::ZERO).await.unwrap();
    assert_eq!(answer.error_code, 0, "{answer:?}");
}

async fn leave(cluster: &Cluster, group: &str, member: &GroupMemberInfo) {
    let member = MemberIdentity::default().with_member_id(text(&member.member));
    let request =
        LeaveGroupRequest::default().with_group_id(GroupId(text(group))).with_members(vec![member]);
    let mut lease = cluster.lease_coordinator(group).await.unwrap();
    let answer = lease.request(&request, Duration::ZERO).await.unwrap();
    assert_eq!(answer.error_code, 0, "{answer:?}");
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}
