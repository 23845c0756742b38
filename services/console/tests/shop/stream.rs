//! `stream.v1`, and the HTTP interface of the live page.

use std::time::Duration;

use comptoir_domain::topic::{Offset, Partition, TopicPartition};
use comptoir_memory::Memory;
use comptoir_testkit::SequentialIds;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::client::Call;
use crate::live::{Live, connect};
use crate::shop::{Shop, until};
use crate::stream_client::{Page, places, said, shown};

/// Registers users one after the other, each in another second, and waits for all lines.
async fn register_all(shop: &Shop, names: &[&str]) {
    let all = shown(shop).await + names.len() as u64;
    for name in names {
        shop.clock.advance(Duration::from_secs(1));
        shop.register(name).await;
    }
    until("all lines", || async { shown(shop).await >= all }).await;
}

/// What is said about registrations.
fn registered(names: &[&str]) -> Vec<String> {
    let said = |name: &&str| format!("User {name} registered successfully");
    names.iter().map(said).collect()
}

#[tokio::test]
async fn the_greeting_tells_the_log_and_its_bounds() {
    let shop = Shop::open().await;
    let page = Page::greeted(&shop).await;
    let meta = shop.logs.get("/api/meta").await.ok(200);
    let hello = json!({
        "t": "hello", "proto": 1, "boot": meta["boot"], "log_id": meta["log_id"],
        "earliest": "0:0,1:0,2:0", "latest": "0:0,1:0,2:0", "hb_ms": 10_000, "window": 4,
    });
    assert_eq!(page.hello, hello);
    assert!(meta["boot"].is_string() && meta["log_id"].is_string(), "{meta}");
}

#[tokio::test]
async fn a_row_tells_everything_about_a_line() {
    let shop = Shop::open().await;
    let mut page = Page::from(&shop, "now").await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let call = Call::post("/pay")
        .form("sku=nobody-has-it")
        .header("traceparent", &format!("00-{trace}-00f067aa0ba902b7-01"));
    let id = shop.payments.send(call).await.ok(202)["id"].clone();
    let rows = page.rows(3).await;
    let rejected = &rows[2];
    let fields = json!({
        "event_type": "comptoir.payment.rejected.v1", "id": rejected[7]["id"],
        "payment_id": id, "sku": "nobody-has-it", "quantity": 1, "amount": 1_999,
        "currency": "EUR", "reason": "unknown_sku",
    });
    let message = format!("Payment {} rejected: unknown_sku", id.as_str().unwrap());
    let row = json!([
        rejected[0],
        2,
        1_767_225_600_000_u64,
        3,
        "payments-service",
        trace,
        message,
        fields,
    ]);
    assert_eq!(*rejected, row);
    let at = rejected[0].as_u64().unwrap();
    let cursor: Vec<_> = (0..3).map(|n| format!("{n}:{}", if n == at { 3 } else { 0 })).collect();
    assert_eq!(page.cursor, cursor.join(","));
}

#[tokio::test]
async fn a_subscription_begins_where_it_says() {
    let shop = Shop::open().await;
    let names = ["a1", "a2", "a3", "a4", "a5"];
    register_all(&shop, &names).await;
    for (from, first) in
        [("earliest", 0), ("tail:2", 3), ("tail:5", 0), ("tail:9999999", 0), ("cur:", 0)]
    {
        let mut page = Page::from(&shop, from).await;
        let rows = page.rows(names.len() - first).await;
        assert_eq!(said(&rows), registered(&names[first..]), "{from}");
        page.live.is_quiet().await;
    }
    for from in ["now", "tail:0", "cur:0:99,1:99,2:99"] {
        let mut page = Page::from(&shop, from).await;
        page.live.is_quiet().await;
        let name = from.replace([':', ','], "-");
        register_all(&shop, &[&name]).await;
        assert_eq!(said(&page.rows(1).await), registered(&[&name]), "{from}");
    }
}

#[tokio::test]
async fn more_than_the_window_is_sent_only_once_acknowledged() {
    let shop = Shop::open().await;
    let mut page = Page::from(&shop, "now").await;
    for n in 1..=4 {
        register_all(&shop, &[&format!("a{n}")]).await;
        assert_eq!(page.frame().await.0, n);
    }
    register_all(&shop, &["b1", "b2"]).await;
    page.live.is_quiet().await;
    page.ack(1).await;
    let (id, rows) = page.frame().await;
    assert_eq!((id, said(&rows)), (5, vec![&*registered(&["b1"])[0], &registered(&["b2"])[0]]));
    register_all(&shop, &["c"]).await;
    page.live.is_quiet().await;
    // An acknowledgement counts for all before it, and an old one takes nothing back.
    page.ack(5).await;
    page.ack(2).await;
    assert_eq!(page.frame().await.0, 6);
    for n in 7..=9 {
        register_all(&shop, &[&format!("d{n}")]).await;
        assert_eq!(page.frame().await.0, n);
    }
    register_all(&shop, &["e"]).await;
    page.live.is_quiet().await;
}

#[tokio::test]
async fn a_cursor_resumes_without_hole_or_repeat() {
    let shop = Shop::open().await;
    let mut page = Page::from(&shop, "earliest").await;
    let mut stages = vec![(page.hello["earliest"].as_str().unwrap().to_owned(), Vec::new())];
    for n in 0..8 {
        let names = [format!("a{n}"), format!("b{n}")];
        register_all(&shop, &[&names[0], &names[1]]).await;
        let rows = page.rows(2).await;
        let so_far = [stages[n].1.as_slice(), &places(&rows)].concat();
        stages.push((page.cursor.clone(), so_far));
    }
    let (_, all) = stages.last().cloned().unwrap();
    for (cursor, before) in stages {
        let left = all.len() - before.len();
        let mut resumed = Page::from(&shop, &format!("cur:{cursor}")).await;
        let rows = resumed.rows(left).await;
        let mut places = [before, places(&rows)].concat();
        places.sort_unstable();
        let mut expected = all.clone();
        expected.sort_unstable();
        assert_eq!(places, expected, "{cursor}");
        resumed.live.is_quiet().await;
    }
}

#[tokio::test]
async fn a_page_that_remembers_another_log_begins_anew() {
    let shop = Shop::open().await;
    register_all(&shop, &["alice"]).await;
    let mut page = Page::greeted(&shop).await;
    let log_id = page.hello["log_id"].clone();
    let other = "0192d3a4-0000-7000-8000-000000000001";
    page.say(&json!({"t": "sub", "from": "cur:0:1,1:1,2:1", "log_id": other})).await;
    assert_eq!(page.live.next().await, json!({"t": "reset", "log_id": log_id}));
    assert_eq!(said(&page.rows(1).await), registered(&["alice"]));

    let mut page = Page::greeted(&shop).await;
    page.say(&json!({"t": "sub", "from": "tail:1", "log_id": log_id})).await;
    assert_eq!(said(&page.rows(1).await), registered(&["alice"]), "its own log is none");
}

#[tokio::test]
async fn what_retention_took_is_told_as_a_gap() {
    let (memory, ids) = (Memory::new(), SequentialIds::new());
    let mut first = Shop::on(&memory, &ids).await;
    let names: Vec<_> = (0..12).map(|n| format!("a{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    register_all(&first, &names).await;
    let at = TopicPartition { topic: first.context.topics.logs.clone(), partition: Partition(1) };
    memory.forget_before(&at, Offset(2));
    assert!(first.stop().await);
    let shop = Shop::on(&memory, &ids).await;
    let mut page = Page::from(&shop, "cur:0:0,1:0,2:0").await;
    assert_eq!(page.hello["earliest"], "0:0,1:2,2:0");
    let gap = json!({"t": "gap", "partition": 1, "from": 0, "to": 2, "n": 2, "why": "retention"});
    assert_eq!(page.live.next().await, gap);
    let rows = page.rows(10).await;
    assert!(rows.iter().all(|row| row[0] != 1 || row[1].as_u64() >= Some(2)), "{rows:?}");
    page.live.is_quiet().await;
}

#[tokio::test]
async fn a_message_that_makes_no_sense_ends_the_connection() {
    let shop = Shop::open().await;
    for first in [
        "nonsense",
        "{}",
        "[]",
        r#"{"t":"ack","id":1}"#,
        r#"{"t":"sub"}"#,
        r#"{"t":"sub","from":7}"#,
        r#"{"t":"sub","from":"later"}"#,
        r#"{"t":"sub","from":"tail:x"}"#,
        r#"{"t":"sub","from":"tail:-1"}"#,
        r#"{"t":"sub","from":"cur:x"}"#,
        r#"{"t":"sub","from":"now","log_id":"x"}"#,
        r#"{"t":"unsub"}"#,
    ] {
        let mut page = Page::greeted(&shop).await;
        page.live.say(first).await;
        page.is_refused().await;
    }
    let mut page = Page::greeted(&shop).await;
    page.live.send(Message::binary(b"{}".to_vec())).await;
    page.is_refused().await;
    for later in [r#"{"t":"sub","from":"now"}"#, r#"{"t":"ack","id":1}"#, "{", r#"{"t":"ack"}"#] {
        let mut page = Page::from(&shop, "now").await;
        page.live.say(later).await;
        page.is_refused().await;
    }
}

#[tokio::test]
async fn when_the_service_stops_pages_are_told_to_go() {
    let mut shop = Shop::open().await;
    let (mut greeted, mut subscribed) =
        (Page::greeted(&shop).await, Page::from(&shop, "now").await);
    let (clean, ..) =
        tokio::join!(shop.stop(), async { assert_eq!(greeted.live.closed().await, 1001) }, async {
            assert_eq!(subscribed.live.closed().await, 1001);
        },);
    assert!(clean);
}

#[tokio::test]
async fn the_page_is_told_where_everything_is() {
    let shop = Shop::open().await;
    let meta = shop.logs.get("/api/meta").await;
    assert_eq!(meta.header("cache-control"), Some("no-store"));
    let meta = meta.ok(200);
    let port = |service: crate::client::Service| service.0.port();
    let ports = json!({
        "users": port(shop.users), "payments": port(shop.payments),
        "inventories": port(shop.inventories), "console": port(shop.console),
    });
    assert_eq!(
        meta,
        json!({
            "version": env!("CARGO_PKG_VERSION"), "boot": meta["boot"], "log_id": meta["log_id"],
            "mode": "memory", "topic": "logs", "ports": ports,
        })
    );
}

#[tokio::test]
async fn lines_of_a_partition_can_be_asked_for() {
    let shop = Shop::open().await;
    let names: Vec<_> = (0..12).map(|n| format!("a{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    register_all(&shop, &names).await;
    let all = Page::from(&shop, "earliest").await.rows(12).await;
    for partition in 0..3_u64 {
        let own: Vec<_> = all.iter().filter(|row| row[0] == partition).cloned().collect();
        let next = own.len();
        let lines = |query: String| {
            let path = format!("/api/lines?partition={partition}{query}");
            async { shop.logs.get(path).await.ok(200) }
        };
        let expected = |rows: &[Value], resume: usize| json!({"earliest": 0, "next": next, "resume": resume, "l": rows});
        let end = 3.min(next);
        assert_eq!(lines(String::new()).await, expected(&own, next));
        assert_eq!(lines("&from=1&limit=2".to_owned()).await, expected(&own[1..end], end));
        assert_eq!(lines(format!("&from={next}")).await, expected(&[], next));
        assert_eq!(lines("&from=9999".to_owned()).await, expected(&[], next));
        assert_eq!(lines("&limit=1000".to_owned()).await, expected(&own, next));
    }
}

#[tokio::test]
async fn a_question_for_lines_that_makes_no_sense_is_refused() {
    let shop = Shop::open().await;
    for (query, fields) in [
        ("", ["partition"].as_slice()),
        ("?partition=x", &["partition"]),
        ("?partition=-1", &["partition"]),
        ("?partition=0&limit=0", &["limit"]),
        ("?partition=0&limit=1001", &["limit"]),
        ("?partition=0&from=-1", &["from"]),
        ("?from=x&limit=x", &["partition", "from", "limit"]),
    ] {
        let answer = shop.logs.get(format!("/api/lines{query}")).await;
        assert_eq!(answer.wrong_fields(), fields, "{query}");
    }
    assert_eq!(shop.logs.get("/api/lines?partition=3").await.problem(404), "not-found");
}

#[tokio::test]
async fn a_polite_goodbye_is_answered_on_both_protocols() {
    let shop = Shop::open().await;
    let mut plain = Live::plain(&shop).await;
    plain.send(Message::Close(None)).await;
    assert!(plain.is_answered_goodbye().await);
    let mut page = connect(&shop, "/", &[("sec-websocket-protocol", "stream.v1")]).await.unwrap();
    page.next().await;
    page.send(Message::Close(None)).await;
    assert!(page.is_answered_goodbye().await);
}
