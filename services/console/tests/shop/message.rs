//! One message as the console shows it, in a list and alone.

use std::time::Duration;

use comptoir_domain::port::bus::MAX_RECORD_BYTES;
use comptoir_domain::port::codec::EventCodec as _;
use comptoir_domain::port::world::Clock as _;
use comptoir_domain::record::Record;
use comptoir_testkit::an_envelope;
use serde_json::json;

use crate::messages::Desk;
use crate::shop::Codec;

#[tokio::test]
async fn a_message_equals_its_record() {
    let desk = Desk::empty().await;
    let event = an_envelope().build();
    let record = Codec::encode(&event, Some(b"key"));
    desk.shop.publish(&desk.topic, record.clone()).await;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let headers = record.headers.iter();
    let headers: Vec<_> = headers
        .map(|(name, value)| json!({"name": name, "value": text(value), "encoding": "utf8"}))
        .collect();
    let shown = desk.only().await;
    let expected = json!({
        "partition": shown["partition"], "offset": 0, "time": record.time.as_millis(),
        "size": record.size(), "key": "key", "key_encoding": "utf8",
        "value": text(record.value.as_deref().unwrap()), "value_encoding": "utf8",
        "truncated": false, "headers": headers,
        "event": {
            "id": event.id.as_str(), "type": "comptoir.user.logged_in.v1",
            "source": "users-service", "subject": event.subject,
            "trace_id": event.trace.trace_id(),
        },
    });
    assert_eq!(shown, expected);
    assert_eq!(desk.one(shown["partition"].as_u64().unwrap(), 0).await, expected);
}

#[tokio::test]
async fn what_is_no_text_and_what_is_missing_can_be_shown_too() {
    let desk = Desk::empty().await;
    let record = Record {
        key: None,
        value: None,
        headers: vec![("bytes".to_owned(), vec![0xff, 0x00])],
        time: desk.shop.clock.now(),
    };
    desk.shop.publish(&desk.topic, record).await;
    let shown = desk.only().await;
    for member in ["key", "key_encoding", "value", "value_encoding", "event"] {
        assert_eq!(shown[member], json!(null), "{member}");
    }
    assert_eq!(shown["truncated"], false);
    let header = json!([{"name": "bytes", "value": "/wA=", "encoding": "base64"}]);
    assert_eq!(shown["headers"], header);

    let binary = Record {
        key: Some(vec![0xfe]),
        value: Some(vec![0xff; 3]),
        time: desk.shop.clock.now().plus(Duration::from_secs(1)),
        ..Record::default()
    };
    desk.shop.publish(&desk.topic, binary).await;
    let shown = desk.list("limit=1").await["messages"][0].clone();
    assert_eq!((&shown["key"], &shown["key_encoding"]), (&json!("/g=="), &json!("base64")));
    assert_eq!((&shown["value"], &shown["value_encoding"]), (&json!("////"), &json!("base64")));
}

#[tokio::test]
async fn a_long_value_is_cut_in_a_list_and_whole_alone() {
    let desk = Desk::empty().await;
    // The two bytes of the last character that would fit lie on both sides of the cut.
    let value = format!("{}ä{}", "x".repeat(4_095), "y".repeat(1_000));
    desk.publish("k", value.clone().into_bytes(), 0).await;
    let listed = desk.only().await;
    assert_eq!(listed["value"], "x".repeat(4_095));
    assert_eq!(listed["truncated"], true);
    let place = listed["partition"].as_u64().unwrap();
    let alone = desk.one(place, 0).await;
    assert_eq!((&alone["value"], &alone["truncated"]), (&json!(value), &json!(false)));
    assert_eq!(alone["size"], listed["size"]);
}

#[tokio::test]
async fn the_largest_records_can_be_shown_and_downloaded() {
    let desk = Desk::empty().await;
    let room = 2 * MAX_RECORD_BYTES - "ksourceShelf k".len();
    let value: Vec<u8> = (0..room).map(|n| b'a' + u8::try_from(n % 26).unwrap()).collect();
    desk.publish("k", value.clone(), 0).await;
    let listed = desk.only().await;
    assert_eq!(listed["size"], 2 * MAX_RECORD_BYTES);
    let place = listed["partition"].as_u64().unwrap();
    let alone = desk.one(place, 0).await;
    assert_eq!(alone["truncated"], true);
    assert_eq!(alone["value"].as_str().unwrap().len(), 1024 * 1024);
    let path = format!("/api/v1/topics/stock.dlq/messages/{place}/0?raw=value");
    let raw = desk.shop.console.get(path).await;
    assert_eq!(raw.status, 200);
    assert_eq!(raw.header("content-type"), Some("application/octet-stream"));
    assert_eq!(raw.header("x-content-type-options"), Some("nosniff"));
    let name = format!("attachment; filename=\"stock.dlq-{place}-0.bin\"");
    assert_eq!(raw.header("content-disposition"), Some(name.as_str()));
    assert!(raw.body == value, "byte for byte");
}

#[tokio::test]
async fn a_long_key_and_long_headers_are_cut_in_a_list_and_whole_alone() {
    let desk = Desk::empty().await;
    let long = |letter: &str| letter.repeat(100_000).into_bytes();
    let record = Record {
        key: Some(long("k")),
        value: Some(b"short".to_vec()),
        headers: vec![("first".to_owned(), long("a")), ("second".to_owned(), long("b"))],
        time: desk.shop.clock.now(),
    };
    desk.shop.publish(&desk.topic, record).await;
    let many = Record {
        headers: (0..10_000).map(|n| (format!("h{n}"), Vec::new())).collect(),
        time: desk.shop.clock.now().plus(Duration::from_secs(1)),
        ..Record::default()
    };
    desk.shop.publish(&desk.topic, many).await;
    let list = desk.list("").await;
    let (many, long) = (&list["messages"][0], &list["messages"][1]);
    assert!(list.to_string().len() < 20_000, "{}", list.to_string().len());
    assert_eq!((&many["truncated"], &long["truncated"]), (&json!(true), &json!(true)));
    assert_eq!(long["key"], "k".repeat(4_096));
    assert_eq!(long["value"], "short");
    let headers = long["headers"].as_array().unwrap();
    assert_eq!((headers.len(), &headers[0]["name"]), (1, &json!("first")), "there is room for one");
    assert!(!many["headers"].as_array().unwrap().is_empty());

    let alone =
        desk.one(long["partition"].as_u64().unwrap(), long["offset"].as_u64().unwrap()).await;
    assert_eq!((&alone["key"], &alone["truncated"]), (&json!("k".repeat(100_000)), &json!(false)));
    assert_eq!(alone["headers"][1]["value"], "b".repeat(100_000));
    let alone =
        desk.one(many["partition"].as_u64().unwrap(), many["offset"].as_u64().unwrap()).await;
    assert_eq!(alone["headers"].as_array().unwrap().len(), 10_000);
}

#[tokio::test]
async fn a_long_attribute_of_an_event_is_cut_in_a_list() {
    let desk = Desk::empty().await;
    let event = an_envelope().about(Some(&"s".repeat(50_000))).build();
    desk.shop.publish(&desk.topic, Codec::encode(&event, Some(b"key"))).await;
    let listed = desk.only().await;
    assert_eq!(listed["event"]["subject"], "s".repeat(1_024));
    assert_eq!(listed["truncated"], true);
    let alone = desk.one(listed["partition"].as_u64().unwrap(), 0).await;
    assert_eq!(
        (&alone["event"]["subject"], &alone["truncated"]),
        (&json!("s".repeat(50_000)), &json!(false))
    );
}
