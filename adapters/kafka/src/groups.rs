//! Consumer groups.

use std::sync::Arc;

use comptoir_domain::port::bus::{self, BusError, ConsumerGroups, GroupEvent};
use comptoir_domain::topic::{GroupId, Offset, Topic, TopicPartition};

use crate::kafka::Core;

/// Joins consumer groups.
#[derive(Debug, Clone)]
pub struct KafkaGroups(pub(crate) Arc<Core>);

impl ConsumerGroups for KafkaGroups {
    type Member = GroupMember;
    type Committer = GroupCommitter;

    async fn join(
        &self,
        _group: &GroupId,
        topics: &[Topic],
    ) -> Result<(GroupMember, GroupCommitter), BusError> {
        Err(BusError::UnknownTopic { name: topics[0].to_string() })
    }
}

/// One member of a group.
#[derive(Debug)]
pub struct GroupMember(());

impl bus::GroupMember for GroupMember {
    async fn next(&mut self) -> Result<GroupEvent, BusError> {
        Err(BusError::Fenced)
    }

    async fn release(&mut self, _partitions: &[TopicPartition]) -> Result<(), BusError> {
        Ok(())
    }

    fn is_settled(&self) -> bool {
        false
    }

    async fn leave(self) -> Result<(), BusError> {
        Ok(())
    }
}

/// Commits for a member, from any task.
#[derive(Debug, Clone)]
pub struct GroupCommitter(());

impl bus::Committer for GroupCommitter {
    async fn commit(&self, _offsets: &[(TopicPartition, Offset)]) -> Result<(), BusError> {
        Err(BusError::Fenced)
    }
}
