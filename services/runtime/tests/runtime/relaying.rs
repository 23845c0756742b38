//! The relay publishes what saves have left in outboxes: in order, whole, and never less than once.

use std::time::Duration;

use comptoir_domain::port::platform::Stores as _;
use comptoir_domain::port::store::Outbox as _;
use comptoir_http::Readiness;
use comptoir_testkit::within;
use futures::FutureExt as _;
use tokio::time::timeout;

use crate::office::Office;
use crate::world::{LONG, until};

/// More than it takes to be left over, by the clock of the events.
const NOW_OLD: Duration = Duration::from_secs(6);

#[tokio::test(start_paused = true)]
async fn a_save_is_published_without_waiting_for_a_sweep() {
    let office = Office::new(0).await;
    let _relay = office.relay();
    office.save("p1", &["e1"], &["notifications"]).await;
    let soon = Duration::from_millis(500);
    timeout(soon, office.until_published("notifications", 1)).await.unwrap();
    office.until_empty().await;
}

#[tokio::test(start_paused = true)]
async fn each_owners_events_are_published_in_their_order() {
    for seed in 0..20 {
        let office = Office::new(seed).await;
        let _relay = office.relay();
        for n in 0..20 {
            for owner in ["p1", "p2", "p3"] {
                let ids = [format!("{owner}-{n:02}a"), format!("{owner}-{n:02}b")];
                office.save(owner, &[&ids[0], &ids[1]], &["notifications", "stock"]).await;
            }
        }
        office.until_empty().await;
        for topic in ["notifications", "stock"] {
            let published = office.published(topic).await;
            assert_eq!(published.len(), 120, "seed {seed}");
            for owner in ["p1", "p2", "p3"] {
                let own: Vec<_> = published.iter().filter(|id| id.starts_with(owner)).collect();
                assert!(own.is_sorted(), "seed {seed}: {own:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn notifications_hears_of_an_event_before_any_other_topic() {
    let office = Office::new(0).await;
    office.save("p1", &["e1", "e2"], &["notifications", "inventories"]).await;
    office.save("p2", &["e3"], &["notifications"]).await;
    let _relay = office.relay();
    office.until_empty().await;
    assert_eq!(office.calls(), [["notifications"; 3].as_slice(), &["inventories"; 2]]);
}

#[tokio::test(start_paused = true)]
async fn if_notifications_cannot_be_told_no_other_topic_is() {
    let office = Office::new(0).await;
    office.world.memory.faults().fail_next_publishes(3);
    let _relay = office.relay();
    office.save("p1", &["e1"], &["notifications", "inventories"]).await;
    office.until_empty().await;
    let topics = office.calls().concat();
    assert_eq!(
        topics,
        ["notifications", "notifications", "notifications", "notifications", "inventories"]
    );
    assert_eq!(office.published("notifications").await, ["e1"]);
    assert_eq!(office.published("inventories").await, ["e1"]);
}

#[tokio::test(start_paused = true)]
async fn what_failed_is_tried_again_before_it_is_left_over() {
    let office = Office::new(0).await;
    let faults = office.world.memory.faults();
    let _relay = office.relay();
    faults.set_bus_away(true);
    office.save("p1", &["e1"], &["notifications"]).await;
    until("the first try", || async { office.calls().len() == 1 }).await;
    office.save("p2", &["e2"], &["notifications"]).await;
    until("another try", || async { office.calls().len() >= 3 }).await;
    faults.set_bus_away(false);
    // The clock of the events stands still, so no sweep finds them.
    office.until_empty().await;
    let mut published = office.published("notifications").await;
    published.sort();
    assert_eq!(published, ["e1", "e2"]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_makes_a_repeat_and_no_loss() {
    let office = Office::new(0).await;
    let faults = office.world.memory.faults();
    // The first stage is acknowledged; of the second nobody knows.
    office.on_next_publishes(&[false, true]);
    let _relay = office.relay();
    office.save("p1", &["e1"], &["notifications", "inventories"]).await;
    until("both stages", || async { office.calls().len() == 2 }).await;
    faults.tear_next_publishes(1);
    office.world.clock.advance(NOW_OLD);
    office.until_empty().await;
    assert_eq!(office.published("inventories").await.last().unwrap(), "e1");
    let told = office.published("notifications").await;
    assert!(told.len() >= 2 && told.iter().all(|id| id == "e1"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn leftovers_of_an_earlier_run_are_published_at_the_start() {
    let office = Office::new(0).await;
    office.save("p1", &["e1"], &["notifications"]).await;
    office.save("p2", &["e2"], &["notifications"]).await;
    // The nudges were that run's own and went with it.
    office.world.memory.payments().nudged().await;
    office.world.clock.advance(Duration::from_millis(1));
    let _relay = office.relay();
    office.until_empty().await;
    let mut published = office.published("notifications").await;
    published.sort();
    assert_eq!(published, ["e1", "e2"]);
}

#[tokio::test(start_paused = true)]
async fn more_leftovers_than_fit_into_a_round_are_all_published() {
    let office = Office::new(0).await;
    for n in 0..1_100 {
        office.save(&format!("p{n}"), &[&format!("e{n}")], &["notifications"]).await;
    }
    office.world.memory.payments().nudged().await;
    office.world.clock.advance(Duration::from_millis(1));
    let _relay = office.relay();
    office.until_empty().await;
    assert_eq!(office.published("notifications").await.len(), 1_100);
    let sizes: Vec<_> = office.calls().iter().map(Vec::len).collect();
    assert_eq!(sizes, [500, 500, 100]);
}

#[tokio::test(start_paused = true)]
async fn what_is_saved_while_others_are_published_is_not_cleared_with_them() {
    let office = Office::new(0).await;
    office.save("p1", &["e1"], &["notifications"]).await;
    office.save_meanwhile("p1", "e2", "notifications");
    let _relay = office.relay();
    office.until_empty().await;
    assert_eq!(office.published("notifications").await, ["e1", "e2"]);
}

#[tokio::test(start_paused = true)]
async fn at_the_end_it_publishes_what_was_saved_last() {
    for seed in 0..20 {
        let office = Office::new(seed).await;
        let relay = office.relay();
        office.save("p1", &["e1"], &["notifications"]).await;
        office.until_empty().await;
        office.save("p2", &["e2"], &["notifications", "stock"]).await;
        relay.flush().await;
        assert_eq!(office.published("stock").await, ["e2"], "seed {seed}");
        assert!(office.is_empty().await, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_end_a_log_that_is_away_is_no_failure() {
    for seed in 0..20 {
        let office = Office::new(seed).await;
        let relay = office.relay();
        office.world.memory.faults().set_bus_away(true);
        office.save("p1", &["e1"], &["notifications"]).await;
        relay.flush().await;
        assert!(!office.is_empty().await, "the next start publishes it, seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_goes_away_is_told_and_changes_nothing_for_good() {
    let office = Office::new(0).await;
    let faults = office.world.memory.faults();
    let relay = office.relay();
    assert!(!relay.readiness.is_ready(), "nothing is known yet");
    within(LONG, "readiness", relay.readiness.all_up()).await;
    faults.set_store_away(true);
    until("the loss to be told", || async { !relay.readiness.is_ready() }).await;
    faults.set_store_away(false);
    within(LONG, "readiness again", relay.readiness.all_up()).await;
    office.save("p1", &["e1"], &["notifications"]).await;
    office.until_empty().await;
}

/// The log goes away behind a relay that had found it, which tells so with the next save.
async fn loses_the_log(office: &Office, readiness: &Readiness) {
    within(LONG, "readiness", readiness.all_up()).await;
    office.world.memory.faults().set_bus_away(true);
    office.save("p1", &["e1"], &["notifications"]).await;
    let degraded = || async { readiness.all_up().now_or_never().is_none() };
    until("the loss to be told", degraded).await;
}

#[tokio::test(start_paused = true)]
async fn a_log_that_goes_away_is_covered_by_the_outbox() {
    let office = Office::new(0).await;
    let faults = office.world.memory.faults();
    let relay = office.relay();
    loses_the_log(&office, &relay.readiness).await;
    assert!(relay.readiness.is_ready(), "nothing is missing");
    faults.set_bus_away(false);
    office.world.clock.advance(NOW_OLD);
    within(LONG, "all up again", relay.readiness.all_up()).await;
}

#[tokio::test(start_paused = true)]
async fn a_log_that_comes_after_the_leftovers_is_told_without_another_save() {
    let office = Office::new(0).await;
    office.save("p1", &["e1"], &["notifications"]).await;
    // The nudges were an earlier run's own and went with it.
    office.world.memory.payments().nudged().await;
    office.world.clock.advance(NOW_OLD);
    office.world.memory.faults().set_bus_away(true);
    let relay = office.relay();
    let degraded = || async { relay.readiness.all_up().now_or_never().is_none() };
    until("a sweep that meets the outage", || async { !office.calls().is_empty() }).await;
    until("the loss to be told", degraded).await;
    office.world.memory.faults().set_bus_away(false);
    within(LONG, "all up again", relay.readiness.all_up()).await;
    assert_eq!(office.published("notifications").await, ["e1"]);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_finds_nothing_does_not_hide_that_the_log_is_away() {
    let office = Office::new(0).await;
    let relay = office.relay();
    loses_the_log(&office, &relay.readiness).await;
    // The clock of the events stands still: every sweep finds nothing and goes well.
    let all_up = timeout(Duration::from_mins(1), relay.readiness.all_up()).await;
    assert!(all_up.is_err(), "it is still away");
}
