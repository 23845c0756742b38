//! An outbox that cannot be relayed stands in nobody's way.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use comptoir_domain::outbox::{OutboxOwner, Pending, Published};
use comptoir_domain::port::platform::Stores as _;
use comptoir_domain::port::store::{Outbox, StoreError};
use comptoir_domain::time::Timestamp;
use comptoir_testkit::within;
use futures::FutureExt as _;
use tokio::time::{Instant, timeout};

use crate::office::{Office, Relaying};
use crate::world::LONG;

/// An outbox of which some owners cannot be read.
#[derive(Clone)]
pub(crate) struct Damaged<O> {
    inner: O,
    owners: Arc<Mutex<HashSet<OutboxOwner>>>,
    leftovers: Arc<AtomicBool>,
    /// How often leftovers were asked for, and since when without any time passing.
    asked: Arc<Mutex<(usize, Instant)>>,
}

impl<O> Damaged<O> {
    pub(crate) fn of(inner: O) -> Self {
        let asked = Arc::new(Mutex::new((0, Instant::now())));
        Self { inner, owners: Arc::default(), leftovers: Arc::default(), asked }
    }

    pub(crate) fn damage(&self, owner: OutboxOwner) {
        self.owners.lock().unwrap().insert(owner);
    }

    /// Whether sweeps find what they cannot read.
    pub(crate) fn damage_leftovers(&self, are_damaged: bool) {
        self.leftovers.store(are_damaged, Ordering::SeqCst);
    }
}

impl<O: Outbox> Outbox for Damaged<O> {
    async fn nudged(&self) -> Vec<OutboxOwner> {
        self.inner.nudged().await
    }

    async fn pending(&self, owners: &[OutboxOwner]) -> Result<Vec<Pending>, StoreError> {
        if owners.iter().any(|owner| self.owners.lock().unwrap().contains(owner)) {
            return Err(StoreError::Corrupt("the test damaged it".into()));
        }
        self.inner.pending(owners).await
    }

    async fn clear(&self, published: &[Published]) -> Result<(), StoreError> {
        self.inner.clear(published).await
    }

    async fn leftovers(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxOwner>, StoreError> {
        let (asked, since) = *self.asked.lock().unwrap();
        let now = Instant::now();
        let (asked, since) = if now > since { (0, now) } else { (asked, since) };
        assert!(asked < 50, "a sweep without an end");
        *self.asked.lock().unwrap() = (asked + 1, since);
        if self.leftovers.load(Ordering::SeqCst) {
            return Err(StoreError::Corrupt("the test damaged it".into()));
        }
        self.inner.leftovers(before, limit).await
    }

    async fn flush(&self) -> Result<(), StoreError> {
        self.inner.flush().await
    }
}

const SOON: Duration = Duration::from_millis(500);
/// Longer than the longest pause between two sweeps, or after one that failed.
const LONG_PAUSE: Duration = Duration::from_mins(1);

async fn until_all_up(relay: &Relaying) {
    within(LONG, "readiness", relay.readiness.all_up()).await;
}

#[track_caller]
fn is_all_up(relay: &Relaying) {
    assert!(relay.readiness.all_up().now_or_never().is_some(), "the store answers and the log too");
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_outbox_alone_keeps_nobody_waiting() {
    let office = Office::new(0).await;
    office.damage("broken");
    let relay = office.relay();
    until_all_up(&relay).await;
    for n in 1..4 {
        // Time passes between the two, so that the unreadable one has a round to itself.
        office.save("broken", &["lost"], &["notifications"]).await;
        office.until_nudges_are_taken().await;
        office.save("p1", &[&format!("e{n}")], &["notifications"]).await;
        timeout(SOON, office.until_published("notifications", n)).await.unwrap();
        is_all_up(&relay);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_outbox_among_others_keeps_none_of_them_waiting() {
    let office = Office::new(0).await;
    office.damage("broken");
    for name in ["p1", "broken", "p2"] {
        office.save(name, &[name], &["notifications"]).await;
    }
    let relay = office.relay();
    timeout(SOON, office.until_published("notifications", 2)).await.unwrap();
    until_all_up(&relay).await;
    let mut published = office.published("notifications").await;
    published.sort();
    assert_eq!(published, ["p1", "p2"]);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_the_log_refuses_keeps_nobody_waiting() {
    let office = Office::new(0).await;
    office.refuse("poison");
    let relay = office.relay();
    until_all_up(&relay).await;
    office.save("p1", &["poison"], &["notifications"]).await;
    office.save("p2", &["e2"], &["notifications"]).await;
    office.until_nudges_are_taken().await;
    office.save("p3", &["e3"], &["notifications"]).await;
    timeout(SOON, office.until_published("notifications", 2)).await.unwrap();
    is_all_up(&relay);
}

/// Events that were left there would wait for ever, and nobody would know.
#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_tell_what_was_left_is_not_ready_but_what_is_new_goes_on() {
    let office = Office::new(0).await;
    let relay = office.relay();
    until_all_up(&relay).await;
    office.outbox.damage_leftovers(true);
    office.world.clock.advance(Duration::from_mins(1));
    tokio::time::sleep(LONG_PAUSE).await;
    office.save("p1", &["e1"], &["notifications"]).await;
    timeout(LONG_PAUSE, office.until_published("notifications", 1)).await.unwrap();
    assert!(!relay.readiness.is_ready());
    office.outbox.damage_leftovers(false);
    until_all_up(&relay).await;
}

#[tokio::test(start_paused = true)]
async fn a_sweep_ends_and_gets_behind_the_unreadable() {
    let office = Office::new(0).await;
    for n in 0..1_200 {
        let name = format!("broken{n}");
        office.damage(&name);
        office.save(&name, &["lost"], &["notifications"]).await;
    }
    office.world.clock.advance(Duration::from_millis(1));
    for n in 0..700 {
        office.save(&format!("p{n}"), &[&format!("e{n}")], &["notifications"]).await;
    }
    // Only the sweep finds them.
    office.world.memory.payments().nudged().await;
    office.world.clock.advance(Duration::from_millis(1));
    let relay = office.relay();
    timeout(SOON, office.until_published("notifications", 700)).await.unwrap();
    until_all_up(&relay).await;
    // The next sweeps find the same ones again, and end again.
    office.world.clock.advance(Duration::from_mins(1));
    office.save("late", &["late"], &["notifications"]).await;
    timeout(Duration::from_secs(5), office.until_published("notifications", 701)).await.unwrap();
}
