use super::*;

#[test]
fn the_id_that_is_required_comes_with_the_first_answer() {
    let mut bench = Bench::new(&[Assignor::CooperativeSticky]);
    let (ticket, request) = bench.joins();
    assert_eq!(&*request.member_id, "");
    let code = ResponseError::MemberIdRequired.code();
    let answer = JoinGroupResponse::default()
        .with_error_code(code)
        .with_member_id("given".to_owned().into());
    let before = bench.now;
    bench.answer(ticket, Answer::Join(answer));
    let (_, request) = bench.joins();
    assert_eq!((&*request.member_id, bench.now), ("given", before), "at once");
    assert_eq!(request.protocols.len(), 1);
    assert_eq!(claims(&request), (vec![], -1));
}

#[test]
fn a_follower_syncs_with_nothing_and_gets_its_share() {
    let mut bench = Bench::new(&[Assignor::CooperativeSticky]);
    let (ticket, _) = bench.joins();
    bench.let_in(ticket, 4, "leader");
    assert!(!bench.machine.standing().is_firm, "no commits between join and sync");
    let (ticket, request) = bench.syncs();
    assert_eq!((request.generation_id, request.assignments.len()), (4, 0));
    bench.give(ticket, &[0, 2]);
    assert_eq!(bench.told(), [Change::Assigned(places(&[0, 2])), Change::Joined]);
    let standing = bench.machine.standing();
    assert_eq!((standing.epoch, standing.is_firm, &*standing.member), (4, true, "me"));
    assert_eq!(bench.machine.step(bench.now), Step::Wait(Some(bench.now + INTERVAL)));
}

#[test]
fn a_cooperative_member_joins_again_with_all_that_it_owns() {
    let mut bench = Bench::cooperative(&[0, 1, 2]);
    let ticket = bench.beats();
    bench.hear(ticket, REBALANCING);
    assert_eq!(bench.told(), []);
    assert!(bench.machine.standing().is_firm, "it may commit until the round is over");
    let (ticket, request) = bench.joins();
    assert_eq!(claims(&request), (vec![0, 1, 2], 1));
    bench.let_in(ticket, 2, "leader");
    let (ticket, _) = bench.syncs();
    bench.give(ticket, &[0, 1]);
    assert_eq!(bench.told(), [Change::Revoking(places(&[2]))]);
    let ticket = bench.beats();
    bench.hear(ticket, 0);
    bench.release(&[2]);
    let before = bench.now;
    let (ticket, request) = bench.joins();
    assert_eq!((claims(&request), bench.now), ((vec![0, 1], 2), before), "at once");
    bench.let_in(ticket, 3, "leader");
    let (ticket, _) = bench.syncs();
    bench.give(ticket, &[0, 1]);
    assert_eq!(bench.told(), []);
    assert_eq!(bench.machine.standing().epoch, 3);
}

#[test]
fn a_round_does_not_wait_for_a_release() {
    let mut bench = Bench::cooperative(&[0, 1]);
    let ticket = bench.beats();
    bench.hear(ticket, REBALANCING);
    let (ticket, _) = bench.joins();
    bench.let_in(ticket, 2, "leader");
    let (ticket, _) = bench.syncs();
    bench.give(ticket, &[0]);
    bench.told();
    let ticket = bench.beats();
    bench.hear(ticket, REBALANCING);
    let (ticket, request) = bench.joins();
    assert_eq!(claims(&request), (vec![0, 1], 2), "it has not released 1");
    // Released while the others still know the claim: the round gives it to nobody.
    bench.release(&[1]);
    bench.let_in(ticket, 3, "leader");
    let (ticket, _) = bench.syncs();
    bench.give(ticket, &[0]);
    assert_eq!(claims(&bench.joins().1), (vec![0], 3));
    assert_eq!(bench.told(), []);
}

#[test]
fn what_a_round_gives_back_is_assigned_after_its_release() {
    let mut bench = Bench::cooperative(&[0, 1]);
    for given in [&[0][..], &[0, 1]] {
        let ticket = bench.beats();
        bench.hear(ticket, REBALANCING);
        let (ticket, _) = bench.joins();
        bench.let_in(ticket, 2, "leader");
        let (ticket, _) = bench.syncs();
        bench.give(ticket, given);
    }
    assert_eq!(bench.told(), [Change::Revoking(places(&[1]))]);
    bench.release(&[1]);
    assert_eq!(bench.told(), [Change::Assigned(places(&[1]))]);
    bench.beats();
}

#[test]
fn an_eager_member_gives_everything_up_before_it_joins() {
    let mut bench = Bench::eager(&[0, 1]);
    let ticket = bench.beats();
    bench.hear(ticket, REBALANCING);
    assert_eq!(bench.told(), [Change::Revoking(places(&[0, 1]))]);
    assert!(bench.machine.standing().is_firm, "what is finished is committed");
    let ticket = bench.beats();
    bench.hear(ticket, REBALANCING);
    bench.release(&[0]);
    let ticket = bench.beats();
    bench.hear(ticket, REBALANCING);
    assert_eq!(bench.told(), [], "it is told once");
    bench.release(&[1]);
    let before = bench.now;
    let (ticket, request) = bench.joins();
    assert_eq!((claims(&request).0, bench.now), (vec![], before), "at once");
    assert_eq!(request.protocols.len(), 2);
    bench.let_in(ticket, 2, "leader");
    let (ticket, _) = bench.syncs();
    bench.give(ticket, &[1]);
    assert_eq!(bench.told(), [Change::Assigned(places(&[1]))]);
}

#[test]
fn an_eager_member_that_takes_too_long_has_lost_everything() {
    let mut bench = Bench::eager(&[0]);
    let ticket = bench.beats();
    bench.hear(ticket, REBALANCING);
    bench.told();
    let ticket = bench.beats();
    bench.hear(ticket, ResponseError::UnknownMemberId.code());
    assert_eq!(bench.told(), [Change::Lost(places(&[0]))]);
    assert_eq!(&*bench.joins().1.member_id, "");
}

#[test]
fn a_sync_that_another_round_overtook_joins_it() {
    let mut bench = Bench::cooperative(&[0]);
    let ticket = bench.beats();
    bench.hear(ticket, REBALANCING);
    let (ticket, _) = bench.joins();
    bench.let_in(ticket, 2, "leader");
    let (ticket, _) = bench.syncs();
    bench.answer(ticket, Answer::Sync(SyncGroupResponse::default().with_error_code(REBALANCING)));
    assert!(!bench.machine.standing().is_firm);
    let (_, request) = bench.joins();
    assert_eq!(claims(&request), (vec![0], 1), "owned since generation 1");
    assert_eq!(bench.told(), []);
}

#[test]
fn a_round_may_take_longer_than_a_session() {
    let mut bench = Bench::cooperative(&[0]);
    let ticket = bench.beats();
    bench.hear(ticket, REBALANCING);
    let (ticket, _) = bench.joins();
    bench.now += SESSION + REBALANCE / 2;
    assert!(matches!(bench.machine.step(bench.now), Step::Wait(Some(_))));
    bench.let_in(ticket, 2, "leader");
    let (ticket, _) = bench.syncs();
    bench.give(ticket, &[0]);
    assert_eq!(bench.told(), []);
}

#[test]
fn an_answer_that_lets_in_nobody_is_asked_for_again() {
    let nobody = joined(1, "leader", vec![]).with_member_id(String::new().into());
    for answer in [nobody, joined(-1, "leader", vec![])] {
        let mut bench = Bench::new(&[Assignor::CooperativeSticky]);
        let (ticket, _) = bench.joins();
        bench.answer(ticket, Answer::Join(answer));
        assert_eq!(bench.machine.standing(), Standing { epoch: -1, ..Standing::default() });
        bench.joins();
    }
}
