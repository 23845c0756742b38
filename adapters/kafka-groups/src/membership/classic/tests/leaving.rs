use super::*;

#[test]
fn leaving_overtakes_a_round() {
    let mut bench = Bench::cooperative(&[0]);
    let ticket = bench.beats();
    bench.hear(ticket, REBALANCING);
    let (join, _) = bench.joins();
    bench.machine.leave(bench.now);
    let (ticket, request) = bench.sends();
    let Request::Leave(request) = request else { panic!("instead of leaving: {request:?}") };
    assert_eq!(&*request.members[0].member_id, "me");
    bench.let_in(join, 2, "me");
    assert_eq!(bench.told(), [], "it is not revived");
    bench.answer(ticket, Answer::Leave(LeaveGroupResponse::default()));
    assert_eq!(bench.machine.step(bench.now), Step::Over);
}

#[test]
fn leaving_without_an_id_waits_for_the_one_that_comes() {
    let mut bench = Bench::new(&[Assignor::CooperativeSticky]);
    let (join, _) = bench.joins();
    bench.machine.leave(bench.now);
    assert_eq!(bench.machine.step(bench.now), Step::Wait(None));
    bench.let_in(join, 1, "me");
    let (_, request) = bench.sends();
    assert!(matches!(&request, Request::Leave(leave) if &*leave.members[0].member_id == "me"));
}

#[test]
fn a_static_member_goes_without_a_word() {
    let instance = Terms { instance: Some("i".to_owned()), ..terms() };
    let mut bench = Bench::on(instance, &[Assignor::CooperativeSticky]);
    let (ticket, request) = bench.joins();
    assert_eq!(request.group_instance_id.as_deref(), Some("i"));
    bench.let_in(ticket, 1, "leader");
    bench.machine.leave(bench.now);
    assert_eq!(bench.machine.step(bench.now), Step::Over);
}

#[test]
fn a_static_member_that_went_while_it_joined_is_not_revived() {
    let instance = Terms { instance: Some("i".to_owned()), ..terms() };
    let mut bench = Bench::on(instance, &[Assignor::CooperativeSticky]);
    let (join, _) = bench.joins();
    bench.machine.leave(bench.now);
    bench.let_in(join, 1, "me");
    assert_eq!(bench.machine.step(bench.now), Step::Over);
    assert_eq!(bench.told(), []);
}

#[test]
fn a_leader_that_leaves_looks_for_no_more_partitions() {
    let mut bench = Bench::new(&[Assignor::CooperativeSticky]);
    let (ticket, _) = bench.joins();
    bench.answer(ticket, Answer::Join(joined(1, "me", vec![fellow("me", &[], -1)])));
    bench.count(1, 1);
    let (ticket, _) = bench.syncs();
    bench.give(ticket, &[0]);
    bench.machine.leave(bench.now);
    bench.sends();
    // Nothing but the answer is waited for, least of all a moment that passes while it is.
    assert_eq!(bench.machine.step(bench.now), Step::Wait(None));
}

#[test]
fn an_answer_to_another_question_is_none() {
    let mut bench = Bench::cooperative(&[0]);
    bench.machine.leave(bench.now);
    let (ticket, _) = bench.sends();
    bench.answer(ticket, Answer::Heartbeat(HeartbeatResponse::default()));
    assert_eq!(bench.told(), [Change::FindCoordinator]);
    assert!(matches!(bench.sends().1, Request::Leave(_)), "it is asked again");
}
