//! Payments.

use std::collections::BTreeMap;

use comptoir_domain::id::PaymentId;
use comptoir_domain::payment::{Payment, PaymentStatus};
use comptoir_domain::port::store::{PaymentRepository, Save, StoreError, Version, Versioned};
use comptoir_domain::time::Timestamp;

use crate::outbox::{Kept, MemoryRepository, Reach};

/// Payments by id.
#[derive(Debug, Default)]
pub struct PaymentTable(BTreeMap<PaymentId, Versioned<Payment>>);

/// Keeps payments.
pub type MemoryPayments = MemoryRepository<PaymentTable>;

impl PaymentTable {
    pub(crate) fn all(&self) -> impl Iterator<Item = &Payment> {
        self.0.values().map(|stored| &stored.state)
    }
}

impl Kept<PaymentTable> {
    fn save(&mut self, write: Save<Payment>) -> Result<(), StoreError> {
        let Save { state, expected, outbox } = write;
        let id = state.id;
        let stored = self.table.0.get(&id);
        if stored.map_or(Version::NEW, |stored| stored.version) != expected {
            return Err(StoreError::Conflict);
        }
        let version = expected.next();
        self.table.0.insert(id, Versioned { state, version });
        self.outbox.put(&id, outbox);
        Ok(())
    }

    fn due(&self, now: Timestamp, limit: usize) -> Vec<PaymentId> {
        let waits = |payment: &Payment| {
            payment.status == PaymentStatus::Pending && payment.expires_at <= now
        };
        let payments = self.table.0.values().map(|stored| &stored.state);
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
        self.read(|kept| ids.iter().map(|id| kept.table.0.get(id).cloned()).collect()).await
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

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<PaymentId>, StoreError> {
        self.read(|kept| kept.due(now, limit)).await
    }
}
