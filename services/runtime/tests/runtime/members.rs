//! The memory platform with group members of a test's own.

use std::marker::PhantomData;

use comptoir_domain::port::bus::{BusError, ConsumerGroups, GroupMember};
use comptoir_domain::port::platform::Log;
use comptoir_domain::topic::{GroupId, Topic};
use comptoir_memory::{Memory, MemoryMember};

/// The memory platform, whose members are each made into another.
pub(crate) struct WithMembers<M> {
    memory: Memory,
    members: PhantomData<fn() -> M>,
}

impl<M> WithMembers<M> {
    pub(crate) const fn on(memory: Memory) -> Self {
        Self { memory, members: PhantomData }
    }
}

impl<M> Clone for WithMembers<M> {
    fn clone(&self) -> Self {
        Self::on(self.memory.clone())
    }
}

impl<M: GroupMember + From<MemoryMember>> Log for WithMembers<M> {
    type Codec = <Memory as Log>::Codec;
    type Publisher = <Memory as Log>::Publisher;
    type Reader = <Memory as Log>::Reader;
    type Groups = Self;
    type Admin = <Memory as Log>::Admin;

    const MODE: &'static str = Memory::MODE;
    const LOG_NAME: &'static str = Memory::LOG_NAME;

    fn publisher(&self) -> Self::Publisher {
        self.memory.publisher()
    }

    fn reader(&self) -> Self::Reader {
        self.memory.reader()
    }

    fn groups(&self) -> Self {
        self.clone()
    }

    fn admin(&self) -> Self::Admin {
        self.memory.admin()
    }
}

impl<M: GroupMember + From<MemoryMember>> ConsumerGroups for WithMembers<M> {
    type Member = M;
    type Committer = <<Memory as Log>::Groups as ConsumerGroups>::Committer;

    async fn join(
        &self,
        group: &GroupId,
        topics: &[Topic],
    ) -> Result<(M, Self::Committer), BusError> {
        let (member, committer) = self.memory.groups().join(group, topics).await?;
        Ok((member.into(), committer))
    }
}
