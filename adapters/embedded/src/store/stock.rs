//! Articles and reservations.

use comptoir_domain::id::PaymentId;
use comptoir_domain::idempotency::{FirstAnswer, IdempotencyKey};
use comptoir_domain::port::store::{
    ReservationWrite, StockRepository, StockWrite, StoreError, Version, Versioned,
};
use comptoir_domain::stock::{Article, Quantity, Reservation, ReservationStatus, Sku};
use fjall::Slice;
use serde::{Deserialize, Serialize};

use super::{Row, SCHEMA, Stock, answers, weight};
use crate::error::{Failure, Malformed};
use crate::keyspaces::{self, Db, Space};
use crate::outbox::{self, Encoded};
use crate::writer::Transaction;

const ARTICLE: u8 = b'a';
const RESERVATION: u8 = b'r';

fn article_key(sku: &Sku) -> Slice {
    keyspaces::tagged(ARTICLE, sku.as_str().as_bytes())
}

fn reservation_key(payment: PaymentId) -> Slice {
    keyspaces::id_key(RESERVATION, payment.as_uuid())
}

#[derive(Serialize, Deserialize)]
struct ArticleRow {
    schema: u32,
    version: u64,
    received: u64,
    available: u64,
    held: u64,
    sold: u64,
}

impl Row for ArticleRow {
    const WHAT: &'static str = "an article";

    fn schema(&self) -> u32 {
        self.schema
    }
}

impl ArticleRow {
    fn of(article: &Article, version: Version) -> Self {
        Self {
            schema: SCHEMA,
            version: version.0,
            received: article.received(),
            available: article.available(),
            held: article.held(),
            sold: article.sold(),
        }
    }

    fn into_article(self, sku: Sku) -> Result<Versioned<Article>, Malformed> {
        let counters = [self.available, self.held, self.sold];
        let article = Article::restore(sku, self.received, counters);
        Ok(Versioned {
            state: article.map_err(|error| Self::wrong(error.to_string()))?,
            version: Version(self.version),
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Held,
    Sold,
    Released,
    Rejected,
}

impl From<ReservationStatus> for Status {
    fn from(status: ReservationStatus) -> Self {
        match status {
            ReservationStatus::Held => Self::Held,
            ReservationStatus::Sold => Self::Sold,
            ReservationStatus::Released => Self::Released,
            ReservationStatus::Rejected => Self::Rejected,
        }
    }
}

impl From<Status> for ReservationStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Held => Self::Held,
            Status::Sold => Self::Sold,
            Status::Released => Self::Released,
            Status::Rejected => Self::Rejected,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct ReservationRow {
    schema: u32,
    sku: String,
    quantity: u32,
    status: Status,
}

impl Row for ReservationRow {
    const WHAT: &'static str = "a reservation";

    fn schema(&self) -> u32 {
        self.schema
    }
}

impl ReservationRow {
    fn of(reservation: &Reservation) -> Self {
        Self {
            schema: SCHEMA,
            sku: reservation.sku.to_string(),
            quantity: reservation.quantity.pieces(),
            status: reservation.status.into(),
        }
    }

    fn into_reservation(self, payment: PaymentId) -> Result<Reservation, Malformed> {
        let sku = Sku::try_from(self.sku).map_err(|error| Self::wrong(error.to_string()))?;
        let quantity = Quantity::to_receive(self.quantity.into());
        Ok(Reservation {
            payment,
            sku,
            quantity: quantity.map_err(|error| Self::wrong(error.to_string()))?,
            status: self.status.into(),
        })
    }
}

/// A reservation on its way, with all that could be made of it beforehand.
struct Claim {
    payment: PaymentId,
    expected: Option<Status>,
    row: Slice,
    outbox: Vec<Encoded>,
}

impl Claim {
    fn new(write: &ReservationWrite) -> Self {
        Self {
            payment: write.reservation.payment,
            expected: write.expected.map(Status::from),
            row: ReservationRow::of(&write.reservation).encode(),
            outbox: Encoded::all(&write.outbox),
        }
    }

    fn run(self, tx: &mut Transaction<'_>) -> Result<(), StoreError> {
        let key = reservation_key(self.payment);
        let stored = tx.get(Space::State, &key)?;
        let stored = stored.map(|row| ReservationRow::decode(&row)).transpose();
        if stored.map_err(Failure::from)?.map(|row| row.status) != self.expected {
            return Err(StoreError::Conflict);
        }
        tx.put(Space::State, key, self.row);
        outbox::add(tx, outbox::STOCK, &self.payment.to_string(), &self.outbox)?;
        Ok(())
    }
}

fn save_article(
    tx: &mut Transaction<'_>,
    Versioned { state, version }: &Versioned<Article>,
) -> Result<(), StoreError> {
    let key = article_key(state.sku());
    let stored = tx.get(Space::State, &key)?;
    let stored = stored.map(|row| ArticleRow::decode(&row)).transpose();
    let stored = stored.map_err(Failure::from)?;
    if stored.map_or(Version::NEW, |row| Version(row.version)) != *version {
        return Err(StoreError::Conflict);
    }
    tx.put(Space::State, key, ArticleRow::of(state, version.next()).encode());
    Ok(())
}

fn articles(db: &Db) -> Result<Vec<Article>, Failure> {
    let mut articles = Vec::new();
    for row in db.space(Space::State).prefix([ARTICLE]) {
        let (key, row) = row.into_inner()?;
        let sku = String::from_utf8(key[1..].to_vec()).ok().and_then(|sku| Sku::try_from(sku).ok());
        let sku = sku.ok_or_else(|| ArticleRow::wrong("its code cannot be read"))?;
        articles.push(ArticleRow::decode(&row)?.into_article(sku)?.state);
    }
    Ok(articles)
}

fn load(db: &Db, sku: Sku) -> Result<Option<Versioned<Article>>, Failure> {
    let row = db.get(Space::State, &article_key(&sku))?;
    Ok(row.map(|row| ArticleRow::decode(&row)?.into_article(sku)).transpose()?)
}

fn reservation(db: &Db, payment: PaymentId) -> Result<Option<Reservation>, Failure> {
    let row = db.get(Space::State, &reservation_key(payment))?;
    Ok(row.map(|row| ReservationRow::decode(&row)?.into_reservation(payment)).transpose()?)
}

impl StockRepository for Stock {
    async fn articles(&self) -> Result<Vec<Article>, StoreError> {
        Ok(self.0.read(articles).await?)
    }

    async fn load(&self, skus: &[Sku]) -> Result<Vec<Option<Versioned<Article>>>, StoreError> {
        let skus = skus.to_vec();
        let read = move |db: &Db| skus.into_iter().map(|sku| load(db, sku)).collect();
        Ok(self.0.read(read).await?)
    }

    async fn reservations(
        &self,
        payments: &[PaymentId],
    ) -> Result<Vec<Option<Reservation>>, StoreError> {
        let payments = payments.to_vec();
        let read = move |db: &Db| payments.into_iter().map(|id| reservation(db, id)).collect();
        Ok(self.0.read(read).await?)
    }

    async fn answered(
        &self,
        _: &Sku,
        key: IdempotencyKey,
    ) -> Result<Option<FirstAnswer>, StoreError> {
        Ok(self.0.read(move |db| answers::find(db, outbox::STOCK, key)).await?)
    }

    async fn apply(&self, write: StockWrite) -> Result<(), StoreError> {
        let article = write.article;
        let answer = write.answer.as_ref().map(answers::Encoded::new);
        let claims: Vec<_> = write.reservations.iter().map(Claim::new).collect();
        let bytes = claims.iter().map(|claim| weight(&claim.outbox)).sum::<usize>()
            + answer.as_ref().map_or(0, answers::Encoded::len);
        // What was written before a conflict is found goes with it.
        let apply = move |tx: &mut Transaction<'_>| {
            if let Some(article) = &article {
                save_article(tx, article)?;
            }
            if let Some(answer) = answer {
                answer.check(tx, outbox::STOCK)?;
                answer.keep(tx, outbox::STOCK);
            }
            claims.into_iter().try_for_each(|claim| claim.run(tx))
        };
        self.0.write(bytes, apply).await
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sku() -> Sku {
        Sku::try_from("coffee-mug".to_owned()).unwrap()
    }

    fn read(row: &[u8]) -> Result<Versioned<Article>, Malformed> {
        ArticleRow::decode(row)?.into_article(sku())
    }

    fn article_row() -> Slice {
        let article = Article::restore(sku(), 100, [70, 20, 10]).unwrap();
        ArticleRow::of(&article, Version(7)).encode()
    }

    proptest! {
        #[test]
        fn a_cut_article_is_none(at: prop::sample::Index) {
            let row = article_row();
            prop_assert!(read(&row).is_ok());
            prop_assert!(read(&row[..at.index(row.len())]).is_err());
        }

        #[test]
        fn a_changed_article_still_balances_or_is_none(at: prop::sample::Index, byte: u8) {
            let mut row = article_row().to_vec();
            let at = at.index(row.len());
            row[at] = byte;
            if let Ok(Versioned { state, .. }) = read(&row) {
                let counted = state.available() + state.held() + state.sold();
                prop_assert_eq!(counted, state.received());
            }
        }

        #[test]
        fn any_bytes_give_rows_or_errors(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(read(&bytes).is_err());
            prop_assert!(ReservationRow::decode(&bytes).is_err());
        }
    }

    /// JSON may be nested more deeply than a stack is.
    #[test]
    fn a_nest_without_end_is_none() {
        assert!(read(&vec![b'['; 1_000_000]).is_err());
        assert!(read(&b"{\"schema\":".repeat(100_000)).is_err());
    }
}
