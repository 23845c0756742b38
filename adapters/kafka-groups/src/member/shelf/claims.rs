//! Who may commit what.

use std::time::Duration;

use tokio::time::Instant;

use super::held::Held;
use super::{Claim, Life, Shelf};
use crate::error::KafkaError;
use crate::topic::TopicPartition;

impl Shelf {
    /// Under which tenures these offsets may be committed.
    ///
    /// # Errors
    /// [`KafkaError::Fenced`] if one of them may not.
    pub(in crate::member) fn claim(
        &self,
        offsets: &[(TopicPartition, i64)],
    ) -> Result<Vec<Claim>, KafkaError> {
        if *self.life.borrow() >= Life::Parting {
            return Err(KafkaError::Fenced);
        }
        let state = self.state();
        let claim = |(at, offset): &(TopicPartition, i64)| {
            let held = state.held.get(at).filter(|held| held.may_commit());
            held.map(|held| (at.clone(), *offset, held.tenure)).ok_or(KafkaError::Fenced)
        };
        offsets.iter().map(claim).collect()
    }

    /// Whether the claims still hold.
    pub(in crate::member) fn allows(&self, claims: &[Claim]) -> bool {
        let state = self.state();
        let holds =
            |(at, _, tenure): &Claim| state.held.get(at).is_some_and(|held| held.tenure == *tenure);
        *self.life.borrow() < Life::Leaving && claims.iter().all(holds)
    }

    /// Whether the next batches may come before these are confirmed, which is for so long at most.
    pub(in crate::member) fn may_note(&self, claims: &[Claim], longest: Duration) -> bool {
        let (state, now) = (self.state(), Instant::now());
        let may_note =
            |(at, ..): &Claim| state.held.get(at).is_some_and(|held| held.may_note(now, longest));
        claims.iter().all(may_note)
    }

    /// These are on their way to the coordinator, and the next batches may come.
    pub(in crate::member) fn note(&self, claims: &[Claim]) {
        let (mut state, now) = (self.state(), Instant::now());
        for (at, offset, tenure) in claims {
            if let Some(held) = state.holding(at, *tenure) {
                held.note(*offset, now);
            }
        }
        self.news.notify_one();
    }

    /// The coordinator has these.
    pub(in crate::member) fn confirm(&self, claims: &[Claim]) {
        let (mut state, now) = (self.state(), Instant::now());
        for (at, offset, tenure) in claims {
            let Some(held) = state.holding(at, *tenure) else { continue };
            held.confirm(*offset, now);
            if held.is_free() {
                state.let_go(at);
                self.unsettle(&mut state);
            }
        }
        self.news.notify_one();
        self.wishes.notify_one();
    }

    /// Waits until somebody waits for what is noted.
    pub(in crate::member) async fn pressed(&self) {
        self.pressed.notified().await;
    }

    /// Whether nothing that was noted is still to be confirmed.
    pub(in crate::member) fn is_all_confirmed(&self) -> bool {
        self.state().held.values().all(Held::is_confirmed)
    }
}
