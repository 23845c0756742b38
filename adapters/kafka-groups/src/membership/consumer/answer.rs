//! What the coordinator's answers lead to.

use std::collections::BTreeSet;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::ConsumerGroupHeartbeatResponse;
use kafka_protocol::messages::consumer_group_heartbeat_response::Assignment;
use tokio::time::Instant;

use super::verdict::{Verdict, verdict};
use super::{Consumer, IdPlace, Phase, Sent};
use crate::membership::{Change, Flight};

impl Consumer {
    pub(super) fn accepted(
        &mut self,
        sent: &Flight<Sent>,
        answer: ConsumerGroupHeartbeatResponse,
        now: Instant,
    ) {
        if answer.member_epoch <= 0 {
            // A goodbye's echo, or nonsense: never an epoch to go on with (KAFKA-19335).
            tracing::warn!(group = self.terms.group, epoch = answer.member_epoch, "not an epoch");
            return self.retry(now);
        }
        self.backoff.reset();
        self.awaiting_instance = None;
        self.heard = sent.sent;
        self.phase = Phase::Member;
        self.epoch = answer.member_epoch;
        self.told = Some(sent.asked.owned.clone());
        let interval = u64::try_from(answer.heartbeat_interval_ms).unwrap_or(0).max(1);
        self.due = Some(now + Duration::from_millis(interval));
        if let Some(assignment) = answer.assignment {
            self.holdings.set_target(places(&assignment));
        }
        self.reconcile(now);
    }

    pub(super) fn refused(&mut self, sent: &Flight<Sent>, error: ResponseError, now: Instant) {
        match verdict(sent.asked.as_what, error) {
            Verdict::Retry => self.retry(now),
            Verdict::FindCoordinator => {
                self.changes.push(Change::FindCoordinator);
                self.retry(now);
            }
            Verdict::Rejoin => {
                self.lose_all();
                self.due = Some(now);
            }
            Verdict::RejoinRenamed => {
                self.lose_all();
                self.due = None;
                self.changes.push(Change::NewId);
            }
            Verdict::AwaitInstance => {
                let since = *self.awaiting_instance.get_or_insert(now);
                let longest = self.terms.session_timeout + self.terms.session_timeout / 4;
                if now >= since + longest { self.fail(error) } else { self.retry(now) }
            }
            Verdict::Gone => self.phase = Phase::Over,
            Verdict::Fail => self.fail(error),
        }
    }

    pub(super) fn retry(&mut self, now: Instant) {
        self.told = None;
        self.due = Some(now + self.backoff.pause());
    }

    pub(super) fn fail(&mut self, error: ResponseError) {
        self.lose_all();
        self.phase = Phase::Over;
        self.changes.push(Change::Failed(error));
    }
}

fn places(assignment: &Assignment) -> BTreeSet<IdPlace> {
    let topics = assignment.topic_partitions.iter();
    topics.flat_map(|topic| topic.partitions.iter().map(|at| (topic.topic_id, *at))).collect()
}
