use super::*;

#[test]
fn a_fenced_member_loses_everything_and_comes_back_with_the_same_id() {
    let errors = [
        ResponseError::FencedMemberEpoch,
        ResponseError::UnknownMemberId,
        ResponseError::StaleMemberEpoch,
        ResponseError::GroupIdNotFound,
    ];
    for error in errors {
        let mut bench = Bench::member(&[0, 1]).after(INTERVAL);
        let (ticket, _) = bench.sends();
        bench.refuse(ticket, error);
        assert_eq!(bench.told(), [Change::Lost(places_of(&[0, 1]))], "{error}");
        assert!(!bench.machine.standing().is_firm);
        let (ticket, request) = bench.sends();
        assert_eq!((request.member_epoch, owned(&request)), (0, Some(vec![])), "{error}");
        assert_eq!(&*request.member_id, ME.to_string().as_str());
        bench.answer(ticket, 9, Some(&[(TOPIC, &[1])]));
        assert_eq!(bench.told(), [Change::Assigned(places_of(&[1]))]);
    }
}

#[test]
fn a_refused_return_is_tried_with_another_id() {
    let mut bench = Bench::member(&[0]).after(INTERVAL);
    let (ticket, _) = bench.sends();
    bench.refuse(ticket, ResponseError::UnknownMemberId);
    let (ticket, _) = bench.sends();
    bench.told();
    bench.refuse(ticket, ResponseError::FencedMemberEpoch);
    assert_eq!(bench.told(), [Change::NewId]);
    assert_eq!(bench.machine.step(bench.now), Step::Wait(None));
    bench.machine.renamed(Uuid::from_u128(8), bench.now);
    let (_, request) = bench.sends_in_time();
    assert_eq!(&*request.member_id, Uuid::from_u128(8).to_string().as_str());
    assert_eq!(request.member_epoch, 0);
}

#[test]
fn a_fenced_instance_ends_the_membership() {
    let mut bench = Bench::member(&[0]).after(INTERVAL);
    let (ticket, _) = bench.sends();
    bench.refuse(ticket, ResponseError::FencedInstanceId);
    let failed = Change::Failed(ResponseError::FencedInstanceId);
    assert_eq!(bench.told(), [Change::Lost(places_of(&[0])), failed]);
    assert_eq!(bench.machine.step(bench.now), Step::Over);
}

#[test]
fn an_unreleased_instance_is_awaited_for_a_session() {
    let mut bench = Bench::new(Terms { instance: Some("i".to_owned()), ..terms() });
    let began = bench.now;
    while bench.told().is_empty() {
        match bench.machine.step(bench.now) {
            Step::Wait(until) => bench.now = until.unwrap(),
            Step::Send(ticket, _) => bench.refuse(ticket, ResponseError::UnreleasedInstanceId),
            Step::Over => unreachable!(),
        }
    }
    assert!(bench.now - began >= SESSION, "{:?}", bench.now - began);
    assert!(bench.now - began < SESSION * 2);
}

#[test]
fn another_coordinator_is_told_everything() {
    let mut bench = Bench::member(&[0]).after(INTERVAL);
    let (ticket, _) = bench.sends();
    bench.refuse(ticket, ResponseError::NotCoordinator);
    assert_eq!(bench.told(), [Change::FindCoordinator]);
    let Step::Wait(Some(again)) = bench.machine.step(bench.now) else { panic!("at once") };
    assert!(again > bench.now && again < bench.now + Duration::from_secs(1));
    let request = bench.beat(1, None);
    assert_eq!((request.member_epoch, owned(&request)), (1, Some(vec![0])));
    assert!(request.subscribed_topic_names.is_some());
}

#[test]
fn a_heartbeat_without_an_answer_is_repeated_and_loses_nothing() {
    let mut bench = Bench::member(&[0]).after(INTERVAL);
    let (ticket, _) = bench.sends();
    bench.machine.failed(ticket, bench.now);
    bench.take();
    assert_eq!(bench.told(), [Change::FindCoordinator]);
    let request = bench.beat(2, None);
    assert_eq!((request.member_epoch, owned(&request)), (1, Some(vec![0])));
    assert_eq!(bench.machine.standing().epoch, 2);
}

#[test]
fn without_the_coordinator_for_a_session_everything_is_lost() {
    let mut bench = Bench::member(&[0]);
    let heard = bench.now;
    let lost = loop {
        match bench.machine.step(bench.now) {
            Step::Wait(until) => bench.now = until.unwrap(),
            Step::Send(ticket, _) => bench.machine.failed(ticket, bench.now),
            Step::Over => unreachable!(),
        }
        bench.take();
        let told = bench.told();
        if let Some(Change::Lost(lost)) = told.iter().find(|told| matches!(told, Change::Lost(_))) {
            break lost.clone();
        }
    };
    assert_eq!(lost, places_of(&[0]));
    assert_eq!(bench.now - heard, SESSION);
    assert_eq!(bench.machine.standing().epoch, 0);
}

#[test]
fn an_answer_that_hangs_does_not_outlast_the_session() {
    let mut bench = Bench::member(&[0]).after(INTERVAL);
    let (late, _) = bench.sends();
    let Step::Wait(Some(end)) = bench.machine.step(bench.now) else { panic!("no end") };
    bench.now = end;
    let (_, request) = bench.sends();
    bench.take();
    assert_eq!(bench.told(), [Change::Lost(places_of(&[0]))]);
    assert_eq!(request.member_epoch, 0);
    bench.answer(late, 12, Some(&[(TOPIC, &[0])]));
    assert_eq!((bench.told(), bench.machine.standing().epoch), (vec![], 0), "it came too late");
}

#[test]
fn a_negative_epoch_is_never_adopted() {
    for epoch in [-2, -1, 0] {
        let mut bench = Bench::member(&[0]).after(INTERVAL);
        let (ticket, _) = bench.sends();
        bench.answer(ticket, epoch, Some(&[]));
        assert_eq!(bench.machine.standing().epoch, 1);
        assert_eq!(bench.told(), [], "nor its assignment");
        assert_eq!(bench.beat(1, None).member_epoch, 1);
    }
}

/// Whatever is refused, in whatever state: the member asks again before long, or it has ended and
/// said so, or it waits for an id that it asked for; and it owns only what it did not lose.
#[test]
fn every_error_has_an_answer_in_every_state() {
    type Start = fn() -> Bench;
    let starts: [(Asked, Start); 3] = [
        (Asked::Join, || Bench::new(terms())),
        (Asked::Stay, || Bench::member(&[0]).after(INTERVAL)),
        (Asked::Leave, || {
            let mut bench = Bench::member(&[0]);
            bench.machine.leave(bench.now);
            bench
        }),
    ];
    for code in (-1..200_i16).filter(|code| *code != 0) {
        let error = ResponseError::try_from_code(code).unwrap();
        for (asked, start) in starts {
            let mut bench = start();
            let (ticket, _) = bench.sends();
            bench.refuse(ticket, error);
            let told = bench.told();
            let is_lost = told.iter().any(|change| matches!(change, Change::Lost(_)));
            let failed = told.contains(&Change::Failed(error));
            match bench.machine.step(bench.now) {
                Step::Over => {
                    assert!(failed || asked == Asked::Leave, "{asked:?} {error}: {told:?}");
                }
                Step::Wait(None) => assert_eq!(told, [Change::NewId], "{asked:?} {error}"),
                Step::Wait(Some(until)) => {
                    assert!(until <= bench.now + Duration::from_secs(3), "{asked:?} {error}");
                    assert!(!is_lost, "{asked:?} {error}: then it comes back at once");
                }
                Step::Send(..) => assert!(is_lost && !failed, "{asked:?} {error}: {told:?}"),
            }
            if failed && asked == Asked::Stay {
                assert!(is_lost, "{error}: who has ended owns nothing");
            }
            if error.is_retriable() {
                assert!(!failed && !is_lost, "{asked:?} {error}: it is only a moment's");
            }
        }
    }
}
