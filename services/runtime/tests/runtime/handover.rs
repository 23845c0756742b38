//! Partitions change hands: nothing is lost, and nobody commits what is not theirs any more.

use std::collections::BTreeSet;
use std::time::Duration;

use comptoir_domain::port::bus::{ConsumerGroups as _, GroupEvent, GroupMember as _};
use comptoir_domain::port::platform::Log as _;
use comptoir_runtime::stop_times::FINISH;
use comptoir_testkit::{quiet, within};
use tokio::time::{Instant, timeout};

use crate::recorder::{Fate, Recorder};
use crate::world::{LONG, World, event, until};

/// Longer than a consumer lets batches in hand take when their partitions go away.
const BEYOND_GRACE: Duration = FINISH.saturating_add(Duration::from_secs(1));

#[tokio::test(start_paused = true)]
async fn a_second_member_takes_its_share_and_nothing_is_lost_or_repeated() {
    for seed in 0..20 {
        let world = World::seeded(3, seed).await;
        let keys: Vec<_> = (0..3).map(|partition| world.key_on(partition)).collect();
        let ids: Vec<_> = (0..240).map(|n| format!("e{n}")).collect();
        let records: Vec<_> =
            ids.iter().enumerate().map(|(n, id)| event(&keys[n % 3], id)).collect();
        let (before, after) = records.split_at(120);
        world.publish(before.to_vec()).await;
        let (one, two) = (Recorder::willing(), Recorder::willing());
        let first = world.consume(one.clone());
        one.until_done(10).await;
        let second = world.consume(two.clone());
        world.publish(after.to_vec()).await;
        for partition in 0..3 {
            world.until_committed(partition, 80).await;
        }
        let all: Vec<_> = one.done().into_iter().chain(two.done()).collect();
        let distinct: BTreeSet<_> = all.iter().cloned().collect();
        assert_eq!(distinct, ids.iter().cloned().collect(), "seed {seed}");
        assert_eq!(all.len(), 240, "an orderly handover repeats nothing, seed {seed}");
        first.stop().await;
        second.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_batch_in_hand_is_finished_and_committed_before_its_partition_goes() {
    let world = World::new(2).await;
    let (slow, gate) = Recorder::held_up();
    world.publish_to(0, &["a"]).await;
    world.publish_to(1, &["b"]).await;
    let _first = world.consume(slow.clone());
    until("both partitions to be under way", || async { slow.calls().len() == 2 }).await;

    let quick = Recorder::willing();
    let _second = world.consume(quick.clone());
    quiet("nothing goes before it is finished", quick.until_done(1)).await;
    gate.add_permits(2);
    slow.until_done(2).await;
    world.until_committed(0, 1).await;
    world.until_committed(1, 1).await;

    world.publish_to(0, &["c"]).await;
    world.publish_to(1, &["d"]).await;
    gate.add_permits(2);
    world.until_committed(0, 2).await;
    world.until_committed(1, 2).await;
    assert_eq!(quick.done().len(), 1, "one partition each: {:?}", quick.done());
    assert_eq!(slow.done().len(), 3, "and nothing came twice");
}

#[tokio::test(start_paused = true)]
async fn a_revocation_ends_the_wait_for_what_is_away() {
    let world = World::new(2).await;
    world.publish_to(0, &["a0", "a1"]).await;
    world.publish_to(1, &["b0", "b1"]).await;
    let stuck = Recorder::deciding(|_, _| Fate::Retry);
    let _first = world.consume(stuck.clone());
    // By now its waits are as long as they get.
    stuck.until_seen("a0", 20).await;
    stuck.until_seen("b0", 20).await;
    let quick = Recorder::willing();
    let began = Instant::now();
    let _second = world.consume(quick.clone());
    quick.until_done(2).await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    let done = quick.done();
    assert!(done == ["a0", "a1"] || done == ["b0", "b1"], "from its start: {done:?}");
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_does_not_end_in_time_is_left_to_the_next_member() {
    let world = World::new(2).await;
    world.publish_to(0, &["a"]).await;
    world.publish_to(1, &["b"]).await;
    let (hanging, gate) = Recorder::held_up();
    let _first = world.consume(hanging.clone());
    until("both partitions to be under way", || async { hanging.calls().len() == 2 }).await;
    let quick = Recorder::willing();
    let _second = world.consume(quick.clone());
    timeout(BEYOND_GRACE, quick.until_done(1)).await.unwrap();
    let went = quick.done();
    gate.add_permits(9);
    world.until_committed(0, 1).await;
    world.until_committed(1, 1).await;
    assert_eq!(quick.done(), went, "the other one stayed where it was");
    assert_eq!(hanging.done().len(), 1, "what was given up is not done after all");
}

#[tokio::test(start_paused = true)]
async fn an_expelled_member_commits_nothing_and_its_records_come_again() {
    for seed in 0..20 {
        let world = World::seeded(1, seed).await;
        let (group, _) = world.subscription();
        let (slow, gate) = Recorder::held_up();
        world.publish_to(0, &["e0", "e1", "e2", "e3"]).await;
        let _consumer = world.consume(slow.clone());
        slow.until_seen("e0", 1).await;
        assert!(world.memory.faults().expel_member(&group));
        slow.until_seen("e0", 2).await;
        assert_eq!(world.committed(0).await, None, "seed {seed}");
        assert_eq!(slow.done(), [] as [&str; 0], "the lost batch is dropped where it stood");
        gate.add_permits(99);
        world.until_committed(0, 4).await;
        assert_eq!(slow.done(), ["e0", "e1", "e2", "e3"], "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_commit_of_a_member_that_lost_its_partition_is_dropped() {
    for seed in 0..20 {
        let world = World::seeded(1, seed).await;
        let (group, topic) = world.subscription();
        let (slow, gate) = Recorder::held_up();
        world.publish_to(0, &["e0"]).await;
        let _consumer = world.consume(slow.clone());
        slow.until_seen("e0", 1).await;
        let joined = world.memory.groups().join(&group, &[topic]).await;
        let (mut other, _committer) = joined.unwrap();
        // In the same moment the batch ends and its partition goes to the other.
        gate.add_permits(1);
        world.memory.faults().expel_member(&group);
        let told = within(LONG, "the record to come again", other.next()).await;
        assert!(matches!(told, Ok(GroupEvent::Records { .. })), "{told:?}");
        quiet("it has no partition to handle", slow.until_seen("e0", 2)).await;
        assert_eq!(world.committed(0).await, None, "neither has committed, seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn members_that_come_and_go_lose_nothing() {
    for seed in 0..10 {
        let world = World::seeded(3, seed).await;
        let keys: Vec<_> = (0..3).map(|partition| world.key_on(partition)).collect();
        let (group, _) = world.subscription();
        let recorder = Recorder::willing();
        let mut members = vec![world.consume(recorder.clone())];
        for round in 0..12_usize {
            let ids = (0..30).map(|n| format!("e{round}-{n}"));
            let records = ids.enumerate().map(|(n, id)| event(&keys[n % 3], &id));
            world.publish(records).await;
            match round % 4 {
                0 => members.push(world.consume(recorder.clone())),
                1 => drop(world.memory.faults().expel_member(&group)),
                2 => members.remove(0).crash().await,
                _ => {
                    members.push(world.consume(recorder.clone()));
                    members.remove(0).stop().await;
                }
            }
        }
        for partition in 0..3 {
            world.until_committed(partition, 120).await;
        }
        let distinct: BTreeSet<_> = recorder.done().into_iter().collect();
        assert_eq!(distinct.len(), 360, "seed {seed}");
    }
}
