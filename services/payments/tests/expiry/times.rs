//! Clocks that are set, and a limit that is changed.

use std::time::Duration;

use comptoir_domain::payment::PaymentStatus::{Expired, Pending};
use comptoir_domain::port::world::Clock as _;

use crate::world::{EXPIRES_AFTER, World};

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_and_forth_expires_what_is_due_by_it_and_once() {
    let world = World::new().await;
    let payments = world.payments();
    let start = world.clock.now();
    let first = payments.pay().await;
    world.until_asked(first).await;
    world.clock.set(start.minus(Duration::from_hours(1)));
    assert_eq!(payments.sweep().await, 0, "an hour and two minutes before its time");
    let early = payments.pay().await;
    world.until_asked(early).await;
    world.clock.set(start);
    assert_eq!(payments.sweep().await, 1, "it was due an hour ago by the clock of now");
    assert_eq!([world.status(first).await, world.status(early).await], [Pending, Expired]);
    world.clock.set(start.plus(EXPIRES_AFTER));
    assert_eq!(payments.sweep().await, 1);
    world.clock.set(start.minus(Duration::from_hours(2)));
    assert_eq!(payments.sweep().await, 0);
    assert_eq!([world.status(first).await, world.status(early).await], [Expired; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_changed_limit_counts_for_new_payments_only() {
    let world = World::new().await;
    let patient = world.payments();
    let old = patient.pay().await;
    world.until_asked(old).await;
    drop(patient);
    let hasty = world.payments_of(Duration::from_secs(10), true);
    let new = hasty.pay().await;
    world.until_asked(new).await;
    world.clock.advance(Duration::from_secs(10));
    assert_eq!(hasty.sweep().await, 1);
    assert_eq!([world.status(old).await, world.status(new).await], [Pending, Expired]);
    world.clock.advance(EXPIRES_AFTER.saturating_sub(Duration::from_secs(11)));
    assert_eq!(hasty.sweep().await, 0, "a second before the time that it was given");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(hasty.sweep().await, 1);
    assert_eq!(world.status(old).await, Expired);
}
