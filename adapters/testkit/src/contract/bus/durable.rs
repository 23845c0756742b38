//! What a durable log still knows after it was closed and opened again.

use comptoir_domain::port::bus::{Committer, GroupMember, LogAdmin, LogReader};
use comptoir_domain::record::Record;
use comptoir_domain::topic::Offset;

use super::desk::{Desk, desk, desk_on, numbers, record, values};
use super::groups::batch;
use crate::contract::{BusHarness, Feature, Log, applies};

async fn again<H: BusHarness>(h: &H, desk: Desk<H::Subject>) -> Desk<H::Subject> {
    let partitions = desk.partitions;
    let Desk { log, .. } = desk;
    desk_on(h, h.reopen(log).await, partitions)
}

/// Records are still there, whole, and the next ones follow them.
pub async fn records_survive_reopening<H: BusHarness>(h: &H) {
    if !applies::<H>(Feature::Durable) {
        return;
    }
    let mut desk = desk(h, 2).await;
    let sent = Record { headers: vec![("h".to_owned(), vec![0, 1])], ..desk.record_on(1, "0") };
    desk.publish([sent.clone()]).await;
    for n in 1..4 {
        desk = again(h, desk).await;
        let stored = desk.read(1).await;
        assert_eq!(values(&stored), numbers(0..n));
        assert_eq!(stored[0].record, sent);
        let places = desk.publish([desk.record_on(1, &n.to_string())]).await;
        assert_eq!(places[0].offset, Offset(n as u64));
    }
    let bounds = desk.log.reader().bounds(&desk.topic).await.unwrap();
    assert_eq!((bounds[0].next, bounds[1].next), (Offset(0), Offset(4)));
}

/// A group goes on where it committed.
pub async fn commits_survive_reopening<H: BusHarness>(h: &H) {
    if !applies::<H>(Feature::Durable) {
        return;
    }
    let first = desk(h, 1).await;
    first.publish((0..6).map(|n| record(Some("k"), &n.to_string()))).await;
    let (mut member, commits) = first.join().await;
    let (at, records) = batch(&first, &mut member).await;
    let next = records.last().unwrap().offset.next().min(Offset(4));
    commits.commit(&[(at.clone(), next)]).await.unwrap();
    member.leave().await.unwrap();
    drop(commits);
    let desk = again(h, first).await;
    assert_eq!(desk.committed(&at).await, Some(next));
    let (mut member, _commits) = desk.join().await;
    let (_, records) = batch(&desk, &mut member).await;
    assert_eq!(records[0].offset, next);
}

/// Topics keep their partitions, and the log its identity.
pub async fn topics_and_the_id_survive_reopening<H: BusHarness>(h: &H) {
    if !applies::<H>(Feature::Durable) {
        return;
    }
    let first = desk(h, 3).await;
    let id = first.log.admin().log_id(&first.topic).await.unwrap();
    let desk = again(h, first).await;
    assert_eq!(desk.log.admin().log_id(&desk.topic).await.unwrap(), id);
    let bounds = desk.log.reader().bounds(&desk.topic).await.unwrap();
    assert_eq!(bounds.len(), 3);
    let topics = std::slice::from_ref(&desk.topic);
    desk.log.admin().create_topics(topics, 5).await.unwrap();
    assert_eq!(desk.log.reader().bounds(&desk.topic).await.unwrap().len(), 3);
}
