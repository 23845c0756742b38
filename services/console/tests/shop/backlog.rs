//! More lines than the service keeps in memory: slow and late clients get all of them from the log.

use comptoir_domain::event::Event;
use comptoir_domain::log_entry::LogEntry;
use comptoir_domain::port::bus::Publisher as _;
use comptoir_domain::port::codec::EventCodec as _;
use comptoir_domain::port::platform::Log as _;
use comptoir_domain::record::{Outgoing, Record};
use comptoir_testkit::an_envelope;
use serde_json::Value;

use crate::live::Live;
use crate::shop::{Codec, Shop};
use crate::stream_client::{Page, said};

/// Well beyond the lines of a partition that are kept in memory.
const LINES: usize = 12_000;

/// A line that says `n`, and its repeat if `n` is a multiple of a hundred.
fn lines(n: usize) -> impl Iterator<Item = Record> {
    let event = an_envelope().of_foreign(&format!("n{n}")).from_source("test").build();
    let carrier = an_envelope().of(Event::LogWritten(LogEntry::of(&event))).build();
    let record = Codec::encode(&carrier, Some(b"k"));
    std::iter::repeat_n(record, if n.is_multiple_of(100) { 2 } else { 1 })
}

async fn fill(shop: &Shop) {
    let topic = &shop.context.topics.logs;
    for from in (0..LINES).step_by(500) {
        let records = (from..from + 500).flat_map(lines);
        let outgoing = records.map(|record| Outgoing { topic: topic.clone(), record });
        shop.memory.publisher().publish(outgoing.collect()).await.unwrap();
    }
}

fn message(n: usize) -> String {
    format!("Event n{n} from test")
}

#[tokio::test]
async fn a_client_that_falls_behind_what_is_kept_misses_nothing() {
    let shop = Shop::open().await;
    let mut slow = Live::plain(&shop).await;
    fill(&shop).await;
    for n in 0..LINES {
        assert_eq!(slow.next().await["message"], message(n));
    }
    slow.is_quiet().await;
}

#[tokio::test]
async fn a_page_that_comes_late_gets_everything_in_frames_of_bounded_size() {
    let shop = Shop::open().await;
    fill(&shop).await;
    let mut page = Page::from(&shop, "earliest").await;
    let (mut all, mut cursors) = (Vec::<Value>::new(), Vec::new());
    while all.len() < LINES {
        let (id, rows) = page.frame().await;
        let bytes: usize = rows.iter().map(|row| row.to_string().len() + 1).sum();
        assert!(rows.len() <= 500 && bytes <= 64 * 1_024, "{} rows, {bytes} bytes", rows.len());
        all.extend(rows);
        cursors.push((page.cursor.clone(), all.len()));
        page.ack(id).await;
    }
    let expected: Vec<_> = (0..LINES).map(message).collect();
    assert_eq!(said(&all), expected);
    page.live.is_quiet().await;

    for (cursor, read) in cursors.iter().step_by(7) {
        let mut resumed = Page::from(&shop, &format!("cur:{cursor}")).await;
        let (_, rows) = resumed.frame().await;
        let expected: Vec<_> = (*read..).take(rows.len()).map(message).collect();
        assert_eq!(said(&rows), expected, "{cursor}");
    }
}

#[tokio::test]
async fn the_newest_lines_are_those_that_are_shown() {
    let shop = Shop::open().await;
    fill(&shop).await;
    let mut page = Page::from(&shop, "tail:700").await;
    let rows = page.rows(700).await;
    let expected: Vec<_> = (LINES - 700..LINES).map(message).collect();
    assert_eq!(said(&rows), expected, "repeats do not count");
    page.live.is_quiet().await;
}
