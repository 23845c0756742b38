//! What a refusal leads to.

use kafka_protocol::error::ResponseError;
use tokio::time::Instant;

use super::verdict::{Asked, Verdict, verdict};
use super::{Classic, Phase};
use crate::membership::Change;

impl Classic {
    pub(super) fn refused(&mut self, asked: Asked, error: ResponseError, now: Instant) {
        match verdict(asked, error) {
            Verdict::Retry => self.retry(now),
            Verdict::FindCoordinator => {
                self.changes.push(Change::FindCoordinator);
                self.retry(now);
            }
            Verdict::JoinAs => self.due = now,
            // While it is still giving up for a round, it knows that there is one.
            Verdict::Rejoin if asked == Asked::Heartbeat && self.is_giving_up_to_join() => {
                self.heard = now;
                self.due = now + self.terms.heartbeat_interval;
            }
            Verdict::Rejoin => {
                self.heard = now;
                self.rejoin(now);
                // A coordinator that says so to the join itself is not to be asked in a tight loop.
                if asked == Asked::Join {
                    self.retry(now);
                }
            }
            Verdict::RejoinWithout => {
                self.lose_all(now);
                self.retry(now);
            }
            Verdict::JoinAnew => {
                self.member.clear();
                self.lose_all(now);
                self.retry(now);
            }
            Verdict::Gone => self.phase = Phase::Over,
            Verdict::Fail => self.fail(error, now),
        }
    }

    pub(super) fn lose_all(&mut self, now: Instant) {
        let lost = self.holdings.lose_all();
        if !lost.is_empty() {
            self.changes.push(Change::Lost(lost));
        }
        self.generation = -1;
        self.owned_since = -1;
        self.phase = Phase::Joining;
        self.count_again = None;
        self.due = now;
    }

    pub(super) fn retry(&mut self, now: Instant) {
        self.due = now + self.backoff.pause();
    }

    pub(super) fn fail(&mut self, error: ResponseError, now: Instant) {
        self.lose_all(now);
        self.phase = Phase::Over;
        self.changes.push(Change::Failed(error));
    }
}
