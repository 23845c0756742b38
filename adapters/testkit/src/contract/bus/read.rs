//! Reading without a group.

use std::time::Duration;

use comptoir_domain::port::bus::{
    Bounds, BusError, Committer, GroupEvent, GroupMember, LogReader, ReadLimit,
};
use comptoir_domain::record::Record;
use comptoir_domain::topic::Offset;
use tokio::time::{Instant, timeout};

use super::desk::{ALL, desk, numbers, record, values};
use crate::contract::{BusHarness, Feature, Log, applies};
use crate::wait::within;

fn waiting(wait: Duration) -> ReadLimit {
    ReadLimit { wait, ..ALL }
}

/// A read at the end waits, and wakes for the next record.
pub async fn a_read_waits_and_wakes(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    let (reader, at) = (desk.log.reader(), desk.at(0));
    for n in 0..5 {
        let read = reader.read(&at, Offset(n), waiting(desk.patience));
        let publish = desk.publish([record(Some("k"), &n.to_string())]);
        let both = async { tokio::join!(read, publish) };
        let (read, _) = within(desk.patience / 2, "the record that was published", both).await;
        assert_eq!(values(&read.unwrap()), [n.to_string()]);
    }
}

/// Without any time to wait, a read at the end answers at once.
pub async fn a_read_at_the_end_can_be_empty(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    let (reader, at) = (desk.log.reader(), desk.at(0));
    assert_eq!(reader.read(&at, Offset::ZERO, ALL).await.unwrap(), []);
    desk.publish([record(Some("k"), "v")]).await;
    assert_eq!(reader.read(&at, Offset(1), ALL).await.unwrap(), []);
}

/// A wait that ends without a record is no error, and does not end early.
pub async fn a_wait_can_end_empty(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    let wait = Duration::from_millis(60);
    let before = Instant::now();
    let read = desk.log.reader().read(&desk.at(0), Offset::ZERO, waiting(wait)).await;
    assert_eq!(read.unwrap(), []);
    let waited = before.elapsed();
    assert!(waited >= Duration::from_millis(50), "it waited {waited:?} only");
}

/// Behind the end there is nothing to wait for.
pub async fn behind_the_end_is_out_of_range(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    desk.publish([record(Some("k"), "v"), record(Some("k"), "w")]).await;
    for from in [3, 1_000] {
        let read = desk.log.reader().read(&desk.at(0), Offset(from), waiting(desk.patience)).await;
        match read {
            Err(BusError::OutOfRange { earliest, next }) => {
                assert_eq!((earliest, next), (Offset(0), Offset(2)));
            }
            other => panic!("reading from {from} got {other:?}"),
        }
    }
}

/// A read starts where it is told and gives as many records as it is told, in order.
pub async fn a_read_is_limited_by_records(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    desk.publish((0..10).map(|n| record(Some("k"), &n.to_string()))).await;
    let reader = desk.log.reader();
    let limit = ReadLimit { records: 3, ..ALL };
    for from in 0..10 {
        let read = reader.read(&desk.at(0), Offset(from), limit).await.unwrap();
        let from = usize::try_from(from).unwrap();
        assert_eq!(values(&read), numbers(from..10.min(from + 3)));
    }
}

/// A read stops near its limit of bytes, yet always gets one record.
pub async fn a_read_is_limited_by_bytes(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    let large = Record { value: Some(vec![7; 10_000]), ..record(Some("k"), "") };
    desk.publish(std::iter::repeat_n(large, 20)).await;
    for (bytes, most) in [(1, 2), (25_000, 5)] {
        let limit = ReadLimit { bytes, ..ALL };
        let read = desk.log.reader().read(&desk.at(0), Offset(3), limit).await.unwrap();
        assert!((1..=most).contains(&read.len()), "{} for {bytes} bytes", read.len());
        assert_eq!(read[0].offset, Offset(3));
    }
}

/// Dropped reads lose nothing: the log has no place of theirs to move.
pub async fn a_dropped_read_loses_nothing(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    let (reader, at) = (desk.log.reader(), desk.at(0));
    for n in 0..20 {
        let read = reader.read(&at, Offset(n), waiting(desk.patience));
        assert!(timeout(Duration::from_micros(n * 50), read).await.is_err());
        desk.publish([record(Some("k"), &n.to_string())]).await;
    }
    assert_eq!(values(&desk.read(0).await), numbers(0..20));
}

/// Several readers do not disturb each other.
pub async fn readers_are_independent(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    desk.publish((0..10).map(|n| record(Some("k"), &n.to_string()))).await;
    let (one, other) = (desk.log.reader(), desk.log.reader());
    let limit = ReadLimit { records: 4, ..ALL };
    let at = desk.at(0);
    let (one, other) =
        tokio::join!(one.read(&at, Offset(0), limit), other.read(&at, Offset(5), limit));
    assert_eq!(values(&one.unwrap()), numbers(0..4));
    assert_eq!(values(&other.unwrap()), numbers(5..9));
}

/// The bounds of each partition follow what is appended.
pub async fn bounds_follow_the_log(h: &impl BusHarness) {
    let desk = desk(h, 3).await;
    let bounds = async |next: [u64; 3]| {
        let expected = next.map(|next| Bounds { earliest: Offset(0), next: Offset(next) });
        let bounds = desk.log.reader().bounds(&desk.topic).await.unwrap();
        assert_eq!(bounds, expected);
    };
    bounds([0, 0, 0]).await;
    desk.publish([desk.record_on(1, "a"), desk.record_on(1, "b")]).await;
    bounds([0, 2, 0]).await;
    desk.publish([desk.record_on(2, "c")]).await;
    bounds([0, 2, 1]).await;
}

/// What retention forgot is out of range; a group that never committed, or not so far, starts at
/// what is left.
pub async fn forgotten_records_are_out_of_range<H: BusHarness>(h: &H) {
    if !applies::<H>(Feature::Forgets) {
        return;
    }
    let desk = desk(h, 1).await;
    // One by one: a log may forget only whole appends.
    for n in 0..10 {
        desk.publish([record(Some("k"), &n.to_string())]).await;
    }
    let (reader, at) = (desk.log.reader(), desk.at(0));
    let (member, commits) = desk.join().await;
    commits.commit(&[(at.clone(), Offset(2))]).await.unwrap();
    member.leave().await.unwrap();
    h.forget_before(&desk.log, &at, Offset(4)).await;
    let left = Bounds { earliest: Offset(4), next: Offset(10) };
    assert_eq!(reader.bounds(&desk.topic).await.unwrap(), [left]);
    match reader.read(&at, Offset(3), ALL).await {
        Err(BusError::OutOfRange { earliest, next }) => {
            assert_eq!(Bounds { earliest, next }, left);
        }
        other => panic!("reading what is forgotten got {other:?}"),
    }
    assert_eq!(values(&reader.read(&at, Offset(4), ALL).await.unwrap()), numbers(4..10));
    for group in [h.group("contract-new"), desk.group.clone()] {
        let (mut member, _commits) = desk.join_as(&group).await;
        match within(desk.patience, "the first batch", member.next()).await {
            Ok(GroupEvent::Records { batch, .. }) => assert_eq!(batch[0].offset, Offset(4)),
            other => panic!("{group} got {other:?}"),
        }
    }
}
