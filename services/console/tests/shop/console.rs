//! The console's overview: topics, and groups with their lag.

use comptoir_domain::event::{Event, StockMoved};
use comptoir_domain::id::PaymentId;
use comptoir_domain::port::bus::LogAdmin as _;
use comptoir_domain::port::codec::EventCodec as _;
use comptoir_domain::port::platform::Log as _;
use comptoir_domain::port::world::Clock as _;
use comptoir_domain::stock::Quantity;
use comptoir_domain::topic::Topic;
use comptoir_testkit::{SequentialIds, an_envelope};
use serde_json::{Value, json};

use crate::client::Call;
use crate::shop::{Codec, Shop, until};

async fn get(shop: &Shop, path: &str) -> Value {
    let answer = shop.console.get(path).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
    answer.ok(200)
}

/// The one of that name in a list of objects.
fn named<'a>(list: &'a Value, member: &str, name: &str) -> &'a Value {
    let mut all = list.as_array().unwrap().iter();
    all.find(|one| one[member] == name).unwrap_or_else(|| panic!("no {name} in {list}"))
}

/// Waits until every group has committed all there is.
async fn until_idle(shop: &Shop) {
    until("no lag", || async {
        let groups = get(shop, "/api/v1/groups").await;
        let idle = groups.as_array().unwrap().iter().all(|group| group["lag"] == 0);
        idle && shop.records(&shop.context.topics.logs).await.len() == 3
    })
    .await;
}

#[tokio::test]
async fn the_overview_shows_every_topic_and_group() {
    let shop = Shop::open().await;
    shop.confirmed("").await;
    until_idle(&shop).await;
    let overview = get(&shop, "/api/v1/overview").await;
    assert_eq!(overview["mode"], "memory");
    assert_eq!(overview["time"], shop.clock.now().as_millis());
    assert_eq!(overview["log_id"], shop.logs.get("/api/meta").await.ok(200)["log_id"]);
    let names: Vec<_> = overview["topics"].as_array().unwrap().iter().map(|t| &t["name"]).collect();
    let all = [
        "inventories",
        "inventories.dlq",
        "logs",
        "logs.dlq",
        "notifications",
        "notifications.dlq",
        "stock",
        "stock.dlq",
    ];
    assert_eq!(names, all);

    let topic = named(&overview["topics"], "name", "notifications");
    let bytes = topic["bytes"].as_u64().unwrap();
    assert!(bytes > 300, "{topic}");
    assert_eq!(
        *topic,
        json!({
            "name": "notifications", "partitions": 3, "records": 3, "bytes": bytes,
            "last_write": shop.clock.now().as_millis(),
            "groups": [{"group": "notifications-service", "lag": 0}],
        })
    );
    let empty = named(&overview["topics"], "name", "stock.dlq");
    let nothing = json!({
        "name": "stock.dlq", "partitions": 3, "records": 0, "bytes": 0, "last_write": null,
        "groups": [],
    });
    assert_eq!(*empty, nothing);

    let group = |name: &str, topic: &str| json!({"group": name, "state": "stable", "members": 1, "lag": 0, "topics": [topic]});
    let groups = json!([
        group("inventories-service", "inventories"),
        group("notifications-service", "notifications"),
        group("payments-service", "stock"),
    ]);
    assert_eq!(overview["groups"], groups);
    assert_eq!(get(&shop, "/api/v1/groups").await, groups);
}

#[tokio::test]
async fn a_topic_shows_its_partitions() {
    let shop = Shop::open().await;
    let id = shop.confirmed("").await;
    until_idle(&shop).await;
    let topic = get(&shop, "/api/v1/topics/stock").await;
    let at = comptoir_domain::topic::partition_for(id.as_bytes(), 3).0;
    let partitions = topic["partitions"].as_array().unwrap();
    for (n, partition) in partitions.iter().enumerate() {
        let records = u64::from(n == at as usize);
        let last_write = (records > 0).then(|| shop.clock.now().as_millis());
        let expected = json!({
            "partition": n, "earliest": 0, "next": records, "records": records,
            "bytes": partition["bytes"], "last_write": last_write,
        });
        assert_eq!(*partition, expected);
        assert_eq!(partition["bytes"].as_u64().unwrap() > 0, records > 0);
    }
    assert_eq!((partitions.len(), &topic["records"]), (3, &json!(1)));
    assert_eq!(topic["bytes"], partitions[at as usize]["bytes"]);
    assert_eq!(topic["groups"], json!([{"group": "payments-service", "lag": 0}]));
}

#[tokio::test]
async fn a_group_that_cannot_go_on_shows_its_lag() {
    let shop = Shop::open().await;
    shop.memory.faults().set_store_away(true);
    let moved = StockMoved {
        payment: PaymentId::new(SequentialIds::nth(9_999)),
        sku: "coffee-mug".to_owned().try_into().unwrap(),
        quantity: Quantity::ONE,
    };
    let event = an_envelope().of(Event::StockReserved(moved)).build();
    let record = Codec::encode(&event, Some(b"k"));
    let at = comptoir_domain::topic::partition_for(b"k", 3).0;
    for _ in 0..2 {
        shop.publish(&shop.context.topics.stock, record.clone()).await;
    }
    let group = get(&shop, "/api/v1/groups/payments-service").await;
    assert_eq!((&group["lag"], &group["state"]), (&json!(2), &json!("stable")));
    let member = group["members"][0]["id"].as_str().unwrap();
    for (n, partition) in group["partitions"].as_array().unwrap().iter().enumerate() {
        let records = if n == at as usize { 2 } else { 0 };
        let expected = json!({
            "topic": "stock", "partition": n, "committed": null, "next": records, "lag": records,
            "member": member,
        });
        assert_eq!(*partition, expected);
    }
    let owned: Vec<_> = (0..3).map(|n| json!({"topic": "stock", "partition": n})).collect();
    let members = json!([{"id": member, "host": "memory", "partitions": owned}]);
    assert_eq!(group["members"], members);
    let overview = get(&shop, "/api/v1/overview").await;
    assert_eq!(named(&overview["groups"], "group", "payments-service")["lag"], 2);
    let stock = named(&overview["topics"], "name", "stock");
    assert_eq!(stock["groups"], json!([{"group": "payments-service", "lag": 2}]));

    shop.memory.faults().set_store_away(false);
    until("the lag to go", || async {
        let group = get(&shop, "/api/v1/groups/payments-service").await;
        group["lag"] == 0 && group["partitions"][at as usize]["committed"] == 2
    })
    .await;
}

#[tokio::test]
async fn what_there_is_none_of_is_not_found() {
    let shop = Shop::open().await;
    for (path, slug) in [
        ("/api/v1/topics/nothing", "topic-not-found"),
        ("/api/v1/topics/%20", "topic-not-found"),
        ("/api/v1/topics/nothing/messages", "topic-not-found"),
        ("/api/v1/topics/%20/messages", "topic-not-found"),
        ("/api/v1/topics/nothing/messages/0/0", "topic-not-found"),
        ("/api/v1/topics/logs/messages/0/0", "record-not-found"),
        ("/api/v1/topics/logs/messages/3/0", "record-not-found"),
        ("/api/v1/topics/logs/messages/x/0", "record-not-found"),
        ("/api/v1/topics/logs/messages/0/-1", "record-not-found"),
        ("/api/v1/groups/nothing", "group-not-found"),
    ] {
        let answer = shop.console.get(path).await;
        assert_eq!(answer.problem(404), slug, "{path}");
    }
}

#[tokio::test]
async fn a_topic_of_the_log_s_own_is_no_topic_here() {
    let shop = Shop::open().await;
    let internal = Topic::try_from("__consumer_offsets").unwrap();
    shop.memory.admin().create_topics(&[internal], 3).await.unwrap();
    for path in ["messages", "messages/0/0"] {
        let path = format!("/api/v1/topics/__consumer_offsets/{path}");
        assert_eq!(shop.console.get(&*path).await.problem(404), "topic-not-found", "{path}");
    }
}

#[tokio::test]
async fn without_the_log_the_console_says_when_to_come_back() {
    let shop = Shop::open().await;
    shop.memory.faults().set_bus_away(true);
    for path in [
        "/api/v1/overview",
        "/api/v1/topics/logs",
        "/api/v1/topics/logs/messages",
        "/api/v1/topics/logs/messages/0/0",
        "/api/v1/groups",
        "/api/v1/groups/payments-service",
    ] {
        let answer = shop.console.send(Call::get(path)).await;
        assert_eq!(answer.problem(503), "unavailable", "{path}");
        assert_eq!(answer.header("retry-after"), Some("1"), "{path}");
    }
    assert_eq!(shop.console.get("/").await.status, 200, "the page is there");
}
