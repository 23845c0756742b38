//! A repository with a mistake in front of it; what the mistake leaves alone goes through.

use comptoir_domain::outbox::{OutboxOwner, Pending, Published};
use comptoir_domain::port::store::{FirstAnswers, Outbox, StoreError};
use comptoir_domain::time::Timestamp;

/// `M` says what goes wrong.
#[derive(Debug, Clone)]
pub(crate) struct Over<R, M> {
    pub(super) sound: R,
    pub(super) mistake: M,
}

impl<R: FirstAnswers, M: Clone + Send + Sync + 'static> FirstAnswers for Over<R, M> {
    async fn forget_answers(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.sound.forget_answers(before, limit).await
    }
}

impl<R: Outbox, M: Clone + Send + Sync + 'static> Outbox for Over<R, M> {
    async fn nudged(&self) -> Vec<OutboxOwner> {
        self.sound.nudged().await
    }

    async fn pending(&self, owners: &[OutboxOwner]) -> Result<Vec<Pending>, StoreError> {
        self.sound.pending(owners).await
    }

    async fn clear(&self, published: &[Published]) -> Result<(), StoreError> {
        self.sound.clear(published).await
    }

    async fn leftovers(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxOwner>, StoreError> {
        self.sound.leftovers(before, limit).await
    }

    async fn flush(&self) -> Result<(), StoreError> {
        self.sound.flush().await
    }
}
