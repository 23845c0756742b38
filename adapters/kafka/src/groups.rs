//! Consumer groups.

use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::bus::{self, BusError, ConsumerGroups, GroupEvent};
use comptoir_domain::topic::{GroupId, Offset, Topic, TopicPartition};
use kafka_groups::{Committer, Event, GroupSettings, Member};

use crate::error::bus_error;
use crate::kafka::Core;
use crate::names::{from_kafka, to_kafka, to_kafka_offset};
use crate::record::stored;

/// Heartbeats in the time after which a classic member is taken for gone. A rebalance is noticed at
/// the next one.
const HEARTBEATS_PER_SESSION: u32 = 10;
const SHORTEST_HEARTBEAT: Duration = Duration::from_millis(200);

/// Joins consumer groups.
#[derive(Debug, Clone)]
pub struct KafkaGroups(pub(crate) Arc<Core>);

impl ConsumerGroups for KafkaGroups {
    type Member = GroupMember;
    type Committer = GroupCommitter;

    async fn join(
        &self,
        group: &GroupId,
        topics: &[Topic],
    ) -> Result<(GroupMember, GroupCommitter), BusError> {
        let settings = self.settings(group, topics);
        let joining = Member::join(&self.0.cluster, settings, &self.0.tasks);
        let (member, committer) = joining.await.map_err(bus_error)?;
        Ok((GroupMember(member), GroupCommitter(committer)))
    }
}

impl KafkaGroups {
    fn settings(&self, group: &GroupId, topics: &[Topic]) -> GroupSettings {
        let ours = &self.0.settings;
        let mut settings = GroupSettings::new(group.as_str(), topics.iter().map(Topic::as_str));
        settings.protocol = ours.group_protocol;
        settings.instance_id.clone_from(&ours.instance_id);
        settings.session_timeout = ours.session_timeout;
        settings.heartbeat_interval =
            (ours.session_timeout / HEARTBEATS_PER_SESSION).max(SHORTEST_HEARTBEAT);
        settings.max_batch_records = ours.max_batch_records;
        settings.join_timeout = ours.call_timeout + ours.request_timeout;
        settings.commit_timeout = ours.call_timeout;
        settings.commit_interval = ours.commit_interval;
        settings.leave_timeout = ours.request_timeout;
        settings
    }
}

/// One member of a group. Dropped, it leaves in the background.
#[derive(Debug)]
pub struct GroupMember(Member);

impl bus::GroupMember for GroupMember {
    async fn next(&mut self) -> Result<GroupEvent, BusError> {
        match self.0.next().await.map_err(bus_error)? {
            Event::Records { at, batch } => {
                let batch = batch.iter().map(stored).collect();
                Ok(GroupEvent::Records { at: named(&at)?, batch })
            }
            Event::Revoking(partitions) => Ok(GroupEvent::Revoking(all_named(&partitions)?)),
            Event::Lost(partitions) => Ok(GroupEvent::Lost(all_named(&partitions)?)),
        }
    }

    async fn release(&mut self, partitions: &[TopicPartition]) -> Result<(), BusError> {
        let partitions: Vec<_> = partitions.iter().map(to_kafka).collect::<Result<_, _>>()?;
        self.0.release(&partitions);
        Ok(())
    }

    fn is_settled(&self) -> bool {
        self.0.is_settled()
    }

    async fn leave(self) -> Result<(), BusError> {
        self.0.leave().await.map_err(bus_error)
    }
}

fn named(at: &kafka_groups::TopicPartition) -> Result<TopicPartition, BusError> {
    // Only topics that were asked for are ever assigned, and those have names.
    from_kafka(at).ok_or_else(|| BusError::UnknownTopic { name: at.to_string() })
}

fn all_named(partitions: &[kafka_groups::TopicPartition]) -> Result<Vec<TopicPartition>, BusError> {
    partitions.iter().map(named).collect()
}

/// Commits for a member, from any task.
#[derive(Debug, Clone)]
pub struct GroupCommitter(Committer);

impl bus::Committer for GroupCommitter {
    async fn commit(&self, offsets: &[(TopicPartition, Offset)]) -> Result<(), BusError> {
        let offsets: Vec<_> = offsets
            .iter()
            .map(|(at, next)| Ok((to_kafka(at)?, to_kafka_offset(*next))))
            .collect::<Result<_, BusError>>()?;
        self.0.commit(&offsets).await.map_err(bus_error)
    }
}
