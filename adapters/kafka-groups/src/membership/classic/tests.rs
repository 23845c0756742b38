mod leading;
mod leaving;
mod refusals;
mod rounds;

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::{
    HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupResponse, SyncGroupRequest,
    SyncGroupResponse,
};

use super::*;
use crate::membership::{Request, wire};

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

    fn count(&mut self, generation: i32, partitions: i32) {
        let counts = [("t".into(), partitions)].into();
        self.machine.counted(generation, Some(counts), self.now);
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
    let subscriber = wire::subscriber(&request.protocols[0].metadata).unwrap();
    (subscriber.owned.iter().map(|at| at.partition).collect(), subscriber.generation)
}
