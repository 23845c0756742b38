//! Who may commit what.

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
        if *self.life.borrow() >= Life::Leaving {
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

    pub(in crate::member) fn committed(&self, claims: &[Claim]) {
        let mut state = self.state();
        for (at, offset, tenure) in claims {
            if let Some(held) = state.holding(at, *tenure) {
                held.committed(*offset);
            }
        }
        self.news.notify_one();
    }
}
