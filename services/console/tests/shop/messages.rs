//! The console's messages: what they show equals what stands on the log.

use std::collections::BTreeSet;
use std::time::Duration;

use comptoir_domain::port::world::Clock as _;
use comptoir_domain::record::Record;
use comptoir_domain::topic::Topic;
use serde_json::{Value, json};

use crate::client::Answer;
use crate::shop::Shop;

/// A topic that nobody reads, with twelve records: the `n`th is `n` seconds old at the clock's start.
pub(crate) struct Desk {
    pub(crate) shop: Shop,
    pub(crate) topic: Topic,
}

const RECORDS: i64 = 12;

impl Desk {
    pub(crate) async fn empty() -> Self {
        let shop = Shop::open().await;
        let topic = shop.context.topics.stock.dead_letters();
        Self { shop, topic }
    }

    async fn filled() -> Self {
        let desk = Self::empty().await;
        for n in 0..RECORDS {
            desk.publish(&format!("key-{n}"), format!("value-{n}").into_bytes(), n).await;
        }
        desk
    }

    pub(crate) async fn publish(&self, key: &str, value: Vec<u8>, seconds: i64) {
        let seconds = Duration::from_secs(seconds.unsigned_abs());
        let record = Record {
            key: Some(key.as_bytes().to_vec()),
            value: Some(value),
            headers: vec![("source".to_owned(), format!("Shelf {key}").into_bytes())],
            time: self.shop.clock.now().plus(seconds),
        };
        self.shop.publish(&self.topic, record).await;
    }

    async fn ask(&self, query: &str) -> Answer {
        let topic = &self.topic;
        self.shop.console.get(format!("/api/v1/topics/{topic}/messages?{query}")).await
    }

    pub(crate) async fn list(&self, query: &str) -> Value {
        self.ask(query).await.ok(200)
    }

    pub(crate) async fn one(&self, partition: u64, offset: u64) -> Value {
        let path = format!("/api/v1/topics/{}/messages/{partition}/{offset}", self.topic);
        self.shop.console.get(path).await.ok(200)
    }

    /// The single record of a topic that has no other.
    pub(crate) async fn only(&self) -> Value {
        let list = self.list("").await;
        assert_eq!(list["messages"].as_array().unwrap().len(), 1, "{list}");
        list["messages"][0].clone()
    }
}

fn values(list: &Value) -> Vec<&str> {
    let messages = list["messages"].as_array().unwrap().iter();
    messages.map(|message| message["value"].as_str().unwrap()).collect()
}

fn numbered(numbers: impl IntoIterator<Item = i64>) -> Vec<String> {
    numbers.into_iter().map(|n| format!("value-{n}")).collect()
}

#[tokio::test]
async fn the_latest_come_newest_first_the_earliest_oldest_first() {
    let desk = Desk::filled().await;
    let forth = numbered(0..RECORDS);
    let back = numbered((0..RECORDS).rev());
    assert_eq!(values(&desk.list("").await), back);
    assert_eq!(values(&desk.list("mode=LATEST").await), back);
    assert_eq!(values(&desk.list("mode=EARLIEST").await), forth);
    assert_eq!(values(&desk.list("mode=EARLIEST&limit=5").await), forth[..5]);
    assert_eq!(values(&desk.list("mode=LATEST&limit=5").await), back[..5]);
    let whole = desk.list("limit=500").await;
    for (member, expected) in [
        ("next", json!(null)),
        ("scanned", json!(RECORDS)),
        ("matched", json!(RECORDS)),
        ("done", json!(true)),
    ] {
        assert_eq!(whole[member], expected, "{member}");
    }
    assert!(whole["elapsed_ms"].is_u64());
    assert_eq!(whole.as_object().unwrap().len(), 6);
}

#[tokio::test]
async fn from_an_offset_on_in_every_chosen_partition() {
    let desk = Desk::filled().await;
    for partition in 0..3_u64 {
        let all = desk.list(&format!("mode=EARLIEST&partitions={partition}")).await;
        let all = values(&all).into_iter().map(ToOwned::to_owned).collect::<Vec<_>>();
        assert!(all.len() > 1, "the keys are spread");
        let from = format!("mode=FROM_OFFSET&offset=1&partitions={partition}");
        assert_eq!(values(&desk.list(&from).await), all[1..]);
        let beyond = format!("mode=FROM_OFFSET&offset=99&partitions={partition}");
        assert_eq!(values(&desk.list(&beyond).await), [] as [&str; 0]);
    }
    let some = desk.list("mode=FROM_OFFSET&offset=1&limit=500").await;
    let offsets = some["messages"].as_array().unwrap().iter().map(|m| m["offset"].as_u64());
    assert!(offsets.clone().all(|offset| offset >= Some(1)));
    assert_eq!(offsets.count(), numbered(0..RECORDS - 3).len());
}

#[tokio::test]
async fn partitions_can_be_chosen() {
    let desk = Desk::filled().await;
    let partitions = |list: &Value| -> BTreeSet<u64> {
        let messages = list["messages"].as_array().unwrap().iter();
        messages.map(|message| message["partition"].as_u64().unwrap()).collect()
    };
    assert_eq!(partitions(&desk.list("partitions=0,2").await), [0, 2].into());
    assert_eq!(partitions(&desk.list("partitions=1").await), [1].into());
    assert_eq!(partitions(&desk.list("partitions=").await), [0, 1, 2].into());
}

#[tokio::test]
async fn pages_follow_on_each_other_without_hole_or_repeat() {
    let desk = Desk::filled().await;
    for (mode, expected) in
        [("LATEST", numbered((0..RECORDS).rev())), ("EARLIEST", numbered(0..RECORDS))]
    {
        for limit in [1, 5, 12] {
            let (mut all, mut cursor) = (Vec::new(), String::new());
            loop {
                let query = format!("mode={mode}&limit={limit}&cursor={cursor}");
                let page = desk.list(&query).await;
                assert_eq!(page["done"], true, "no scan stopped at its limit");
                all.extend(values(&page).into_iter().map(ToOwned::to_owned));
                match page["next"].as_str() {
                    Some(next) => next.clone_into(&mut cursor),
                    None => break,
                }
            }
            assert_eq!(all, expected, "{mode} by {limit}");
        }
    }
}

#[tokio::test]
async fn a_page_stays_where_it_is_when_more_is_written() {
    let desk = Desk::filled().await;
    let first = desk.list("limit=6").await;
    desk.publish("key-12", b"value-12".to_vec(), 12).await;
    let cursor = first["next"].as_str().unwrap();
    let second = desk.list(&format!("limit=6&cursor={cursor}")).await;
    assert_eq!(values(&second), numbered((0..6).rev()));
    assert_eq!(second["next"], json!(null));
}

#[tokio::test]
async fn a_text_is_looked_for_in_key_value_and_headers_without_regard_to_case() {
    let desk = Desk::filled().await;
    desk.publish("key-x", "Größe Ä".as_bytes().to_vec(), 20).await;
    desk.publish("key-y", vec![0xff, b'N', b'e', b'E', 0xfe], 21).await;
    for (text, expected) in [
        ("value-7", 1),
        ("VALUE-7", 1),
        ("key-11", 1),
        ("shelf+KEY-3", 1),
        ("shelf", 14),
        ("GR%C3%96SSE", 0),
        ("gr%C3%B6%C3%9Fe+%C3%A4", 1),
        ("nee", 1),
        ("", 14),
        ("nowhere", 0),
    ] {
        let list = desk.list(&format!("q={text}")).await;
        assert_eq!(list["matched"], expected, "{text}");
        assert_eq!(list["messages"].as_array().unwrap().len(), expected, "{text}");
        assert_eq!(list["scanned"], 14, "{text}");
        assert_eq!((&list["done"], &list["next"]), (&json!(true), &json!(null)), "{text}");
    }
    let first = desk.list("q=value&limit=2&mode=EARLIEST").await;
    assert_eq!((values(&first), &first["scanned"]), (vec!["value-0", "value-1"], &json!(2)));
}

#[tokio::test]
async fn a_search_stops_at_its_limit_and_goes_on_from_there() {
    let desk = Desk::empty().await;
    desk.publish("k", b"needle".to_vec(), 0).await;
    for _ in 0..20_000 {
        desk.publish("k", b"hay".to_vec(), 1).await;
    }
    let first = desk.list("q=needle").await;
    assert_eq!(first["messages"], json!([]));
    assert_eq!((&first["scanned"], &first["done"]), (&json!(20_000), &json!(false)));
    let cursor = first["next"].as_str().unwrap();
    let second = desk.list(&format!("q=needle&cursor={cursor}")).await;
    assert_eq!((values(&second), &second["done"]), (vec!["needle"], &json!(true)));
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_refused() {
    let desk = Desk::filled().await;
    for (query, fields) in [
        ("mode=NEWEST", ["mode"].as_slice()),
        ("mode=latest", &["mode"]),
        ("mode=FROM_OFFSET", &["offset"]),
        ("mode=FROM_OFFSET&offset=-1", &["offset"]),
        ("mode=FROM_OFFSET&offset=x", &["offset"]),
        ("limit=0", &["limit"]),
        ("limit=501", &["limit"]),
        ("limit=x", &["limit"]),
        ("partitions=x", &["partitions"]),
        ("partitions=0,,1", &["partitions"]),
        ("partitions=-1", &["partitions"]),
        ("partitions=3", &["partitions"]),
        ("partitions=0,99", &["partitions"]),
        ("cursor=x", &["cursor"]),
        ("cursor=0", &["cursor"]),
        ("cursor=0:1,", &["cursor"]),
        ("mode=x&limit=0&partitions=x&cursor=x", &["mode", "limit", "partitions", "cursor"]),
    ] {
        assert_eq!(desk.ask(query).await.wrong_fields(), fields, "{query}");
    }
    assert_eq!(desk.ask("q=%zz").await.problem(400), "malformed-request");
    let beyond = desk.ask("partitions=0,99,7").await;
    assert!(beyond.text().contains("must be from 0 to 2; there is no 99, 7"), "{}", beyond.text());
}
