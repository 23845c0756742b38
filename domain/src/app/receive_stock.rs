//! Takes goods in.

use super::keep_stock::not_received;
use super::{UseCaseError, until_no_conflict};
use crate::port::store::{StockRepository, StockWrite, StoreError};
use crate::stock::{Article, Quantity, Sku, StockRefusal};

/// Receives stock.
#[derive(Debug, Clone)]
pub struct ReceiveStock<S> {
    stock: S,
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
        until_no_conflict(|| self.attempt(sku, quantity)).await
    }

    async fn attempt(
        &self,
        sku: &Sku,
        quantity: Quantity,
    ) -> Result<Article, UseCaseError<StockRefusal>> {
        let found = self.stock.load(std::slice::from_ref(sku)).await?.pop().flatten();
        let mut article = found.unwrap_or_else(|| not_received(sku.clone()));
        article.state.receive(quantity).map_err(UseCaseError::Refused)?;
        let received = article.state.clone();
        let write = StockWrite { article: Some(article), reservations: Vec::new() };
        self.stock.apply(write).await?;
        Ok(received)
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
            let write = StockWrite { article: Some(article), reservations: Vec::new() };
            match self.stock.apply(write).await {
                Ok(()) | Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
