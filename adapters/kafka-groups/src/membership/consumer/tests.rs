use kafka_protocol::messages::{
    ConsumerGroupHeartbeatRequest, consumer_group_heartbeat_response as response,
};

use super::*;

const SESSION: Duration = Duration::from_secs(45);
const INTERVAL: Duration = Duration::from_secs(5);
const TOPIC: Uuid = Uuid::from_u128(1);
const OTHER: Uuid = Uuid::from_u128(2);
const ME: Uuid = Uuid::from_u128(7);

fn terms() -> Terms {
    Terms {
        group: "g".to_owned(),
        topics: vec!["t".into()],
        instance: None,
        session_timeout: SESSION,
        rebalance_timeout: Duration::from_mins(1),
        heartbeat_interval: Duration::from_secs(3),
        seed: 3,
    }
}

/// A machine, and a clock that only moves when told.
struct Bench {
    machine: Consumer,
    now: Instant,
    changes: Vec<Change>,
}

impl Bench {
    fn new(terms: Terms) -> Self {
        let now = Instant::now();
        Self { machine: Consumer::new(terms, ME, now), now, changes: Vec::new() }
    }

    /// A member that was given these partitions.
    fn member(given: &[i32]) -> Self {
        let mut bench = Self::new(terms());
        let (ticket, _) = bench.sends();
        bench.answer(ticket, 1, Some(&[(TOPIC, given)]));
        bench.name(&[(TOPIC, "t")]);
        bench.changes.clear();
        if !given.is_empty() {
            bench.beat(1, None);
        }
        bench.changes.clear();
        bench
    }

    fn after(mut self, wait: Duration) -> Self {
        self.now += wait;
        self
    }

    fn sends(&mut self) -> (Ticket, ConsumerGroupHeartbeatRequest) {
        match self.machine.step(self.now) {
            Step::Send(ticket, Request::ConsumerHeartbeat(request)) => (ticket, request),
            other => panic!("instead of sending: {other:?}"),
        }
    }

    /// Waits for the next request and sends it.
    fn sends_in_time(&mut self) -> (Ticket, ConsumerGroupHeartbeatRequest) {
        for _ in 0..100 {
            match self.machine.step(self.now) {
                Step::Wait(Some(until)) => self.now = until,
                Step::Wait(None) => break,
                Step::Send(ticket, Request::ConsumerHeartbeat(request)) => {
                    return (ticket, request);
                }
                other => panic!("instead of sending: {other:?}"),
            }
        }
        panic!("nothing is sent");
    }

    fn take(&mut self) {
        self.changes.extend(self.machine.take_changes());
    }

    fn answer(&mut self, ticket: Ticket, epoch: i32, given: Option<&[(Uuid, &[i32])]>) {
        let answer = ConsumerGroupHeartbeatResponse::default()
            .with_member_epoch(epoch)
            .with_heartbeat_interval_ms(5_000)
            .with_assignment(given.map(assignment));
        self.machine.answered(ticket, Answer::ConsumerHeartbeat(answer), self.now);
        self.take();
    }

    fn refuse(&mut self, ticket: Ticket, error: ResponseError) {
        let answer = ConsumerGroupHeartbeatResponse::default().with_error_code(error.code());
        self.machine.answered(ticket, Answer::ConsumerHeartbeat(answer), self.now);
        self.take();
    }

    fn beat(
        &mut self,
        epoch: i32,
        given: Option<&[(Uuid, &[i32])]>,
    ) -> ConsumerGroupHeartbeatRequest {
        let (ticket, request) = self.sends_in_time();
        self.answer(ticket, epoch, given);
        request
    }

    fn name(&mut self, names: &[(Uuid, &str)]) {
        let names = names.iter().map(|(id, name)| (*id, Arc::from(*name))).collect();
        self.machine.named(&names, self.now);
        self.take();
    }

    fn release(&mut self, partitions: &[i32]) {
        self.machine.release(&places_of(partitions), self.now);
        self.take();
    }

    fn told(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }
}

fn assignment(given: &[(Uuid, &[i32])]) -> Assignment {
    let topic = |(id, partitions): &(Uuid, &[i32])| {
        response::TopicPartitions::default().with_topic_id(*id).with_partitions(partitions.to_vec())
    };
    Assignment::default().with_topic_partitions(given.iter().map(topic).collect())
}

fn places_of(partitions: &[i32]) -> Vec<TopicPartition> {
    partitions.iter().map(|partition| TopicPartition::new("t", *partition)).collect()
}

fn owned(request: &ConsumerGroupHeartbeatRequest) -> Option<Vec<i32>> {
    let topics = request.topic_partitions.as_ref()?;
    Some(topics.iter().flat_map(|topic| topic.partitions.clone()).collect())
}

#[test]
fn joining_says_everything_with_epoch_zero() {
    let mut bench = Bench::new(terms());
    let (_, request) = bench.sends();
    assert_eq!((request.member_epoch, &*request.member_id), (0, ME.to_string().as_str()));
    assert_eq!(request.rebalance_timeout_ms, 60_000);
    assert_eq!(request.subscribed_topic_names.as_ref().unwrap().len(), 1);
    assert_eq!(owned(&request), Some(vec![]));
    assert_eq!(bench.machine.step(bench.now), Step::Wait(None), "one request at a time");
}

#[test]
fn an_assignment_is_owned_once_its_topic_has_a_name() {
    let mut bench = Bench::new(terms());
    let (ticket, _) = bench.sends();
    bench.answer(ticket, 3, Some(&[(TOPIC, &[0, 1])]));
    assert_eq!(bench.told(), [Change::Name(vec![TOPIC])]);
    assert_eq!(bench.machine.standing().epoch, 3);
    bench.name(&[(TOPIC, "t")]);
    assert_eq!(bench.told(), [Change::Assigned(places_of(&[0, 1])), Change::Joined]);
    let (_, request) = bench.sends();
    assert_eq!((request.member_epoch, owned(&request)), (3, Some(vec![0, 1])), "told at once");
    assert_eq!(request.subscribed_topic_names, None, "only what changed");
    assert_eq!(request.rebalance_timeout_ms, -1);
}

#[test]
fn an_empty_assignment_is_one() {
    let mut bench = Bench::new(terms());
    let (ticket, _) = bench.sends();
    bench.answer(ticket, 3, Some(&[]));
    assert_eq!(bench.told(), [Change::LetIn], "more may come before long");
    let request = bench.beat(3, None);
    assert_eq!(owned(&request), None);
    bench.told();
    bench.beat(4, Some(&[(TOPIC, &[2])]));
    bench.name(&[(TOPIC, "t")]);
    assert_eq!(bench.told()[1..], [Change::Assigned(places_of(&[2])), Change::Joined]);
}

#[test]
fn a_heartbeat_without_news_says_nothing_but_the_epoch() {
    let mut bench = Bench::member(&[0]).after(INTERVAL);
    let (_, request) = bench.sends();
    assert_eq!((request.member_epoch, owned(&request)), (1, None));
    assert_eq!((request.subscribed_topic_names, request.rebalance_timeout_ms), (None, -1));
}

#[test]
fn heartbeats_keep_the_interval() {
    let mut bench = Bench::member(&[0]);
    assert_eq!(bench.machine.step(bench.now), Step::Wait(Some(bench.now + INTERVAL)));
    bench.now += INTERVAL;
    let (ticket, _) = bench.sends();
    let sent = bench.now;
    bench.answer(ticket, 1, None);
    assert_eq!(bench.machine.step(bench.now), Step::Wait(Some(sent + INTERVAL)));
}

#[test]
fn a_revocation_is_acknowledged_at_once_when_it_is_released() {
    let mut bench = Bench::member(&[0, 1]).after(INTERVAL);
    bench.beat(1, Some(&[(TOPIC, &[0])]));
    assert_eq!(bench.told(), [Change::Revoking(places_of(&[1]))]);
    let request = bench.beat(1, None);
    assert_eq!(owned(&request), None, "it still owns both");
    bench.release(&[1]);
    let (ticket, request) = bench.sends();
    assert_eq!(owned(&request), Some(vec![0]));
    bench.answer(ticket, 2, None);
    assert_eq!(bench.told(), []);
    assert_eq!(bench.machine.standing().epoch, 2);
}

#[test]
fn what_is_released_while_a_heartbeat_is_under_way_is_told_with_the_next() {
    let mut bench = Bench::member(&[0, 1]).after(INTERVAL);
    bench.beat(1, Some(&[(TOPIC, &[0])]));
    let (ticket, _) = bench.sends_in_time();
    bench.release(&[1]);
    bench.answer(ticket, 1, None);
    let (_, request) = bench.sends();
    assert_eq!(owned(&request), Some(vec![0]));
}

#[test]
fn only_what_is_revoked_can_be_released() {
    let mut bench = Bench::member(&[0]);
    bench.release(&[0, 5]);
    bench.now += INTERVAL;
    let (_, request) = bench.sends();
    assert_eq!(owned(&request), None);
}

#[test]
fn what_comes_back_while_it_is_revoked_is_assigned_after_its_release() {
    let mut bench = Bench::member(&[0]).after(INTERVAL);
    bench.beat(1, Some(&[]));
    bench.beat(1, Some(&[(TOPIC, &[0])]));
    assert_eq!(bench.told(), [Change::Revoking(places_of(&[0]))]);
    bench.release(&[0]);
    assert_eq!(bench.told(), [Change::Assigned(places_of(&[0]))]);
}

#[test]
fn ids_without_a_name_are_kept_and_asked_for_once_at_a_time() {
    let mut bench = Bench::member(&[0]).after(INTERVAL);
    bench.beat(1, Some(&[(TOPIC, &[0]), (OTHER, &[4])]));
    bench.beat(1, Some(&[(TOPIC, &[0, 1]), (OTHER, &[4])]));
    let news = [Change::Name(vec![OTHER]), Change::Assigned(places_of(&[1]))];
    assert!(bench.told().iter().all(|change| news.contains(change)), "asked for once");
    bench.name(&[]);
    assert_eq!(bench.told(), []);
    bench.now += NAME_AGAIN;
    bench.machine.step(bench.now);
    bench.take();
    assert_eq!(bench.told(), [Change::Name(vec![OTHER])]);
    bench.name(&[(OTHER, "u")]);
    assert_eq!(bench.told(), [Change::Assigned(vec![TopicPartition::new("u", 4)])]);
}

#[test]
fn a_topic_made_anew_is_owned_after_the_old_one_is_released() {
    let mut bench = Bench::member(&[0]).after(INTERVAL);
    bench.beat(1, Some(&[(OTHER, &[0])]));
    bench.name(&[(OTHER, "t")]);
    let asked = bench.told();
    assert!(asked.contains(&Change::Revoking(places_of(&[0]))), "{asked:?}");
    assert!(!asked.iter().any(|change| matches!(change, Change::Assigned(_))), "{asked:?}");
    bench.release(&[0]);
    assert_eq!(bench.told(), [Change::Assigned(places_of(&[0]))]);
}

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
