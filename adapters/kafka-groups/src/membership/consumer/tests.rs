mod assignments;
mod leaving;
mod refusals;

use kafka_protocol::messages::{
    ConsumerGroupHeartbeatRequest, consumer_group_heartbeat_response as response,
};

use super::*;
use kafka_protocol::messages::ConsumerGroupHeartbeatResponse;
use kafka_protocol::messages::consumer_group_heartbeat_response::Assignment;

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
