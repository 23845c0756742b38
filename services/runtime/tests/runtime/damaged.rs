//! A partition that cannot be read any further is held, and the service says that it is not ready.

use comptoir_domain::port::bus::{BusError, ConsumerGroups, GroupEvent, GroupMember};
use comptoir_domain::port::platform::Log;
use comptoir_domain::topic::{GroupId, Topic, TopicPartition};
use comptoir_http::Readiness;
use comptoir_memory::Memory;
use comptoir_runtime::consume::Consumer;
use comptoir_runtime::dependencies::Dependencies;
use comptoir_runtime::supervise::Tasks;

use crate::recorder::Recorder;
use crate::world::{World, until};

/// The memory platform, whose members meet damage before anything else.
#[derive(Clone)]
struct Damaged(Memory);

#[derive(Clone)]
struct DamagedGroups(<Memory as Log>::Groups);

struct DamagedMember {
    member: <<Memory as Log>::Groups as ConsumerGroups>::Member,
    is_told: bool,
}

impl Log for Damaged {
    type Codec = <Memory as Log>::Codec;
    type Publisher = <Memory as Log>::Publisher;
    type Reader = <Memory as Log>::Reader;
    type Groups = DamagedGroups;
    type Admin = <Memory as Log>::Admin;

    const MODE: &'static str = Memory::MODE;
    const LOG_NAME: &'static str = Memory::LOG_NAME;

    fn publisher(&self) -> Self::Publisher {
        self.0.publisher()
    }

    fn reader(&self) -> Self::Reader {
        self.0.reader()
    }

    fn groups(&self) -> DamagedGroups {
        DamagedGroups(self.0.groups())
    }

    fn admin(&self) -> Self::Admin {
        self.0.admin()
    }
}

impl ConsumerGroups for DamagedGroups {
    type Member = DamagedMember;
    type Committer = <<Memory as Log>::Groups as ConsumerGroups>::Committer;

    async fn join(
        &self,
        group: &GroupId,
        topics: &[Topic],
    ) -> Result<(DamagedMember, Self::Committer), BusError> {
        let (member, committer) = self.0.join(group, topics).await?;
        Ok((DamagedMember { member, is_told: false }, committer))
    }
}

impl GroupMember for DamagedMember {
    async fn next(&mut self) -> Result<GroupEvent, BusError> {
        if !std::mem::replace(&mut self.is_told, true) {
            return Err(BusError::Corrupt("the test damaged it".into()));
        }
        self.member.next().await
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

#[tokio::test(start_paused = true)]
async fn what_can_be_read_goes_on_and_readiness_tells_of_what_cannot() {
    let world = World::new(2).await;
    let (handler, readiness) = (Recorder::willing(), Readiness::default());
    let dependencies = Dependencies::log_is_needed::<Memory>(readiness.clone());
    let log = Damaged(world.memory.clone());
    let (subscription, context) = (world.subscription(), world.context.clone());
    let consumer = Consumer::new(&log, subscription, handler.clone(), &dependencies, context);
    let mut tasks = Tasks::new(world.context.stop.clone());
    tasks.work("consumer", consumer.run());
    let looking = async {
        for round in ["a", "b", "c"] {
            world.publish_to(1, &[round]).await;
            until("the record", || async { handler.done().iter().any(|id| id == round) }).await;
            assert!(!readiness.is_ready(), "nothing that goes well hides it");
        }
        world.context.stop.cancel();
    };
    let (clean, ()) = tokio::join!(tasks.run(std::future::pending::<()>), looking);
    assert!(clean, "a clean stop");
}
