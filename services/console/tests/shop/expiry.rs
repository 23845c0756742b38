//! Payments that nobody answers in time.

use std::time::Duration;

use comptoir_testkit::quiet;

use crate::shop::{EXPIRES_AFTER, Shop};

async fn status(shop: &Shop, id: &str) -> String {
    let payment = shop.payments.get(format!("/payments/{id}")).await.ok(200);
    payment["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_payment_that_is_not_answered_in_time_expires() {
    let shop = Shop::without_inventories().await;
    let id = shop.pay("").await;
    shop.until_told(&id, "comptoir.payment.requested.v1").await;
    shop.clock.advance(EXPIRES_AFTER.saturating_sub(Duration::from_millis(1)));
    let early = shop.payments.get(format!("/payments/{id}?wait=2")).await;
    assert_eq!(early.ok(200)["status"], "pending", "two sweeps have passed it by");
    shop.clock.advance(Duration::from_millis(1));
    assert_eq!(shop.settled(&id).await["status"], "expired");
    shop.until_told(&id, "comptoir.payment.expired.v1").await;
    let refund = shop.payments.post(format!("/payments/{id}/refund")).await;
    assert_eq!(refund.problem(409), "payment-not-refundable");
}

#[tokio::test]
async fn stock_that_is_held_for_an_expired_payment_comes_back() {
    let mut shop = Shop::without_inventories().await;
    let id = shop.pay("sku=signed-print&quantity=2").await;
    shop.until_told(&id, "comptoir.payment.requested.v1").await;
    shop.clock.advance(EXPIRES_AFTER);
    assert_eq!(shop.settled(&id).await["status"], "expired");
    // Only now anybody reserves: too late, and the release comes right behind.
    shop.open_inventories();
    shop.until_told(&id, "comptoir.stock.released.v1").await;
    shop.until_stock("signed-print", [3, 3, 0, 0]).await;
    assert_eq!(status(&shop, &id).await, "expired", "the late answer changes nothing");
    let told = shop.told_about(&id).await;
    assert!(!told.contains(&"comptoir.payment.confirmed.v1".to_owned()), "{told:?}");
}

#[tokio::test]
async fn a_payment_whose_request_was_never_published_does_not_expire() {
    let shop = Shop::open().await;
    let faults = shop.memory.faults();
    faults.set_bus_away(true);
    let id = shop.pay("").await;
    shop.clock.advance(EXPIRES_AFTER + EXPIRES_AFTER);
    let waiting = shop.payments.get(format!("/payments/{id}?wait=2")).await;
    assert_eq!(waiting.ok(200)["status"], "pending");
    faults.set_bus_away(false);
    // Now it is settled one way or the other, and in balance.
    let settled = shop.settled(&id).await;
    let sold = u64::from(settled["status"] == "confirmed");
    shop.until_stock("coffee-mug", [1_000_000, 1_000_000 - sold, 0, sold]).await;
}

#[tokio::test]
async fn a_settled_payment_never_expires() {
    let shop = Shop::open().await;
    let id = shop.confirmed("").await;
    shop.clock.advance(EXPIRES_AFTER + EXPIRES_AFTER);
    let expired = shop.until_told(&id, "comptoir.payment.expired.v1");
    quiet("it is settled", expired).await;
    assert_eq!(status(&shop, &id).await, "confirmed");
}
