//! A stop while every server is silent is clean all the same, because its time limits fit into one
//! another.

use std::time::Duration;

use comptoir_domain::port::bus::{BusError, GroupEvent, GroupMember, GroupState, LogAdmin as _};
use comptoir_domain::port::platform::Log;
use comptoir_domain::topic::TopicPartition;
use comptoir_http::Readiness;
use comptoir_memory::{Memory, MemoryMember};
use comptoir_runtime::consume::Consumer;
use comptoir_runtime::dependencies::Dependencies;
use comptoir_runtime::stop_times::{
    CLOSE, DRAIN, FINISH, FLUSH, LAST_WORK, LEAVE, STOP, STORE_CALL, WORK,
};
use comptoir_runtime::supervise::Tasks;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use crate::members::WithMembers;
use crate::recorder::Recorder;
use crate::world::{LONG, World, until};

/// A member that is told nothing when it gives something up.
struct SilentMember(MemoryMember);

impl From<MemoryMember> for SilentMember {
    fn from(member: MemoryMember) -> Self {
        Self(member)
    }
}

impl GroupMember for SilentMember {
    async fn next(&mut self) -> Result<GroupEvent, BusError> {
        self.0.next().await
    }

    async fn release(&mut self, _: &[TopicPartition]) -> Result<(), BusError> {
        std::future::pending().await
    }

    fn is_settled(&self) -> bool {
        self.0.is_settled()
    }

    async fn leave(self) -> Result<(), BusError> {
        std::future::pending().await
    }
}

impl World {
    /// A consumer whose log says nothing at the end, in the hands of `tasks`.
    fn consume_silently(&self, tasks: &mut Tasks, handler: Recorder) {
        let dependencies = Dependencies::log_is_needed::<Memory>(Readiness::default());
        let (log, context) =
            (WithMembers::<SilentMember>::on(self.memory.clone()), self.context.clone());
        let subscription = self.subscription();
        let consumer = Consumer::new(&log, subscription, handler, &dependencies, context);
        tasks.work("consumer", consumer.run());
    }
}

/// Runs the tasks and stops them once `ready`; how long that took. It must be clean.
async fn stop_cleanly(world: &World, tasks: Tasks, ready: impl Future<Output = ()>) -> Duration {
    let stopping = async {
        ready.await;
        world.context.stop.cancel();
        Instant::now()
    };
    let running = timeout(LONG, tasks.run(std::future::pending::<()>));
    let (clean, began) = tokio::join!(running, stopping);
    assert!(clean.unwrap(), "a clean stop");
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_clean_while_store_and_log_are_silent() {
    let world = World::new(1).await;
    world.publish_to(0, &["e0"]).await;
    let (hanging, _gate) = Recorder::held_up();
    let mut tasks = Tasks::new(world.context.stop.clone());
    world.consume_silently(&mut tasks, hanging.clone());
    let stop = world.context.stop.clone();
    tasks.work("http", async move {
        stop.cancelled().await;
        sleep(DRAIN).await;
        Ok(())
    });
    tasks.relay("relay", |flush| async move {
        flush.cancelled().await;
        sleep(2 * LAST_WORK).await;
        Ok(())
    });
    let took = stop_cleanly(&world, tasks, hanging.until_seen("e0", 1)).await;
    assert!(took >= DRAIN && took <= WORK + FLUSH, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_consumer_needs_no_more_than_its_share() {
    let world = World::new(1).await;
    world.publish_to(0, &["e0"]).await;
    let (hanging, _gate) = Recorder::held_up();
    let mut tasks = Tasks::new(world.context.stop.clone());
    world.consume_silently(&mut tasks, hanging.clone());
    let took = stop_cleanly(&world, tasks, hanging.until_seen("e0", 1)).await;
    assert!(took >= FINISH + LEAVE && took < WORK, "{took:?}");
}

/// Has another member come, so that one of two batches under way is to be handed over.
async fn revoked(world: &World, hanging: &Recorder) -> crate::world::Running {
    until("both partitions to be under way", || async { hanging.calls().len() == 2 }).await;
    let second = world.consume(Recorder::willing());
    until("partitions to change hands", || async {
        let groups = world.memory.admin().groups().await.unwrap();
        groups[0].state == GroupState::Rebalancing
    })
    .await;
    second
}

async fn two_batches(world: &World) -> (Recorder, std::sync::Arc<Semaphore>) {
    world.publish_to(0, &["a"]).await;
    world.publish_to(1, &["b"]).await;
    Recorder::held_up()
}

#[tokio::test(start_paused = true)]
async fn a_stop_cuts_a_revocation_short_that_waits_for_a_batch() {
    let world = World::new(2).await;
    let (hanging, _gate) = two_batches(&world).await;
    let first = world.consume(hanging.clone());
    let _second = revoked(&world, &hanging).await;
    // In the middle of what a revocation may take.
    sleep(FINISH / 2).await;
    let began = Instant::now();
    first.stop().await;
    let took = began.elapsed();
    assert!(took <= FINISH + LEAVE, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_cuts_a_revocation_short_that_waits_for_the_log() {
    let world = World::new(2).await;
    let (hanging, gate) = two_batches(&world).await;
    let mut tasks = Tasks::new(world.context.stop.clone());
    world.consume_silently(&mut tasks, hanging.clone());
    let ready = async {
        let _second = revoked(&world, &hanging).await;
        gate.add_permits(2);
        hanging.until_done(2).await;
        sleep(LONG / 2).await;
    };
    let took = stop_cleanly(&world, tasks, ready).await;
    assert!(took <= LEAVE, "nothing is in hand any more: {took:?}");
}

#[test]
fn each_limit_leaves_room_for_those_inside_it() {
    let inside: [(&str, Duration, Duration); 7] = [
        ("a store call in a request", STORE_CALL, DRAIN),
        ("requests", DRAIN, WORK),
        ("consumers", FINISH + LEAVE, WORK),
        ("a relay", 2 * LAST_WORK, FLUSH),
        ("work, then relays", WORK + FLUSH, STOP),
        ("all of it", WORK + FLUSH + CLOSE, STOP + Duration::from_nanos(1)),
        ("a stop", STOP, Duration::from_secs(10)),
    ];
    for (what, inner, outer) in inside {
        assert!(inner < outer, "{what}: {inner:?} does not fit into {outer:?}");
    }
}

/// Whoever stops programs lets them end by themselves.
#[test]
fn those_who_kill_wait_longer_than_a_stop_takes() {
    let deploy = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy");
    for (file, before) in [
        ("compose.yaml", "stop_grace_period: "),
        ("local/topology/supervisor.py", "SERVICE_GRACE = "),
        ("README.md", "`terminationGracePeriodSeconds: "),
    ] {
        let text = std::fs::read_to_string(format!("{deploy}/{file}")).unwrap();
        let (_, behind) = text.split_once(before).unwrap();
        let digits: String = behind.chars().take_while(char::is_ascii_digit).collect();
        let grace = Duration::from_secs(digits.parse().unwrap());
        assert!(grace >= STOP + Duration::from_secs(5), "{file}: {grace:?}");
    }
}
