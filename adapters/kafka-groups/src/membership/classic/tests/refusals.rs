use super::*;

fn refusal(asked: Asked, code: i16) -> Answer {
    match asked {
        Asked::Join => Answer::Join(
            JoinGroupResponse::default()
                .with_error_code(code)
                .with_member_id("me".to_owned().into()),
        ),
        Asked::Sync => Answer::Sync(SyncGroupResponse::default().with_error_code(code)),
        Asked::Heartbeat => Answer::Heartbeat(HeartbeatResponse::default().with_error_code(code)),
        Asked::Leave => Answer::Leave(LeaveGroupResponse::default().with_error_code(code)),
    }
}

fn reaches(asked: Asked, assignors: &[Assignor]) -> (Bench, Ticket) {
    let mut bench = Bench::stable(assignors, &[0]);
    let (ticket, request) = match asked {
        Asked::Heartbeat => bench.sends(),
        Asked::Leave => {
            bench.machine.leave(bench.now);
            bench.sends()
        }
        Asked::Join | Asked::Sync => {
            let ticket = bench.beats();
            bench.hear(ticket, REBALANCING);
            bench.release(&[0]);
            let (ticket, request) = bench.joins();
            if asked == Asked::Join {
                (ticket, Request::Join(request))
            } else {
                bench.let_in(ticket, 2, "leader");
                bench.sends()
            }
        }
    };
    bench.changes.clear();
    let is_right = matches!(
        (asked, request),
        (Asked::Join, Request::Join(_))
            | (Asked::Sync, Request::Sync(_))
            | (Asked::Heartbeat, Request::Heartbeat(_))
            | (Asked::Leave, Request::Leave(_))
    );
    assert!(is_right);
    (bench, ticket)
}

/// Whatever is refused, in whatever state: the member asks again before long, or gives up what it
/// owns first, or has ended and said so.

#[test]
fn what_the_coordinator_forgot_is_lost() {
    let cases = [(ResponseError::IllegalGeneration, "me"), (ResponseError::UnknownMemberId, "")];
    for (error, id) in cases {
        let mut bench = Bench::cooperative(&[0]);
        let ticket = bench.beats();
        bench.hear(ticket, error.code());
        assert_eq!(bench.told(), [Change::Lost(places(&[0]))], "{error}");
        let (_, request) = bench.joins();
        assert_eq!((&*request.member_id, claims(&request)), (id, (vec![], -1)), "{error}");
    }
}

#[test]
fn a_protocol_that_was_not_offered_ends_the_membership() {
    let mut bench = Bench::new(&[Assignor::Range]);
    let (ticket, _) = bench.joins();
    bench.let_in(ticket, 1, "leader");
    assert_eq!(bench.told(), [Change::Failed(ResponseError::InconsistentGroupProtocol)]);
    assert_eq!(bench.machine.step(bench.now), Step::Over);
}

#[test]
fn a_lost_answer_to_a_heartbeat_loses_nothing_to_a_sync_starts_over() {
    let mut bench = Bench::cooperative(&[0]);
    let ticket = bench.beats();
    bench.machine.failed(ticket, bench.now);
    assert_eq!(bench.machine.take_changes(), [Change::FindCoordinator]);
    let ticket = bench.beats();
    bench.hear(ticket, REBALANCING);
    let (ticket, _) = bench.joins();
    bench.let_in(ticket, 2, "leader");
    let (ticket, _) = bench.syncs();
    bench.machine.failed(ticket, bench.now);
    assert_eq!(claims(&bench.joins().1), (vec![0], 1));
}

#[test]
fn without_the_coordinator_for_a_session_everything_is_lost() {
    let mut bench = Bench::cooperative(&[0]);
    let heard = bench.now;
    while bench.told().iter().all(|change| !matches!(change, Change::Lost(_))) {
        match bench.machine.step(bench.now) {
            Step::Wait(until) => bench.now = until.unwrap(),
            Step::Send(ticket, _) => bench.machine.failed(ticket, bench.now),
            Step::Over => unreachable!(),
        }
        bench.changes.extend(bench.machine.take_changes());
    }
    assert_eq!(bench.now - heard, SESSION);
}

#[test]
fn every_error_has_an_answer_in_every_state() {
    let lists =
        [&[Assignor::CooperativeSticky][..], &[Assignor::Range, Assignor::CooperativeSticky]];
    for code in (-1..200_i16).filter(|code| *code != 0) {
        let error = ResponseError::try_from_code(code).unwrap();
        for asked in [Asked::Join, Asked::Sync, Asked::Heartbeat, Asked::Leave] {
            for assignors in lists {
                let (mut bench, ticket) = reaches(asked, assignors);
                bench.answer(ticket, refusal(asked, code));
                let told = bench.told();
                let failed = told.contains(&Change::Failed(error));
                let owns = !bench.machine.holdings.owned().is_empty();
                match bench.machine.step(bench.now) {
                    Step::Over => {
                        assert!(failed || asked == Asked::Leave, "{asked:?} {error}: {told:?}");
                        assert!(!owns, "{asked:?} {error}: who has ended owns nothing");
                    }
                    Step::Wait(until) => {
                        let until =
                            until.unwrap_or_else(|| panic!("{asked:?} {error} waits for nothing"));
                        assert!(until <= bench.now + INTERVAL, "{asked:?} {error}");
                    }
                    Step::Send(..) => assert!(!failed, "{asked:?} {error}"),
                }
                if error.is_retriable() {
                    assert!(!failed, "{asked:?} {error}: it is only a moment's");
                    assert!(!told.iter().any(|change| matches!(change, Change::Lost(_))));
                }
            }
        }
    }
}
