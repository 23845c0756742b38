//! The checkout from end to end: paid, rejected, refunded, and what it does to stock.

use futures::future::join_all;
use serde_json::json;

use crate::client::Call;
use crate::shop::Shop;

#[tokio::test]
async fn a_payment_is_confirmed_and_its_stock_is_sold() {
    let shop = Shop::open().await;
    let id = shop.pay("quantity=2").await;
    assert_eq!(
        shop.settled(&id).await,
        json!({
            "id": id, "status": "confirmed", "sku": "coffee-mug", "quantity": 2,
            "amount": 3_998, "currency": "EUR",
        })
    );
    shop.until_stock("coffee-mug", [1_000_000, 999_998, 0, 2]).await;
    let told = shop.told_about(&id).await;
    assert_eq!(
        told,
        [
            "comptoir.payment.requested.v1",
            "comptoir.stock.reserved.v1",
            "comptoir.payment.confirmed.v1",
        ]
    );
}

#[tokio::test]
async fn an_article_that_is_sold_out_rejects_the_payment_and_moves_nothing() {
    let shop = Shop::open().await;
    let id = shop.pay("sku=signed-print&quantity=4").await;
    let payment = shop.settled(&id).await;
    assert_eq!(
        (&payment["status"], &payment["reason"]),
        (&json!("rejected"), &json!("out_of_stock"))
    );
    assert_eq!(shop.stock("signed-print").await, [3, 3, 0, 0]);
    shop.confirmed("sku=signed-print&quantity=3").await;
    shop.until_stock("signed-print", [3, 0, 0, 3]).await;
    let id = shop.pay("sku=signed-print").await;
    assert_eq!(shop.settled(&id).await["reason"], "out_of_stock");
    assert_eq!(shop.stock("signed-print").await, [3, 0, 0, 3]);
}

#[tokio::test]
async fn an_article_that_nobody_knows_rejects_the_payment() {
    let shop = Shop::open().await;
    let before = shop.inventories.get("/stock").await.ok(200);
    let id = shop.pay("sku=nobody-has-it").await;
    let payment = shop.settled(&id).await;
    assert_eq!(
        (&payment["status"], &payment["reason"]),
        (&json!("rejected"), &json!("unknown_sku"))
    );
    assert_eq!(shop.inventories.get("/stock").await.ok(200), before);
    assert_eq!(shop.inventories.get("/stock/nobody-has-it").await.status, 404);
}

#[tokio::test]
async fn of_many_who_want_the_last_pieces_as_many_get_them_as_there_are() {
    let shop = Shop::open().await;
    let ids = join_all((0..10).map(|_| shop.pay("sku=signed-print"))).await;
    let settled = join_all(ids.iter().map(|id| shop.settled(id))).await;
    let confirmed = settled.iter().filter(|payment| payment["status"] == "confirmed");
    assert_eq!(confirmed.count(), 3, "{settled:?}");
    shop.until_stock("signed-print", [3, 0, 0, 3]).await;
}

#[tokio::test]
async fn a_refund_brings_the_stock_back_and_is_given_once() {
    let shop = Shop::open().await;
    let id = shop.confirmed("sku=signed-print&quantity=3").await;
    let refund = format!("/payments/{id}/refund");
    let first = shop.payments.post(&refund).await;
    assert_eq!(first.ok(202)["status"], "refunded");
    let place = format!("/payments/{id}");
    assert_eq!(first.header("location"), Some(place.as_str()));
    for _ in 0..3 {
        let again = shop.payments.post(&refund).await;
        assert_eq!((again.status, again.text()), (202, first.text()));
    }
    shop.until_stock("signed-print", [3, 3, 0, 0]).await;
    assert_eq!(shop.settled(&id).await["status"], "refunded");
    shop.until_told(&id, "comptoir.stock.released.v1").await;
    let told = shop.told_about(&id).await;
    assert_eq!(told[3..], ["comptoir.payment.refunded.v1", "comptoir.stock.released.v1"]);
    shop.confirmed("sku=signed-print&quantity=3").await;
}

#[tokio::test]
async fn refunds_that_come_at_once_bring_the_stock_back_once() {
    let shop = Shop::open().await;
    let id = shop.confirmed("sku=signed-print&quantity=2").await;
    let refund = format!("/payments/{id}/refund");
    let answers = join_all((0..8).map(|_| shop.payments.post(&refund))).await;
    assert!(answers.iter().all(|answer| answer.status == 202), "{answers:?}");
    shop.until_stock("signed-print", [3, 3, 0, 0]).await;
    let refunded = shop.told_about(&id).await.into_iter();
    let refunded = refunded.filter(|kind| kind == "comptoir.payment.refunded.v1");
    assert_eq!(refunded.count(), 1);
}

#[tokio::test]
async fn only_a_confirmed_payment_is_refunded() {
    let shop = Shop::open().await;
    let id = shop.pay("sku=nobody-has-it").await;
    shop.settled(&id).await;
    let refused = shop.payments.post(format!("/payments/{id}/refund")).await;
    assert_eq!(refused.problem(409), "payment-not-refundable");

    let slow = Shop::without_inventories().await;
    let id = slow.pay("").await;
    let refused = slow.payments.post(format!("/payments/{id}/refund")).await;
    assert_eq!(refused.problem(409), "payment-not-refundable");
}

#[tokio::test]
async fn the_whole_story_of_a_payment_is_one_trace() {
    let shop = Shop::open().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    let call = Call::post("/pay").header("traceparent", &parent);
    let id = shop.payments.send(call).await.ok(202)["id"].as_str().unwrap().to_owned();
    shop.until_told(&id, "comptoir.payment.confirmed.v1").await;
    let events = shop.events_about(&id).await;
    assert_eq!(events.len(), 3);
    assert!(events.iter().all(|event| event.trace.trace_id() == trace), "{events:?}");
    let [requested, reserved, confirmed] = <[_; 3]>::try_from(events).unwrap();
    assert_eq!(reserved.causation.as_ref(), Some(&requested.id));
    assert_eq!(confirmed.causation.as_ref(), Some(&reserved.id));
    assert_eq!(confirmed.correlation, Some(requested.id.to_string()));
}
