//! Callers that go away half-way.

use std::time::Duration;

use comptoir_domain::port::bus::{Committer, Publisher};
use comptoir_domain::record::Outgoing;
use comptoir_domain::topic::Offset;
use tokio::time::timeout;

use super::desk::{desk, record, values};
use crate::contract::{BusHarness, Log};

const ROUNDS: u64 = 60;

/// A moment after which a caller goes away: sooner or later in each round.
fn moment(round: u64) -> Duration {
    Duration::from_micros(round * round / 2)
}

/// What a dropped `publish` appends to one partition is all of it or nothing, and at most once.
pub async fn a_dropped_publish_is_whole_or_absent(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    for round in 0..ROUNDS {
        let outgoing = |n| Outgoing {
            topic: desk.topic.clone(),
            record: record(Some("k"), &format!("{round}-{n}")),
        };
        let publisher = desk.log.publisher();
        let publish = publisher.publish((0..5).map(outgoing).collect());
        if let Ok(answer) = timeout(moment(round), publish).await {
            answer.unwrap();
        }
    }
    // Whatever was left under way is ahead of this one.
    desk.publish([record(Some("k"), "last")]).await;
    let mut found = values(&desk.read(0).await);
    assert_eq!(found.pop().as_deref(), Some("last"));
    let mut seen = Vec::new();
    for call in found.chunks(5) {
        let (round, _) = call[0].split_once('-').unwrap();
        let whole: Vec<_> = (0..5).map(|n| format!("{round}-{n}")).collect();
        assert_eq!(call, whole);
        seen.push(round.parse::<u64>().unwrap());
    }
    assert!(seen.is_sorted_by(|a, b| a < b), "no round comes twice: {seen:?}");
}

/// A dropped `commit` is recorded for all of its partitions or for none.
pub async fn a_dropped_commit_is_whole_or_absent(h: &impl BusHarness) {
    let desk = desk(h, 2).await;
    let (_member, commits) = desk.join().await;
    for round in 1..ROUNDS {
        let both: Vec<_> =
            desk.every_partition().into_iter().map(|at| (at, Offset(round))).collect();
        let _ = timeout(moment(round), commits.commit(&both)).await;
        let committed = desk.all_committed().await;
        assert_eq!(committed[0], committed[1], "in round {round}");
    }
}
