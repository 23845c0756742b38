//! Whoever waits is woken by what it waits for: in each check the wait begins first.

use comptoir_domain::port::bus::{Committer, GroupEvent, GroupMember};
use comptoir_domain::topic::Offset;

use super::desk::{desk, values};
use super::groups::batch;
use crate::contract::{BusHarness, Feature, applies};
use crate::wait::within;

/// Lets what is awaited beside this come as far as its wait.
async fn once_it_waits<T>(then: impl Future<Output = T> + Send) -> T {
    for _ in 0..16 {
        tokio::task::yield_now().await;
    }
    then.await
}

/// A commit brings the partition's next batch.
pub async fn a_member_wakes_after_a_commit(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    let (mut member, commits) = desk.join().await;
    desk.fill(1).await;
    let (at, _) = batch(&desk, &mut member).await;
    desk.publish([desk.record_on(0, "1")]).await;
    let commit = async { commits.commit(&[(at, Offset(1))]).await.unwrap() };
    let ((_, records), ()) = tokio::join!(batch(&desk, &mut member), once_it_waits(commit));
    assert_eq!(values(&records), ["1"]);
}

/// Another one's joining brings a revocation.
pub async fn a_member_wakes_for_a_revocation(h: &impl BusHarness) {
    let desk = desk(h, 2).await;
    let (mut first, _commits) = desk.join().await;
    let revocation = within(desk.patience, "a revocation", first.next());
    let (event, _second) = tokio::join!(revocation, once_it_waits(desk.join()));
    assert!(matches!(event, Ok(GroupEvent::Revoking(_))), "got {event:?}");
}

/// What another one gives up, by releasing it or by going, brings its records.
pub async fn a_member_wakes_for_what_others_give_up(h: &impl BusHarness) {
    let desk = desk(h, 3).await;
    desk.fill(1).await;
    let (mut first, _first_commits) = desk.join().await;
    let (mut second, commits) = desk.join().await;
    let revoked = loop {
        match within(desk.patience, "a revocation", first.next()).await.unwrap() {
            GroupEvent::Records { .. } => {}
            GroupEvent::Revoking(partitions) => break partitions,
            GroupEvent::Lost(partitions) => panic!("{partitions:?} are lost"),
        }
    };
    let release = async { first.release(&revoked).await.unwrap() };
    let ((released, _), ()) = tokio::join!(batch(&desk, &mut second), once_it_waits(release));
    assert_eq!(revoked, std::slice::from_ref(&released));
    commits.commit(&[(released, Offset(1))]).await.unwrap();
    let leave = async { first.leave().await.unwrap() };
    let ((left, records), ()) = tokio::join!(batch(&desk, &mut second), once_it_waits(leave));
    assert_eq!((records[0].offset, revoked.contains(&left)), (Offset(0), false));
}

/// So does the end of one that is dropped without a word.
pub async fn a_member_wakes_when_another_is_dropped(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    desk.fill(1).await;
    let (first, _first_commits) = desk.join().await;
    let (mut second, _commits) = desk.join().await;
    let end = async { drop(first) };
    let ((_, records), ()) = tokio::join!(batch(&desk, &mut second), once_it_waits(end));
    assert_eq!(records[0].offset, Offset(0));
}

/// An expulsion is told to a member that waits.
pub async fn a_member_wakes_when_it_is_expelled<H: BusHarness>(h: &H) {
    if !applies::<H>(Feature::Expels) {
        return;
    }
    let desk = desk(h, 1).await;
    let (mut member, _commits) = desk.join().await;
    let loss = within(desk.patience, "the loss", member.next());
    let (event, ()) = tokio::join!(loss, once_it_waits(h.expel(&desk.log, &desk.group)));
    assert!(matches!(event, Ok(GroupEvent::Lost(_))), "got {event:?}");
}
