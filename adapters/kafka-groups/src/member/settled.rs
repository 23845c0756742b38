//! Looks whether every partition of the group's topics has an owner, and whether the coordinator
//! has something for this member that it would hear of only with its next heartbeat.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::messages::ApiKey;
use tokio::time::sleep;

use super::GroupSettings;
use super::shelf::{Life, Shelf};
use crate::admin::{Admin, GroupInfo, GroupKind};
use crate::cluster::{Cluster, PartitionInfo};
use crate::error::{KafkaError, Result};
use crate::topic::TopicPartition;

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

pub(super) struct Watch {
    pub(super) cluster: Cluster,
    pub(super) settings: Arc<GroupSettings>,
    pub(super) shelf: Arc<Shelf>,
}

/// What the coordinator has for a member of KIP-848.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outlook {
    /// Whether the member has heard what it is to get.
    is_known: bool,
    /// Whether a heartbeat may bring something.
    is_news: bool,
}

impl Watch {
    /// Asks the coordinator while the group is not settled.
    pub(super) async fn run(self) {
        let mut pause = FIRST_PAUSE;
        let mut is_told = false;
        loop {
            let Some(changes) = self.shelf.unsettled_at() else {
                self.shelf.unsettled().await;
                pause = FIRST_PAUSE;
                continue;
            };
            match self.look().await {
                Ok(true) => self.shelf.settle(changes),
                Ok(false) => {}
                Err(error) => {
                    self.not_shown(&error, &mut is_told);
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Who may not see the group is a member of it all the same, but will never know it settled.
    fn not_shown(&self, error: &KafkaError, is_told: &mut bool) {
        let group = &self.settings.group;
        if is_hidden(error) {
            self.shelf.becomes(Life::Joined);
            if !std::mem::replace(is_told, true) {
                tracing::warn!(
                    group,
                    ?error,
                    "the group may not be described: whether it is settled stays unknown"
                );
            }
        } else {
            tracing::debug!(group, ?error, "the group is not shown");
        }
    }

    async fn look(&self) -> Result<bool> {
        let admin = Admin::new(&self.cluster, self.cluster.settings().request_timeout);
        let mut described = admin.describe_groups(&[self.settings.group.as_str()]).await?;
        let Some(group) = described.pop() else { return Ok(false) };
        let wanted = self.wanted().await?;
        if group.kind == GroupKind::Consumer {
            let member = self.shelf.standing().borrow().member.clone();
            let outlook = outlook(&group, &member, &wanted, self.shelf.is_revoking());
            if outlook.is_known {
                self.shelf.becomes(Life::Joined);
            }
            if outlook.is_news {
                self.shelf.hurry();
            }
        }
        Ok(is_settled(&group, &wanted))
    }

    /// Every partition of the topics.
    async fn wanted(&self) -> Result<Vec<TopicPartition>> {
        let mut wanted = Vec::new();
        for topic in &self.settings.topics {
            let topic = self.cluster.topic(topic).await?;
            let of_topic = |partition: &PartitionInfo| {
                TopicPartition::new(Arc::clone(&topic.name), partition.partition)
            };
            wanted.extend(topic.partitions.iter().map(of_topic));
        }
        Ok(wanted)
    }
}

/// Whether the coordinator refuses for good to describe the group. What cannot be told of a topic at
/// the moment is no such refusal.
fn is_hidden(error: &KafkaError) -> bool {
    let is_describe = match error {
        KafkaError::Refused { api, .. } => {
            matches!(api, ApiKey::ConsumerGroupDescribe | ApiKey::DescribeGroups)
        }
        KafkaError::Unsupported { .. } => true,
        _ => false,
    };
    is_describe && !error.is_retriable()
}

fn is_settled(group: &GroupInfo, wanted: &[TopicPartition]) -> bool {
    let owned: BTreeSet<_> = group.members.iter().flat_map(|member| &member.assigned).collect();
    // Stable: in KIP-848 no member has anything to give up, in the classic protocol no round is
    // under way.
    group.state == "Stable" && wanted.iter().all(|at| owned.contains(at))
}

fn outlook(
    group: &GroupInfo,
    member: &str,
    wanted: &[TopicPartition],
    is_revoking: bool,
) -> Outlook {
    let planned: BTreeSet<_> = group.members.iter().flat_map(|member| &member.target).collect();
    // A coordinator may know a new topic later than whoever asked about it.
    let is_assigned = group.state != "Assigning" && wanted.iter().all(|at| planned.contains(at));
    let me = group.members.iter().find(|other| other.member == member);
    let Some(me) = me.filter(|_| is_assigned) else {
        return Outlook { is_known: false, is_news: true };
    };
    // What others are giving up looks free as well; asking too often does no harm.
    let owned: BTreeSet<_> = group.members.iter().flat_map(|member| &member.assigned).collect();
    let is_free = |at: &TopicPartition| !owned.contains(at);
    let is_behind = me.epoch < group.epoch;
    let is_news = !is_revoking && (is_behind || me.target.iter().any(is_free));
    Outlook { is_known: !is_behind || !me.assigned.is_empty(), is_news }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::error::ResponseError;

    use super::*;
    use crate::admin::GroupMemberInfo;

    fn places(partitions: &[i32]) -> Vec<TopicPartition> {
        partitions.iter().map(|at| TopicPartition::new("t", *at)).collect()
    }

    fn member(id: &str, epoch: i32, assigned: &[i32], target: &[i32]) -> GroupMemberInfo {
        GroupMemberInfo {
            member: id.to_owned(),
            instance: None,
            client_id: String::new(),
            host: String::new(),
            epoch: Some(epoch),
            topics: vec!["t".to_owned()],
            assigned: places(assigned),
            target: places(target),
        }
    }

    fn group(state: &str, members: Vec<GroupMemberInfo>) -> GroupInfo {
        GroupInfo {
            group: "g".to_owned(),
            kind: GroupKind::Consumer,
            state: state.to_owned(),
            epoch: Some(3),
            members,
        }
    }

    fn look(group: &GroupInfo, is_revoking: bool) -> (bool, bool) {
        let outlook = outlook(group, "me", &places(&[0, 1]), is_revoking);
        (outlook.is_known, outlook.is_news)
    }

    #[test]
    fn before_the_assignment_nothing_is_known() {
        let assigning = group("Assigning", vec![member("me", 2, &[], &[0, 1])]);
        assert_eq!(look(&assigning, false), (false, true));
        assert_eq!(look(&group("Stable", vec![]), false), (false, true));
        let unaware = group("Stable", vec![member("me", 3, &[], &[])]);
        assert_eq!(look(&unaware, false), (false, true), "it does not know the topic yet");
    }

    #[test]
    fn who_waits_for_another_knows_it_by_its_epoch() {
        let other = |assigned: &[i32]| member("other", 2, assigned, &[0]);
        let waits = group("Reconciling", vec![member("me", 3, &[], &[1]), other(&[0, 1])]);
        assert_eq!(look(&waits, false), (true, false));
        let free = group("Reconciling", vec![member("me", 3, &[], &[1]), other(&[0])]);
        assert_eq!(look(&free, false), (true, true));
        let behind = group("Reconciling", vec![member("me", 2, &[], &[1]), other(&[0])]);
        assert_eq!(look(&behind, false), (false, true));
    }

    #[test]
    fn who_has_to_give_something_up_need_not_ask() {
        let behind = group("Reconciling", vec![member("me", 2, &[0], &[0, 1])]);
        assert_eq!(look(&behind, false), (true, true));
        assert_eq!(look(&behind, true), (true, false));
    }

    #[test]
    fn who_has_everything_has_no_news() {
        let there = group("Stable", vec![member("me", 3, &[0, 1], &[0, 1])]);
        assert_eq!(look(&there, false), (true, false));
        assert!(is_settled(&there, &places(&[0, 1])));
        assert!(!is_settled(&there, &places(&[0, 1, 2])));
        let moving = group("Reconciling", vec![member("me", 2, &[0, 1], &[0, 1])]);
        assert!(!is_settled(&moving, &places(&[0, 1])));
    }

    #[test]
    fn only_a_refusal_to_describe_hides_the_group() {
        let refused = |api, error| is_hidden(&KafkaError::refused(api, error));
        let forbidden = ResponseError::GroupAuthorizationFailed;
        assert!(refused(ApiKey::ConsumerGroupDescribe, forbidden));
        assert!(refused(ApiKey::DescribeGroups, forbidden));
        assert!(!refused(ApiKey::DescribeGroups, ResponseError::CoordinatorNotAvailable));
        assert!(!refused(ApiKey::Metadata, ResponseError::TopicAuthorizationFailed));
        assert!(!is_hidden(&KafkaError::UnknownTopic { name: "t".to_owned() }));
    }
}
