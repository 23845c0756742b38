//! Records that a topic does not take, and what becomes of those that were sent along with them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/corner.rs"]
mod corner;
#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/server.rs"]
mod server;

use std::time::Duration;

use comptoir_domain::port::bus::{BusError, Publisher as _};
use comptoir_domain::port::platform::Log as _;
use comptoir_domain::record::{Outgoing, Record};
use comptoir_domain::time::Timestamp;
use comptoir_kafka::{Compression, Settings};
use kafka_groups::Cluster;
use kafka_groups::admin::{Admin, NewTopic};

use corner::{Corner, noise, value};

const BOTH: [Compression; 2] = [Compression::None, Compression::Snappy];

/// A topic with a setting of its own.
async fn corner(compression: Compression, name: &str, config: (&str, &str)) -> Corner {
    let broker = server::broker();
    let corner = {
        let mut settings = Settings::new([&broker]);
        settings.compression = compression;
        Corner::new(settings, name)
    };
    let topic = NewTopic {
        name: corner.topic.as_str().to_owned(),
        partitions: 1,
        replicas: -1,
        configs: vec![(config.0.to_owned(), config.1.to_owned())],
    };
    let cluster = Cluster::new(kafka_groups::Settings::new([&broker]));
    Admin::new(&cluster, Duration::from_secs(20)).create_topics(&[topic]).await.unwrap();
    corner
}

/// Batches become smaller until the topic takes them; nothing is lost or out of order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_fit_the_topic() {
    for compression in BOTH {
        let corner = corner(compression, "small", ("max.message.bytes", "10000")).await;
        let values: Vec<_> = (0..100).map(|n| format!("{n} {}", noise(n, 60))).collect();
        let records = values.iter().map(|value| corner.outgoing("k", value)).collect();
        let places = corner.kafka.publisher().publish(records).await.unwrap();
        assert!(places.iter().map(|place| place.offset.0).eq(0..100));
        let read: Vec<_> = corner.read_all().await.iter().map(value).collect();
        assert_eq!(read, values);
        let large = noise(0, 1_800);
        let refused = corner.publish("k", &large).await;
        assert!(matches!(refused, Err(BusError::TooLarge { .. })), "got {refused:?}");
        corner.publish("k", "next").await.unwrap();
    }
}

/// A topic that is compacted takes no record without a key. Those that came in other calls at the
/// same time are appended, whatever batch they shared.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_record_spoils_its_own_call_only() {
    for compression in BOTH {
        let corner = corner(compression, "compacted", ("cleanup.policy", "compact")).await;
        let publisher = corner.kafka.publisher();
        let good = |n: usize| publisher.publish(vec![corner.outgoing(&format!("k{n}"), "v")]);
        let keyless = || {
            let outgoing = corner.outgoing("k", "v");
            Outgoing { record: Record { key: None, ..outgoing.record }, ..outgoing }
        };
        let bad = publisher.publish(vec![keyless()]);
        let before = futures::future::join_all((0..10).map(good));
        let behind = futures::future::join_all((10..20).map(good));
        let (before, bad, behind) = tokio::join!(before, bad, behind);
        assert!(matches!(bad, Err(BusError::Refused(_))), "got {bad:?}");
        for answer in before.into_iter().chain(behind) {
            assert_eq!(answer.unwrap().len(), 1);
        }
        assert_eq!(corner.read_all().await.len(), 20);
    }
}

/// Brokers take no record of times far ahead (`message.timestamp.after.max.ms`).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_of_the_far_future_is_refused() {
    for compression in BOTH {
        let corner =
            corner(compression, "future", ("message.timestamp.after.max.ms", "3600000")).await;
        let outgoing = corner.outgoing("k", "v");
        let time = Timestamp::from_millis(32_503_680_000_000);
        let future = Outgoing { record: Record { time, ..outgoing.record }, ..outgoing };
        let refused = corner.kafka.publisher().publish(vec![future]).await;
        assert!(matches!(refused, Err(BusError::Refused(_))), "got {refused:?}");
        corner.publish("k", "now").await.unwrap();
    }
}
