//! The stores: users, payments and stock, each with its outbox.
//!
//! States are rows of JSON with the version of their schema, in structs of their own: what the domain
//! calls things may change, what is stored may not.

use std::sync::Arc;

use comptoir_domain::outbox::{OutboxOwner, Pending, Published};
use comptoir_domain::port::store::{Outbox, StoreError};
use comptoir_domain::time::Timestamp;
use fjall::Slice;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::embedded::Core;
use crate::error::{Failure, Malformed};
use crate::outbox::{self, Collection, Encoded};
use crate::writer::Transaction;

mod answers;
mod payments;
mod stock;
mod users;

/// Users.
pub type Users = Repository<{ outbox::USERS }>;
/// Payments.
pub type Payments = Repository<{ outbox::PAYMENTS }>;
/// Stock.
pub type Stock = Repository<{ outbox::STOCK }>;

/// One repository, by the number of its outboxes.
#[derive(Clone)]
pub struct Repository<const OF: Collection>(pub(crate) Arc<Core>);

impl<const OF: Collection> Outbox for Repository<OF> {
    async fn nudged(&self) -> Vec<OutboxOwner> {
        self.0.shared.waiting(OF).nudged().await
    }

    async fn pending(&self, owners: &[OutboxOwner]) -> Result<Vec<Pending>, StoreError> {
        // What is read here is to be published and cleared, which are writes.
        self.0.shared.check_takes_writes()?;
        let owners = owners.to_vec();
        Ok(self.0.read(move |db| outbox::pending(db, OF, &owners)).await?)
    }

    async fn clear(&self, published: &[Published]) -> Result<(), StoreError> {
        if published.is_empty() {
            return Ok(());
        }
        let published = published.to_vec();
        let clear = move |tx: &mut Transaction<'_>| {
            published.iter().try_for_each(|published| outbox::clear(tx, OF, published))
        };
        self.0.write(0, clear).await.map_err(|failure: Failure| failure.into())
    }

    async fn leftovers(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxOwner>, StoreError> {
        self.0.shared.check_takes_writes()?;
        let shared = Arc::clone(&self.0.shared);
        let find = move |db: &_| outbox::leftovers(db, shared.waiting(OF), OF, before, limit);
        Ok(self.0.read(find).await?)
    }

    async fn flush(&self) -> Result<(), StoreError> {
        // What is cleared is durable at once.
        Ok(())
    }
}

/// The version of every row's schema so far.
const SCHEMA: u32 = 1;

/// A row of JSON.
trait Row: Serialize + DeserializeOwned {
    /// What it holds, for errors.
    const WHAT: &'static str;

    fn schema(&self) -> u32;

    fn encode(&self) -> Slice {
        // Rows are structs of texts and numbers, which always have a JSON form.
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        #[derive(Deserialize)]
        struct Any {
            schema: u32,
        }
        let row = serde_json::from_slice::<Self>(bytes);
        let found = match &row {
            Ok(row) => Some(row.schema()),
            Err(_) => serde_json::from_slice(bytes).ok().map(|any: Any| any.schema),
        };
        match (row, found) {
            (Ok(row), Some(SCHEMA)) => Ok(row),
            (Err(error), Some(SCHEMA) | None) => Err(Malformed::new(Self::WHAT, error.to_string())),
            (_, Some(found)) => Err(Self::wrong(format!("schema {found} is unknown"))),
            (Ok(_), None) => Err(Self::wrong("it has no schema")),
        }
    }

    /// It has a schema that is known, yet a value that is none.
    fn wrong(problem: impl Into<String>) -> Malformed {
        Malformed::new(Self::WHAT, problem)
    }
}

/// About how many bytes a write takes up in its group.
fn weight(outbox: &[Encoded]) -> usize {
    /// A row of state, with room to spare.
    const STATE: usize = 512;
    STATE + outbox.iter().map(Encoded::len).sum::<usize>()
}
