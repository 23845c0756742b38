use super::*;

#[test]
fn leaving_says_so_once() {
    let cases = [(None, -1), (Some("i".to_owned()), -2)];
    for (instance, epoch) in cases {
        let mut bench = Bench::new(Terms { instance, ..terms() });
        let (ticket, _) = bench.sends();
        bench.answer(ticket, 4, Some(&[]));
        bench.machine.leave(bench.now);
        let (ticket, request) = bench.sends();
        assert_eq!((request.member_epoch, request.topic_partitions), (epoch, None));
        bench.answer(ticket, epoch, None);
        assert_eq!(bench.machine.step(bench.now), Step::Over);
    }
}

#[test]
fn leaving_before_anything_was_asked_needs_no_word() {
    let mut bench = Bench::new(terms());
    bench.machine.leave(bench.now);
    assert_eq!(bench.machine.step(bench.now), Step::Over);
}

#[test]
fn leaving_while_joining_waits_for_the_answer() {
    let mut bench = Bench::new(terms());
    let (join, _) = bench.sends();
    bench.machine.leave(bench.now);
    assert_eq!(bench.machine.step(bench.now), Step::Wait(None));
    bench.answer(join, 4, Some(&[(TOPIC, &[0])]));
    assert_eq!(bench.told(), [], "it is not revived");
    assert_eq!(bench.sends().1.member_epoch, -1);
}

#[test]
fn an_answer_that_was_overtaken_by_leaving_revives_nobody() {
    let mut bench = Bench::member(&[0]).after(INTERVAL);
    let (late, _) = bench.sends();
    bench.machine.leave(bench.now);
    let (goodbye, request) = bench.sends();
    assert_eq!(request.member_epoch, -1);
    bench.answer(late, 5, Some(&[(TOPIC, &[0, 1])]));
    bench.answer(goodbye, -1, None);
    assert_eq!(bench.told(), []);
    assert_eq!(bench.machine.step(bench.now), Step::Over);
    bench.answer(late, 5, Some(&[(TOPIC, &[0, 1])]));
    assert_eq!(bench.machine.step(bench.now), Step::Over);
}
