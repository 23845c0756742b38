//! Offsets are committed before the effect: a crash in between loses what was delivered.

use comptoir_domain::port::bus::{BusError, Committer, ConsumerGroups, GroupEvent, GroupMember};
use comptoir_domain::topic::{GroupId, Topic, TopicPartition};
use comptoir_memory::{MemoryLog, MemoryPayments, MemoryStock};

use super::{AsBuilt, Variant};
use crate::gate::{Gated, Ports};

pub(crate) struct CommitsFirst;

impl Variant for CommitsFirst {
    const TEST: &'static str = "offsets_committed_before_the_effect_are_caught";

    type Groups = Hasty<Gated<MemoryLog>>;
    type Payments = Gated<MemoryPayments>;
    type Stock = Gated<MemoryStock>;

    fn groups(ports: &Ports) -> Self::Groups {
        Hasty(ports.log())
    }

    fn payments(ports: &Ports) -> Self::Payments {
        AsBuilt::payments(ports)
    }

    fn stock(ports: &Ports) -> Self::Stock {
        AsBuilt::stock(ports)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Hasty<G>(G);

#[derive(Debug)]
pub(crate) struct HastyMember<M, C> {
    member: M,
    commits: C,
}

impl<G: ConsumerGroups> ConsumerGroups for Hasty<G> {
    type Member = HastyMember<G::Member, G::Committer>;
    type Committer = G::Committer;

    async fn join(
        &self,
        group: &GroupId,
        topics: &[Topic],
    ) -> Result<(Self::Member, Self::Committer), BusError> {
        let (member, commits) = self.0.join(group, topics).await?;
        Ok((HastyMember { member, commits: commits.clone() }, commits))
    }
}

impl<M: GroupMember, C: Committer> GroupMember for HastyMember<M, C> {
    async fn next(&mut self) -> Result<GroupEvent, BusError> {
        let event = self.member.next().await?;
        if let GroupEvent::Records { at, batch } = &event
            && let Some(last) = batch.last()
        {
            // Whether that works or not.
            let _ = self.commits.commit(&[(at.clone(), last.offset.next())]).await;
        }
        Ok(event)
    }

    async fn release(&mut self, partitions: &[TopicPartition]) -> Result<(), BusError> {
        self.member.release(partitions).await
    }

    fn is_settled(&self) -> bool {
        self.member.is_settled()
    }

    async fn leave(self) -> Result<(), BusError> {
        self.member.leave().await
    }
}
