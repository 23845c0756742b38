//! Consumer groups: sharing partitions out.

use comptoir_domain::port::bus::{ConsumerGroups, GroupMember};

use super::crew::Crew;
use super::desk::{desk, numbers};
use crate::contract::{BusHarness, Log};
use crate::wait::{start_and_drop, within};

/// Two members get half of the partitions each, and no record comes twice.
pub async fn two_members_split_the_partitions(h: &impl BusHarness) {
    let desk = desk(h, 4).await;
    let mut crew = desk.crew(2).await;
    desk.fill(10).await;
    crew.work_until_got(40).await;
    let mut shares = [0, 0];
    for at in desk.every_partition() {
        assert_eq!(crew.values_of(&at), numbers(0..10), "of {at}");
        let readers = crew.readers_of(&at);
        assert_eq!(readers.len(), 1, "{at} came to {readers:?}");
        shares[readers[0]] += 1;
    }
    assert_eq!(shares, [2, 2]);
}

/// While members come, everything still arrives, and only what was under way may come twice: here
/// every batch is committed before its partition is released, so nothing does.
pub async fn members_may_come_at_any_time(h: &impl BusHarness) {
    let desk = desk(h, 4).await;
    let mut crew = desk.crew(1).await;
    for count in 1..4 {
        desk.fill(10).await;
        crew.add(desk.join().await);
        crew.work_until_got(count * 40).await;
    }
    crew.work_until("every partition to have its owner", Crew::is_settled).await;
    desk.fill(10).await;
    crew.work_until_got(160).await;
    for at in desk.every_partition() {
        let expected: Vec<_> = (0..4).flat_map(|_| numbers(0..10)).collect();
        assert_eq!(crew.values_of(&at), expected, "of {at}");
    }
}

/// More members than partitions: one stands by and gets nothing until another leaves.
pub async fn a_member_too_many_stands_by(h: &impl BusHarness) {
    let desk = desk(h, 2).await;
    let mut crew = desk.crew(3).await;
    desk.fill(5).await;
    crew.work_until_got(10).await;
    let readers: Vec<_> =
        desk.every_partition().iter().flat_map(|at| crew.readers_of(at)).collect();
    assert!(matches!(readers[..], [one, other] if one != other), "{readers:?}");
    let (leaving, _) = crew.take(readers[0]);
    leaving.leave().await.unwrap();
    desk.fill(5).await;
    crew.work_until_got(20).await;
    let standby = (0..3).find(|member| !readers.contains(member)).unwrap();
    assert!(crew.got.iter().any(|got| got.member == standby));
}

/// A member alone has everything; while another waits for its share, nobody calls that settled.
pub async fn settled_means_that_all_have_an_owner(h: &impl BusHarness) {
    let desk = desk(h, 2).await;
    let mut crew = Crew::new(desk.patience);
    let (mut member, commits) = desk.join().await;
    let settling = async {
        while !member.is_settled() {
            start_and_drop(member.next()).await;
            tokio::task::yield_now().await;
        }
    };
    within(desk.patience, "the only member to be settled", settling).await;
    let (second, second_commits) = desk.join().await;
    assert!(!second.is_settled(), "the first has released nothing");
    crew.add((member, commits));
    crew.add((second, second_commits));
    crew.work_until("both to be settled", Crew::is_settled).await;
}

/// A dropped `join` leaves nobody behind that would keep partitions from the others.
pub async fn a_dropped_join_leaves_nobody(h: &impl BusHarness) {
    let desk = desk(h, 4).await;
    for _ in 0..10 {
        let groups = desk.log.groups();
        let joining = groups.join(&desk.group, std::slice::from_ref(&desk.topic));
        drop(start_and_drop(joining).await);
    }
    let mut crew = desk.crew(1).await;
    desk.fill(5).await;
    crew.work_until_got(20).await;
}
