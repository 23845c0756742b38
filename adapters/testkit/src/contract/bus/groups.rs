//! Consumer groups: delivery and commits.

use std::time::Duration;

use comptoir_domain::port::bus::{Committer, ConsumerGroups, GroupEvent, GroupMember};
use comptoir_domain::record::StoredRecord;
use comptoir_domain::topic::{Offset, TopicPartition};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::crew::Crew;
use super::desk::{Desk, Member, desk, numbers, record, value, values};
use crate::contract::{BusHarness, Log};
use crate::wait::{quiet, within};

/// The next event, which must be a batch.
pub(super) async fn batch<L: Log>(
    desk: &Desk<L>,
    member: &mut Member<L>,
) -> (TopicPartition, Vec<StoredRecord>) {
    match within(desk.patience, "a batch", member.next()).await {
        Ok(GroupEvent::Records { at, batch }) => {
            assert!(!batch.is_empty(), "an empty batch of {at}");
            (at, batch)
        }
        other => panic!("instead of a batch there was {other:?}"),
    }
}

fn end(batch: &[StoredRecord]) -> Offset {
    batch.last().unwrap().offset.next()
}

/// A member that commits all it gets, gets everything once, each partition in order, also what was
/// there before it joined.
pub async fn a_member_gets_everything_once(h: &impl BusHarness) {
    let desk = desk(h, 3).await;
    desk.fill(50).await;
    let mut crew = desk.crew(1).await;
    crew.work_until_got(150).await;
    for at in desk.every_partition() {
        assert_eq!(crew.values_of(&at), numbers(0..50), "of {at}");
    }
    desk.publish([desk.record_on(1, "last")]).await;
    crew.work_until_got(151).await;
    assert_eq!(value(&crew.got[150].record), "last");
}

/// Groups do not share: each gets everything.
pub async fn two_groups_each_get_everything(h: &impl BusHarness) {
    let desk = desk(h, 2).await;
    desk.fill(20).await;
    for name in ["contract-one", "contract-two"] {
        let mut crew = Crew::new(desk.patience);
        crew.add(desk.join_as(&h.group(name)).await);
        crew.work_until_got(40).await;
        for at in desk.every_partition() {
            assert_eq!(crew.values_of(&at), numbers(0..20), "of {at} in {name}");
        }
    }
}

/// One member may read several topics.
pub async fn a_member_reads_all_its_topics(h: &impl BusHarness) {
    let desk = desk(h, 2).await;
    let other = h.topic("contract-other");
    desk.create(&other).await;
    desk.fill(5).await;
    let aside =
        Desk { topic: other.clone(), group: desk.group.clone(), log: desk.log.clone(), ..desk };
    aside.fill(5).await;
    let topics = [desk.topic.clone(), other];
    let mut crew = Crew::new(desk.patience);
    crew.add(desk.log.groups().join(&desk.group, &topics).await.unwrap());
    crew.work_until_got(20).await;
    for at in desk.every_partition().iter().chain(&aside.every_partition()) {
        assert_eq!(crew.values_of(at), numbers(0..5), "of {at}");
    }
}

/// Whoever comes next starts at what was committed, be it in the middle of a batch.
pub async fn commits_resume_at_next(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    desk.fill(10).await;
    let (mut member, commits) = desk.join().await;
    let mut seen = 0;
    while seen < 7 {
        let (at, batch) = batch(&desk, &mut member).await;
        seen = end(&batch).0.min(7);
        commits.commit(&[(at, Offset(seen))]).await.unwrap();
    }
    member.leave().await.unwrap();
    let (mut member, _commits) = desk.join().await;
    let (_, batch) = batch(&desk, &mut member).await;
    assert_eq!(batch[0].offset, Offset(7));
}

/// What was delivered but not committed comes again to whoever is next.
pub async fn what_is_not_committed_comes_again(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    desk.fill(5).await;
    for _ in 0..3 {
        let (mut member, _commits) = desk.join().await;
        let (_, batch) = batch(&desk, &mut member).await;
        assert_eq!((batch[0].offset, value(&batch[0])), (Offset(0), "0".to_owned()));
        member.leave().await.unwrap();
    }
}

/// A partition waits until its batch is committed; the other partitions go on.
pub async fn no_next_batch_before_the_commit(h: &impl BusHarness) {
    let desk = desk(h, 2).await;
    desk.publish([desk.record_on(0, "0"), desk.record_on(0, "1")]).await;
    let (mut member, commits) = desk.join().await;
    let (held, first) = batch(&desk, &mut member).await;
    assert_eq!(held, desk.at(0));
    desk.publish([desk.record_on(0, "2"), desk.record_on(1, "other")]).await;
    let (at, other) = batch(&desk, &mut member).await;
    assert_eq!((at, values(&other)), (desk.at(1), vec!["other".to_owned()]));
    quiet("nothing is committed yet", member.next()).await;
    commits.commit(&[(held.clone(), end(&first))]).await.unwrap();
    let (at, next) = batch(&desk, &mut member).await;
    assert_eq!((at, next[0].offset), (held, end(&first)));
}

/// A partition waits until its batch is committed wholly, not in part.
pub async fn a_part_of_a_commit_is_not_enough(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    let (mut member, commits) = desk.join().await;
    desk.fill(100).await;
    let (at, records) = loop {
        let (at, records) = batch(&desk, &mut member).await;
        if records.len() > 1 {
            break (at, records);
        }
        commits.commit(&[(at, end(&records))]).await.unwrap();
    };
    desk.fill(1).await;
    let first = records[0].offset.next();
    commits.commit(&[(at.clone(), first)]).await.unwrap();
    quiet("a part of the batch is not committed", member.next()).await;
    commits.commit(&[(at, end(&records))]).await.unwrap();
    let (_, next) = batch(&desk, &mut member).await;
    assert_eq!(next[0].offset, end(&records));
}

/// A member with nothing to do waits, and wakes for the next record.
pub async fn an_idle_member_wakes(h: &impl BusHarness) {
    let desk = desk(h, 2).await;
    let (mut member, commits) = desk.join().await;
    for n in 0..6 {
        let publish = desk.publish([desk.record_on(n % 2, &n.to_string())]);
        let both = async { tokio::join!(batch(&desk, &mut member), publish) };
        let ((at, batch), _) = both.await;
        assert_eq!((at.partition.0, values(&batch)), (n % 2, vec![n.to_string()]));
        commits.commit(&[(at, end(&batch))]).await.unwrap();
    }
}

/// Waits may be dropped at any moment: nothing is lost, nothing comes twice.
pub async fn a_dropped_next_loses_nothing(h: &impl BusHarness) {
    let desk = desk(h, 2).await;
    let (mut member, commits) = desk.join().await;
    let mut publishing = JoinSet::new();
    for partition in 0..2 {
        let records: Vec<_> = (0..100).map(|n| desk.record_on(partition, &n.to_string())).collect();
        let (log, topic) = (desk.log.clone(), desk.topic.clone());
        publishing.spawn(async move {
            use comptoir_domain::port::bus::Publisher;
            use comptoir_domain::record::Outgoing;
            for record in records {
                let outgoing = Outgoing { topic: topic.clone(), record };
                log.publisher().publish(vec![outgoing]).await.unwrap();
            }
        });
    }
    let mut got: [Vec<String>; 2] = Default::default();
    let all = async {
        let mut patience = 0;
        while got.iter().any(|values| values.len() < 100) {
            patience = (patience + 37) % 900;
            let next = timeout(Duration::from_micros(patience), member.next()).await;
            if let Ok(event) = next {
                let Ok(GroupEvent::Records { at, batch }) = event else {
                    panic!("instead of a batch there was {event:?}");
                };
                commits.commit(&[(at.clone(), end(&batch))]).await.unwrap();
                got[at.partition.0 as usize].extend(values(&batch));
            }
        }
    };
    within(desk.patience, "200 records", all).await;
    publishing.join_all().await;
    assert_eq!(got, [numbers(0..100), numbers(0..100)]);
}

/// Commits come from other tasks than the one that waits, several partitions at once.
pub async fn commits_come_from_any_task(h: &impl BusHarness) {
    let desk = desk(h, 2).await;
    desk.fill(1).await;
    let (mut member, commits) = desk.join().await;
    let (one, _) = batch(&desk, &mut member).await;
    let (other, _) = batch(&desk, &mut member).await;
    assert_ne!(one, other);
    let offsets = [(one.clone(), Offset(1)), (other.clone(), Offset(1))];
    let mut committing = JoinSet::new();
    let clone = commits.clone();
    committing.spawn(async move { clone.commit(&offsets).await.unwrap() });
    desk.publish([record(Some("k"), "next")]).await;
    // Whichever partition it is on, it comes only after the commit of the other task.
    let (_, next) = batch(&desk, &mut member).await;
    assert_eq!(values(&next), ["next"]);
    committing.join_all().await;
    for at in [one, other] {
        assert_eq!(desk.committed(&at).await, Some(Offset(1)), "of {at}");
    }
}

/// Committing nothing is no error.
pub async fn committing_nothing_is_no_error(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    let (_member, commits) = desk.join().await;
    commits.commit(&[]).await.unwrap();
}
