//! Orders to put letters back: how much one does, who may give it, and what keeps it from being done.

use std::time::Duration;

use comptoir_domain::port::bus::MAX_RECORD_BYTES;
use comptoir_runtime::context::Consumer;
use serde_json::json;

use super::{GARBAGE, event, garbage, list, offsets, replay, with_dead};
use crate::client::Call;
use crate::grave::bury;
use crate::shop::Shop;

#[tokio::test]
async fn one_request_puts_back_a_hundred_the_oldest_first_and_says_how_to_go_on() {
    let shop = with_dead(120).await;
    let first = replay(&shop, "stock", &json!({"all": true})).await.ok(200);
    let done = first["replayed"].as_array().unwrap();
    assert_eq!((done.len(), &first["open"]), (100, &json!(20)));
    assert_eq!(offsets(done), (0..100).collect::<Vec<_>>());
    // What dies meanwhile is not among what was asked for, however often the rest is asked for.
    bury(&shop, Consumer::Payments, &event(120), 120).await;
    let on = json!({"all": true, "cursor": first["next"]});
    let second = replay(&shop, "stock", &on).await.ok(200);
    assert_eq!(offsets(second["replayed"].as_array().unwrap()), (100..120).collect::<Vec<_>>());
    assert_eq!((&second["next"], &second["open"]), (&json!(null), &json!(1)));
    let again = replay(&shop, "stock", &on).await.ok(200);
    assert_eq!((&again["replayed"], &again["next"]), (&json!([]), &json!(null)));
    let back = shop.records(&shop.context.topics.stock).await;
    assert_eq!(back.len(), 120);
}

#[tokio::test]
async fn what_does_not_fit_keeps_nothing_behind_it() {
    let shop = Shop::open().await;
    let mut huge = garbage(&shop);
    huge.value.as_mut().unwrap().resize(MAX_RECORD_BYTES + 1, b'x');
    bury(&shop, Consumer::Payments, &huge, 6).await;
    shop.clock.advance(Duration::from_secs(1));
    bury(&shop, Consumer::Payments, &event(7), 7).await;
    let done = replay(&shop, "stock", &json!({"all": true})).await.ok(200);
    let why = done["not_replayed"][0]["why"].as_str().unwrap();
    assert!(why.contains("is larger than the 1000000 that fit"), "{why}");
    assert_eq!(offsets(done["replayed"].as_array().unwrap()), [7]);
    assert_eq!((&done["next"], &done["open"]), (&json!(null), &json!(1)));
}

#[tokio::test]
async fn an_original_that_just_fits_goes_back_without_the_count() {
    let shop = Shop::open().await;
    let mut largest = garbage(&shop);
    let room = MAX_RECORD_BYTES - largest.size();
    largest.value.as_mut().unwrap().resize(GARBAGE.len() + room, b'x');
    bury(&shop, Consumer::Payments, &largest, 7).await;
    let done = replay(&shop, "stock", &json!({"all": true})).await.ok(200);
    assert_eq!(done["replayed"][0]["noted"], true);
    let back = shop.records(&shop.context.topics.stock).await;
    assert_eq!(back[0].record.headers, largest.headers);
    assert!(back[0].record.value == largest.value, "byte for byte");
}

#[tokio::test]
async fn only_a_page_of_ours_or_a_program_puts_anything_back_and_only_by_json() {
    let shop = with_dead(1).await;
    let path = "/api/v1/topics/stock/dead-letters/replay";
    let order = r#"{"all":true}"#;
    for origin in ["null", "http://evil.example", "http://localhost.evil.example", "file://"] {
        let call = Call::post(path).json(order).header("Origin", origin);
        assert_eq!(shop.console.send(call).await.problem(403), "foreign-origin", "{origin}");
    }
    let rebound = Call::post(path).json(order).on_host("evil.example");
    assert_eq!(shop.console.send(rebound).await.problem(403), "foreign-host");
    for call in [
        Call::post(path).form("all=true"),
        Call::post(path).typed("text/plain", order),
        Call::post(path).typed("multipart/form-data", order),
        Call::post(path).untyped(order),
        Call::post(path),
    ] {
        let answer = shop.console.send(call.clone()).await;
        assert_eq!(answer.problem(415), "unsupported-media-type", "{call:?}");
    }
    for body in ["", "[]", "true", "{", "{\"all\":true} {}"] {
        let answer = shop.console.send(Call::post(path).json(body)).await;
        assert_eq!(answer.problem(400), "malformed-body", "{body}");
    }
    let huge = Call::post(path).json(&" ".repeat(20_000));
    assert_eq!(shop.console.send(huge).await.problem(413), "body-too-large");
    assert_eq!(list(&shop, "stock", "state=open").await.len(), 1, "nothing was put back");
    let own = Call::post(path).typed("application/json; charset=utf-8", order);
    let own = own.header("Origin", "http://localhost:8080");
    assert_eq!(shop.console.send(own).await.ok(200)["open"], 0);
}

#[tokio::test]
async fn without_the_log_nothing_is_put_back_and_it_says_when_to_come_again() {
    let shop = with_dead(2).await;
    assert_eq!(list(&shop, "stock", "").await.len(), 2);
    let faults = shop.memory.faults();
    faults.set_bus_away(true);
    for path in ["/dead-letters", "/topics/stock/dead-letters", "/topics/stock/dead-letters/0/0"] {
        let answer = shop.console.get(format!("/api/v1{path}")).await;
        assert_eq!(answer.problem(503), "unavailable", "{path}");
        assert_eq!(answer.header("retry-after"), Some("1"), "{path}");
    }
    let answer = replay(&shop, "stock", &json!({"all": true})).await;
    assert_eq!(answer.problem(503), "unavailable");
    faults.set_bus_away(false);
    faults.fail_next_publishes(1);
    let answer = replay(&shop, "stock", &json!({"all": true})).await;
    assert_eq!(answer.problem(503), "unavailable", "the log took nothing");
    assert_eq!(list(&shop, "stock", "state=open").await.len(), 2);
    assert_eq!(replay(&shop, "stock", &json!({"all": true})).await.ok(200)["open"], 0);
}
