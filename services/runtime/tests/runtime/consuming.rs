//! What a consumer handles, and when it commits.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use comptoir_domain::port::codec::EventCodec as _;
use comptoir_domain::port::platform::Log;
use comptoir_memory::Memory;
use comptoir_testkit::{an_envelope, quiet};
use tokio::time::Instant;

use crate::recorder::{Fate, Recorder};
use crate::world::{World, event};

#[tokio::test(start_paused = true)]
async fn every_record_of_every_partition_is_handled_and_committed() {
    let world = World::new(3).await;
    let ids: Vec<_> = (0..300).map(|n| format!("e{n}")).collect();
    let keys: Vec<_> = (0..3).map(|partition| world.key_on(partition)).collect();
    let records = ids.iter().enumerate().map(|(n, id)| event(&keys[n % 3], id));
    world.publish(records).await;
    let recorder = Recorder::willing();
    let consumer = world.consume(recorder.clone());
    for partition in 0..3 {
        world.until_committed(partition, 100).await;
    }
    let done = recorder.done();
    let distinct: BTreeSet<_> = done.iter().cloned().collect();
    assert_eq!(distinct, ids.iter().cloned().collect());
    assert_eq!(done.len(), 300, "nothing came again");
    consumer.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_partition_is_handled_in_order() {
    let world = World::new(1).await;
    let ids: Vec<_> = (0..50).map(|n| format!("e{n}")).collect();
    let names: Vec<_> = ids.iter().map(String::as_str).collect();
    world.publish_to(0, &names).await;
    let recorder = Recorder::willing();
    let _consumer = world.consume(recorder.clone());
    world.until_committed(0, 50).await;
    assert_eq!(recorder.done(), ids);
}

#[tokio::test(start_paused = true)]
async fn a_retry_goes_on_without_limit_and_holds_its_partition() {
    let world = World::new(2).await;
    let back = Arc::new(AtomicBool::new(false));
    let is_back = Arc::clone(&back);
    let recorder = Recorder::deciding(move |id, _| match id {
        "held" if !is_back.load(Ordering::SeqCst) => Fate::Retry,
        _ => Fate::Done,
    });
    world.publish_to(0, &["held"]).await;
    let _consumer = world.consume(recorder.clone());
    recorder.until_seen("held", 1).await;
    world.publish_to(0, &["behind"]).await;
    world.publish_to(1, &["beside-0", "beside-1"]).await;
    world.until_committed(1, 2).await;
    recorder.until_seen("held", 100).await;
    assert_eq!(recorder.seen("behind"), 0, "order per partition");
    assert_eq!(world.committed(0).await, None);
    assert_eq!(world.dead().await, [], "what is away is no poison");

    back.store(true, Ordering::SeqCst);
    world.until_committed(0, 2).await;
    assert_eq!(recorder.done().last().unwrap(), "behind");
}

#[tokio::test(start_paused = true)]
async fn retries_wait_longer_and_longer_up_to_five_seconds() {
    let world = World::new(1).await;
    let recorder = Recorder::deciding(|_, seen| if seen < 30 { Fate::Retry } else { Fate::Done });
    world.publish_to(0, &["held"]).await;
    let began = Instant::now();
    let _consumer = world.consume(recorder);
    world.until_committed(0, 1).await;
    let took = began.elapsed();
    // 100 ms, doubled to 5 s, thirty waits in all; each shortened by up to a half.
    let most = Duration::from_millis(100 + 200 + 400 + 800 + 1_600 + 3_200 + 24 * 5_000 + 100);
    assert!(took > most / 2 && took < most, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn of_a_batch_only_what_is_not_done_comes_again() {
    let world = World::seeded(1, WHOLE_BATCH).await;
    let recorder = Recorder::deciding(|id, seen| match (id, seen) {
        ("e1", 0..3) => Fate::Retry,
        _ => Fate::Done,
    });
    world.publish_to(0, &["e0", "e1", "e2"]).await;
    let _consumer = world.consume(recorder.clone());
    world.until_committed(0, 3).await;
    assert_eq!(recorder.calls()[0], ["e0", "e1", "e2"]);
    assert_eq!(recorder.calls()[1..], [["e1"], ["e1"], ["e1"]]);
    assert_eq!(recorder.done(), ["e0", "e2", "e1"]);
}

/// A seed by which the first batch is as large as it can be.
pub(crate) const WHOLE_BATCH: u64 = 3;

#[tokio::test(start_paused = true)]
async fn events_of_unknown_types_are_acknowledged() {
    let world = World::new(1).await;
    let foreign = an_envelope().identified("foreign").of_foreign("com.example.paid.v1").build();
    let record = <Memory as Log>::Codec::encode(&foreign, Some(b"k"));
    world.publish([record]).await;
    let recorder = Recorder::deciding(|_, _| Fate::Ignored);
    let _consumer = world.consume(recorder.clone());
    world.until_committed(0, 1).await;
    assert_eq!(recorder.calls(), [["foreign"]], "the handler decides");
    assert_eq!(world.dead().await, []);
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_fails_is_tried_again() {
    let world = World::new(1).await;
    world.memory.faults().fail_next_commits(7);
    world.memory.faults().lose_next_commit_answers(2);
    world.publish_to(0, &["e0"]).await;
    let recorder = Recorder::willing();
    let _consumer = world.consume(recorder.clone());
    world.until_committed(0, 1).await;
    world.publish_to(0, &["e1"]).await;
    world.until_committed(0, 2).await;
    assert_eq!(recorder.done(), ["e0", "e1"], "nothing is handled again for it");
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_answer_was_lost_does_not_set_the_group_back_later() {
    let world = World::new(1).await;
    let _consumer = world.consume(Recorder::willing());
    world.memory.faults().lose_next_commit_answers(1);
    world.publish_to(0, &["e0"]).await;
    world.until_committed(0, 1).await;
    world.publish_to(0, &["e1"]).await;
    world.until_committed(0, 2).await;
    // Longer than between any two attempts.
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(world.committed(0).await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_before_the_commit_the_record_comes_again() {
    let world = World::new(1).await;
    world.memory.faults().fail_next_commits(1);
    world.publish_to(0, &["e0"]).await;
    let first = Recorder::willing();
    let crashing = world.consume(first.clone());
    first.until_done(1).await;
    crashing.crash().await;
    assert_eq!(world.committed(0).await, None);

    let second = Recorder::willing();
    let _consumer = world.consume(second.clone());
    world.until_committed(0, 1).await;
    assert_eq!(second.done(), ["e0"]);
}

#[tokio::test(start_paused = true)]
async fn a_consumer_joins_again_when_the_log_comes_back() {
    let world = World::new(1).await;
    let recorder = Recorder::willing();
    let _consumer = world.consume(recorder.clone());
    world.publish_to(0, &["before"]).await;
    world.until_committed(0, 1).await;
    world.memory.faults().set_bus_away(true);
    quiet("nothing comes from a log that is away", recorder.until_done(2)).await;
    world.memory.faults().set_bus_away(false);
    world.publish_to(0, &["after"]).await;
    world.until_committed(0, 2).await;
    assert_eq!(recorder.done(), ["before", "after"]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_comes_again_is_handled_again() {
    let world = World::new(1).await;
    world.memory.faults().duplicate_next_batches(1);
    world.publish_to(0, &["e0"]).await;
    let recorder = Recorder::willing();
    let _consumer = world.consume(recorder.clone());
    recorder.until_done(2).await;
    assert_eq!(recorder.done(), ["e0", "e0"], "handlers are idempotent, not the log");
    world.until_committed(0, 1).await;
}
