//! Takes goods in.

use thiserror::Error;

use super::keep_stock::not_received;
use super::{UseCaseError, until_no_conflict};
use crate::idempotency::{Answered, FirstAnswer, KeyReused, Repeatable};
use crate::port::store::{StockRepository, StockWrite, StoreError, Versioned};
use crate::stock::{Article, Quantity, Sku, StockRefusal};

/// Receives stock.
#[derive(Debug, Clone)]
pub struct ReceiveStock<S> {
    stock: S,
}

/// Why a receipt that may be sent again is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReceiptRefused {
    /// The pieces cannot be taken in.
    #[error(transparent)]
    Stock(StockRefusal),
    /// Its key belongs to another request.
    #[error(transparent)]
    KeyReused(KeyReused),
}

impl<S: StockRepository> ReceiveStock<S> {
    /// The use case over its port.
    pub fn new(stock: S) -> Self {
        Self { stock }
    }

    /// Adds pieces to an article, which is created if it is new.
    pub async fn run(
        &self,
        sku: &Sku,
        quantity: Quantity,
    ) -> Result<Article, UseCaseError<StockRefusal>> {
        until_no_conflict(|| async {
            let article = self.received(sku, quantity).await?;
            let received = article.state.clone();
            self.apply(article, None).await?;
            Ok(received)
        })
        .await
    }

    /// The same for a request that may be sent again: the pieces are added together with the answer,
    /// which tells the counters after it, or the answer to an earlier one is found.
    pub async fn run_once(
        &self,
        sku: &Sku,
        quantity: Quantity,
        request: &Repeatable<'_, Article>,
    ) -> Result<Answered<Article>, UseCaseError<ReceiptRefused>> {
        until_no_conflict(|| self.attempt(sku, quantity, request)).await
    }

    async fn attempt(
        &self,
        sku: &Sku,
        quantity: Quantity,
        request: &Repeatable<'_, Article>,
    ) -> Result<Answered<Article>, UseCaseError<ReceiptRefused>> {
        let article = self.received(sku, quantity).await;
        // Asked after the article was read: who is refused for what this very request did before
        // must be told of that.
        if let Some(first) = self.stock.answered(sku, request.key).await? {
            let reused = |reused| UseCaseError::Refused(ReceiptRefused::KeyReused(reused));
            return request.again(first).map_err(reused);
        }
        let article = article.map_err(|error| error.map(ReceiptRefused::Stock))?;
        let received = article.state.clone();
        let answer = request.first_answer(&received);
        match self.apply(article, Some(answer)).await {
            // Somebody was faster: the next attempt finds the answer.
            Err(StoreError::Duplicate { .. }) => Err(StoreError::Conflict.into()),
            applied => {
                applied?;
                Ok(Answered::Now(received))
            }
        }
    }

    /// The article with the pieces in it, over the version that is stored.
    async fn received(
        &self,
        sku: &Sku,
        quantity: Quantity,
    ) -> Result<Versioned<Article>, UseCaseError<StockRefusal>> {
        let found = self.stock.load(std::slice::from_ref(sku)).await?.pop().flatten();
        let mut article = found.unwrap_or_else(|| not_received(sku.clone()));
        article.state.receive(quantity).map_err(UseCaseError::Refused)?;
        Ok(article)
    }

    async fn apply(
        &self,
        article: Versioned<Article>,
        answer: Option<FirstAnswer>,
    ) -> Result<(), StoreError> {
        let write = StockWrite { article: Some(article), reservations: Vec::new(), answer };
        self.stock.apply(write).await
    }

    /// Gives each article that nobody ever received its first pieces; an article that is there, or
    /// that another instance creates at the same moment, stays as it is.
    pub async fn seed(&self, articles: &[(Sku, Quantity)]) -> Result<(), StoreError> {
        let skus: Vec<Sku> = articles.iter().map(|(sku, _)| sku.clone()).collect();
        let found = self.stock.load(&skus).await?;
        for ((sku, quantity), found) in articles.iter().zip(found) {
            if found.is_some() {
                continue;
            }
            let mut article = not_received(sku.clone());
            article.state.receive(*quantity).map_err(|full| StoreError::Corrupt(full.into()))?;
            match self.apply(article, None).await {
                Ok(()) | Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
