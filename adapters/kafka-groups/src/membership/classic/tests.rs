use bytes::Bytes;
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::{
    HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupResponse, SyncGroupRequest,
    SyncGroupResponse,
};

use super::*;
use crate::membership::Request;

const SESSION: Duration = Duration::from_secs(45);
const INTERVAL: Duration = Duration::from_secs(3);
const REBALANCE: Duration = Duration::from_mins(1);

fn terms() -> Terms {
    Terms {
        group: "g".to_owned(),
        topics: vec!["t".into()],
        instance: None,
        session_timeout: SESSION,
        rebalance_timeout: REBALANCE,
        heartbeat_interval: INTERVAL,
        seed: 5,
    }
}

struct Bench {
    machine: Classic,
    now: Instant,
    changes: Vec<Change>,
}

impl Bench {
    fn new(assignors: &[Assignor]) -> Self {
        Self::on(terms(), assignors)
    }

    fn on(terms: Terms, assignors: &[Assignor]) -> Self {
        let now = Instant::now();
        let machine = Classic::new(terms, assignors.to_vec(), now);
        Self { machine, now, changes: Vec::new() }
    }

    /// A member of generation 1 that was given these by another one, who leads.
    fn stable(assignors: &[Assignor], given: &[i32]) -> Self {
        let mut bench = Self::new(assignors);
        let (ticket, _) = bench.joins();
        bench.let_in(ticket, 1, "leader");
        let (ticket, _) = bench.syncs();
        bench.give(ticket, given);
        bench.changes.clear();
        bench
    }

    fn cooperative(given: &[i32]) -> Self {
        Self::stable(&[Assignor::CooperativeSticky], given)
    }

    fn eager(given: &[i32]) -> Self {
        Self::stable(&[Assignor::CooperativeSticky, Assignor::Range], given)
    }

    fn sends(&mut self) -> (Ticket, Request) {
        for _ in 0..10 {
            match self.machine.step(self.now) {
                Step::Wait(until) => self.now = until.expect("something is due"),
                Step::Send(ticket, request) => return (ticket, request),
                Step::Over => panic!("it is over"),
            }
        }
        panic!("nothing is sent");
    }

    fn joins(&mut self) -> (Ticket, JoinGroupRequest) {
        match self.sends() {
            (ticket, Request::Join(request)) => (ticket, request),
            other => panic!("instead of joining: {other:?}"),
        }
    }

    fn syncs(&mut self) -> (Ticket, SyncGroupRequest) {
        match self.sends() {
            (ticket, Request::Sync(request)) => (ticket, request),
            other => panic!("instead of syncing: {other:?}"),
        }
    }

    fn beats(&mut self) -> Ticket {
        match self.sends() {
            (ticket, Request::Heartbeat(_)) => ticket,
            other => panic!("instead of a heartbeat: {other:?}"),
        }
    }

    fn answer(&mut self, ticket: Ticket, answer: Answer) {
        self.machine.answered(ticket, answer, self.now);
        self.changes.extend(self.machine.take_changes());
    }

    fn let_in(&mut self, ticket: Ticket, generation: i32, leader: &str) {
        self.answer(ticket, Answer::Join(joined(generation, leader, vec![])));
    }

    fn give(&mut self, ticket: Ticket, given: &[i32]) {
        let assignment = wire::assignment(&places(given).into_iter().collect());
        self.answer(ticket, Answer::Sync(SyncGroupResponse::default().with_assignment(assignment)));
    }

    fn hear(&mut self, ticket: Ticket, code: i16) {
        self.answer(ticket, Answer::Heartbeat(HeartbeatResponse::default().with_error_code(code)));
    }

    fn release(&mut self, partitions: &[i32]) {
        self.machine.release(&places(partitions), self.now);
        self.changes.extend(self.machine.take_changes());
    }

    fn told(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }
}

const REBALANCING: i16 = ResponseError::RebalanceInProgress.code();

fn places(partitions: &[i32]) -> Vec<TopicPartition> {
    partitions.iter().map(|partition| TopicPartition::new("t", *partition)).collect()
}

fn joined(
    generation: i32,
    leader: &str,
    members: Vec<JoinGroupResponseMember>,
) -> JoinGroupResponse {
    JoinGroupResponse::default()
        .with_generation_id(generation)
        .with_member_id("me".to_owned().into())
        .with_leader(leader.to_owned().into())
        .with_protocol_name(Some("cooperative-sticky".to_owned().into()))
        .with_members(members)
}

fn fellow(id: &str, owned: &[i32], generation: i32) -> JoinGroupResponseMember {
    let owned = places(owned).into_iter().collect();
    JoinGroupResponseMember::default()
        .with_member_id(id.to_owned().into())
        .with_metadata(wire::subscription(&["t".into()], &owned, generation))
}

fn claims(request: &JoinGroupRequest) -> (Vec<i32>, i32) {
    let subscriber = wire::subscriber(request.protocols[0].metadata.clone()).unwrap();
    (subscriber.owned.iter().map(|at| at.partition).collect(), subscriber.generation)
}

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
fn a_leader_counts_then_assigns() {
    let mut bench = Bench::new(&[Assignor::CooperativeSticky]);
    let (ticket, _) = bench.joins();
    let members = vec![fellow("me", &[], -1), fellow("other", &[], -1)];
    bench.answer(ticket, Answer::Join(joined(1, "me", members)));
    assert_eq!(bench.told(), [Change::Count(vec!["t".into()])]);
    bench.machine.counted([("t".into(), 5)].into(), bench.now);
    let (_, request) = bench.syncs();
    let share = |at: usize| wire::assigned(request.assignments[at].assignment.clone()).unwrap();
    let mut shares = [share(0).len(), share(1).len()];
    shares.sort_unstable();
    assert_eq!(shares, [2, 3]);
    assert!(share(0).is_disjoint(&share(1)));
}

#[test]
fn a_leader_that_is_told_to_skip_assigns_nothing() {
    let mut bench = Bench::new(&[Assignor::CooperativeSticky]);
    let (ticket, _) = bench.joins();
    let answer = joined(1, "me", vec![fellow("me", &[], -1)]).with_skip_assignment(true);
    bench.answer(ticket, Answer::Join(answer));
    assert_eq!(bench.told(), []);
    assert_eq!(bench.syncs().1.assignments.len(), 0);
}

#[test]
fn a_leader_that_cannot_read_a_member_gives_it_nothing() {
    let mut bench = Bench::new(&[Assignor::Range]);
    let (ticket, _) = bench.joins();
    let broken = fellow("broken", &[], -1).with_metadata(Bytes::from_static(&[9]));
    let answer = joined(1, "me", vec![fellow("me", &[], -1), broken])
        .with_protocol_name(Some("range".to_owned().into()));
    bench.answer(ticket, Answer::Join(answer));
    bench.machine.counted([("t".into(), 2)].into(), bench.now);
    let (_, request) = bench.syncs();
    let of = |id: &str| request.assignments.iter().find(|share| &*share.member_id == id).unwrap();
    assert_eq!(wire::assigned(of("me").assignment.clone()).unwrap().len(), 2);
    assert_eq!(wire::assigned(of("broken").assignment.clone()).unwrap().len(), 0);
}

#[test]
fn a_leader_whose_topic_grew_starts_a_round() {
    let mut bench = Bench::new(&[Assignor::CooperativeSticky]);
    let (ticket, _) = bench.joins();
    bench.answer(ticket, Answer::Join(joined(1, "me", vec![fellow("me", &[], -1)])));
    bench.machine.counted([("t".into(), 1)].into(), bench.now);
    let (ticket, _) = bench.syncs();
    bench.give(ticket, &[0]);
    bench.told();
    while bench.told().is_empty() {
        let ticket = bench.beats();
        bench.hear(ticket, 0);
    }
    bench.machine.counted([("t".into(), 1)].into(), bench.now);
    let ticket = bench.beats();
    bench.hear(ticket, 0);
    bench.machine.counted([("t".into(), 2)].into(), bench.now);
    assert_eq!(claims(&bench.joins().1), (vec![0], 1));
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
