//! What an answer leads to, a refusal, and none.

use kafka_protocol::error::ResponseError;
use tokio::time::Instant;

use super::verdict::{Asked, Verdict, verdict};
use super::{Classic, Phase};
use crate::membership::{Answer, Change, Flight};

impl Classic {
    pub(super) fn heed(&mut self, sent: &Flight<Asked>, answer: Answer, now: Instant) {
        let asked = sent.asked;
        if self.phase == Phase::Leaving && asked != Asked::Leave {
            // All that still matters of it is by which id to leave.
            if let Answer::Join(answer) = answer {
                self.member = answer.member_id.to_string();
            }
            return;
        }
        let code = match &answer {
            Answer::Join(answer) => answer.error_code,
            Answer::Sync(answer) => answer.error_code,
            Answer::Heartbeat(answer) => answer.error_code,
            Answer::Leave(answer) => answer.error_code,
            Answer::ConsumerHeartbeat(_) => ResponseError::UnknownServerError.code(),
        };
        if let Answer::Join(answer) = &answer
            && code == ResponseError::MemberIdRequired.code()
        {
            self.member = answer.member_id.to_string();
        }
        match (ResponseError::try_from_code(code), answer) {
            (Some(error), _) => self.refused(asked, error, now),
            (None, Answer::Join(answer)) => self.joined(answer, now),
            (None, Answer::Sync(answer)) => self.synced(&answer, now),
            (None, Answer::Leave(_)) => self.phase = Phase::Over,
            (None, Answer::Heartbeat(_) | Answer::ConsumerHeartbeat(_)) => {
                self.backoff.reset();
                self.heard = sent.sent;
                // It may have been asked before the member began to join again.
                if self.what_is_due() == Some(Asked::Heartbeat) {
                    self.due = now + self.terms.heartbeat_interval;
                }
            }
        }
    }

    pub(super) fn unanswered(&mut self, sent: &Flight<Asked>, now: Instant) {
        self.changes.push(Change::FindCoordinator);
        // Whether the round went on without the answer is unknown.
        if sent.asked == Asked::Sync && self.phase == Phase::Syncing {
            self.phase = Phase::Joining;
        }
        self.retry(now);
    }

    fn refused(&mut self, asked: Asked, error: ResponseError, now: Instant) {
        match verdict(asked, error) {
            Verdict::Retry => self.retry(now),
            Verdict::FindCoordinator => {
                self.changes.push(Change::FindCoordinator);
                self.retry(now);
            }
            Verdict::JoinAs => self.due = now,
            // While it is still giving up for a round, it knows that there is one. Of the round that it
            // counts for, older coordinators say the same; if there is another, syncing will tell.
            Verdict::Rejoin
                if asked == Asked::Heartbeat
                    && (self.is_giving_up_to_join() || self.phase == Phase::Counting) =>
            {
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
