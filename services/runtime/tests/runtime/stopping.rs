//! A consumer stops: what is in hand is finished and committed, the rest is left as it is.

use std::time::Duration;

use comptoir_domain::port::bus::{GroupState, LogAdmin as _};
use comptoir_domain::port::platform::Log as _;
use comptoir_runtime::stop_times::{FINISH, LEAVE};
use tokio::time::Instant;

use crate::recorder::{Fate, Recorder};
use crate::world::{World, until};

async fn members(world: &World) -> usize {
    let groups = world.memory.admin().groups().await.unwrap();
    groups.first().map_or(0, |group| group.members.len())
}

#[tokio::test(start_paused = true)]
async fn the_batch_in_hand_is_finished_and_committed() {
    let world = World::new(1).await;
    world.publish_to(0, &["e0"]).await;
    let (slow, gate) = Recorder::held_up();
    let consumer = world.consume(slow.clone());
    slow.until_seen("e0", 1).await;
    world.publish_to(0, &["e1"]).await;
    consumer.stop.cancel();
    gate.add_permits(9);
    consumer.ended().await;
    assert_eq!(slow.done(), ["e0"], "nothing new is taken up");
    assert_eq!(world.committed(0).await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn it_leaves_its_group_at_once() {
    let world = World::new(3).await;
    let (one, two) = (Recorder::willing(), Recorder::willing());
    let first = world.consume(one);
    let second = world.consume(two.clone());
    until("both to be members", || async { members(&world).await == 2 }).await;
    first.stop().await;
    let groups = world.memory.admin().groups().await.unwrap();
    assert_eq!(groups[0].members.len(), 1);
    assert_eq!(groups[0].state, GroupState::Stable, "the other one has all of it");
    for partition in 0..3 {
        world.publish_to(partition, &[&format!("e{partition}")]).await;
    }
    two.until_done(3).await;
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_what_is_away_ends_and_nothing_unfinished_is_committed() {
    let world = World::new(1).await;
    world.publish_to(0, &["e0", "held", "e2"]).await;
    let recorder = Recorder::deciding(|id, _| match id {
        "held" => Fate::Retry,
        _ => Fate::Done,
    });
    let consumer = world.consume(recorder.clone());
    recorder.until_seen("held", 20).await;
    let began = Instant::now();
    consumer.stop().await;
    assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
    assert_eq!(world.committed(0).await, Some(1), "behind e0, before what is held");
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_does_not_end_is_left_after_a_while() {
    let world = World::new(1).await;
    world.publish_to(0, &["e0"]).await;
    let (hanging, _gate) = Recorder::held_up();
    let consumer = world.consume(hanging.clone());
    hanging.until_seen("e0", 1).await;
    let began = Instant::now();
    consumer.stop().await;
    let took = began.elapsed();
    assert!((FINISH..FINISH + LEAVE).contains(&took), "{took:?}");
    assert_eq!(world.committed(0).await, None);
}

#[tokio::test(start_paused = true)]
async fn it_stops_while_the_log_is_away() {
    let world = World::new(1).await;
    world.memory.faults().set_bus_away(true);
    let consumer = world.consume(Recorder::willing());
    let began = Instant::now();
    consumer.stop().await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_stop_before_the_start_ends_it_too() {
    let world = World::new(1).await;
    world.publish_to(0, &["e0"]).await;
    let recorder = Recorder::willing();
    let consumer = world.consume(recorder.clone());
    consumer.stop().await;
    assert_eq!(recorder.done(), [] as [&str; 0]);
    assert_eq!(world.committed(0).await, None);
}
