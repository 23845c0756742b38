//! What a consumer says of the log.

use comptoir_testkit::within;

use crate::recorder::Recorder;
use crate::world::{LONG, World, until};

#[tokio::test(start_paused = true)]
async fn a_consumer_is_ready_when_its_group_has_its_partitions() {
    let world = World::new(3).await;
    let consumer = world.consume(Recorder::willing());
    assert!(!consumer.readiness.is_ready(), "nothing is known yet");
    within(LONG, "readiness", consumer.readiness.all_up()).await;
}

#[tokio::test(start_paused = true)]
async fn a_second_member_is_ready_without_waiting_for_a_record() {
    let world = World::new(3).await;
    let first = world.consume(Recorder::willing());
    within(LONG, "the first", first.readiness.all_up()).await;
    let second = world.consume(Recorder::willing());
    within(LONG, "the second", second.readiness.all_up()).await;
}

#[tokio::test(start_paused = true)]
async fn a_member_too_many_is_ready_too() {
    let world = World::new(1).await;
    let first = world.consume(Recorder::willing());
    let second = world.consume(Recorder::willing());
    within(LONG, "the first", first.readiness.all_up()).await;
    within(LONG, "the second, which has no partition", second.readiness.all_up()).await;
}

#[tokio::test(start_paused = true)]
async fn a_log_that_goes_away_and_comes_back_is_told() {
    let world = World::new(1).await;
    let consumer = world.consume(Recorder::willing());
    within(LONG, "readiness", consumer.readiness.all_up()).await;
    world.memory.faults().set_bus_away(true);
    until("the loss to be told", || async { !consumer.readiness.is_ready() }).await;
    world.memory.faults().set_bus_away(false);
    within(LONG, "readiness again", consumer.readiness.all_up()).await;
}
