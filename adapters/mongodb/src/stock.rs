//! Stock: an article and its reservations are documents of their own, yet change together.
//!
//! [`StockRepository::apply`] writes, in this order,
//! 1. the article, over the version that was read: its counters, and with them in `moving` everything
//!    that becomes of the reservations, their events included;
//! 2. the reservations, each over its own version;
//! 3. some time later the article again, without `moving`, if nobody has written it meanwhile.
//!
//! The first write decides. Whoever finds an article with moves repeats the second write before
//! anything is decided on it: a repeat finds what it would change changed already. So a process that
//! dies in between leaves nothing half done, and everybody decides on whole facts. Nobody writes an
//! article whose moves are not known to be done; therefore there is never more than one set of them,
//! and the next write may replace it.
//!
//! Answers that are given without an article (nobody ever received it) need the same guard, or a
//! reservation could be rejected by one process and held by another that saw the first receipt. They
//! make a document without counters, which is no article to anybody else.
//!
//! The answer to a receipt that carried an idempotency key goes with the first write, too; how it is
//! kept there until the next one comes is told in [`receipts`].

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use comptoir_domain::id::PaymentId;
use comptoir_domain::idempotency::{FirstAnswer, IdempotencyKey};
use comptoir_domain::outbox::{OutboxOwner, Pending, Published};
use comptoir_domain::port::store::{
    FirstAnswers, Outbox, StockRepository, StockWrite, StoreError, Versioned,
};
use comptoir_domain::stock::{Article, Reservation, Sku};
use comptoir_domain::time::Timestamp;
use mongodb::bson::doc;
use tokio::time::Instant;

use crate::document::Found;
use crate::error::Failure;
use crate::outbox::{self, Nudges};
use crate::server::Server;
use crate::table::{FIND_CHUNK, GUARD, Index, IndexKind, PENDING, Query, Table, Verb};
use crate::write::Writer;

mod apply;
mod article;
mod known;
mod moves;
mod receipts;
mod reservation;
mod settled;

use article::Seen;
use known::Known;
use moves::Untidy;
use settled::Settled;

const MOVING: Index = Index { name: "moving", fields: &["moves"], kind: IndexKind::Sparse };
const RECEIVED: Index =
    Index { name: "received", fields: &["received_at"], kind: IndexKind::Sparse };

/// Keeps stock.
#[derive(Clone)]
pub struct Stock(Arc<Kept>);

struct Kept {
    articles: Arc<Table>,
    reservations: Arc<Table>,
    receipts: Arc<Table>,
    nudges: Arc<Nudges>,
    first_articles: Writer,
    next_articles: Writer,
    first_reservations: Writer,
    next_reservations: Writer,
    settled: Settled,
    known: Known,
    untidy: Untidy,
}

impl fmt::Debug for Stock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stock").finish_non_exhaustive()
    }
}

impl Stock {
    pub(crate) fn new(server: &Arc<Server>) -> Self {
        const SERVICE: &str = "inventories-service";
        const ARTICLES: &[Index] = &[GUARD, MOVING, RECEIVED];
        let articles = Table::new(server, SERVICE, ("articles", "article"), ARTICLES);
        let reservations =
            Table::new(server, SERVICE, ("reservations", "reservation"), &[GUARD, PENDING]);
        let nudges = Arc::default();
        Self(Arc::new(Kept {
            first_articles: Writer::new(&articles, Verb::Insert, &nudges),
            next_articles: Writer::new(&articles, Verb::Update, &nudges),
            first_reservations: Writer::new(&reservations, Verb::Insert, &nudges),
            next_reservations: Writer::new(&reservations, Verb::Update, &nudges),
            receipts: receipts::table(server, SERVICE),
            articles,
            reservations,
            nudges,
            settled: Settled::default(),
            known: Known::default(),
            untidy: Untidy::default(),
        }))
    }
}

impl Kept {
    fn deadline(&self) -> Instant {
        self.articles.server.deadline()
    }

    /// The articles of these codes, once their moves are done.
    async fn see(&self, skus: &[Sku], deadline: Instant) -> Result<Vec<Seen>, Failure> {
        let query = article::without_moves(Query::ids(skus.iter().map(Sku::as_str)));
        let seen = self.articles.find(query, deadline, Seen::read).await?;
        for seen in &seen {
            self.settle(seen, deadline).await?;
            self.known.at(&seen.sku, seen.version);
        }
        Ok(seen)
    }

    /// Takes away what nobody needs any more: published events, and moves that are done.
    async fn flush(&self, deadline: Instant) -> Result<(), Failure> {
        outbox::clear_all(&self.reservations, &self.nudges, deadline).await?;
        self.tidy(deadline).await;
        Ok(())
    }

    /// Finishes what processes that died, or are still at it, have begun.
    async fn settle_all(&self, deadline: Instant) -> Result<(), Failure> {
        let filter = doc! { "moves": { "$exists": true } };
        let query = article::without_moves(Query { filter, ..Query::default() });
        for seen in self.articles.find(query, deadline, Seen::read).await? {
            self.settle(&seen, deadline).await?;
        }
        Ok(())
    }
}

impl StockRepository for Stock {
    async fn articles(&self) -> Result<Vec<Article>, StoreError> {
        let query = article::without_moves(Query::default());
        let seen = self.0.articles.find(query, self.0.deadline(), Seen::read).await?;
        let mut articles: Vec<_> = seen.into_iter().filter_map(|seen| seen.article).collect();
        articles.sort_by(|one, other| one.sku().cmp(other.sku()));
        Ok(articles)
    }

    async fn load(&self, skus: &[Sku]) -> Result<Vec<Option<Versioned<Article>>>, StoreError> {
        let deadline = self.0.deadline();
        let mut stored = HashMap::with_capacity(skus.len());
        for skus in skus.chunks(FIND_CHUNK) {
            for Seen { version, article, .. } in self.0.see(skus, deadline).await? {
                if let Some(state) = article {
                    stored.insert(state.sku().clone(), Versioned { state, version });
                }
            }
        }
        Ok(skus.iter().map(|sku| stored.get(sku).cloned()).collect())
    }

    /// Whoever decides on them loads their articles first: that finishes what others have begun.
    async fn reservations(
        &self,
        payments: &[PaymentId],
    ) -> Result<Vec<Option<Reservation>>, StoreError> {
        let known = self.0.known.stored(payments).into_iter();
        let mut stored: HashMap<_, _> = known.map(|known| (known.state.payment, known)).collect();
        let unknown = payments.iter().filter(|payment| !stored.contains_key(*payment));
        let unknown: Vec<_> = unknown.copied().collect();
        stored.extend(self.0.stored_reservations(&unknown, self.0.deadline()).await?);
        let state = |payment| stored.get(payment).map(|stored| stored.state.clone());
        Ok(payments.iter().map(state).collect())
    }

    async fn answered(
        &self,
        sku: &Sku,
        key: IdempotencyKey,
    ) -> Result<Option<FirstAnswer>, StoreError> {
        Ok(self.0.answered(sku, key, self.0.deadline()).await?)
    }

    async fn apply(&self, write: StockWrite) -> Result<(), StoreError> {
        self.0.apply(write).await
    }
}

impl Kept {
    async fn stored_reservations(
        &self,
        payments: &[PaymentId],
        deadline: Instant,
    ) -> Result<HashMap<PaymentId, Versioned<Reservation>>, Failure> {
        let when = self.known.now();
        let mut stored = HashMap::with_capacity(payments.len());
        for payments in payments.chunks(FIND_CHUNK) {
            let query = Query::ids(payments.iter().map(ToString::to_string));
            let query = query.only(&["version", "schema", "state"]);
            let read = |found: Found<'_>| {
                Ok(Versioned { state: reservation::read(found)?, version: found.version()? })
            };
            let found = self.reservations.find(query, deadline, read).await?;
            stored.extend(found.into_iter().map(|found| (found.state.payment, found)));
        }
        self.known.read(when, payments, &stored);
        Ok(stored)
    }
}

impl FirstAnswers for Stock {
    async fn forget_answers(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        Ok(self.0.forget_answers(before, limit, self.0.deadline()).await?)
    }
}

impl Outbox for Stock {
    async fn nudged(&self) -> Vec<OutboxOwner> {
        self.0.nudges.nudged().await
    }

    async fn pending(&self, owners: &[OutboxOwner]) -> Result<Vec<Pending>, StoreError> {
        Ok(outbox::pending(&self.0.reservations, &self.0.nudges, owners, self.0.deadline()).await?)
    }

    async fn clear(&self, published: &[Published]) -> Result<(), StoreError> {
        let Kept { reservations, nudges, .. } = &*self.0;
        let deadline = self.0.deadline();
        outbox::clear(reservations, nudges, published, deadline).await?;
        self.0.tidy(deadline).await;
        Ok(())
    }

    /// Events that are still on their way to their reservations are brought there first.
    async fn leftovers(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxOwner>, StoreError> {
        let deadline = self.0.deadline();
        self.0.settle_all(deadline).await?;
        self.0.flush(deadline).await?;
        let found = outbox::leftovers(&self.0.reservations, before, limit, deadline).await?;
        Ok(found.into_iter().map(|(_, owner)| owner).collect())
    }

    async fn flush(&self) -> Result<(), StoreError> {
        Ok(self.0.flush(self.0.deadline()).await?)
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::oid::ObjectId;
    use mongodb::bson::{Document, RawDocumentBuf};
    use proptest::prelude::*;

    use super::*;
    use crate::damage::{PAYMENT, document, documents, event, reads};

    fn reserved() -> Document {
        doc! { "sku": "coffee-mug", "quantity": 2_i64, "status": "held" }
    }

    fn article() -> Document {
        let counters = doc! { "received": 6_i64, "available": 4_i64, "held": 2_i64, "sold": 0_i64 };
        let one = doc! {
            "expected": 0_i64, "write_id": ObjectId::new(), "state": reserved(), "oldest": 1_i64,
            "outbox": { "1999": event() },
        };
        let mut article = document("coffee-mug", counters);
        article.insert("moving", doc! { PAYMENT: one });
        article.insert("moves", 1);
        article
    }

    #[test]
    fn the_examples_are_what_they_are_for() {
        let stored = RawDocumentBuf::try_from(&article()).unwrap();
        let found = Found::new("article", &stored);
        assert_eq!(Seen::read(found).unwrap().article.unwrap().held(), 2);
        assert_eq!(moves::decode(found).unwrap().1.len(), 1);
        let stored = RawDocumentBuf::try_from(&document(PAYMENT, reserved())).unwrap();
        let reservation = reservation::read(Found::new("reservation", &stored)).unwrap();
        assert_eq!(reservation.quantity.pieces(), 2);
    }

    proptest! {
        #[test]
        fn any_document_is_an_article_or_malformed(stored in documents(vec![article()])) {
            if let Some(Seen { article: Some(article), .. }) = reads(&stored, Seen::read)? {
                let sum = article.available() + article.held() + article.sold();
                prop_assert_eq!(article.received(), sum);
            }
        }

        #[test]
        fn any_document_has_moves_or_is_malformed(stored in documents(vec![article()])) {
            for draft in reads(&stored, moves::decode)?.into_iter().flat_map(|(_, moves)| moves) {
                draft.into_write();
            }
        }

        #[test]
        fn any_document_is_a_reservation_or_malformed(
            stored in documents(vec![document(PAYMENT, reserved())]),
        ) {
            reads(&stored, reservation::read)?;
        }
    }
}
