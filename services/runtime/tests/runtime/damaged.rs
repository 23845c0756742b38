//! A partition that cannot be read any further is held, and the service says that it is not ready.

use comptoir_domain::port::bus::{BusError, GroupEvent, GroupMember};
use comptoir_domain::topic::TopicPartition;
use comptoir_http::Readiness;
use comptoir_memory::{Memory, MemoryMember};
use comptoir_runtime::consume::Consumer;
use comptoir_runtime::dependencies::Dependencies;
use comptoir_runtime::supervise::Tasks;

use crate::members::WithMembers;
use crate::recorder::Recorder;
use crate::world::{World, until};

/// A member that meets damage before anything else.
struct DamagedMember {
    member: MemoryMember,
    is_told: bool,
}

impl From<MemoryMember> for DamagedMember {
    fn from(member: MemoryMember) -> Self {
        Self { member, is_told: false }
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
    let log = WithMembers::<DamagedMember>::on(world.memory.clone());
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
