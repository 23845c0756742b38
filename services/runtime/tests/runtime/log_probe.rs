//! The probe tells readiness soon after a fresh start, and does not disturb a log that is well.

use std::time::Duration;

use comptoir_domain::port::bus::LogAdmin as _;
use comptoir_domain::port::platform::Log as _;
use comptoir_http::Readiness;
use comptoir_memory::Memory;
use comptoir_runtime::dependencies::Dependencies;
use comptoir_runtime::log_probe;
use comptoir_runtime::supervise::Tasks;
use comptoir_testkit::within;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::world::{LONG, World, until};

/// Longer than any wait between two looks.
const A_WHILE: Duration = Duration::from_secs(30);

/// A probe at work on a log; gone with the set.
fn probe(world: &World, log: &Memory) -> (Readiness, JoinSet<bool>) {
    let readiness = Readiness::default();
    let dependencies = Dependencies::log_is_needed::<Memory>(readiness.clone());
    let mut tasks = Tasks::new(world.context.stop.clone());
    log_probe::start(&mut tasks, "probe", log, &dependencies, &world.context);
    let mut running = JoinSet::new();
    running.spawn(tasks.run(std::future::pending::<()>));
    (readiness, running)
}

/// How long it takes until readiness is so.
async fn until_ready(readiness: &Readiness, is_ready: bool) -> Duration {
    let began = Instant::now();
    until("readiness", || async { readiness.is_ready() == is_ready }).await;
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn nothing_is_ready_before_the_first_look() {
    let world = World::new(1).await;
    let (readiness, _running) = probe(&world, &world.memory);
    assert!(!readiness.is_ready());
    within(LONG, "readiness", readiness.all_up()).await;
}

#[tokio::test(start_paused = true)]
async fn topics_that_are_created_at_the_start_are_found_within_200_ms() {
    let world = World::new(1).await;
    for creating in [10, 290, 1_010, 60_130].map(Duration::from_millis) {
        let fresh = Memory::new();
        let (readiness, _running) = probe(&world, &fresh);
        assert!(tokio::time::timeout(creating, readiness.all_up()).await.is_err());
        fresh.admin().create_topics(&world.context.topics.all(), 1).await.unwrap();
        let took = until_ready(&readiness, true).await;
        assert!(took <= Duration::from_millis(210), "{took:?} after {creating:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_that_answered_once_is_looked_at_every_two_seconds() {
    let world = World::new(1).await;
    let (readiness, _running) = probe(&world, &world.memory);
    let faults = world.memory.faults();
    until_ready(&readiness, true).await;
    let looks = Duration::from_millis(1_900)..Duration::from_millis(2_100);
    faults.set_bus_away(true);
    let took = until_ready(&readiness, false).await;
    assert!(looks.contains(&took), "{took:?} to notice");
    assert!(tokio::time::timeout(A_WHILE, readiness.all_up()).await.is_err());
    until_ready(&readiness, false).await;
    faults.set_bus_away(false);
    let took = until_ready(&readiness, true).await;
    assert!(took < looks.end, "{took:?} to recover");
}
