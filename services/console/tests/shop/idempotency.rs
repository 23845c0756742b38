//! `Idempotency-Key` on `POST /pay` and `POST /stock/{sku}/receipts`: a request that is sent again is
//! answered as the first time, and done once.

mod at_once;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::app::forget_answers::{ForgetAnswers, KEPT_FOR};
use comptoir_domain::port::platform::Stores as _;
use comptoir_domain::port::store::{
    Outbox as _, PaymentRepository as _, StockRepository as _, StockWrite, Version, Versioned,
};
use comptoir_domain::stock::Article;
use comptoir_domain::time::Timestamp;
use comptoir_testkit::builders::{a_sku, an_article};

use crate::client::{Answer, Call};
use crate::shop::Shop;

const RECEIPTS: &str = "/stock/tea-pot/receipts";

fn keyed(path: &str, key: &str) -> Call {
    Call::post(path).header("Idempotency-Key", key)
}

fn receipt(key: &str) -> Call {
    keyed(RECEIPTS, key).form("quantity=5")
}

/// What a client can tell of an answer.
fn seen(answer: &Answer) -> (u16, Vec<Option<&str>>, &str) {
    let headers = ["content-type", "location", "cache-control"];
    (answer.status, headers.iter().map(|name| answer.header(name)).collect(), answer.text())
}

#[track_caller]
fn assert_same(one: &Answer, other: &Answer) {
    assert_eq!(seen(one), seen(other));
}

/// All payments that were ever made, as long as none is settled.
async fn payments_made(shop: &Shop) -> usize {
    const FAR: Timestamp = Timestamp::from_millis(i64::MAX);
    let payments = shop.memory.payments();
    let unpublished = payments.leftovers(FAR, 1_000).await.unwrap();
    let mut made: BTreeSet<String> = unpublished.into_iter().map(|owner| owner.0).collect();
    // What was published meanwhile is among these.
    made.extend(payments.due(FAR, 1_000).await.unwrap().iter().map(ToString::to_string));
    made.len()
}

#[tokio::test]
async fn a_repeated_payment_is_answered_as_the_first_time() {
    let shop = Shop::open().await;
    let call = keyed("/pay", "once").form("sku=tote-bag&quantity=2");
    let first = shop.payments.send(call.clone()).await;
    let id = first.ok(202)["id"].as_str().unwrap().to_owned();
    assert_eq!(first.header("location"), Some(format!("/payments/{id}").as_str()));
    assert_same(&shop.payments.send(call.clone()).await, &first);
    assert_eq!(shop.settled(&id).await["status"], "confirmed");
    let late = shop.payments.send(call).await;
    assert_same(&late, &first);
    assert_eq!(late.ok(202)["status"], "pending", "what was answered, not what is so now");
    shop.until_stock("tote-bag", [1_000_000, 999_998, 0, 2]).await;
}

#[tokio::test]
async fn a_repeated_receipt_is_answered_as_the_first_time() {
    let shop = Shop::open().await;
    let first = shop.inventories.send(receipt("once")).await;
    assert_eq!(first.ok(201)["received"], 1_000_005);
    for key in ["another", "third"] {
        shop.inventories.send(receipt(key)).await.ok(201);
        assert_same(&shop.inventories.send(receipt("once")).await, &first);
    }
    shop.inventories.send(Call::post(RECEIPTS).form("quantity=1")).await.ok(201);
    assert_same(&shop.inventories.send(receipt("once")).await, &first);
    assert_eq!(shop.stock("tea-pot").await, [1_000_016, 1_000_016, 0, 0]);
}

#[tokio::test]
async fn the_same_in_another_form_is_the_same_request() {
    let shop = Shop::without_inventories().await;
    let first = shop.payments.send(keyed("/pay", "k")).await;
    first.ok(202);
    for call in [
        keyed("/pay", "k").untyped(""),
        keyed("/pay", "k").json("{}"),
        keyed("/pay", "k").form("quantity=1&sku=coffee-mug"),
        keyed("/pay", "k").json(r#"{"amount":1999,"currency":"EUR","quantity":"1","x":[1]}"#),
        keyed("/pay", "k").form("currency=EUR&amount=1999&quantity=1&sku=coffee-mug"),
    ] {
        assert_same(&shop.payments.send(call).await, &first);
    }
    assert_eq!(payments_made(&shop).await, 1);
}

#[tokio::test]
async fn another_request_under_the_same_key_is_refused() {
    let shop = Shop::open().await;
    let first = shop.payments.send(keyed("/pay", "k")).await;
    for form in ["sku=tea-pot", "quantity=2&amount=1999", "amount=2000", "currency=USD"] {
        let answer = shop.payments.send(keyed("/pay", "k").form(form)).await;
        assert_eq!(answer.problem(422), "idempotency-key-reused", "{form}");
    }
    assert_same(&shop.payments.send(keyed("/pay", "k")).await, &first);

    let first = shop.inventories.send(receipt("k")).await;
    let other = keyed(RECEIPTS, "k").form("quantity=6");
    assert_eq!(shop.inventories.send(other).await.problem(422), "idempotency-key-reused");
    assert_same(&shop.inventories.send(receipt("k")).await, &first);
    assert_eq!(shop.stock("tea-pot").await[0], 1_000_005);
}

#[tokio::test]
async fn callers_and_routes_do_not_meet_under_one_key() {
    let shop = Shop::without_inventories().await;
    shop.register("alice").await;
    shop.register("bob").await;
    let calls = [
        keyed("/pay", "k"),
        keyed("/pay", "k").bearer(&shop.log_in("alice").await),
        keyed("/pay", "k").bearer(&shop.log_in("bob").await),
    ];
    let mut firsts = Vec::new();
    for call in &calls {
        firsts.push(shop.payments.send(call.clone()).await);
    }
    let ids: BTreeSet<_> = firsts.iter().map(|first| first.ok(202)["id"].to_string()).collect();
    assert_eq!(ids.len(), 3);
    for (call, first) in calls.into_iter().zip(&firsts) {
        assert_same(&shop.payments.send(call).await, first);
    }
    assert_eq!(payments_made(&shop).await, 3);

    let shop = Shop::open().await;
    for sku in ["tea-pot", "new one", "tea-pot", "new one"] {
        let path = format!("/stock/{}/receipts", sku.replace(' ', "%20"));
        let answer = shop.inventories.send(keyed(&path, "k").form("quantity=5")).await;
        assert_eq!(answer.ok(201)["sku"], sku);
    }
    assert_eq!(shop.stock("tea-pot").await[0], 1_000_005);
    assert_eq!(shop.stock("new%20one").await[0], 5);
}

#[tokio::test]
async fn a_key_that_cannot_be_used_does_nothing() {
    let shop = Shop::without_inventories().await;
    let (longest, long) = ("k".repeat(255), "k".repeat(256));
    for key in ["", &long, "a b", "schlüssel"] {
        let answer = shop.payments.send(keyed("/pay", key)).await;
        assert_eq!(answer.problem(400), "invalid-idempotency-key", "{key:?}");
    }
    let twice = keyed("/pay", "k").header("idempotency-key", "k");
    assert_eq!(shop.payments.send(twice).await.problem(400), "invalid-idempotency-key");
    assert_eq!(payments_made(&shop).await, 0);
    shop.payments.send(keyed("/pay", &longest)).await.ok(202);

    let shop = Shop::open().await;
    let answer = shop.inventories.send(receipt("")).await;
    assert_eq!(answer.problem(400), "invalid-idempotency-key");
    assert_eq!(shop.stock("tea-pot").await[0], 1_000_000);
}

#[tokio::test]
async fn what_was_refused_leaves_the_key_free() {
    let shop = Shop::open().await;
    let wrong = keyed("/pay", "k").form("quantity=0");
    assert_eq!(shop.payments.send(wrong).await.wrong_fields(), ["quantity"]);
    shop.payments.send(keyed("/pay", "k")).await.ok(202);

    // Room for five pieces, and for no more.
    let room = Article::MAX_RECEIVED - 5;
    let state = an_article().coded("full").with_available(room).build();
    let article = Some(Versioned { state, version: Version::NEW });
    let write = StockWrite { article, reservations: Vec::new(), answer: None };
    shop.memory.stock().apply(write).await.unwrap();
    let receive = |quantity: &str| {
        let call = keyed("/stock/full/receipts", "k").form(&format!("quantity={quantity}"));
        shop.inventories.send(call)
    };
    assert_eq!(receive("6").await.problem(409), "stock-full");
    let first = receive("5").await;
    assert_eq!(first.ok(201)["received"], Article::MAX_RECEIVED);
    assert_same(&receive("5").await, &first);
    let found = shop.memory.stock().load(&[a_sku("full")]).await.unwrap().remove(0);
    assert_eq!(found.unwrap().version, Version(2));
}

#[tokio::test]
async fn an_answer_is_kept_for_a_day() {
    let shop = Shop::without_inventories().await;
    let clock = || Arc::clone(&shop.context.clock);
    let payments = ForgetAnswers::new(shop.memory.payments(), clock());
    let stock = ForgetAnswers::new(shop.memory.stock(), clock());
    let first = shop.payments.send(keyed("/pay", "k")).await;
    shop.clock.advance(KEPT_FOR);
    assert_eq!(payments.sweep().await.unwrap(), 0);
    assert_same(&shop.payments.send(keyed("/pay", "k")).await, &first);
    shop.clock.advance(Duration::from_millis(1));
    assert_eq!((payments.sweep().await.unwrap(), stock.sweep().await.unwrap()), (1, 0));
    let second = shop.payments.send(keyed("/pay", "k")).await;
    assert_ne!(second.ok(202)["id"], first.ok(202)["id"]);
}
