//! Lines that are larger than a frame may be: they are shown cut, and nobody is kept from what comes
//! after them.

use comptoir_domain::event::Event;
use comptoir_domain::log_entry::{FieldValue, LogEntry};
use comptoir_domain::port::codec::EventCodec as _;
use comptoir_testkit::an_envelope;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::live::Live;
use crate::shop::{Codec, Shop, until};
use crate::stream_client::{Page, places, shown};

/// The service that the lines of these tests are of.
const SERVICE: &str = "somebody-else";
/// The key of those that stand in one partition.
const KEY: Option<&[u8]> = Some(b"k");

/// Writes a line of somebody else's.
async fn write(shop: &Shop, key: Option<&[u8]>, message: &str, fields: &[(&str, &str)]) {
    let event = an_envelope().of_foreign("n").from_source(SERVICE).build();
    let text =
        |(name, text): &(&str, &str)| ((*name).to_owned(), FieldValue::Text((*text).to_owned()));
    let entry = LogEntry {
        message: message.to_owned(),
        fields: fields.iter().map(text).collect(),
        ..LogEntry::of(&event)
    };
    let carrier = an_envelope().of(Event::LogWritten(entry)).build();
    shop.publish(&shop.context.topics.logs, Codec::encode(&carrier, key)).await;
}

/// Three that are far too large, each in another way, between two that are not.
async fn write_large_ones(shop: &Shop) {
    let large = "é".repeat(400_000);
    write(shop, KEY, "before", &[]).await;
    write(shop, KEY, &large, &[("sku", "coffee-mug")]).await;
    write(shop, KEY, "large fields", &[("a", "small"), ("b", &large), ("c", "beyond")]).await;
    // JSON escapes each of these with six bytes.
    write(shop, KEY, &"\u{1}".repeat(100_000), &[]).await;
    write(shop, KEY, "after", &[]).await;
    until("all lines", || async { shown(shop).await == 5 }).await;
}

/// Checks message and fields of the five lines of one partition.
fn check(at: &Value, lines: &[(&Value, &Value)]) {
    let place = |offset: u64| format!(" (cut; all of it is at logs/{at}@{offset})");
    let text = |n: usize| lines[n].0.as_str().unwrap();
    assert_eq!((text(0), text(4)), ("before", "after"));
    assert!(text(1).starts_with("éé") && text(1).ends_with(&format!("é…{}", place(1))));
    assert!((4_000..4_300).contains(&text(1).len()), "{}", text(1).len());
    assert_eq!(text(2), format!("large fields{}", place(2)));
    assert!(text(3).ends_with(&place(3)));
    let fields = lines[1].1;
    assert_eq!(
        (&fields["sku"], &fields["partition"], &fields["offset"]),
        (&json!("coffee-mug"), at, &json!(1))
    );
    let fields = lines[2].1;
    assert_eq!((&fields["a"], &fields["c"]), (&json!("small"), &Value::Null));
    let b = fields["b"].as_str().unwrap();
    assert!(b.ends_with("é…") && (3_500..4_200).contains(&b.len()), "{}", b.len());
    assert_eq!((&fields["partition"], &fields["offset"]), (at, &json!(2)));
    assert_eq!(lines[4].1.get("offset"), None, "one that is whole says nothing of that");
}

fn check_rows(rows: &[Value]) {
    let lines: Vec<_> = rows.iter().map(|row| (&row[6], &row[7])).collect();
    check(&rows[0][0], &lines);
}

#[tokio::test]
async fn a_plain_client_is_told_of_large_lines_and_of_what_follows() {
    let shop = Shop::open().await;
    let mut live = Live::plain(&shop).await;
    write_large_ones(&shop).await;
    let frames = live.take(5).await;
    let lines: Vec<_> = frames.iter().map(|frame| (&frame["message"], &frame["fields"])).collect();
    check(&frames[1]["fields"]["partition"], &lines);
    assert!(frames.iter().all(|frame| frame["service"] == SERVICE));
    shop.register("alice").await;
    assert_eq!(live.next().await["message"], "User alice registered successfully");
}

#[tokio::test]
async fn a_page_is_told_of_large_lines_however_it_comes_by_them() {
    let shop = Shop::open().await;
    let mut early = Page::from(&shop, "now").await;
    write_large_ones(&shop).await;
    check_rows(&early.rows(5).await);
    for from in ["earliest", "tail:5"] {
        check_rows(&Page::from(&shop, from).await.rows(5).await);
    }
    let rows = Page::from(&shop, "earliest").await.rows(5).await;
    let path = format!("/api/lines?partition={}", rows[0][0]);
    let answer = shop.logs.get(path).await.ok(200);
    assert_eq!(answer["l"], json!(rows));
}

#[tokio::test]
async fn what_the_lines_of_one_answer_weigh_has_an_end_and_it_says_where_to_go_on() {
    let shop = Shop::open().await;
    let almost_too_large = "x".repeat(60_000);
    for _ in 0..40 {
        write(&shop, KEY, &almost_too_large, &[]).await;
    }
    until("all lines", || async { shown(&shop).await == 40 }).await;
    let at = Page::from(&shop, "tail:1").await.rows(1).await[0][0].clone();
    let (mut from, mut all) = (0, Vec::<Value>::new());
    for lines in [18, 18, 4, 0] {
        let path = format!("/api/lines?partition={at}&from={from}&limit=1000");
        let answer = shop.logs.get(path).await.ok(200);
        let rows = answer["l"].as_array().unwrap();
        assert_eq!(rows.len(), lines, "one more than fits into 1 MiB");
        all.extend(rows.iter().cloned());
        from = answer["resume"].as_u64().unwrap();
        assert_eq!(answer["next"], 40);
    }
    let offsets: Vec<_> = all.iter().map(|row| row[1].as_u64().unwrap()).collect();
    assert_eq!(offsets, (0..40).collect::<Vec<_>>());
}

#[tokio::test]
async fn pages_that_acknowledge_nothing_keep_nobody_from_reading_the_log() {
    let shop = Shop::open().await;
    // Far more than the memory of the service takes, in every partition.
    let almost_too_large = "x".repeat(60_000);
    for _ in 0..111 {
        write(&shop, None, &almost_too_large, &[]).await;
    }
    until("all lines", || async { shown(&shop).await == 111 }).await;
    let mut silent = Vec::new();
    for _ in 0..11 {
        silent.push(Page::from(&shop, "earliest").await);
    }
    let (mut reads, mut goes) =
        (Page::from(&shop, "earliest").await, Page::from(&shop, "earliest").await);
    goes.live.send(Message::Close(None)).await;
    let going = async { while !goes.live.is_answered_goodbye().await {} };
    let ((), rows) = tokio::join!(going, reads.rows(111));
    let all: Vec<_> = (0..3).flat_map(|at| (0..37).map(move |offset| (at, offset))).collect();
    assert_eq!(places(&rows), all);
    assert_eq!(places(&silent[0].rows(111).await), all, "it goes on where it was");
}
