//! Payments.

use std::collections::BTreeMap;

use comptoir_domain::id::PaymentId;
use comptoir_domain::idempotency::{FirstAnswer, IdempotencyKey};
use comptoir_domain::payment::{Payment, PaymentStatus};
use comptoir_domain::port::store::{PaymentRepository, Save, StoreError, Version, Versioned};
use comptoir_domain::time::Timestamp;

use crate::answers::Answers;
use crate::outbox::{Kept, MemoryRepository, Reach};

/// Payments by id, and first answers.
#[derive(Debug, Default)]
pub struct PaymentTable {
    payments: BTreeMap<PaymentId, Versioned<Payment>>,
    answers: Answers,
}

impl AsMut<Answers> for PaymentTable {
    fn as_mut(&mut self) -> &mut Answers {
        &mut self.answers
    }
}

/// Keeps payments.
pub type MemoryPayments = MemoryRepository<PaymentTable>;

impl PaymentTable {
    pub(crate) fn all(&self) -> impl Iterator<Item = &Payment> {
        self.payments.values().map(|stored| &stored.state)
    }
}

impl Kept<PaymentTable> {
    fn save(&mut self, write: Save<Payment>) -> Result<(), StoreError> {
        let Save { state, expected, outbox, answer } = write;
        let PaymentTable { payments, answers } = &mut self.table;
        let id = state.id;
        let stored = payments.get(&id);
        if stored.map_or(Version::NEW, |stored| stored.version) != expected {
            return Err(StoreError::Conflict);
        }
        answers.keep(answer)?;
        let version = expected.next();
        payments.insert(id, Versioned { state, version });
        self.outbox.put(&id, outbox);
        Ok(())
    }

    fn due(&self, now: Timestamp, limit: usize) -> Vec<PaymentId> {
        let waits = |payment: &Payment| {
            payment.status == PaymentStatus::Pending && payment.expires_at <= now
        };
        let payments = self.table.payments.values().map(|stored| &stored.state);
        let mut due: Vec<_> = payments
            .filter(|payment| waits(payment) && !self.outbox.has(&payment.id))
            .map(|payment| (payment.expires_at, payment.id))
            .collect();
        due.sort();
        due.truncate(limit);
        due.into_iter().map(|(_, id)| id).collect()
    }
}

impl PaymentRepository for MemoryPayments {
    async fn load(&self, ids: &[PaymentId]) -> Result<Vec<Option<Versioned<Payment>>>, StoreError> {
        self.read(|kept| ids.iter().map(|id| kept.table.payments.get(id).cloned()).collect()).await
    }

    async fn save(
        &self,
        writes: Vec<Save<Payment>>,
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let count = writes.len();
        let saved = self
            .write(|kept, reach| {
                let reached = match reach {
                    Reach::All => count,
                    Reach::Half => count / 2,
                };
                let writes = writes.into_iter().take(reached);
                writes.map(|write| kept.save(write)).collect()
            })
            .await;
        match saved {
            // A planned conflict is every write's own.
            Err(StoreError::Conflict) => {
                Ok((0..count).map(|_| Err(StoreError::Conflict)).collect())
            }
            saved => saved,
        }
    }

    async fn answered(&self, key: IdempotencyKey) -> Result<Option<FirstAnswer>, StoreError> {
        self.read(|kept| kept.table.answers.get(key)).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<PaymentId>, StoreError> {
        self.read(|kept| kept.due(now, limit)).await
    }
}
