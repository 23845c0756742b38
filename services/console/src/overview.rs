//! Topics and groups as the page shows them.

use std::collections::{BTreeMap, BTreeSet};

use comptoir_domain::port::bus::{
    Bounds, BusError, GroupInfo, GroupState, LogAdmin, LogReader, PartitionInfo, TopicInfo,
};
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::{Offset, Topic, TopicPartition};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};

/// Topics whose bounds are asked for at a time.
const AT_A_TIME: usize = 4;

/// What the log is known to hold, at one moment.
pub(crate) struct Snapshot {
    topics: Vec<TopicInfo>,
    groups: Groups,
}

/// The groups, and how far the topics go that they read.
pub(crate) struct Groups {
    groups: Vec<GroupInfo>,
    bounds: BTreeMap<Topic, Vec<Bounds>>,
}

/// A group's progress in one partition.
struct Progress<'a> {
    at: &'a TopicPartition,
    committed: Option<Offset>,
    next: Offset,
    lag: u64,
}

impl Snapshot {
    /// Asks for everything, which costs a broker the more the more partitions it has.
    pub(crate) async fn ask(admin: &impl LogAdmin) -> Result<Self, BusError> {
        let topics = admin.topics().await?;
        let groups = admin.groups().await?;
        let bounds = topics.iter().map(|topic| {
            (topic.topic.clone(), topic.partitions.iter().map(|info| info.bounds).collect())
        });
        let groups = Groups { groups, bounds: bounds.collect() };
        Ok(Self { topics, groups })
    }

    /// The whole first page.
    pub(crate) fn overview(&self, mode: &str, now: Timestamp) -> Value {
        let topics: Vec<_> = self.topics.iter().map(|topic| self.topic_line(topic)).collect();
        json!({
            "mode": mode, "time": now.as_millis(),
            "topics": topics, "groups": self.groups.lines(),
        })
    }

    fn topic_line(&self, topic: &TopicInfo) -> Value {
        json!({
            "name": topic.topic.as_str(),
            "partitions": topic.partitions.len(),
            "records": topic.partitions.iter().map(records).sum::<u64>(),
            "bytes": bytes(topic),
            "last_write": last_write(topic),
            "groups": self.groups.readers(topic),
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
            "groups": self.groups.readers(topic),
        }))
    }
}

impl Groups {
    /// Asks for the groups, and of topics only for what shows how far a group has come.
    pub(crate) async fn ask(
        admin: &impl LogAdmin,
        reader: &impl LogReader,
    ) -> Result<Self, BusError> {
        let groups = admin.groups().await?;
        let topics = groups.iter().flat_map(places).map(|(at, _)| at.topic.clone());
        let topics: BTreeSet<Topic> = topics.collect();
        let bounds = stream::iter(topics).map(|topic| async move {
            match reader.bounds(&topic).await {
                Ok(bounds) => Ok(Some((topic, bounds))),
                // What a group has committed may outlive its topic.
                Err(BusError::UnknownTopic { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        });
        let bounds: Vec<_> = bounds.buffered(AT_A_TIME).try_collect().await?;
        Ok(Self { bounds: bounds.into_iter().flatten().collect(), groups })
    }

    /// All groups, a line each.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.groups.iter().map(|group| self.line(group)).collect()
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

    fn line(&self, group: &GroupInfo) -> Value {
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
    pub(crate) fn one(&self, name: &str) -> Option<Value> {
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
        let all: BTreeMap<_, _> = places(group).collect();
        let progress = |(at, committed): (&'a TopicPartition, Option<Offset>)| {
            let bounds = self.bounds.get(&at.topic)?.get(at.partition.0 as usize)?;
            let from = committed.unwrap_or(bounds.earliest).max(bounds.earliest);
            let lag = bounds.next.0.saturating_sub(from.0);
            Some(Progress { at, committed, next: bounds.next, lag })
        };
        all.into_iter().filter_map(progress).collect()
    }
}

/// The partitions that a group owns, then those that it has committed, with the offset.
fn places(group: &GroupInfo) -> impl Iterator<Item = (&TopicPartition, Option<Offset>)> {
    let owned = group.members.iter().flat_map(|member| &member.partitions).map(|at| (at, None));
    owned.chain(group.committed.iter().map(|(at, offset)| (at, Some(*offset))))
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
