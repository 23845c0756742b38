//! The console's dead letters: what there is of them, and what can be done.

mod orders;

use std::time::Duration;

use comptoir_domain::port::codec::{DeadLetter, EventCodec as _};
use comptoir_domain::port::world::Clock as _;
use comptoir_domain::record::{Position, Record};
use comptoir_domain::topic::{Offset, Partition, TopicPartition, partition_for};
use comptoir_runtime::context::Consumer;
use comptoir_testkit::an_envelope;
use serde_json::{Value, json};

use crate::client::{Answer, Call};
use crate::grave::bury;
use crate::shop::{Codec, Shop, until};

const GARBAGE: &[u8] = b"<img src=x onerror=alert(1)>";

async fn get(shop: &Shop, path: &str) -> Value {
    let answer = shop.console.get(format!("/api/v1{path}")).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
    answer.ok(200)
}

async fn list(shop: &Shop, topic: &str, query: &str) -> Vec<Value> {
    let list = get(shop, &format!("/topics/{topic}/dead-letters?{query}")).await;
    assert_eq!(list["unread"], 0);
    list["letters"].as_array().unwrap().clone()
}

async fn replay(shop: &Shop, topic: &str, order: &Value) -> Answer {
    let path = format!("/api/v1/topics/{topic}/dead-letters/replay");
    shop.console.send(Call::post(path).json(&order.to_string())).await
}

fn garbage(shop: &Shop) -> Record {
    Record {
        key: Some(b"k".to_vec()),
        value: Some(GARBAGE.to_vec()),
        headers: vec![("content-type".to_owned(), b"text/html".to_vec())],
        time: shop.clock.now(),
    }
}

/// The record of the `n`th event that stock gave up.
fn event(n: u64) -> Record {
    let id = format!("event-{n}");
    Codec::encode(&an_envelope().identified(&id).build(), Some(id.as_bytes()))
}

/// A shop in which so many events of `stock` are dead.
async fn with_dead(count: u64) -> Shop {
    let shop = Shop::open().await;
    for n in 0..count {
        bury(&shop, Consumer::Payments, &event(n), n).await;
        shop.clock.advance(Duration::from_millis(10));
    }
    shop
}

#[tokio::test]
async fn what_nobody_can_read_is_listed_and_lands_again_when_it_is_put_back() {
    let shop = Shop::open().await;
    let (topic, at) = (shop.context.topics.notifications.clone(), partition_for(b"k", 3).0);
    shop.publish(&topic, garbage(&shop)).await;
    until("a dead letter", || async { get(&shop, "/dead-letters").await["open"] == 1 }).await;
    let letters = list(&shop, "notifications", "").await;
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    let reason = letter["reason"].as_str().unwrap();
    assert!(reason.contains("not a readable CloudEvent"), "{reason}");
    let now = shop.clock.now().as_millis();
    let expected = json!({
        "partition": at, "offset": 0, "time": now, "state": "open", "why": null,
        "reason": reason, "attempts": 0, "replays": 0, "copies": 1,
        "group": "notifications-service",
        "source": {"topic": "notifications", "partition": at, "offset": 0},
        "replayed": null,
        "record": {
            "partition": at, "offset": 0, "time": now, "size": 1 + GARBAGE.len() + 21,
            "key": "k", "key_encoding": "utf8",
            "value": "<img src=x onerror=alert(1)>", "value_encoding": "utf8", "truncated": false,
            "headers": [{"name": "content-type", "value": "text/html", "encoding": "utf8"}],
            "event": null,
        },
    });
    assert_eq!(*letter, expected);
    let alone = get(&shop, &format!("/topics/notifications/dead-letters/{at}/0")).await;
    assert_eq!(alone, expected);

    shop.clock.advance(Duration::from_secs(1));
    let order = json!({"partition": at, "offset": 0});
    let done = replay(&shop, "notifications", &order).await.ok(200);
    let to = json!({"topic": "notifications", "partition": at, "offset": 1});
    let replayed = json!([{
        "partition": at, "offset": 0, "noted": true, "to": to,
        "source": {"topic": "notifications", "partition": at, "offset": 0},
    }]);
    assert_eq!((&done["replayed"], &done["not_replayed"]), (&replayed, &json!([])));
    let twice = || async { list(&shop, "notifications", "").await.len() == 2 };
    until("its second death", twice).await;
    let letters = list(&shop, "notifications", "").await;
    let (again, first) = (&letters[0], &letters[1]);
    assert_eq!((&again["state"], &again["replays"]), (&json!("open"), &json!(1)));
    assert_eq!(again["source"], to);
    assert_eq!(again["record"]["headers"], expected["record"]["headers"], "as it was at first");
    let then = json!({"time": now + 1_000, "partition": at, "offset": 1});
    assert_eq!((&first["state"], &first["replayed"]), (&json!("replayed"), &then));

    let done = replay(&shop, "notifications", &order).await.ok(200);
    let why = done["not_replayed"][0]["why"].as_str().unwrap();
    assert_eq!(why, format!("it was put back already, at notifications/{at}, offset 1"));
    assert_eq!(done["replayed"], json!([]));
}

#[tokio::test]
async fn every_topic_is_counted() {
    let shop = with_dead(3).await;
    bury(&shop, Consumer::Payments, &event(0), 0).await;
    bury_cut(&shop, 90).await;
    shop.publish(&shop.context.topics.stock.dead_letters(), garbage(&shop)).await;
    replay(&shop, "stock", &json!({"all": true})).await.ok(200);
    bury(&shop, Consumer::Payments, &event(91), 91).await;
    let counted = get(&shop, "/dead-letters").await;
    let topic = |name: &str, counts: [u64; 4]| {
        json!({
            "topic": name, "dead_letters": format!("{name}.dlq"), "open": counts[0],
            "replayed": counts[1], "not_replayable": counts[2], "strange": counts[3],
            "left_out": 0, "unread": 0,
        })
    };
    let topics = json!([
        topic("inventories", [0; 4]),
        topic("logs", [0; 4]),
        topic("notifications", [0; 4]),
        topic("stock", [1, 3, 1, 1]),
    ]);
    assert_eq!(counted, json!({"open": 1, "topics": topics}));
    assert_eq!(list(&shop, "stock", "state=replayed").await[0]["copies"], 2, "it is the same one");
}

/// Puts a letter there whose value did not fit.
async fn bury_cut(shop: &Shop, offset: u64) -> Position {
    let (group, topic) = shop.context.subscription(Consumer::Payments);
    let at = TopicPartition { topic: topic.clone(), partition: Partition(0) };
    let source = Position { at, offset: Offset(offset) };
    let letter = DeadLetter {
        reason: "it is too large".to_owned(),
        attempts: 5,
        source: source.clone(),
        group,
        time: shop.clock.now(),
    };
    let cut = Codec::dead_letter_cut(&event(offset), &letter, 10);
    shop.publish(&topic.dead_letters(), cut).await;
    source
}

#[tokio::test]
async fn what_was_cut_stays_where_it_is_and_says_why() {
    let shop = Shop::open().await;
    bury_cut(&shop, 7).await;
    let letters = list(&shop, "stock", "state=not_replayable").await;
    let letter = &letters[0];
    let why = letter["why"].as_str().unwrap().to_owned();
    assert!(why.contains("bytes was cut to fit"), "{why}");
    assert_eq!(letter["record"]["value"], "{\"specvers");
    let order = json!({"partition": letter["partition"], "offset": letter["offset"]});
    let done = replay(&shop, "stock", &order).await.ok(200);
    let mut kept = order;
    kept["why"] = why.into();
    let expected = json!({"replayed": [], "not_replayed": [kept], "next": null, "open": 0});
    assert_eq!(done, expected);
    let all = replay(&shop, "stock", &json!({"all": true})).await.ok(200);
    assert_eq!(all, json!({"replayed": [], "not_replayed": [], "next": null, "open": 0}));
    assert_eq!(shop.records(&shop.context.topics.stock).await.len(), 0);
}

#[tokio::test]
async fn an_older_copy_leads_to_the_newest() {
    let shop = Shop::open().await;
    let source = bury_cut(&shop, 7).await;
    let cut = list(&shop, "stock", "").await.remove(0);
    shop.clock.advance(Duration::from_secs(1));
    bury(&shop, Consumer::Payments, &event(7), source.offset.0).await;
    let order = json!({"partition": cut["partition"], "offset": cut["offset"]});
    let path = format!("/topics/stock/dead-letters/{}/{}", cut["partition"], cut["offset"]);
    let letter = get(&shop, &path).await;
    assert_eq!((&letter["state"], &letter["copies"]), (&json!("open"), &json!(2)));
    let done = replay(&shop, "stock", &order).await.ok(200);
    assert_eq!(done["replayed"][0]["offset"], letter["offset"], "that one is whole");
}

fn offsets(letters: &[Value]) -> Vec<u64> {
    letters.iter().map(|letter| letter["source"]["offset"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn pages_follow_on_each_other_newest_first_without_hole_or_repeat() {
    let shop = with_dead(12).await;
    let newest_first: Vec<u64> = (0..12).rev().collect();
    assert_eq!(offsets(&list(&shop, "stock", "").await), newest_first);
    for limit in [1, 5, 12] {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/topics/stock/dead-letters?limit={limit}&cursor={cursor}");
            let page = get(&shop, &path).await;
            let letters = page["letters"].as_array().unwrap();
            assert!(letters.len() <= limit);
            all.extend(offsets(letters));
            if all.len() == limit {
                // What is written meanwhile stands before the first page.
                bury(&shop, Consumer::Payments, &event(90), 90).await;
            }
            match page["next"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => break,
            }
        }
        all.retain(|offset| *offset != 90);
        assert_eq!(all, newest_first, "by {limit}");
    }
}

#[tokio::test]
async fn a_state_can_be_chosen() {
    let shop = with_dead(3).await;
    let second = list(&shop, "stock", "").await.remove(1);
    let order = json!({"partition": second["partition"], "offset": second["offset"]});
    replay(&shop, "stock", &order).await.ok(200);
    assert_eq!(offsets(&list(&shop, "stock", "state=open").await), [2, 0]);
    assert_eq!(offsets(&list(&shop, "stock", "state=open&limit=1").await), [2]);
    assert_eq!(offsets(&list(&shop, "stock", "state=replayed").await), [1]);
    assert_eq!(offsets(&list(&shop, "stock", "state=not_replayable").await), [] as [u64; 0]);
    assert_eq!(offsets(&list(&shop, "stock", "state=").await), [2, 1, 0]);
}

#[tokio::test]
async fn what_there_is_none_of_is_not_found() {
    let shop = with_dead(1).await;
    for (path, slug) in [
        ("/topics/nothing/dead-letters", "topic-not-found"),
        ("/topics/stock.dlq/dead-letters", "topic-not-found"),
        ("/topics/__consumer_offsets/dead-letters", "topic-not-found"),
        ("/topics/nothing/dead-letters/0/0", "topic-not-found"),
        ("/topics/stock/dead-letters/9/0", "dead-letter-not-found"),
        ("/topics/stock/dead-letters/0/77", "dead-letter-not-found"),
        ("/topics/stock/dead-letters/x/0", "dead-letter-not-found"),
        ("/topics/stock/dead-letters/0/-1", "dead-letter-not-found"),
    ] {
        let answer = shop.console.get(format!("/api/v1{path}")).await;
        assert_eq!(answer.problem(404), slug, "{path}");
    }
    for order in [json!({"partition": 9, "offset": 0}), json!({"partition": 0, "offset": 77})] {
        let answer = replay(&shop, "stock", &order).await;
        assert_eq!(answer.problem(404), "dead-letter-not-found", "{order}");
    }
    let answer = replay(&shop, "nothing", &json!({"all": true})).await;
    assert_eq!(answer.problem(404), "topic-not-found");
    // A note is no letter.
    let letter = list(&shop, "stock", "").await.remove(0);
    replay(&shop, "stock", &json!({"all": true})).await.ok(200);
    let (at, next) = (&letter["partition"], letter["offset"].as_u64().unwrap() + 1);
    let note = replay(&shop, "stock", &json!({"partition": at, "offset": next})).await;
    assert_eq!(note.problem(404), "dead-letter-not-found");
}

#[tokio::test]
async fn an_order_or_a_question_that_makes_no_sense_is_refused() {
    let shop = with_dead(1).await;
    for (order, fields) in [
        (json!({}), ["partition", "offset"].as_slice()),
        (json!({"partition": 0}), &["offset"]),
        (json!({"partition": null, "offset": 0}), &["partition"]),
        (json!({"partition": "0", "offset": 0}), &["partition"]),
        (json!({"partition": 4_294_967_296_u64, "offset": -1}), &["partition", "offset"]),
        (json!({"all": false}), &["all"]),
        (json!({"all": "true"}), &["all"]),
        (json!({"all": true, "cursor": "x"}), &["cursor"]),
        (json!({"all": true, "cursor": "1:2:3"}), &["cursor"]),
        (json!({"all": true, "cursor": 1}), &["cursor"]),
        (json!({"all": true, "partition": 0, "offset": 0}), &["all"]),
    ] {
        assert_eq!(replay(&shop, "stock", &order).await.wrong_fields(), fields, "{order}");
    }
    for (query, fields) in [
        ("limit=0", ["limit"].as_slice()),
        ("limit=101", &["limit"]),
        ("state=cut", &["state"]),
        ("cursor=1:2", &["cursor"]),
        ("limit=x&state=x&cursor=x", &["limit", "cursor", "state"]),
    ] {
        let path = format!("/api/v1/topics/stock/dead-letters?{query}");
        assert_eq!(shop.console.get(path).await.wrong_fields(), fields, "{query}");
    }
    assert_eq!(list(&shop, "stock", "state=open").await.len(), 1, "nothing was put back");
}
