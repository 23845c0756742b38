//! Kafka is away under load: what can be covered is covered, and nothing is lost.

use std::time::Duration;

use crate::load::Load;
use crate::stage::Stage;
use comptoir_stage::Account;
use comptoir_stage::environment::number;
use comptoir_stage::patience::{now, tell, until, until_true};
use comptoir_stage::{KAFKA, Shop};

/// How soon a service must say that Kafka is away, or back.
const NOTICE_TIME: Duration = Duration::from_secs(20);
const SERVICES: [&str; 5] = [
    "users-service",
    "payments-service",
    "notifications-service",
    "logs-service",
    "inventories-service",
];
/// No answer may wait for Kafka.
const ANSWER_TIME: Duration = Duration::from_secs(5);

#[test]
fn register_and_pay_go_on_and_everything_arrives_afterwards() {
    let Some(stage) = Stage::enter() else { return };
    let shop = Shop::open(&stage.servers, "kafka-away-", &[]);
    let payments = Load::pay(shop.port("payments-service"), 3, Duration::from_millis(25));
    let users = Load::register(shop.port("users-service"), "user", Duration::from_millis(100));
    payments.go_on(50);
    users.go_on(3);

    let away = outage(&stage, &shop);
    payments.go_on(50);
    users.go_on(3);
    let (payments, users) = (payments.finish(), users.finish());
    for outcome in [&payments, &users] {
        assert!(outcome.other.is_empty(), "{:?}", outcome.other.first());
        assert!(outcome.slowest < ANSWER_TIME, "{:?}", outcome.slowest);
    }

    let since = now();
    for service in SERVICES {
        is_ready(&shop, service, &[]);
    }
    shop.all_confirmed(&payments.accepted);
    let expected = 3 * payments.accepted.len() + users.accepted.len();
    announced(&stage, &shop, expected as u64);
    shop.no_lag(&stage.servers);
    let took = since.elapsed();
    let account = Account::of(&shop);
    account.has_confirmed(&payments.accepted);
    account.has_registered(&users.accepted);
    assert_eq!(account.events.len(), expected);
    assert_eq!(shop.mugs("sold"), payments.accepted.len() as u64);
    shop.stop();
    tell(&format!(
        "Kafka away for {:.1} s: {} payments and {} users accepted, none refused, slowest {} and {} ms; \
         all done {:.1} s after it came back; {account}",
        away.as_secs_f64(),
        payments.accepted.len(),
        users.accepted.len(),
        payments.slowest.as_millis(),
        users.slowest.as_millis(),
        took.as_secs_f64()
    ));
}

/// Kafka dies and comes back later; how long it was away.
fn outage(stage: &Stage, shop: &Shop) -> Duration {
    let down = Duration::from_secs(number("KAFKA_DOWN_SECONDS", 10));
    stage.servers.ctl(&["kill", KAFKA]);
    let since = now();
    for service in ["users-service", "payments-service"] {
        is_ready(shop, service, &["kafka"]);
    }
    for service in ["notifications-service", "logs-service", "inventories-service"] {
        is_unready(shop, service);
    }
    until_true("Kafka was away for long enough", down * 2, || since.elapsed() >= down);
    let away = since.elapsed();
    stage.servers.bring_kafka_back();
    away
}

/// Waits until the topic has so many events.
fn announced(stage: &Stage, shop: &Shop, expected: u64) {
    until("every event is announced", NOTICE_TIME, || {
        let topic = shop.named("notifications");
        let topic = stage.servers.console(&format!("/api/v1/topics/{topic}"));
        let records = topic["records"].as_u64().unwrap();
        if records >= expected { Ok(()) } else { Err(records) }
    });
}

/// Waits until a service says that it is ready without these.
#[track_caller]
fn is_ready(shop: &Shop, service: &str, degraded: &[&str]) {
    until(&format!("{service} is ready without {degraded:?}"), NOTICE_TIME, || {
        let answer = shop.get(service, "/health/ready");
        let told = answer.json()["degraded"].as_array().cloned().unwrap_or_default();
        if answer.status == 200 && told == degraded { Ok(()) } else { Err(answer) }
    });
}

/// Waits until a service says that it misses Kafka.
#[track_caller]
fn is_unready(shop: &Shop, service: &str) {
    let answer = until(&format!("{service} misses Kafka"), NOTICE_TIME, || {
        let answer = shop.get(service, "/health/ready");
        if answer.status == 503 { Ok(answer) } else { Err(answer) }
    });
    assert_eq!(answer.json()["missing"], serde_json::json!(["kafka"]), "{answer:?}");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    assert_eq!(shop.get(service, "/health/live").status, 200);
}
