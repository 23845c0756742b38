//! What every test starts with.

use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use kafka_groups::admin::{Admin, NewTopic};
use kafka_groups::batch::NewRecord;
use kafka_groups::fetch::Limits;
use kafka_groups::{Cluster, Settings, TopicPartition};
use tokio::time::Instant;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const LIMITS: Limits =
    Limits { min_bytes: 1, max_bytes: 1 << 20, max_wait: Duration::from_millis(500) };

/// A cluster; `None`, with a word on the standard error, if there is none to test against.
#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by its environment where to find a broker"
)]
pub(crate) fn cluster() -> Option<Cluster> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(address) = set("TEST_KAFKA") {
        return Some(Cluster::new(Settings::new([address])));
    }
    let required = set("TEST_REQUIRE").is_some_and(|list| list.split(',').any(|it| it == "kafka"));
    assert!(!required, "TEST_REQUIRE lists kafka, but TEST_KAFKA is not set");
    // Past the capture of tests' output: a test that passes shows nothing of it.
    let _ = writeln!(std::io::stderr(), "skipped: TEST_KAFKA is not set");
    None
}

pub(crate) fn admin(cluster: &Cluster) -> Admin {
    Admin::new(cluster, PATIENCE)
}

pub(crate) fn soon() -> Instant {
    Instant::now() + PATIENCE
}

/// A name that no other test, and no earlier run, uses.
pub(crate) fn fresh(name: &str) -> String {
    let mut random = [0; 8];
    getrandom::fill(&mut random).unwrap();
    format!("{name}-{:016x}", u64::from_be_bytes(random))
}

/// A topic of its own with so many partitions.
pub(crate) async fn topic(cluster: &Cluster, partitions: i32, configs: &[(&str, &str)]) -> String {
    let name = fresh("wire");
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let configs = configs.iter().map(own).collect();
    let topic = NewTopic { name: name.clone(), partitions, replicas: -1, configs };
    admin(cluster).create_topics(&[topic]).await.unwrap();
    name
}

pub(crate) fn at(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition::new(topic, partition)
}

pub(crate) fn record(value: impl Into<Bytes>) -> NewRecord {
    NewRecord { timestamp: 1_700_000_000_000, value: Some(value.into()), ..NewRecord::default() }
}

/// Asks again until there is an answer: for what a broker does in its own time.
pub(crate) async fn eventually<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = soon();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "nothing within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
