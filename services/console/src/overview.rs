//! Topics and groups as the page shows them.

use std::collections::BTreeMap;

use comptoir_domain::port::bus::{GroupInfo, GroupState, PartitionInfo, TopicInfo};
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::{Offset, TopicPartition};
use serde_json::{Value, json};

/// What the log is known to hold, at one moment.
pub(crate) struct Snapshot {
    pub(crate) topics: Vec<TopicInfo>,
    pub(crate) groups: Vec<GroupInfo>,
}

/// A group's progress in one partition.
struct Progress<'a> {
    at: &'a TopicPartition,
    committed: Option<Offset>,
    next: Offset,
    lag: u64,
}

impl Snapshot {
    /// The whole first page.
    pub(crate) fn overview(&self, mode: &str, now: Timestamp) -> Value {
        let topics: Vec<_> = self.topics.iter().map(|topic| self.topic_line(topic)).collect();
        json!({
            "mode": mode, "time": now.as_millis(),
            "topics": topics, "groups": self.group_lines(),
        })
    }

    /// All groups, a line each.
    pub(crate) fn group_lines(&self) -> Vec<Value> {
        self.groups.iter().map(|group| self.group_line(group)).collect()
    }

    fn topic_line(&self, topic: &TopicInfo) -> Value {
        json!({
            "name": topic.topic.as_str(),
            "partitions": topic.partitions.len(),
            "records": topic.partitions.iter().map(records).sum::<u64>(),
            "bytes": bytes(topic),
            "last_write": last_write(topic),
            "groups": self.readers(topic),
        })
    }

    /// One topic with its partitions; `None` if there is none of that name.
    pub(crate) fn topic(&self, name: &str) -> Option<Value> {
        let topic = self.topics.iter().find(|topic| topic.topic.as_str() == name)?;
        let partition = |info: &PartitionInfo| {
            json!({
                "partition": info.partition.0,
                "earliest": info.bounds.earliest.0,
                "next": info.bounds.next.0,
                "records": records(info),
                "bytes": info.bytes,
                "last_write": info.last_write.map(Timestamp::as_millis),
            })
        };
        Some(json!({
            "name": name,
            "records": topic.partitions.iter().map(records).sum::<u64>(),
            "bytes": bytes(topic),
            "partitions": topic.partitions.iter().map(partition).collect::<Vec<_>>(),
            "groups": self.readers(topic),
        }))
    }

    /// The groups that read a topic, with their lag in it.
    fn readers(&self, topic: &TopicInfo) -> Vec<Value> {
        let reader = |group: &GroupInfo| {
            let mut lag = None;
            for progress in self.progress(group) {
                if progress.at.topic == topic.topic {
                    *lag.get_or_insert(0) += progress.lag;
                }
            }
            lag.map(|lag| json!({"group": group.group.as_str(), "lag": lag}))
        };
        self.groups.iter().filter_map(reader).collect()
    }

    fn group_line(&self, group: &GroupInfo) -> Value {
        let progress = self.progress(group);
        let mut topics: Vec<_> = progress.iter().map(|p| p.at.topic.as_str()).collect();
        topics.dedup();
        json!({
            "group": group.group.as_str(),
            "state": state(group.state),
            "members": group.members.len(),
            "lag": progress.iter().map(|p| p.lag).sum::<u64>(),
            "topics": topics,
        })
    }

    /// One group with members and partitions; `None` if there is none of that name.
    pub(crate) fn group(&self, name: &str) -> Option<Value> {
        let group = self.groups.iter().find(|group| group.group.as_str() == name)?;
        let member_of = |at: &TopicPartition| {
            let member = group.members.iter().find(|member| member.partitions.contains(at));
            member.map(|member| member.id.as_str())
        };
        let progress = self.progress(group);
        let partitions = progress.iter().map(|p| {
            json!({
                "topic": p.at.topic.as_str(), "partition": p.at.partition.0,
                "committed": p.committed.map(|offset| offset.0), "next": p.next.0,
                "lag": p.lag, "member": member_of(p.at),
            })
        });
        let members = group.members.iter().map(|member| {
            let owned = member.partitions.iter();
            let owned =
                owned.map(|at| json!({"topic": at.topic.as_str(), "partition": at.partition.0}));
            json!({"id": member.id, "host": member.host, "partitions": owned.collect::<Vec<_>>()})
        });
        Some(json!({
            "group": name,
            "state": state(group.state),
            "lag": progress.iter().map(|p| p.lag).sum::<u64>(),
            "members": members.collect::<Vec<_>>(),
            "partitions": partitions.collect::<Vec<_>>(),
        }))
    }

    /// Every partition that the group has committed or owns, in order.
    fn progress<'a>(&'a self, group: &'a GroupInfo) -> Vec<Progress<'a>> {
        let owned = group.members.iter().flat_map(|member| &member.partitions).map(|at| (at, None));
        let committed = group.committed.iter().map(|(at, offset)| (at, Some(*offset)));
        let all: BTreeMap<&TopicPartition, Option<Offset>> = owned.chain(committed).collect();
        let progress = |(at, committed): (&'a TopicPartition, Option<Offset>)| {
            let topic = self.topics.iter().find(|topic| topic.topic == at.topic)?;
            let bounds = topic.partitions.get(at.partition.0 as usize)?.bounds;
            let from = committed.unwrap_or(bounds.earliest).max(bounds.earliest);
            let lag = bounds.next.0.saturating_sub(from.0);
            Some(Progress { at, committed, next: bounds.next, lag })
        };
        all.into_iter().filter_map(progress).collect()
    }
}

fn records(info: &PartitionInfo) -> u64 {
    info.bounds.next.0 - info.bounds.earliest.0
}

fn bytes(topic: &TopicInfo) -> Option<u64> {
    topic.partitions.iter().map(|info| info.bytes).sum()
}

fn last_write(topic: &TopicInfo) -> Option<i64> {
    topic.partitions.iter().filter_map(|info| info.last_write).max().map(Timestamp::as_millis)
}

const fn state(state: GroupState) -> &'static str {
    match state {
        GroupState::Stable => "stable",
        GroupState::Rebalancing => "rebalancing",
        GroupState::Empty => "empty",
    }
}
