//! What an operator does and sees.

use comptoir_domain::port::bus::{
    Bounds, Committer, GroupEvent, GroupInfo, GroupMember, GroupState, LogAdmin, TopicInfo,
};
use comptoir_domain::topic::{Offset, Partition};

use super::crew::Crew;
use super::desk::{Desk, desk, numbers, record, values};
use super::groups::batch;
use crate::contract::{BusHarness, Feature, Log, applies};
use crate::wait::within;

async fn topic<L: Log>(desk: &Desk<L>) -> TopicInfo {
    let topics = desk.log.admin().topics().await.unwrap();
    topics.into_iter().find(|info| info.topic == desk.topic).unwrap()
}

async fn group<L: Log>(desk: &Desk<L>) -> GroupInfo {
    let groups = desk.log.admin().groups().await.unwrap();
    groups.into_iter().find(|info| info.group == desk.group).unwrap()
}

/// Creating a topic again changes nothing, not even its number of partitions.
pub async fn topics_are_created_once(h: &impl BusHarness) {
    let desk = desk(h, 3).await;
    desk.publish([record(Some("k"), "v")]).await;
    for partitions in [3, 5, 1] {
        let topics = [desk.topic.clone(), h.topic("contract-second")];
        desk.log.admin().create_topics(&topics, partitions).await.unwrap();
    }
    let info = topic(&desk).await;
    assert!(info.partitions.iter().map(|p| p.partition).eq((0..3).map(Partition)));
    let records: u64 = info.partitions.iter().map(|p| p.bounds.next.0).sum();
    assert_eq!(records, 1, "its record is still there");
}

/// Every topic is shown by name, with what its partitions hold.
pub async fn topics_are_shown(h: &impl BusHarness) {
    let desk = desk(h, 2).await;
    for name in ["contract-b", "contract-a"] {
        desk.create(&h.topic(name)).await;
    }
    desk.publish([desk.record_on(1, "0"), desk.record_on(1, "1")]).await;
    let topics = desk.log.admin().topics().await.unwrap();
    assert!(topics.is_sorted_by_key(|info| info.topic.clone()), "{topics:?}");
    let partitions = topic(&desk).await.partitions;
    assert_eq!(partitions.len(), 2);
    let bounds = |next| Bounds { earliest: Offset(0), next: Offset(next) };
    assert_eq!([partitions[0].bounds, partitions[1].bounds], [bounds(0), bounds(2)]);
    assert_eq!(partitions[0].last_write, None);
    assert!(partitions[1].last_write.is_some());
    assert_ne!(partitions[1].bytes, Some(0), "two records take some room");
}

/// A group is shown with its members, what they own and what it committed, also when all are gone.
pub async fn groups_are_shown(h: &impl BusHarness) {
    let desk = desk(h, 2).await;
    desk.fill(2).await;
    let mut crew = desk.crew(2).await;
    crew.work_until_got(4).await;
    let info = group(&desk).await;
    assert_eq!((info.state, info.members.len()), (GroupState::Stable, 2));
    assert_ne!(info.members[0].id, info.members[1].id);
    let mut owned: Vec<_> = info.members.into_iter().flat_map(|m| m.partitions).collect();
    owned.sort();
    assert_eq!(owned, desk.every_partition());
    for number in 0..2 {
        crew.take(number).0.leave().await.unwrap();
    }
    let info = group(&desk).await;
    assert_eq!((info.state, info.members), (GroupState::Empty, vec![]));
    let mut committed = info.committed;
    committed.sort();
    let all: Vec<_> = desk.every_partition().into_iter().map(|at| (at, Offset(2))).collect();
    assert_eq!(committed, all);
}

/// A group whose partitions change hands is shown so.
pub async fn a_rebalance_is_shown(h: &impl BusHarness) {
    let desk = desk(h, 2).await;
    let mut crew = desk.crew(1).await;
    let (mut first, commits) = crew.take(0);
    let second = desk.join().await;
    let revoked = match within(desk.patience, "a revocation", first.next()).await {
        Ok(GroupEvent::Revoking(revoked)) => revoked,
        other => panic!("instead of a revocation there was {other:?}"),
    };
    assert_eq!(group(&desk).await.state, GroupState::Rebalancing);
    first.release(&revoked).await.unwrap();
    let mut crew = Crew::new(desk.patience);
    crew.add((first, commits));
    crew.add(second);
    crew.work_until("both to be settled", Crew::is_settled).await;
    assert_eq!(group(&desk).await.state, GroupState::Stable);
}

/// Bounds and commits together tell the lag.
pub async fn lag_can_be_told(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    desk.fill(8).await;
    let (mut member, commits) = desk.join().await;
    assert_eq!(desk.committed(&desk.at(0)).await, None, "nothing is committed yet");
    let (at, records) = batch(&desk, &mut member).await;
    assert_eq!(values(&records), numbers(0..records.len()));
    commits.commit(&[(at.clone(), Offset(1))]).await.unwrap();
    let next = topic(&desk).await.partitions[0].bounds.next;
    let committed = desk.committed(&at).await.unwrap();
    assert_eq!(next.0 - committed.0, 7);
}

/// A log is itself for as long as it is open.
pub async fn a_log_has_one_id(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    let id = desk.log.admin().log_id(&desk.topic).await.unwrap();
    assert!(!id.is_nil());
    desk.fill(3).await;
    assert_eq!(desk.log.admin().log_id(&desk.topic).await.unwrap(), id);
}

/// Two logs are told apart by their ids.
pub async fn another_log_has_another_id<H: BusHarness>(h: &H) {
    if !applies::<H>(Feature::Separate) {
        return;
    }
    let (one, two) = (desk(h, 1).await, desk(&H::default(), 1).await);
    let id = one.log.admin().log_id(&one.topic).await.unwrap();
    assert_ne!(two.log.admin().log_id(&two.topic).await.unwrap(), id);
}
