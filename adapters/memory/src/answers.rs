//! First answers to requests that carried an idempotency key.

use std::collections::BTreeMap;

use comptoir_domain::idempotency::{FirstAnswer, IdempotencyKey};
use comptoir_domain::port::store::{FirstAnswers, StoreError};
use comptoir_domain::time::Timestamp;

use crate::outbox::MemoryRepository;

/// First answers by key.
#[derive(Debug, Default)]
pub(crate) struct Answers(BTreeMap<IdempotencyKey, FirstAnswer>);

impl Answers {
    /// Keeps the answer, if there is one, unless there is one under its key.
    pub(crate) fn keep(&mut self, answer: Option<FirstAnswer>) -> Result<(), StoreError> {
        let Some(answer) = answer else {
            return Ok(());
        };
        if self.0.contains_key(&answer.key) {
            return Err(StoreError::ANSWERED);
        }
        self.0.insert(answer.key, answer);
        Ok(())
    }

    pub(crate) fn get(&self, key: IdempotencyKey) -> Option<FirstAnswer> {
        self.0.get(&key).cloned()
    }

    fn forget(&mut self, before: Timestamp, limit: usize) -> usize {
        let old = self.0.values().filter(|answer| answer.at < before);
        let old: Vec<_> = old.take(limit).map(|answer| answer.key).collect();
        for key in &old {
            self.0.remove(key);
        }
        old.len()
    }
}

impl<T: AsMut<Answers> + Send + 'static> FirstAnswers for MemoryRepository<T> {
    async fn forget_answers(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.tidy(|kept| kept.table.as_mut().forget(before, limit)).await
    }
}
