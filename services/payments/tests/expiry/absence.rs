//! Somebody is away, and comes back late.

use comptoir_domain::payment::PaymentStatus::{Confirmed, Expired, Pending};
use comptoir_testkit::start_and_drop;

use crate::world::{CONFIRMED, EXPIRED, EXPIRES_AFTER, LEFT_OVER, RELEASED, RESERVED, World};

#[tokio::test(start_paused = true)]
async fn inventories_that_come_back_after_the_expiry_give_the_stock_back() {
    let world = World::new().await;
    let payments = world.payments();
    let payment = payments.pay().await;
    world.until_asked(payment).await;
    world.clock.advance(EXPIRES_AFTER);
    assert_eq!(payments.sweep().await, 1);
    world.until_told(payment, EXPIRED).await;
    assert_eq!(world.mugs().await, [10, 0, 0], "nobody has reserved yet");
    let _inventories = world.inventories();
    world.until_told(payment, RELEASED).await;
    world.until_mugs([10, 0, 0]).await;
    assert_eq!(world.status(payment).await, Expired);
    assert_eq!(world.told(payment, RESERVED).await, 1, "too late, and told all the same");
    assert_eq!(world.told(payment, CONFIRMED).await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_heard_after_the_expiry_changes_nothing() {
    let world = World::new().await;
    let _inventories = world.inventories();
    let deaf = world.payments_of(EXPIRES_AFTER, false);
    let payment = deaf.pay().await;
    world.until_told(payment, RESERVED).await;
    assert_eq!(world.mugs().await, [8, 2, 0]);
    world.clock.advance(EXPIRES_AFTER);
    assert_eq!(deaf.sweep().await, 1);
    drop(deaf);
    world.clock.advance(LEFT_OVER);
    let _payments = world.payments();
    world.until_mugs([10, 0, 0]).await;
    world.until_told(payment, RELEASED).await;
    assert_eq!(world.status(payment).await, Expired);
    assert_eq!(world.told(payment, CONFIRMED).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_payment_whose_request_waits_in_the_outbox_does_not_expire_before_it_is_out() {
    let world = World::new().await;
    world.memory.faults().set_bus_away(true);
    let payments = world.payments();
    let payment = payments.pay().await;
    world.clock.advance(EXPIRES_AFTER + EXPIRES_AFTER);
    assert_eq!(payments.sweep().await, 0);
    assert_eq!(world.status(payment).await, Pending);
    world.memory.faults().set_bus_away(false);
    world.until_asked(payment).await;
    assert_eq!(payments.sweep().await, 1);
    assert_eq!(world.status(payment).await, Expired);
}

/// Wherever the process dies, the next one finds the payment as if nobody had begun, or expired and told.
#[tokio::test(start_paused = true)]
async fn a_sweep_that_dies_anywhere_is_done_by_the_next_process() {
    let mut is_whole = false;
    let mut deaths = 0;
    while !is_whole {
        let world = World::new().await;
        let payments = world.payments();
        let payment = payments.pay().await;
        world.until_asked(payment).await;
        world.clock.advance(EXPIRES_AFTER);
        {
            let mut sweep = Box::pin(payments.expire.sweep());
            for _ in 0..deaths {
                is_whole = start_and_drop(sweep.as_mut()).await.is_some();
                if is_whole {
                    break;
                }
            }
        }
        drop(payments);
        let next = world.payments();
        let is_expired = world.status(payment).await == Expired;
        assert_eq!(next.sweep().await, usize::from(!is_expired), "after {deaths} waits");
        world.clock.advance(LEFT_OVER);
        world.until_told(payment, EXPIRED).await;
        assert_eq!(world.told(payment, EXPIRED).await, 1, "after {deaths} waits");
        deaths += 1;
    }
    assert!(deaths > 3, "it waits between finding and saving");
}

#[tokio::test(start_paused = true)]
async fn both_may_be_restarted_between_any_two_steps() {
    let world = World::new().await;
    let payment = world.payments().pay().await;
    assert_eq!(world.status(payment).await, Pending);
    world.clock.advance(LEFT_OVER);
    {
        let _payments = world.payments();
        world.until_asked(payment).await;
    }
    {
        let _inventories = world.inventories();
        world.until_mugs([8, 2, 0]).await;
    }
    world.clock.advance(EXPIRES_AFTER);
    // What stock answered may still be in its outbox: with the answer unheard, time is up.
    let deaf = world.payments_of(EXPIRES_AFTER, false);
    assert_eq!(deaf.sweep().await, 1);
    drop(deaf);
    world.clock.advance(LEFT_OVER);
    {
        let _payments = world.payments();
        world.until_told(payment, EXPIRED).await;
    }
    let _inventories = world.inventories();
    world.until_mugs([10, 0, 0]).await;
    let payments = world.payments();
    world.until_told(payment, RELEASED).await;
    assert_eq!(world.status(payment).await, Expired);
    // The shop goes on.
    let payment = payments.pay().await;
    world.until_mugs([8, 0, 2]).await;
    assert_eq!(world.status(payment).await, Confirmed);
}
