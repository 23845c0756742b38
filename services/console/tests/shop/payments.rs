//! `POST /pay`, `GET /payments/{id}`, `POST /payments/{id}/refund`: what is asked and answered.

use serde_json::{Value, json};

use crate::client::Call;
use crate::shop::Shop;

async fn paid(shop: &Shop, call: Call) -> Value {
    let answer = shop.payments.send(call).await;
    let payment = answer.ok(202);
    let id = payment["id"].as_str().unwrap();
    let place = format!("/payments/{id}");
    assert_eq!(answer.header("location"), Some(place.as_str()));
    payment
}

/// What a pending payment of these terms looks like.
fn pending(payment: &Value, terms: (&str, u64, u64, &str)) -> Value {
    let (sku, quantity, amount, currency) = terms;
    json!({
        "id": payment["id"], "status": "pending", "sku": sku, "quantity": quantity,
        "amount": amount, "currency": currency,
    })
}

#[tokio::test]
async fn a_field_that_is_left_out_takes_its_default() {
    let shop = Shop::without_inventories().await;
    let json = r#"{"sku":"tea-pot","quantity":2,"amount":50,"currency":"CHF"}"#;
    for (call, terms) in [
        (Call::post("/pay"), ("coffee-mug", 1, 1_999, "EUR")),
        (Call::post("/pay").untyped(""), ("coffee-mug", 1, 1_999, "EUR")),
        (Call::post("/pay").json("{}"), ("coffee-mug", 1, 1_999, "EUR")),
        (Call::post("/pay").json(r#"{"sku":null}"#), ("coffee-mug", 1, 1_999, "EUR")),
        (Call::post("/pay").form("quantity=3"), ("coffee-mug", 3, 5_997, "EUR")),
        (Call::post("/pay").form("sku=tote-bag&amount=1"), ("tote-bag", 1, 1, "EUR")),
        (Call::post("/pay").json(json), ("tea-pot", 2, 50, "CHF")),
        (Call::post("/pay").form("unknown=1&currency=USD"), ("coffee-mug", 1, 1_999, "USD")),
    ] {
        let payment = paid(&shop, call.clone()).await;
        assert_eq!(payment, pending(&payment, terms), "{call:?}");
    }
}

#[tokio::test]
async fn the_bounds_are_taken_and_one_beyond_is_named() {
    let shop = Shop::without_inventories().await;
    let (fits, long) = ("x".repeat(64), "x".repeat(65));
    for form in
        [&format!("sku={fits}"), "quantity=1000", "amount=1000000000000", "amount=1&quantity=1"]
    {
        paid(&shop, Call::post("/pay").form(form)).await;
    }
    for (form, fields) in [
        (&*format!("sku={long}"), ["sku"].as_slice()),
        ("sku=", &["sku"]),
        ("sku=a%0Ab", &["sku"]),
        ("quantity=0", &["quantity"]),
        ("quantity=1001", &["quantity"]),
        ("quantity=-1", &["quantity"]),
        ("quantity=1.5", &["quantity"]),
        ("quantity=one", &["quantity"]),
        ("quantity=", &["quantity"]),
        ("quantity=1&quantity=2", &["quantity"]),
        ("amount=0", &["amount"]),
        ("amount=1000000000001", &["amount"]),
        ("amount=-5", &["amount"]),
        ("currency=eur", &["currency"]),
        ("currency=EURO", &["currency"]),
        ("currency=", &["currency"]),
        ("sku=&quantity=0&amount=0&currency=x", &["sku", "quantity", "amount", "currency"]),
    ] {
        let answer = shop.payments.send(Call::post("/pay").form(form)).await;
        assert_eq!(answer.wrong_fields(), fields, "{form}");
    }
}

#[tokio::test]
async fn numbers_that_no_integer_holds_are_named_too() {
    let shop = Shop::without_inventories().await;
    let digits = "9".repeat(400);
    for number in ["9223372036854775808", "-9223372036854775809", &digits] {
        let form = format!("quantity={number}&amount={number}");
        let answer = shop.payments.send(Call::post("/pay").form(&form)).await;
        assert_eq!(answer.wrong_fields(), ["quantity", "amount"], "{number}");
    }
    for number in ["1e30", "18446744073709551616", "0.1", "true", "[1]", "{}", "\"x\""] {
        let json = format!(r#"{{"quantity":{number},"amount":{number}}}"#);
        let answer = shop.payments.send(Call::post("/pay").json(&json)).await;
        assert_eq!(answer.wrong_fields(), ["quantity", "amount"], "{number}");
    }
}

#[tokio::test]
async fn a_token_that_is_not_valid_pays_nothing() {
    let shop = Shop::open().await;
    for call in [
        Call::post("/pay").bearer("nonsense"),
        Call::post("/pay").header("Authorization", "nonsense"),
    ] {
        let answer = shop.payments.send(call).await;
        assert_eq!(answer.problem(401), "invalid-token");
        assert!(answer.header("www-authenticate").is_some());
    }
    // Had one of them been taken, its event would stand before this one's.
    let id = shop.confirmed("").await;
    shop.until_stock("coffee-mug", [1_000_000, 999_999, 0, 1]).await;
    let told = shop.records(&shop.context.topics.notifications).await;
    assert_eq!(told.len(), shop.told_about(&id).await.len());
}

#[tokio::test]
async fn a_users_payment_is_nobody_elses_business() {
    let shop = Shop::open().await;
    shop.register("alice").await;
    shop.register("bob").await;
    let (alice, bob) = (shop.log_in("alice").await, shop.log_in("bob").await);
    let payment = paid(&shop, Call::post("/pay").bearer(&alice)).await;
    let place = format!("/payments/{}", payment["id"].as_str().unwrap());
    let refund = format!("{place}/refund");
    let own = Call::get(format!("{place}?wait=10")).bearer(&alice);
    assert_eq!(shop.payments.send(own).await.ok(200)["status"], "confirmed");
    for call in [
        Call::get(&place),
        Call::get(&place).bearer(&bob),
        Call::get(format!("{place}?wait=1")).bearer(&bob),
        Call::post(&refund),
        Call::post(&refund).bearer(&bob),
    ] {
        let answer = shop.payments.send(call.clone()).await;
        assert_eq!(answer.problem(404), "payment-not-found", "{call:?}");
    }
    let bad = shop.payments.send(Call::get(&place).bearer("x")).await;
    assert_eq!(bad.problem(401), "invalid-token");
    let own = shop.payments.send(Call::post(&refund).bearer(&alice)).await;
    assert_eq!(own.ok(202)["status"], "refunded");
}

#[tokio::test]
async fn a_payment_without_login_is_everybodys() {
    let shop = Shop::open().await;
    shop.register("alice").await;
    let alice = shop.log_in("alice").await;
    let id = shop.confirmed("").await;
    let call = Call::get(format!("/payments/{id}")).bearer(&alice);
    assert_eq!(shop.payments.send(call).await.ok(200)["status"], "confirmed");
}

#[tokio::test]
async fn what_is_no_payment_is_not_found() {
    let shop = Shop::open().await;
    for id in [
        "0192d3a4-0000-7000-8000-000000000001",
        "0192D3A4-0000-7000-8000-000000000001",
        "1",
        "%20",
        "x%2Frefund",
    ] {
        let shown = shop.payments.get(format!("/payments/{id}")).await;
        assert_eq!(shown.problem(404), "payment-not-found", "{id}");
        let refunded = shop.payments.post(format!("/payments/{id}/refund")).await;
        assert_eq!(refunded.problem(404), "payment-not-found", "{id}");
    }
}

#[tokio::test]
async fn a_wait_is_from_0_to_30_seconds() {
    let shop = Shop::open().await;
    let id = shop.confirmed("").await;
    for wait in ["0", "1", "30"] {
        let shown = shop.payments.get(format!("/payments/{id}?wait={wait}")).await;
        assert_eq!(shown.ok(200)["status"], "confirmed", "{wait}");
    }
    for wait in ["31", "-1", "x", "", "1.5", "99999999999999999999", "1&wait=2"] {
        let shown = shop.payments.get(format!("/payments/{id}?wait={wait}")).await;
        assert_eq!(shown.wrong_fields(), ["wait"], "{wait}");
    }
}

#[tokio::test]
async fn a_wait_ends_with_the_payment_as_it_is() {
    let shop = Shop::without_inventories().await;
    let id = shop.pay("").await;
    let shown = shop.payments.get(format!("/payments/{id}?wait=1")).await;
    assert_eq!(shown.ok(200)["status"], "pending");
    assert_eq!(shown.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn a_stop_answers_those_who_wait_at_once() {
    let mut shop = Shop::without_inventories().await;
    let id = shop.pay("").await;
    let payments = shop.payments;
    let waiting = async { payments.get(format!("/payments/{id}?wait=30")).await };
    let stopping = async {
        // Whoever waits has been let in by the time the second question is answered.
        payments.get(format!("/payments/{id}?wait=1")).await.ok(200);
        shop.stop().await
    };
    let (answer, clean) = tokio::join!(waiting, stopping);
    assert_eq!(answer.ok(200)["status"], "pending");
    assert!(clean, "a clean stop");
}
