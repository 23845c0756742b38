//! The plain WebSocket: one line per text frame, as it is written.

use std::collections::BTreeMap;
use std::time::Duration;

use comptoir_domain::port::codec::EventCodec as _;
use comptoir_domain::port::world::Clock as _;
use comptoir_domain::record::Record;
use comptoir_domain::trace::TraceContext;
use comptoir_testkit::an_envelope;
use futures::future::join_all;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::client::Call;
use crate::live::{Live, connect};
use crate::shop::{Codec, Shop, until};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn messages(frames: &[Value]) -> Vec<&str> {
    frames.iter().map(|frame| frame["message"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_registration_is_shown_as_exactly_one_line() {
    let shop = Shop::open().await;
    for path in ["/", "/ws"] {
        let mut live = connect(&shop, path, &[]).await.unwrap();
        let name = format!("alice{}", path.len());
        let call = Call::post("/register")
            .header("traceparent", &format!("00-{TRACE}-00f067aa0ba902b7-01"))
            .form(&format!("username={name}&password=secret"));
        let id = shop.users.send(call).await.ok(201)["id"].clone();
        let frame = live.next().await;
        assert_eq!(
            frame,
            json!({
                "id": frame["id"], "time": "2026-01-01T00:00:00.000Z", "level": "INFO",
                "service": "users-service",
                "message": format!("User {name} registered successfully"),
                "trace_id": TRACE, "event_type": "comptoir.user.registered.v1",
                "fields": {"user_id": id, "username": name},
            })
        );
        assert!(frame["id"].as_str().is_some_and(|id| !id.is_empty()));
        live.is_quiet().await;
    }
}

#[tokio::test]
async fn a_payment_is_shown_as_it_goes_on_each_step_once() {
    let shop = Shop::open().await;
    let mut live = Live::plain(&shop).await;
    let id = shop.pay("quantity=2").await;
    let lines = live.take(3).await;
    assert_eq!(
        messages(&lines),
        [
            format!("Payment {id} requested: 2 × coffee-mug"),
            format!("Stock reserved for payment {id}: 2 × coffee-mug"),
            format!("Payment {id} confirmed"),
        ]
    );
    let services: Vec<_> = lines.iter().map(|line| &line["service"]).collect();
    assert_eq!(services, ["payments-service", "inventories-service", "payments-service"]);
    let traces: Vec<_> = lines.iter().map(|line| &line["trace_id"]).collect();
    assert!(traces.iter().all(|trace| *trace == traces[0]), "{traces:?}");
    shop.payments.post(format!("/payments/{id}/refund")).await.ok(202);
    let lines = live.take(2).await;
    assert_eq!(
        messages(&lines),
        [
            format!("Payment {id} refunded"),
            format!("Stock released for payment {id}: 2 × coffee-mug"),
        ]
    );
    live.is_quiet().await;
}

#[tokio::test]
async fn a_rejection_is_a_warning_with_its_reason() {
    let shop = Shop::open().await;
    let mut live = Live::plain(&shop).await;
    shop.pay("sku=nobody-has-it").await;
    let lines = live.take(3).await;
    let levels: Vec<_> = lines.iter().map(|line| &line["level"]).collect();
    assert_eq!(levels, ["INFO", "WARN", "WARN"]);
    assert_eq!(lines[2]["event_type"], "comptoir.payment.rejected.v1");
    assert_eq!(lines[2]["fields"]["reason"], "unknown_sku");
}

#[tokio::test]
async fn whoever_connects_sees_every_line_from_then_on_and_none_from_before() {
    let shop = Shop::open().await;
    let mut early = Live::plain(&shop).await;
    shop.confirmed("").await;
    early.take(3).await;
    let mut clients = [Live::plain(&shop).await, Live::plain(&shop).await];
    let ids = join_all((0..40).map(|_| shop.pay(""))).await;
    for live in &mut clients {
        let lines = live.take(120).await;
        let mut by_payment: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for line in &lines {
            let id = line["fields"]["payment_id"].as_str().unwrap();
            let kind = line["event_type"].as_str().unwrap();
            by_payment.entry(id).or_default().push(kind);
        }
        for id in &ids {
            assert_eq!(
                by_payment[id.as_str()],
                [
                    "comptoir.payment.requested.v1",
                    "comptoir.stock.reserved.v1",
                    "comptoir.payment.confirmed.v1",
                ]
            );
        }
        live.is_quiet().await;
    }
}

#[tokio::test]
async fn a_line_that_is_written_again_is_hidden() {
    let shop = Shop::open().await;
    let mut live = Live::plain(&shop).await;
    let logs = shop.context.topics.logs.clone();
    shop.register("alice").await;
    assert_eq!(messages(&live.take(1).await), ["User alice registered successfully"]);
    for stored in shop.records(&logs).await {
        shop.publish(&logs, stored.record.clone()).await;
        shop.publish(&logs, stored.record).await;
    }
    // Handed to notifications twice, and published twice because an answer was lost.
    shop.memory.faults().duplicate_next_batches(2);
    shop.memory.faults().lose_next_publish_answers(1);
    shop.register("bob").await;
    shop.clock.advance(Duration::from_secs(6));
    assert_eq!(messages(&live.take(1).await), ["User bob registered successfully"]);
    until("the line to be there twice", || async { shop.records(&logs).await.len() >= 5 }).await;
    live.is_quiet().await;
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_shown_as_one_warning() {
    let shop = Shop::open().await;
    let mut live = Live::plain(&shop).await;
    let record = Record {
        key: Some(b"k".to_vec()),
        value: Some(b"no event".to_vec()),
        headers: Vec::new(),
        time: shop.clock.now(),
    };
    let logs = shop.context.topics.logs.clone();
    shop.publish(&logs, record).await;
    let frame = live.next().await;
    assert_eq!((&frame["level"], &frame["service"]), (&json!("WARN"), &json!("logs-service")));
    let partition = frame["fields"]["partition"].as_u64().unwrap();
    let message = frame["message"].as_str().unwrap();
    let place = format!("Unreadable record at logs/{partition}@0: ");
    assert!(message.starts_with(&place), "{message}");
    assert_eq!(frame["fields"], json!({"partition": partition, "offset": 0}));
    assert_eq!(frame["time"], "2026-01-01T00:00:00.000Z");
    assert_eq!(frame.as_object().unwrap().len(), 8);
    live.is_quiet().await;
    shop.register("alice").await;
    assert_eq!(messages(&live.take(1).await), ["User alice registered successfully"]);
    assert_eq!(shop.records(&logs.dead_letters()).await, [], "nobody gives up on a line");
}

#[tokio::test]
async fn an_event_of_somebody_elses_gets_its_line_and_what_is_none_goes_away() {
    let shop = Shop::open().await;
    let mut live = Live::plain(&shop).await;
    let notifications = shop.context.topics.notifications.clone();
    let foreign = an_envelope()
        .of_foreign("com.example.paid.v1")
        .from_source("/till")
        .in_trace(format!("00-{TRACE}-00f067aa0ba902b7-01").parse::<TraceContext>().unwrap())
        .about(Some("order-7"))
        .build();
    let mut garbage = Codec::encode(&foreign, Some(b"order-7"));
    garbage.value = Some(b"no event".to_vec());
    shop.publish(&notifications, garbage).await;
    shop.publish(&notifications, Codec::encode(&foreign, Some(b"order-7"))).await;
    let frame = live.next().await;
    assert_eq!(frame["message"], "Event com.example.paid.v1 from /till");
    assert_eq!((&frame["service"], &frame["trace_id"]), (&json!("/till"), &json!(TRACE)));
    assert_eq!(frame["fields"], json!({"subject": "order-7"}));
    live.is_quiet().await;
    assert_eq!(shop.records(&notifications.dead_letters()).await.len(), 1);
}

#[tokio::test]
async fn what_a_plain_client_says_is_passed_over() {
    let shop = Shop::open().await;
    let mut live = Live::plain(&shop).await;
    live.say("hello?").await;
    live.say(r#"{"t":"sub","from":"earliest"}"#).await;
    live.send(Message::binary(vec![0xff; 100])).await;
    shop.register("alice").await;
    assert_eq!(messages(&live.take(1).await), ["User alice registered successfully"]);
}

#[tokio::test]
async fn a_client_that_reads_nothing_slows_nobody_down() {
    let shop = Shop::open().await;
    let (silent, mut live) = (Live::plain(&shop).await, Live::plain(&shop).await);
    for round in 0..10 {
        join_all((0..30).map(|_| shop.pay(""))).await;
        assert_eq!(live.take(90).await.len(), 90, "round {round}");
    }
    drop(silent);
}

#[tokio::test]
async fn when_the_service_stops_clients_are_told_to_go() {
    let mut shop = Shop::open().await;
    let mut live = Live::plain(&shop).await;
    shop.register("alice").await;
    live.take(1).await;
    let (clean, code) = tokio::join!(shop.stop(), live.closed());
    assert_eq!(code, 1001);
    assert!(clean, "a clean stop");
}
