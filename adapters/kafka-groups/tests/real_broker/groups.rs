//! Groups, as their coordinators tell of them.

use std::time::Duration;

use kafka_groups::admin::GroupKind;
use kafka_groups::offsets::{self, Identity};
use kafka_groups::{Cluster, KafkaError, Reaction, TopicPartition};
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::{
    ApiKey, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, GroupId, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use crate::stage::{admin, at, cluster, eventually, fresh, soon, topic};

fn nobody(group: &str) -> Identity<'_> {
    Identity { group, member: "", epoch: -1, instance: None }
}

async fn commit(cluster: &Cluster, group: &str, offsets: &[(TopicPartition, i64)]) {
    cluster
        .retry(soon(), || async {
            let mut lease = cluster.lease_coordinator(group).await?;
            offsets::commit(&mut lease, nobody(group), offsets).await.inspect_err(|error| {
                if error.reaction() == Reaction::FindCoordinator {
                    cluster.forget_coordinator(group);
                }
            })
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn what_was_committed_is_told() {
    let Some(cluster) = cluster() else { return };
    let (name, group) = (topic(&cluster, 3, &[]).await, fresh("group"));
    commit(&cluster, &group, &[(at(&name, 0), 7), (at(&name, 2), 0)]).await;
    let mut lease = cluster.lease_coordinator(&group).await.unwrap();
    let all = [at(&name, 0), at(&name, 1), at(&name, 2)];
    let told = offsets::committed(&mut lease, nobody(&group), &all).await.unwrap();
    assert_eq!(all.map(|at| told[&at]), [Some(7), None, Some(0)]);
}

#[tokio::test]
async fn many_groups_are_described_at_once() {
    let Some(cluster) = cluster() else { return };
    let name = topic(&cluster, 1, &[]).await;
    let groups: Vec<String> = (0..200).map(|n| fresh(&format!("group-{n}"))).collect();
    for (offset, group) in (0..).zip(&groups) {
        commit(&cluster, group, &[(at(&name, 0), offset)]).await;
    }
    let names: Vec<&str> = groups.iter().map(String::as_str).collect();
    let committed = admin(&cluster).committed(&names).await.unwrap();
    for (offset, group) in (0..).zip(&groups) {
        assert_eq!(committed[group][&at(&name, 0)], offset);
    }
    let missing = fresh("missing");
    let mut asked = names.clone();
    asked.push(&missing);
    let described = admin(&cluster).describe_groups(&asked).await.unwrap();
    assert_eq!(described.len(), 200);
    assert!(described.iter().all(|group| group.state == "Empty" && group.members.is_empty()));
    let listed = admin(&cluster).groups().await.unwrap();
    let ours = listed.iter().filter(|listed| groups.contains(&listed.group));
    assert_eq!(ours.filter(|listed| listed.kind == GroupKind::Classic).count(), 200);
}

#[tokio::test]
async fn a_member_is_described_with_what_it_owns() {
    let Some(cluster) = cluster() else { return };
    let (name, group) = (topic(&cluster, 2, &[]).await, fresh("group"));
    let member = uuid::Uuid::from_bytes(*b"a member of ours").to_string();
    let epoch = join(&cluster, &group, &member, &name).await;
    let described = admin(&cluster).describe_groups(&[&group]).await.unwrap().remove(0);
    assert_eq!(described.kind, GroupKind::Consumer);
    let one = &described.members[0];
    assert_eq!((&one.member, &one.topics, one.epoch), (&member, &vec![name.clone()], Some(epoch)));
    assert_eq!(one.client_id, cluster.settings().client_id);
    assert_eq!(one.target, vec![at(&name, 0), at(&name, 1)]);
    let stale = Identity { member: &member, epoch: epoch - 1, ..nobody(&group) };
    let mut lease = cluster.lease_coordinator(&group).await.unwrap();
    let commits = offsets::commit(&mut lease, stale, &[(at(&name, 0), 1)]).await.unwrap_err();
    assert_eq!(commits.refusal(), Some(ResponseError::StaleMemberEpoch));
    let asks = offsets::committed(&mut lease, stale, &[at(&name, 0)]).await.unwrap_err();
    assert_eq!(asks.refusal(), Some(ResponseError::StaleMemberEpoch));
    let current = Identity { epoch, ..stale };
    offsets::commit(&mut lease, current, &[(at(&name, 0), 1)]).await.unwrap();
    let told = offsets::committed(&mut lease, current, &[at(&name, 0)]).await.unwrap();
    assert_eq!(told[&at(&name, 0)], Some(1));
}

/// Joins as the only member, by hand, and returns its epoch once partitions are assigned to it. The
/// coordinator does that in its own time, and says so in answer to a later heartbeat.
async fn join(cluster: &Cluster, group: &str, member: &str, topic: &str) -> i32 {
    let mut joining = heartbeat(group, member, 0)
        .with_rebalance_timeout_ms(10_000)
        .with_subscribed_topic_names(Some(vec![TopicName(text(topic))]))
        .with_topic_partitions(Some(vec![]));
    eventually(async || {
        let answer = cluster.retry(soon(), || beat(cluster, group, &joining)).await.unwrap();
        joining = heartbeat(group, member, answer.member_epoch);
        let assigned = answer.assignment.is_some_and(|new| !new.topic_partitions.is_empty());
        assigned.then_some(answer.member_epoch)
    })
    .await
}

fn heartbeat(group: &str, member: &str, epoch: i32) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_member_id(text(member))
        .with_member_epoch(epoch)
}

async fn beat(
    cluster: &Cluster,
    group: &str,
    request: &ConsumerGroupHeartbeatRequest,
) -> Result<ConsumerGroupHeartbeatResponse, KafkaError> {
    let mut lease = cluster.lease_coordinator(group).await?;
    let answer = lease.request(request, Duration::ZERO).await?;
    match ResponseError::try_from_code(answer.error_code) {
        None => Ok(answer),
        Some(error) => Err(KafkaError::refused(ApiKey::ConsumerGroupHeartbeat, error)),
    }
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}
