//! A cluster that does not answer: every call ends, in time, with an error that says so. Time is
//! virtual: a wait takes no longer than it must.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use comptoir_domain::port::bus::{
    BusError, ConsumerGroups as _, LogAdmin as _, LogReader as _, Publisher as _, ReadLimit,
};
use comptoir_domain::port::platform::Log as _;
use comptoir_domain::record::{Outgoing, Record};
use comptoir_domain::topic::{GroupId, Offset, Partition, Topic, TopicPartition};
use comptoir_kafka::{Kafka, Settings};
use tokio::net::TcpListener;
use tokio::time::timeout;

/// More than any call may take.
const LATEST: Duration = Duration::from_secs(20);

fn topic() -> Topic {
    Topic::try_from("away").unwrap()
}

async fn unavailable<T>(what: &str, call: impl Future<Output = Result<T, BusError>>) {
    match timeout(LATEST, call).await.unwrap_or_else(|_| panic!("{what} did not end")) {
        Err(BusError::Unavailable(_)) => {}
        Err(other) => panic!("{what} said {other:?}"),
        Ok(_) => panic!("{what} succeeded"),
    }
}

async fn every_call_is_unavailable(kafka: &Kafka) {
    let (publisher, reader, admin) = (kafka.publisher(), kafka.reader(), kafka.admin());
    let record = Outgoing { topic: topic(), record: Record::default() };
    unavailable("publishing", publisher.publish(vec![record])).await;
    unavailable("asking for bounds", reader.bounds(&topic())).await;
    let at = TopicPartition { topic: topic(), partition: Partition(0) };
    let limit = ReadLimit { records: 1, bytes: 1, wait: Duration::from_secs(1) };
    unavailable("reading", reader.read(&at, Offset::ZERO, limit)).await;
    unavailable("creating topics", admin.create_topics(&[topic()], 1)).await;
    unavailable("listing topics", admin.topics()).await;
    unavailable("listing groups", admin.groups()).await;
    unavailable("asking for the log's id", admin.log_id(&topic())).await;
    let group = GroupId::try_from("away").unwrap();
    unavailable("joining", kafka.groups().join(&group, &[topic()])).await;
}

#[tokio::test(start_paused = true)]
async fn where_nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let kafka = Kafka::new(Settings::new([address]));
    every_call_is_unavailable(&kafka).await;
    timeout(LATEST, kafka.close()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn where_nobody_answers() {
    // The system accepts connections for it; nobody ever reads them.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let kafka = Kafka::new(Settings::new([address]));
    every_call_is_unavailable(&kafka).await;
    timeout(LATEST, kafka.close()).await.unwrap();
}

/// Whoever made the handle may be gone before the first call.
#[tokio::test(start_paused = true)]
async fn a_closed_log_is_unavailable() {
    let kafka = Kafka::new(Settings::new(["127.0.0.1:9"]));
    let publisher = kafka.publisher();
    kafka.close().await;
    let record = Outgoing { topic: topic(), record: Record::default() };
    unavailable("publishing", publisher.publish(vec![record])).await;
}
