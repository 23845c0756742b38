//! A line for every event, the same one again whenever the event comes again.
#![expect(clippy::unwrap_used, reason = "the helpers of tests, where a panic is the report")]

use std::time::Duration;

use comptoir_domain::app::notify::Notify;
use comptoir_domain::envelope::{Envelope, Payload};
use comptoir_domain::event::Event;
use comptoir_domain::log_entry::LogEntry;
use comptoir_domain::port::bus::{LogAdmin as _, LogReader as _, MAX_RECORD_BYTES, ReadLimit};
use comptoir_domain::port::codec::EventCodec as _;
use comptoir_domain::port::handler::{Delivery, Handler as _, Outcome};
use comptoir_domain::port::platform::Log;
use comptoir_domain::record::Record;
use comptoir_domain::topic::{Offset, Partition, TopicPartition, Topics};
use comptoir_memory::{Memory, MemoryLog};
use comptoir_testkit::builders::THEN;
use comptoir_testkit::{a_payment, an_envelope};

type Codec = <Memory as Log>::Codec;

struct Desk {
    memory: Memory,
    topics: Topics,
    notify: Notify<MemoryLog, Codec>,
}

impl Desk {
    async fn new() -> Self {
        let (memory, topics) = (Memory::new(), Topics::with_prefix("").unwrap());
        memory.admin().create_topics(&topics.all(), 1).await.unwrap();
        let notify = Notify::new(memory.publisher(), topics.logs.clone());
        Self { memory, topics, notify }
    }

    async fn handle(&self, batch: &[Delivery]) -> String {
        let letter = |outcome: &Outcome| match outcome {
            Outcome::Done => 'D',
            Outcome::Ignored => 'I',
            Outcome::Retry(_) => 'R',
            Outcome::Failed(_) => 'F',
        };
        self.notify.handle(batch).await.iter().map(letter).collect()
    }

    async fn lines(&self) -> Vec<Record> {
        let at = TopicPartition { topic: self.topics.logs.clone(), partition: Partition(0) };
        let all = ReadLimit { records: usize::MAX, bytes: usize::MAX, wait: Duration::ZERO };
        let read = self.memory.reader().read(&at, Offset::ZERO, all).await.unwrap();
        read.into_iter().map(|stored| stored.record).collect()
    }

    fn delivery(&self, envelope: Envelope, key: Option<&str>) -> Delivery {
        Delivery {
            at: TopicPartition {
                topic: self.topics.notifications.clone(),
                partition: Partition(0),
            },
            offset: Offset::ZERO,
            key: key.map(|key| key.as_bytes().to_vec()),
            envelope,
            received: THEN,
        }
    }
}

fn entry(record: &Record) -> (Envelope, LogEntry) {
    let envelope = Codec::decode(record).unwrap();
    let Payload::Known(Event::LogWritten(entry)) = envelope.payload.clone() else {
        panic!("{envelope:?}");
    };
    (envelope, entry)
}

#[tokio::test]
async fn a_line_stands_under_its_events_key_and_subject() {
    let desk = Desk::new().await;
    let event = an_envelope().of(a_payment().build().requested()).build();
    for key in [Some("the key"), None] {
        let delivery = desk.delivery(event.clone(), key);
        assert_eq!(desk.handle(&[delivery]).await, "D");
        let lines = desk.lines().await;
        let line = lines.last().unwrap();
        assert_eq!(line.key.as_deref(), key.map(str::as_bytes));
        let (carrier, entry) = entry(line);
        assert_eq!(entry, LogEntry::of(&event));
        assert_eq!(carrier.id, entry.id);
        assert_eq!(carrier.subject, event.subject);
        assert_eq!(carrier.causation.as_ref(), Some(&event.id));
        assert_eq!(carrier.correlation, event.correlation);
        assert_eq!(carrier.trace.trace_id(), event.trace.trace_id());
        assert_eq!((carrier.time, carrier.source.as_str()), (event.time, "notifications-service"));
    }
}

#[tokio::test]
async fn a_delivery_that_comes_again_repeats_its_line() {
    let desk = Desk::new().await;
    let events = [an_envelope().build(), an_envelope().of_foreign("com.example.x").build()];
    let batch = events.map(|event| desk.delivery(event, Some("k")));
    assert_eq!(desk.handle(&batch).await, "DD");
    assert_eq!(desk.handle(&batch).await, "DD");
    let lines = desk.lines().await;
    assert_eq!(lines[..2], lines[2..]);
    let mut later = batch[0].clone();
    later.received = THEN.plus(Duration::from_secs(9));
    assert_eq!(desk.handle(&[later]).await, "D");
    let again = entry(desk.lines().await.last().unwrap());
    let first = entry(&lines[0]);
    assert_eq!((again.0.id, again.1), (first.0.id, first.1), "only when it was taken up differs");
}

#[tokio::test]
async fn a_line_that_does_not_fit_does_not_take_the_others_with_it() {
    let desk = Desk::new().await;
    let name = |n: usize| format!("com.example.n{n}");
    let large =
        an_envelope().of_foreign(&name(1)).about(Some(&"x".repeat(MAX_RECORD_BYTES))).build();
    let fitting = |n| an_envelope().of_foreign(&name(n)).build();
    let batch = [fitting(0), large, fitting(2)].map(|event| desk.delivery(event, Some("k")));
    assert_eq!(desk.handle(&batch).await, "DFD");
    let kinds = desk.lines().await.iter().map(|line| entry(line).1.event_type).collect::<Vec<_>>();
    assert!(kinds.ends_with(&[name(2)]) && kinds.contains(&name(0)), "{kinds:?}");
    assert!(!kinds.contains(&name(1)), "{kinds:?}");
}

#[tokio::test]
async fn without_the_log_all_lines_are_tried_again() {
    let desk = Desk::new().await;
    let batch = [an_envelope().build(), an_envelope().build()];
    let batch = batch.map(|event| desk.delivery(event, Some("k")));
    desk.memory.faults().set_bus_away(true);
    assert_eq!(desk.handle(&batch).await, "RR");
    desk.memory.faults().set_bus_away(false);
    assert_eq!(desk.handle(&batch).await, "DD");
    assert_eq!(desk.lines().await.len(), 2);
}
