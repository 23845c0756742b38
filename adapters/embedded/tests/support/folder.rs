//! A folder with a log in it, opened and closed by a test.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::bus::{BusError, LogAdmin, LogReader, Publisher, ReadLimit};
use comptoir_domain::port::platform::Log;
use comptoir_domain::record::{Outgoing, Position, Record};
use comptoir_domain::topic::{GroupId, Offset, Partition, Topic, TopicPartition};
use comptoir_embedded::{Embedded, OpenError, Options};
use comptoir_testkit::world::FakeClock;

/// How long to wait for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Everything that is there, at once.
pub(crate) const ALL: ReadLimit =
    ReadLimit { records: usize::MAX, bytes: usize::MAX, wait: Duration::ZERO };

pub(crate) fn topic() -> Topic {
    Topic::try_from("events").unwrap()
}

pub(crate) fn group() -> GroupId {
    GroupId::try_from("readers").unwrap()
}

pub(crate) fn at(partition: u32) -> TopicPartition {
    TopicPartition { topic: topic(), partition: Partition(partition) }
}

/// Opens off the async workers, as the docs ask for.
pub(crate) async fn try_open(
    dir: &Path,
    options: Options,
    clock: &FakeClock,
) -> Result<Embedded, OpenError> {
    let (dir, clock) = (dir.to_owned(), Arc::new(clock.clone()));
    let open = move || Embedded::open(&dir, options, clock);
    tokio::task::spawn_blocking(open).await.unwrap()
}

pub(crate) async fn open(dir: &Path) -> Embedded {
    try_open(dir, Options::default(), &FakeClock::default()).await.unwrap()
}

/// Opens, with the topic in so many partitions.
pub(crate) async fn open_with_topic(dir: &Path, partitions: u32) -> Embedded {
    let embedded = open(dir).await;
    create(&embedded, partitions).await;
    embedded
}

pub(crate) async fn create(embedded: &Embedded, partitions: u32) {
    embedded.admin().create_topics(&[topic()], partitions).await.unwrap();
}

pub(crate) fn outgoing(value: impl Into<Vec<u8>>) -> Outgoing {
    let record =
        Record { key: Some(b"key".to_vec()), value: Some(value.into()), ..Record::default() };
    Outgoing { topic: topic(), record }
}

pub(crate) async fn publish(
    embedded: &Embedded,
    value: impl Into<Vec<u8>>,
) -> Result<Position, BusError> {
    let places = embedded.publisher().publish(vec![outgoing(value)]).await?;
    Ok(places.into_iter().next().unwrap())
}

/// Publishes `0`, `1`, … each on its own, so that each is a batch of its own.
pub(crate) async fn fill(embedded: &Embedded, count: usize) {
    for n in 0..count {
        publish(embedded, n.to_string()).await.unwrap();
    }
}

/// The values of a partition, from its earliest record on.
pub(crate) async fn values(embedded: &Embedded, partition: u32) -> Vec<String> {
    let reader = embedded.reader();
    let from = reader.bounds(&topic()).await.unwrap()[partition as usize].earliest;
    values_from(embedded, partition, from).await
}

pub(crate) async fn values_from(embedded: &Embedded, partition: u32, from: Offset) -> Vec<String> {
    let read = embedded.reader().read(&at(partition), from, ALL).await.unwrap();
    let value = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    read.into_iter().map(|stored| value(stored.record.value.unwrap())).collect()
}

pub(crate) fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}
