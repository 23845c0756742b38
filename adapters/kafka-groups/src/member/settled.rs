//! Looks whether every partition of the group's topics has an owner, and whether the coordinator
//! has something for this member that it would hear of only with its next heartbeat.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::GroupSettings;
use super::shelf::{Life, Shelf};
use crate::admin::{Admin, GroupInfo, GroupKind};
use crate::cluster::{Cluster, PartitionInfo};
use crate::error::Result;
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
enum Outlook {
    /// It has not assigned anything yet.
    Unknown,
    /// A heartbeat would bring something.
    News,
    /// Nothing, unless others do something first.
    Nothing,
}

impl Watch {
    /// Asks the coordinator while the group is not settled.
    pub(super) async fn run(self) {
        let mut pause = FIRST_PAUSE;
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
                    tracing::debug!(group = self.settings.group, %error, "the group is not shown");
                    // Who may not see the group is a member of it all the same.
                    if !error.is_retriable() {
                        self.shelf.becomes(Life::Joined);
                    }
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn look(&self) -> Result<bool> {
        let admin = Admin::new(&self.cluster, self.cluster.settings().request_timeout);
        let mut described = admin.describe_groups(&[self.settings.group.as_str()]).await?;
        let Some(group) = described.pop() else { return Ok(false) };
        let wanted = self.wanted().await?;
        if group.kind == GroupKind::Consumer {
            let member = self.shelf.standing().borrow().member.clone();
            match outlook(&group, &member, &wanted, self.shelf.is_revoking()) {
                Outlook::Unknown | Outlook::News => self.shelf.hurry(),
                Outlook::Nothing => self.shelf.becomes(Life::Joined),
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
    let Some(me) = group.members.iter().find(|other| other.member == member) else {
        return Outlook::Unknown;
    };
    // A coordinator may know a new topic later than whoever asked about it.
    let planned: BTreeSet<_> = group.members.iter().flat_map(|member| &member.target).collect();
    if group.state == "Assigning" || !wanted.iter().all(|at| planned.contains(at)) {
        return Outlook::Unknown;
    }
    if me.assigned.iter().any(|at| !me.target.contains(at)) {
        return if is_revoking { Outlook::Nothing } else { Outlook::News };
    }
    let owned: BTreeSet<_> = group.members.iter().flat_map(|member| &member.assigned).collect();
    let mut lacking = me.target.iter().filter(|at| !me.assigned.contains(at)).peekable();
    let is_news = match lacking.peek() {
        None => me.epoch < group.epoch,
        Some(_) => lacking.any(|at| !owned.contains(at)),
    };
    if is_news { Outlook::News } else { Outlook::Nothing }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn before_the_assignment_nothing_is_known() {
        let assigning = group("Assigning", vec![member("me", 2, &[], &[])]);
        assert_eq!(outlook(&assigning, "me", &places(&[0, 1]), false), Outlook::Unknown);
        let unaware = group("Stable", vec![member("me", 2, &[], &[])]);
        assert_eq!(outlook(&unaware, "me", &places(&[0, 1]), false), Outlook::Unknown);
        assert_eq!(
            outlook(&group("Stable", vec![]), "me", &places(&[0, 1]), false),
            Outlook::Unknown
        );
    }

    #[test]
    fn what_is_free_is_news_and_what_another_owns_is_not() {
        let mine = || member("me", 2, &[0], &[0, 1]);
        let waits = group("Reconciling", vec![mine(), member("other", 2, &[1], &[])]);
        assert_eq!(outlook(&waits, "me", &places(&[0, 1]), false), Outlook::Nothing);
        let free = group("Reconciling", vec![mine(), member("other", 3, &[], &[])]);
        assert_eq!(outlook(&free, "me", &places(&[0, 1]), false), Outlook::News);
    }

    #[test]
    fn what_is_to_be_given_up_is_news_until_it_is_told() {
        let going = group(
            "Reconciling",
            vec![member("me", 2, &[0, 1], &[0]), member("other", 2, &[], &[1])],
        );
        assert_eq!(outlook(&going, "me", &places(&[0, 1]), false), Outlook::News);
        assert_eq!(outlook(&going, "me", &places(&[0, 1]), true), Outlook::Nothing);
    }

    #[test]
    fn an_epoch_is_news_and_nothing_else_is() {
        let behind = group("Reconciling", vec![member("me", 2, &[0, 1], &[0, 1])]);
        assert_eq!(outlook(&behind, "me", &places(&[0, 1]), false), Outlook::News);
        let there = group("Stable", vec![member("me", 3, &[0, 1], &[0, 1])]);
        assert_eq!(outlook(&there, "me", &places(&[0, 1]), false), Outlook::Nothing);
    }
}
