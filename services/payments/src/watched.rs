//! Payments, whose saves wake those who wait for them to be settled.

use std::sync::Arc;

use comptoir_domain::id::PaymentId;
use comptoir_domain::idempotency::{FirstAnswer, IdempotencyKey};
use comptoir_domain::outbox::{OutboxOwner, Pending, Published};
use comptoir_domain::payment::{Payment, PaymentStatus};
use comptoir_domain::port::store::{
    FirstAnswers, Outbox, PaymentRepository, Save, StoreError, Versioned,
};
use comptoir_domain::time::Timestamp;

use crate::waiting::WaitingRoom;

/// A repository that tells the waiting room what it saved.
#[derive(Debug, Clone)]
pub(crate) struct Watched<R> {
    inner: R,
    room: Arc<WaitingRoom>,
}

impl<R> Watched<R> {
    pub(crate) fn new(inner: R, room: Arc<WaitingRoom>) -> Self {
        Self { inner, room }
    }
}

impl<R: PaymentRepository> PaymentRepository for Watched<R> {
    async fn load(&self, ids: &[PaymentId]) -> Result<Vec<Option<Versioned<Payment>>>, StoreError> {
        self.inner.load(ids).await
    }

    async fn save(
        &self,
        writes: Vec<Save<Payment>>,
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let settled = |write: &Save<Payment>| {
            (write.state.status != PaymentStatus::Pending).then_some(write.state.id)
        };
        let settled: Vec<_> = writes.iter().map(settled).collect();
        let written = self.inner.save(writes).await?;
        for (id, result) in settled.into_iter().zip(&written) {
            if let (Some(id), Ok(())) = (id, result) {
                self.room.settled(id);
            }
        }
        Ok(written)
    }

    async fn answered(&self, key: IdempotencyKey) -> Result<Option<FirstAnswer>, StoreError> {
        self.inner.answered(key).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<PaymentId>, StoreError> {
        self.inner.due(now, limit).await
    }
}

impl<R: PaymentRepository> FirstAnswers for Watched<R> {
    async fn forget_answers(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.inner.forget_answers(before, limit).await
    }
}

impl<R: PaymentRepository> Outbox for Watched<R> {
    async fn nudged(&self) -> Vec<OutboxOwner> {
        self.inner.nudged().await
    }

    async fn pending(&self, owners: &[OutboxOwner]) -> Result<Vec<Pending>, StoreError> {
        self.inner.pending(owners).await
    }

    async fn clear(&self, published: &[Published]) -> Result<(), StoreError> {
        self.inner.clear(published).await
    }

    async fn leftovers(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxOwner>, StoreError> {
        self.inner.leftovers(before, limit).await
    }

    async fn flush(&self) -> Result<(), StoreError> {
        self.inner.flush().await
    }
}
