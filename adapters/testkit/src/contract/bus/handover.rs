//! Consumer groups: partitions that change hands, and who may still commit.

use comptoir_domain::port::bus::{BusError, Committer, GroupEvent, GroupMember};
use comptoir_domain::topic::{Offset, TopicPartition};

use super::crew::Crew;
use super::desk::{Desk, Member, desk, numbers, values};
use super::groups::batch;
use crate::contract::{BusHarness, Feature, Log, applies};
use crate::wait::{quiet, within};

/// The next event, which must be a revocation.
async fn revocation<L: Log>(desk: &Desk<L>, member: &mut Member<L>) -> Vec<TopicPartition> {
    match within(desk.patience, "a revocation", member.next()).await {
        Ok(GroupEvent::Revoking(partitions)) => partitions,
        other => panic!("instead of a revocation there was {other:?}"),
    }
}

fn is_fenced(answer: &Result<(), BusError>) -> bool {
    matches!(answer, Err(BusError::Fenced))
}

/// A second member's share is revoked from the first, and comes to it once it is released.
pub async fn a_released_partition_goes_to_the_other(h: &impl BusHarness) {
    let desk = desk(h, 2).await;
    let (mut first, _commits) = desk.join().await;
    let (mut second, _second_commits) = desk.join().await;
    let revoked = revocation(&desk, &mut first).await;
    assert_eq!(revoked.len(), 1, "half of two: {revoked:?}");
    desk.fill(3).await;
    quiet("the first has not released it yet", second.next()).await;
    first.release(&revoked).await.unwrap();
    let (at, records) = batch(&desk, &mut second).await;
    assert_eq!((&at, records[0].offset), (&revoked[0], Offset(0)));
    let (kept, _) = batch(&desk, &mut first).await;
    assert_ne!(kept, revoked[0]);
}

/// Whoever takes over goes on where the one before committed.
pub async fn the_next_owner_goes_on_at_the_commit(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    desk.fill(1).await;
    let (mut first, commits) = desk.join().await;
    let (mut second, _second_commits) = desk.join().await;
    let (at, _) = batch(&desk, &mut first).await;
    desk.publish([desk.record_on(0, "1")]).await;
    commits.commit(&[(at, Offset(1))]).await.unwrap();
    first.leave().await.unwrap();
    let (_, records) = batch(&desk, &mut second).await;
    assert_eq!(values(&records), ["1"]);
}

/// The member that a partition is revoked from gets no more of it, may commit what it has, and the
/// next owner goes on behind that.
pub async fn a_revoked_partition_is_finished_first(h: &impl BusHarness) {
    let desk = desk(h, 2).await;
    desk.fill(1).await;
    let (mut first, commits) = desk.join().await;
    let (one, _) = batch(&desk, &mut first).await;
    let (other, _) = batch(&desk, &mut first).await;
    assert_ne!(one, other);
    let (mut second, _second_commits) = desk.join().await;
    let revoked = revocation(&desk, &mut first).await;
    let [given] = revoked.as_slice() else {
        panic!("half of two: {revoked:?}");
    };
    desk.publish([desk.record_on(given.partition.0, "1")]).await;
    commits.commit(&[(given.clone(), Offset(1))]).await.unwrap();
    quiet("it is to finish with that partition", first.next()).await;
    first.release(&revoked).await.unwrap();
    let (at, records) = batch(&desk, &mut second).await;
    assert_eq!((&at, values(&records)), (given, vec!["1".to_owned()]));
}

/// Who released a partition may not commit for it, and a refused commit commits nothing at all.
pub async fn a_fenced_commit_commits_nothing(h: &impl BusHarness) {
    let desk = desk(h, 2).await;
    desk.fill(2).await;
    let (mut first, commits) = desk.join().await;
    let (_second, _second_commits) = desk.join().await;
    let revoked = loop {
        match within(desk.patience, "a revocation", first.next()).await.unwrap() {
            GroupEvent::Records { .. } => {}
            GroupEvent::Revoking(partitions) => break partitions,
            GroupEvent::Lost(partitions) => panic!("{partitions:?} are lost"),
        }
    };
    first.release(&revoked).await.unwrap();
    let kept = desk.every_partition().into_iter().find(|at| !revoked.contains(at)).unwrap();
    let both = [(kept.clone(), Offset(1)), (revoked[0].clone(), Offset(1))];
    let answer = commits.commit(&both).await;
    assert!(is_fenced(&answer), "got {answer:?}");
    for (at, _) in &both {
        let committed = desk.committed(at).await.unwrap_or(Offset::ZERO);
        assert_eq!(committed, Offset::ZERO, "of {at}");
    }
    commits.commit(&both[..1]).await.unwrap();
    assert_eq!(desk.committed(&kept).await, Some(Offset(1)));
}

/// A member that leaves hands over at once, and its committer is good for nothing any more.
pub async fn leaving_hands_over(h: &impl BusHarness) {
    let desk = desk(h, 2).await;
    let (leaving, commits) = desk.join().await;
    let mut crew = Crew::new(desk.patience);
    crew.add(desk.join().await);
    leaving.leave().await.unwrap();
    desk.fill(5).await;
    crew.work_until_got(10).await;
    crew.work_until("the one that is left to be settled", Crew::is_settled).await;
    let answer = commits.commit(&[(desk.at(0), Offset(1))]).await;
    assert!(is_fenced(&answer), "got {answer:?}");
}

/// So does one that is dropped, with batches under way or not.
pub async fn dropping_hands_over(h: &impl BusHarness) {
    let desk = desk(h, 2).await;
    desk.fill(5).await;
    let (mut dropped, commits) = desk.join().await;
    batch(&desk, &mut dropped).await;
    let mut crew = Crew::new(desk.patience);
    crew.add(desk.join().await);
    drop(dropped);
    crew.work_until_got(10).await;
    for at in desk.every_partition() {
        assert_eq!(crew.values_of(&at), numbers(0..5), "of {at}");
    }
    let answer = commits.commit(&[(desk.at(0), Offset(1))]).await;
    assert!(is_fenced(&answer), "got {answer:?}");
}

/// A newcomer that is gone before it got its share leaves the share where it was.
pub async fn a_newcomer_may_leave_before_its_share_comes(h: &impl BusHarness) {
    let desk = desk(h, 2).await;
    let mut crew = Crew::new(desk.patience);
    crew.add(desk.join().await);
    let (newcomer, _commits) = desk.join().await;
    newcomer.leave().await.unwrap();
    crew.work_until("the first to be settled", Crew::is_settled).await;
    desk.fill(5).await;
    crew.work_until_got(10).await;
    for at in desk.every_partition() {
        assert_eq!(crew.values_of(&at), numbers(0..5), "of {at}");
    }
}

/// What was delivered before the revocation but not committed, comes again to the next owner.
pub async fn what_was_not_finished_comes_again(h: &impl BusHarness) {
    let desk = desk(h, 2).await;
    desk.fill(1).await;
    let (mut first, _commits) = desk.join().await;
    batch(&desk, &mut first).await;
    batch(&desk, &mut first).await;
    let (mut second, _second_commits) = desk.join().await;
    let revoked = revocation(&desk, &mut first).await;
    first.release(&revoked).await.unwrap();
    let (at, records) = batch(&desk, &mut second).await;
    assert_eq!((&at, records[0].offset), (&revoked[0], Offset(0)));
}

/// Releasing what was not revoked gives nothing away.
pub async fn only_what_is_revoked_is_released(h: &impl BusHarness) {
    let desk = desk(h, 1).await;
    let (mut member, commits) = desk.join().await;
    desk.fill(1).await;
    let (at, _) = batch(&desk, &mut member).await;
    member.release(std::slice::from_ref(&at)).await.unwrap();
    commits.commit(&[(at.clone(), Offset(1))]).await.unwrap();
    assert_eq!(desk.committed(&at).await, Some(Offset(1)));
    desk.publish([desk.record_on(0, "1")]).await;
    let (_, records) = batch(&desk, &mut member).await;
    assert_eq!(values(&records), ["1"]);
}

/// A member that was thrown out learns what it lost, commits nothing more, and comes back in.
pub async fn an_expelled_member_is_told<H: BusHarness>(h: &H) {
    if !applies::<H>(Feature::Expels) {
        return;
    }
    let desk = desk(h, 2).await;
    desk.fill(3).await;
    let (mut member, commits) = desk.join().await;
    let (at, _) = batch(&desk, &mut member).await;
    h.expel(&desk.log, &desk.group).await;
    let mut lost = loop {
        match within(desk.patience, "the loss", member.next()).await.unwrap() {
            GroupEvent::Lost(partitions) => break partitions,
            GroupEvent::Records { .. } | GroupEvent::Revoking(_) => {}
        }
    };
    lost.sort();
    assert_eq!(lost, desk.every_partition());
    let answer = commits.commit(&[(at.clone(), Offset(1))]).await;
    assert!(is_fenced(&answer), "got {answer:?}");
    let mut crew = Crew::new(desk.patience);
    crew.add((member, commits));
    crew.work_until_got(6).await;
    assert_eq!(crew.values_of(&at), numbers(0..3), "nothing was committed");
}
