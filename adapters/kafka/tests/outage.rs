//! A broker that hangs, dies, comes back, or forgets a topic. `TEST_KAFKA_CTL` names a program that
//! does to the broker what its one argument says: `stop` (SIGSTOP), `cont`, `kill` (SIGKILL),
//! `start`. Without it, only what needs no such control is tested.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/corner.rs"]
mod corner;
#[path = "support/server.rs"]
mod server;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use comptoir_domain::port::bus::{BusError, LogAdmin as _, LogReader as _, ReadLimit};
use comptoir_domain::port::platform::Log as _;
use comptoir_domain::topic::Offset;
use comptoir_kafka::{Compression, Settings};
use kafka_groups::Cluster;
use kafka_groups::admin::Admin;
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use corner::{Corner, value};

/// How long a broker may take until it serves again.
const PATIENCE: Duration = Duration::from_mins(2);
/// There is one broker: what one test does to it, no other may see.
static BROKER: Mutex<()> = Mutex::const_new(());

fn settings() -> Settings {
    let mut settings = Settings::new([server::broker()]);
    settings.connect_timeout = Duration::from_secs(1);
    settings.request_timeout = Duration::from_secs(1);
    settings.call_timeout = Duration::from_secs(4);
    settings
}

/// Publishes until it succeeds.
async fn insist(corner: &Corner, key: &str, value: &str) -> Offset {
    let insisting = async {
        loop {
            match corner.publish(key, value).await {
                Ok(position) => return position.offset,
                Err(BusError::Unavailable(_)) => tokio::task::yield_now().await,
                Err(other) => panic!("{other:?}"),
            }
        }
    };
    timeout(PATIENCE, insisting).await.unwrap()
}

/// A stopped broker's connections stay open and say nothing. Every call ends in time none the less,
/// and what it sent is there once at most.
async fn a_broker_that_hangs(compression: Compression) {
    let broker = BROKER.lock().await;
    let Some(control) = server::Control::new() else { return };
    let mut settings = settings();
    settings.compression = compression;
    let latest = settings.call_timeout + Duration::from_secs(2);
    let corner = Corner::open(settings, "hangs").await;
    corner.publish("k", "before").await.unwrap();
    let stopped = control.stop();
    // Not every thread of it may have stopped yet.
    while corner.next().await.is_ok() {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();
    for answer in [
        corner.publish("k", "hanging").await.err(),
        corner.kafka.reader().bounds(&corner.topic).await.err(),
        corner.kafka.admin().topics().await.err(),
    ] {
        assert!(matches!(answer, Some(BusError::Unavailable(_))), "got {answer:?}");
    }
    assert!(began.elapsed() < 3 * latest, "it took {:?}", began.elapsed());
    drop(stopped);
    insist(&corner, "k", "after").await;
    let values: Vec<_> = corner.read_all().await.iter().map(value).collect();
    assert_eq!((&*values[0], &*values[values.len() - 1]), ("before", "after"));
    let hanging = values.iter().filter(|value| *value == "hanging").count();
    let most = if compression == Compression::None { 1 } else { usize::MAX };
    assert!(hanging <= most, "{values:?}");
    drop(broker);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_hangs_is_not_waited_for() {
    a_broker_that_hangs(Compression::None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_hangs_is_not_waited_for_with_packed_batches() {
    a_broker_that_hangs(Compression::Snappy).await;
}

/// A read that waits while the broker dies goes on behind what it has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_goes_on_with_a_broker_that_comes_back() {
    let broker = BROKER.lock().await;
    let Some(control) = server::Control::new() else { return };
    let corner = Corner::open(settings(), "reader").await;
    corner.publish("k", "0").await.unwrap();
    let (reader, at) = (corner.kafka.reader(), corner.at());
    let limit = ReadLimit { records: 10, bytes: 1 << 20, wait: PATIENCE };
    let reading = async { reader.read(&at, Offset(1), limit).await.unwrap() };
    let restarting = async {
        control.kill();
        control.start();
        insist(&corner, "k", "1").await
    };
    let (read, _) = tokio::join!(reading, restarting);
    assert_eq!((read[0].offset, value(&read[0])), (Offset(1), "1".to_owned()));
    drop(broker);
}

/// Who publishes record after record through a crash and a restart finds each of them where the
/// answer said, in the order of its key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_loses_nothing_and_keeps_the_order() {
    let broker = BROKER.lock().await;
    let Some(control) = server::Control::new() else { return };
    let corner = Arc::new(Corner::open(settings(), "crash").await);
    let (enough, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let news = Arc::new(Notify::new());
    let mut publishers = JoinSet::new();
    for key in 0..4 {
        let (corner, news) = (Arc::clone(&corner), Arc::clone(&news));
        let (enough, acknowledged) = (Arc::clone(&enough), Arc::clone(&acknowledged));
        publishers.spawn(async move {
            let (key, mut places) = (format!("k{key}"), Vec::new());
            while !enough.load(Ordering::Relaxed) {
                let value = format!("{key}-{}", places.len());
                places.push((insist(&corner, &key, &value).await, value));
                acknowledged.fetch_add(1, Ordering::Relaxed);
                news.notify_one();
            }
            places
        });
    }
    let until = async |count: u64| {
        while acknowledged.load(Ordering::Relaxed) < count {
            timeout(PATIENCE, news.notified()).await.unwrap();
        }
    };
    until(100).await;
    control.kill();
    control.start();
    until(acknowledged.load(Ordering::Relaxed) + 100).await;
    enough.store(true, Ordering::Relaxed);
    let stored: BTreeMap<Offset, String> =
        corner.read_all().await.iter().map(|stored| (stored.offset, value(stored))).collect();
    for places in publishers.join_all().await {
        assert!(places.is_sorted_by_key(|(offset, _)| *offset), "{places:?}");
        for (offset, value) in places {
            // The last ones came after everything was read.
            if let Some(found) = stored.get(&offset) {
                assert_eq!(*found, value, "at {offset}");
            }
        }
    }
    drop(broker);
}

/// A topic that is deleted and made anew is another log. Handles that knew the old one write to the
/// new one, from its start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_made_anew_is_written_to() {
    let _broker = BROKER.lock().await;
    for compression in [Compression::None, Compression::Gzip] {
        let mut settings = settings();
        settings.call_timeout = Duration::from_secs(10);
        settings.compression = compression;
        let corner = Corner::open(settings, "anew").await;
        corner.publish("k", "old").await.unwrap();
        let admin = corner.kafka.admin();
        let old = admin.log_id(&corner.topic).await.unwrap();
        let cluster = Cluster::new(kafka_groups::Settings::new([server::broker()]));
        Admin::new(&cluster, PATIENCE).delete_topics(&[corner.topic.as_str()]).await.unwrap();
        // The deletion goes on behind its answer.
        let refused = async {
            loop {
                if let Err(refused) = corner.publish("k", "nowhere").await {
                    return refused;
                }
            }
        };
        let refused = timeout(PATIENCE, refused).await.unwrap();
        assert!(matches!(refused, BusError::UnknownTopic { .. }), "got {refused:?}");
        let create = async {
            loop {
                let _ = admin.create_topics(std::slice::from_ref(&corner.topic), 1).await;
                match admin.log_id(&corner.topic).await {
                    Ok(id) if id != old => return,
                    _ => tokio::task::yield_now().await,
                }
            }
        };
        timeout(PATIENCE, create).await.unwrap();
        assert_eq!(insist(&corner, "k", "new").await, Offset::ZERO);
        let values: Vec<_> = corner.read_all().await.iter().map(value).collect();
        assert_eq!(values, ["new"]);
    }
}
