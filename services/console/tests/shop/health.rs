//! `/health/live` and `/health/ready` of every service.

use serde_json::json;

use crate::client::{Call, Service};
use crate::shop::{Shop, until};

fn all(shop: &Shop) -> [(&'static str, Service); 6] {
    [
        ("users", shop.users),
        ("payments", shop.payments),
        ("inventories", shop.inventories),
        ("notifications", shop.notifications),
        ("logs", shop.logs),
        ("console", shop.console),
    ]
}

/// What a service says of itself: `up`, `degraded` or `unready`, and of what.
async fn says(service: Service) -> (&'static str, Vec<String>) {
    let answer = service.get("/health/ready").await;
    let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let names = |member: &str| {
        let list = json[member].as_array().cloned().unwrap_or_default();
        list.iter().map(|name| name.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    if answer.status == 200 {
        assert_eq!(answer.ok(200)["status"], "ready");
        let degraded = names("degraded");
        return (if degraded.is_empty() { "up" } else { "degraded" }, degraded);
    }
    assert_eq!(answer.problem(503), "unready");
    assert_eq!(answer.header("retry-after"), Some("1"));
    ("unready", names("missing"))
}

async fn until_says(name: &str, service: Service, expected: (&'static str, &[&str])) {
    let what = format!("{name} to say {expected:?}");
    until(&what, || async {
        let (state, of) = says(service).await;
        state == expected.0 && of == expected.1
    })
    .await;
}

#[tokio::test]
async fn an_open_shop_is_live_and_ready() {
    let shop = Shop::open().await;
    for (name, service) in all(&shop) {
        assert_eq!(service.get("/health/live").await.ok(200), json!({"status": "live"}), "{name}");
        let ready = service.get("/health/ready").await;
        assert_eq!(ready.ok(200), json!({"status": "ready"}), "{name}");
        assert_eq!(ready.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn health_never_looks_at_the_host() {
    let shop = Shop::open().await;
    for (name, service) in all(&shop) {
        let call = Call::get("/health/ready").on_host("10.0.0.7:1").header("Origin", "null");
        assert_eq!(service.send(call).await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn without_the_log_some_are_degraded_and_the_others_unready() {
    let shop = Shop::open().await;
    let faults = shop.memory.faults();
    faults.set_bus_away(true);
    // Users notice when they have something to publish.
    shop.register("alice").await;
    for (name, service, state) in [
        ("users", shop.users, "degraded"),
        ("payments", shop.payments, "degraded"),
        ("inventories", shop.inventories, "unready"),
        ("notifications", shop.notifications, "unready"),
        ("logs", shop.logs, "unready"),
        ("console", shop.console, "unready"),
    ] {
        until_says(name, service, (state, &["log"])).await;
        assert_eq!(service.get("/health/live").await.status, 200, "{name}");
    }
    faults.set_bus_away(false);
    shop.clock.advance(std::time::Duration::from_secs(6));
    for (name, service) in all(&shop) {
        until_says(name, service, ("up", &[])).await;
    }
}

#[tokio::test]
async fn without_the_store_those_who_keep_something_are_unready() {
    let shop = Shop::open().await;
    let faults = shop.memory.faults();
    faults.set_store_away(true);
    for (name, service) in &all(&shop)[..3] {
        until_says(name, *service, ("unready", &["store"])).await;
    }
    for (name, service) in &all(&shop)[3..] {
        assert_eq!(says(*service).await, ("up", Vec::new()), "{name} needs no store");
    }
    faults.set_store_away(false);
    for (name, service) in all(&shop) {
        until_says(name, service, ("up", &[])).await;
    }
}
