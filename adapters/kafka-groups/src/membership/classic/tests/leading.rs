use super::*;

#[test]
fn a_leader_counts_then_assigns() {
    let mut bench = Bench::new(&[Assignor::CooperativeSticky]);
    let (ticket, _) = bench.joins();
    let members = vec![fellow("me", &[], -1), fellow("other", &[], -1)];
    bench.answer(ticket, Answer::Join(joined(1, "me", members)));
    assert_eq!(bench.told(), [Change::Count(1, vec!["t".into()])]);
    bench.count(1, 5);
    let (_, request) = bench.syncs();
    let share = |at: usize| wire::assigned(&request.assignments[at].assignment).unwrap();
    let mut shares = [share(0).len(), share(1).len()];
    shares.sort_unstable();
    assert_eq!(shares, [2, 3]);
    assert!(share(0).is_disjoint(&share(1)));
}

#[test]
fn a_leader_that_is_told_to_skip_assigns_nothing_and_goes_on_looking_for_partitions() {
    let mut bench = Bench::new(&[Assignor::CooperativeSticky]);
    let (ticket, _) = bench.joins();
    let answer = joined(1, "me", vec![fellow("me", &[], -1)]).with_skip_assignment(true);
    bench.answer(ticket, Answer::Join(answer));
    assert_eq!(bench.told(), [Change::Count(1, vec!["t".into()])], "what is there when it is back");
    let (ticket, request) = bench.syncs();
    assert_eq!(request.assignments.len(), 0);
    bench.count(1, 1);
    bench.give(ticket, &[0]);
    bench.told();
    while bench.told().is_empty() {
        let ticket = bench.beats();
        bench.hear(ticket, 0);
    }
    bench.count(1, 2);
    assert_eq!(claims(&bench.joins().1), (vec![0], 1));
}

#[test]
fn a_count_of_another_round_is_passed_over() {
    let mut bench = Bench::new(&[Assignor::CooperativeSticky]);
    let (ticket, _) = bench.joins();
    bench.answer(ticket, Answer::Join(joined(2, "me", vec![fellow("me", &[], -1)])));
    bench.count(1, 7);
    let ticket = bench.beats();
    bench.hear(ticket, 0);
    bench.count(2, 3);
    let (_, request) = bench.syncs();
    assert_eq!(wire::assigned(&request.assignments[0].assignment).unwrap().len(), 3);
}

#[test]
fn who_counts_for_longer_than_a_session_beats_and_stays() {
    let mut bench = Bench::new(&[Assignor::CooperativeSticky]);
    let (ticket, _) = bench.joins();
    bench.answer(ticket, Answer::Join(joined(1, "me", vec![fellow("me", &[], -1)])));
    let began = bench.now;
    while bench.now < began + SESSION * 2 {
        let ticket = bench.beats();
        // What older coordinators say of a round that is not over.
        bench.hear(ticket, REBALANCING);
    }
    bench.count(1, 1);
    assert_eq!(bench.syncs().1.assignments.len(), 1);
}

#[test]
fn who_cannot_count_joins_again() {
    let mut bench = Bench::new(&[Assignor::CooperativeSticky]);
    let (ticket, _) = bench.joins();
    bench.answer(ticket, Answer::Join(joined(1, "me", vec![fellow("me", &[], -1)])));
    bench.machine.counted(1, None, bench.now);
    bench.joins();
}

#[test]
fn a_leader_that_cannot_read_a_member_gives_it_nothing() {
    let mut bench = Bench::new(&[Assignor::Range]);
    let (ticket, _) = bench.joins();
    let broken = fellow("broken", &[], -1).with_metadata(Bytes::from_static(&[9]));
    let answer = joined(1, "me", vec![fellow("me", &[], -1), broken])
        .with_protocol_name(Some("range".to_owned().into()));
    bench.answer(ticket, Answer::Join(answer));
    bench.count(1, 2);
    let (_, request) = bench.syncs();
    let of = |id: &str| request.assignments.iter().find(|share| &*share.member_id == id).unwrap();
    assert_eq!(wire::assigned(&of("me").assignment).unwrap().len(), 2);
    assert_eq!(wire::assigned(&of("broken").assignment).unwrap().len(), 0);
}

#[test]
fn a_leader_whose_topic_grew_starts_a_round() {
    let mut bench = Bench::new(&[Assignor::CooperativeSticky]);
    let (ticket, _) = bench.joins();
    bench.answer(ticket, Answer::Join(joined(1, "me", vec![fellow("me", &[], -1)])));
    bench.count(1, 1);
    let (ticket, _) = bench.syncs();
    bench.give(ticket, &[0]);
    bench.told();
    while bench.told().is_empty() {
        let ticket = bench.beats();
        bench.hear(ticket, 0);
    }
    bench.count(1, 1);
    let ticket = bench.beats();
    bench.hear(ticket, 0);
    bench.count(1, 2);
    assert_eq!(claims(&bench.joins().1), (vec![0], 1));
}
