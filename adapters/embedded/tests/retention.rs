//! Old records go, by age and by bytes, and readers see that at once.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/folder.rs"]
mod folder;

use std::time::Duration;

use comptoir_domain::port::bus::{
    BusError, Committer, ConsumerGroups, GroupEvent, GroupMember, LogAdmin, LogReader, Publisher,
};
use comptoir_domain::port::platform::Log;
use comptoir_domain::port::world::Clock;
use comptoir_domain::topic::Offset;
use comptoir_embedded::{Embedded, Options, Recovered};
use comptoir_testkit::world::FakeClock;
use tempfile::tempdir;
use tokio::time::timeout;

use folder::{ALL, PATIENCE, at, create, fill, group, numbers, publish, topic, try_open, values};

const DAY: Duration = Duration::from_hours(24);

/// Nothing is removed but what a test removes.
const KEEP: Options = Options {
    retention_age: None,
    retention_bytes: None,
    retention_unread_bytes: 0,
    retention_every: DAY,
    deadline: PATIENCE,
    cache_bytes: 1 << 20,
};

async fn earliest(embedded: &Embedded) -> Offset {
    embedded.reader().bounds(&topic()).await.unwrap()[0].earliest
}

async fn bytes(embedded: &Embedded) -> u64 {
    embedded.admin().topics().await.unwrap()[0].partitions[0].bytes.unwrap()
}

#[tokio::test]
async fn records_go_when_they_are_too_old() {
    let (dir, clock) = (tempdir().unwrap(), FakeClock::default());
    let options = Options { retention_age: Some(7 * DAY), ..KEEP };
    let embedded = try_open(dir.path(), options, &clock).await.unwrap();
    create(&embedded, 2).await;
    fill(&embedded, 10).await;
    clock.advance(DAY);
    publish(&embedded, "10").await.unwrap();
    assert_eq!(embedded.enforce_retention(clock.now()).await.unwrap(), 0);
    clock.advance(6 * DAY);
    assert_eq!(embedded.enforce_retention(clock.now()).await.unwrap(), 0, "exactly so old is kept");
    clock.advance(Duration::from_millis(1));
    assert_eq!(embedded.enforce_retention(clock.now()).await.unwrap(), 10);
    let partition = publish(&embedded, "11").await.unwrap().at.partition.0;
    assert_eq!(values(&embedded, partition).await, ["10", "11"]);
    match embedded.reader().read(&at(partition), Offset(9), ALL).await {
        Err(BusError::OutOfRange { earliest, next }) => {
            assert_eq!((earliest, next), (Offset(10), Offset(12)));
        }
        other => panic!("{other:?}"),
    }
    embedded.close().await;

    let embedded = try_open(dir.path(), options, &clock).await.unwrap();
    assert_eq!(embedded.recovered(), Recovered { records: 2, topics: 1 });
    assert_eq!(values(&embedded, partition).await, ["10", "11"]);
    embedded.close().await;
}

#[tokio::test]
async fn an_emptied_partition_keeps_its_offsets() {
    let (dir, clock) = (tempdir().unwrap(), FakeClock::default());
    let options = Options { retention_age: Some(DAY), ..KEEP };
    let embedded = try_open(dir.path(), options, &clock).await.unwrap();
    create(&embedded, 1).await;
    fill(&embedded, 5).await;
    clock.advance(2 * DAY);
    assert_eq!(embedded.enforce_retention(clock.now()).await.unwrap(), 5);
    assert_eq!(bytes(&embedded).await, 0);
    embedded.close().await;
    let embedded = try_open(dir.path(), options, &clock).await.unwrap();
    assert_eq!(publish(&embedded, "5").await.unwrap().offset, Offset(5));
    assert_eq!(values(&embedded, 0).await, ["5"]);
    embedded.close().await;
}

#[tokio::test]
async fn records_go_when_they_are_too_many() {
    let (dir, clock) = (tempdir().unwrap(), FakeClock::default());
    let options = Options { retention_bytes: Some(10_000), ..KEEP };
    let embedded = try_open(dir.path(), options, &clock).await.unwrap();
    create(&embedded, 1).await;
    for _ in 0..50 {
        publish(&embedded, vec![b'x'; 1_000]).await.unwrap();
    }
    assert!(bytes(&embedded).await > 50_000);
    let removed = embedded.enforce_retention(clock.now()).await.unwrap();
    assert_eq!(earliest(&embedded).await, Offset(removed));
    assert_eq!(values(&embedded, 0).await.len() as u64, 50 - removed);
    let left = bytes(&embedded).await;
    assert!((8_900..=10_000).contains(&left), "as much as fits is kept, {left} bytes are");
    assert_eq!(embedded.enforce_retention(clock.now()).await.unwrap(), 0);
    // One record that does not fit stays as long as it is the newest.
    publish(&embedded, vec![b'y'; 20_000]).await.unwrap();
    embedded.enforce_retention(clock.now()).await.unwrap();
    assert_eq!(values(&embedded, 0).await.len(), 1);
    embedded.close().await;
}

#[tokio::test]
async fn without_bounds_nothing_goes() {
    let (dir, clock) = (tempdir().unwrap(), FakeClock::default());
    let options = Options { retention_age: Some(Duration::ZERO), retention_bytes: Some(0), ..KEEP };
    let embedded = try_open(dir.path(), options, &clock).await.unwrap();
    create(&embedded, 1).await;
    fill(&embedded, 5).await;
    clock.advance(10_000 * DAY);
    assert_eq!(embedded.enforce_retention(clock.now()).await.unwrap(), 0);
    embedded.close().await;
}

/// The clock may be wrong for a while; what was appended before and after is not torn out for it.
#[tokio::test]
async fn a_clock_that_went_back_removes_nothing_early() {
    let (dir, clock) = (tempdir().unwrap(), FakeClock::default());
    let options = Options { retention_age: Some(DAY), ..KEEP };
    let embedded = try_open(dir.path(), options, &clock).await.unwrap();
    create(&embedded, 1).await;
    let now = clock.now();
    publish(&embedded, "0").await.unwrap();
    clock.set(now.minus(1_000 * DAY));
    publish(&embedded, "1").await.unwrap();
    clock.set(now.plus(Duration::from_secs(1)));
    publish(&embedded, "2").await.unwrap();
    assert_eq!(embedded.enforce_retention(clock.now()).await.unwrap(), 0);
    embedded.close().await;
}

/// A group whose place was removed goes on at the earliest record; its commits stay valid.
#[tokio::test]
async fn a_group_resumes_where_the_log_starts() {
    let (dir, clock) = (tempdir().unwrap(), FakeClock::default());
    let embedded = try_open(dir.path(), KEEP, &clock).await.unwrap();
    create(&embedded, 1).await;
    fill(&embedded, 10).await;
    let (member, commits) = embedded.groups().join(&group(), &[topic()]).await.unwrap();
    commits.commit(&[(at(0), Offset(3))]).await.unwrap();
    member.leave().await.unwrap();
    assert_eq!(embedded.remove_before(&at(0), Offset(6)).await.unwrap(), 6);
    let (mut member, commits) = embedded.groups().join(&group(), &[topic()]).await.unwrap();
    let event = timeout(PATIENCE, member.next()).await.unwrap().unwrap();
    let GroupEvent::Records { batch, .. } = event else {
        panic!("{event:?}");
    };
    assert!(batch.iter().map(|stored| stored.offset.0).eq(6..10));
    commits.commit(&[(at(0), Offset(10))]).await.unwrap();
    embedded.close().await;
}

/// What a group has not read waits for it, until there is too much of that.
#[tokio::test]
async fn what_a_group_has_not_read_is_kept_for_it_up_to_a_limit() {
    let (dir, clock) = (tempdir().unwrap(), FakeClock::default());
    let options = Options {
        retention_age: Some(DAY),
        retention_bytes: Some(5_000),
        retention_unread_bytes: 20_000,
        ..KEEP
    };
    let embedded = try_open(dir.path(), options, &clock).await.unwrap();
    create(&embedded, 1).await;
    let (mut member, commits) = embedded.groups().join(&group(), &[topic()]).await.unwrap();
    for _ in 0..15 {
        publish(&embedded, vec![b'x'; 1_000]).await.unwrap();
    }
    clock.advance(2 * DAY);
    assert_eq!(embedded.enforce_retention(clock.now()).await.unwrap(), 0, "it has read nothing");
    timeout(PATIENCE, member.next()).await.unwrap().unwrap();
    commits.commit(&[(at(0), Offset(8))]).await.unwrap();
    member.leave().await.unwrap();
    assert_eq!(embedded.enforce_retention(clock.now()).await.unwrap(), 8, "up to where it is");
    for _ in 0..40 {
        publish(&embedded, vec![b'x'; 1_000]).await.unwrap();
    }
    embedded.enforce_retention(clock.now()).await.unwrap();
    assert!(earliest(&embedded).await > Offset(8), "there is too much to wait for it");
    let left = bytes(&embedded).await;
    assert!((18_900..=20_000).contains(&left), "as much as may wait is kept, {left} bytes are");
    let start = earliest(&embedded).await;
    let (mut member, commits) = embedded.groups().join(&group(), &[topic()]).await.unwrap();
    let event = timeout(PATIENCE, member.next()).await.unwrap().unwrap();
    let GroupEvent::Records { batch, .. } = event else {
        panic!("{event:?}");
    };
    assert_eq!(batch[0].offset, start, "it goes on at the earliest that is left");
    commits.commit(&[(at(0), batch.last().unwrap().offset.next())]).await.unwrap();
    embedded.enforce_retention(clock.now()).await.unwrap();
    assert!(bytes(&embedded).await <= 5_000, "nothing waits any more");
    embedded.close().await;
}

#[tokio::test]
async fn no_group_is_waited_for_if_nothing_may_be_kept_for_it() {
    let (dir, clock) = (tempdir().unwrap(), FakeClock::default());
    let options = Options { retention_age: Some(DAY), ..KEEP };
    let embedded = try_open(dir.path(), options, &clock).await.unwrap();
    create(&embedded, 1).await;
    let _member = embedded.groups().join(&group(), &[topic()]).await.unwrap();
    fill(&embedded, 5).await;
    clock.advance(2 * DAY);
    assert_eq!(embedded.enforce_retention(clock.now()).await.unwrap(), 5);
    embedded.close().await;
}

/// A start may be in the middle of what was appended at once.
#[tokio::test]
async fn a_start_may_be_anywhere() {
    let (dir, clock) = (tempdir().unwrap(), FakeClock::default());
    let embedded = try_open(dir.path(), KEEP, &clock).await.unwrap();
    create(&embedded, 1).await;
    let records = (0..10).map(|n| folder::outgoing(n.to_string())).collect();
    embedded.publisher().publish(records).await.unwrap();
    for start in [4, 7, 10] {
        embedded.remove_before(&at(0), Offset(start)).await.unwrap();
        let left = numbers(usize::try_from(start).unwrap()..10);
        assert_eq!(values(&embedded, 0).await, left);
    }
    embedded.close().await;
    let embedded = try_open(dir.path(), KEEP, &clock).await.unwrap();
    let bounds = embedded.reader().bounds(&topic()).await.unwrap()[0];
    assert_eq!((bounds.earliest, bounds.next), (Offset(10), Offset(10)));
    let behind = embedded.remove_before(&at(0), Offset(11)).await;
    assert!(matches!(behind, Err(BusError::OutOfRange { .. })), "{behind:?}");
    assert_eq!(embedded.remove_before(&at(0), Offset(2)).await.unwrap(), 0, "it never goes back");
    embedded.close().await;
}

/// It happens by itself as well.
#[tokio::test]
async fn retention_is_enforced_now_and_then() {
    let (dir, clock) = (tempdir().unwrap(), FakeClock::default());
    let options =
        Options { retention_age: Some(DAY), retention_every: Duration::from_millis(5), ..KEEP };
    let embedded = try_open(dir.path(), options, &clock).await.unwrap();
    create(&embedded, 1).await;
    fill(&embedded, 5).await;
    clock.advance(2 * DAY);
    let removed = async {
        while earliest(&embedded).await < Offset(5) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, removed).await.unwrap();
    embedded.close().await;
}

/// Whatever was appended over time, the folder holds little more than what is kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_space_is_freed() {
    let (dir, clock) = (tempdir().unwrap(), FakeClock::default());
    let options = Options { retention_bytes: Some(4 << 20), ..KEEP };
    let embedded = try_open(dir.path(), options, &clock).await.unwrap();
    create(&embedded, 1).await;
    let mut noise = 1_u64;
    for n in 0..300 {
        // What cannot be compressed.
        let value = std::iter::repeat_with(|| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(n);
            noise.to_be_bytes()[0]
        });
        let value: Vec<u8> = value.take(900_000).collect();
        publish(&embedded, value).await.unwrap();
        if n % 10 == 9 {
            embedded.enforce_retention(clock.now()).await.unwrap();
        }
    }
    let tables = || folder_bytes(&dir.path().join("database/keyspaces"));
    // Tables are written and dropped in the background.
    let freed = async {
        while tables() > 150 << 20 {
            embedded.enforce_retention(clock.now()).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, freed).await.unwrap();
    embedded.close().await;
}

fn folder_bytes(dir: &std::path::Path) -> u64 {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        bytes += match std::fs::metadata(&path) {
            Ok(found) if found.is_dir() => folder_bytes(&path),
            Ok(found) => found.len(),
            // It was dropped just now.
            Err(_) => 0,
        };
    }
    bytes
}
