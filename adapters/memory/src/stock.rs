//! Stock: articles and reservations.

use std::collections::BTreeMap;

use comptoir_domain::id::PaymentId;
use comptoir_domain::idempotency::{FirstAnswer, IdempotencyKey};
use comptoir_domain::port::store::{StockRepository, StockWrite, StoreError, Version, Versioned};
use comptoir_domain::stock::{Article, Reservation, Sku};

use crate::answers::Answers;
use crate::outbox::{Kept, MemoryRepository};

/// Articles by code, reservations by payment, and first answers.
#[derive(Debug, Default)]
pub struct StockTable {
    articles: BTreeMap<Sku, Versioned<Article>>,
    reservations: BTreeMap<PaymentId, Reservation>,
    answers: Answers,
}

impl AsMut<Answers> for StockTable {
    fn as_mut(&mut self) -> &mut Answers {
        &mut self.answers
    }
}

/// Keeps stock.
pub type MemoryStock = MemoryRepository<StockTable>;

impl StockTable {
    pub(crate) fn all(&self) -> (Vec<Article>, Vec<Reservation>) {
        let articles = self.articles.values().map(|article| article.state.clone());
        (articles.collect(), self.reservations.values().cloned().collect())
    }

    fn is_as_expected(&self, write: &StockWrite) -> bool {
        let article = write.article.as_ref().is_none_or(|article| {
            let stored = self.articles.get(article.state.sku());
            stored.map_or(Version::NEW, |stored| stored.version) == article.version
        });
        let reservation = write.reservations.iter().all(|write| {
            let stored = self.reservations.get(&write.reservation.payment);
            stored.map(|stored| stored.status) == write.expected
        });
        article && reservation
    }
}

impl Kept<StockTable> {
    fn apply(&mut self, write: StockWrite) -> Result<(), StoreError> {
        if !self.table.is_as_expected(&write) {
            return Err(StoreError::Conflict);
        }
        self.table.answers.keep(write.answer)?;
        if let Some(Versioned { state, version }) = write.article {
            let version = version.next();
            let sku = state.sku().clone();
            self.table.articles.insert(sku, Versioned { state, version });
        }
        for write in write.reservations {
            let payment = write.reservation.payment;
            self.outbox.put(&payment, write.outbox);
            self.table.reservations.insert(payment, write.reservation);
        }
        Ok(())
    }
}

impl StockRepository for MemoryStock {
    async fn articles(&self) -> Result<Vec<Article>, StoreError> {
        self.read(|kept| {
            let stored = kept.table.articles.values();
            stored.map(|article| article.state.clone()).collect()
        })
        .await
    }

    async fn load(&self, skus: &[Sku]) -> Result<Vec<Option<Versioned<Article>>>, StoreError> {
        self.read(|kept| {
            let stored = |sku| kept.table.articles.get(sku).cloned();
            skus.iter().map(stored).collect()
        })
        .await
    }

    async fn reservations(
        &self,
        payments: &[PaymentId],
    ) -> Result<Vec<Option<Reservation>>, StoreError> {
        self.read(|kept| {
            let stored = |id| kept.table.reservations.get(id).cloned();
            payments.iter().map(stored).collect()
        })
        .await
    }

    async fn answered(
        &self,
        _: &Sku,
        key: IdempotencyKey,
    ) -> Result<Option<FirstAnswer>, StoreError> {
        self.read(|kept| kept.table.answers.get(key)).await
    }

    async fn apply(&self, write: StockWrite) -> Result<(), StoreError> {
        self.write(|kept, _| kept.apply(write)).await?
    }
}
