//! Payments, and the index of those that wait for their time to be up.

use comptoir_domain::envelope::Origin;
use comptoir_domain::event::StockRefused;
use comptoir_domain::id::{EventId, PaymentId, UserId};
use comptoir_domain::idempotency::{FirstAnswer, IdempotencyKey};
use comptoir_domain::money::{Amount, Money};
use comptoir_domain::payment::{Order, Payment, PaymentStatus};
use comptoir_domain::port::store::{PaymentRepository, Save, StoreError, Version, Versioned};
use comptoir_domain::stock::{Quantity, Sku};
use comptoir_domain::time::Timestamp;
use fjall::Slice;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Payments, Row, SCHEMA, answers, weight};
use crate::error::{Failure, Malformed};
use crate::keyspaces::{self, Db, Space};
use crate::outbox::{self, Encoded, Floor};
use crate::writer::Transaction;

const PAYMENT: u8 = b'p';
const DUE: u8 = b'd';

fn payment_key(id: PaymentId) -> Slice {
    keyspaces::id_key(PAYMENT, id.as_uuid())
}

fn due_key(at: Timestamp, id: Uuid) -> Slice {
    [&[DUE], keyspaces::time_bytes(at).as_slice(), id.as_bytes()].concat().into()
}

fn parse_due_key(key: &[u8]) -> Result<(Timestamp, PaymentId), Malformed> {
    let wrong = || Malformed::new("the time of a payment", "it cannot be read");
    let (time, id) = key.get(1..).and_then(|key| key.split_first_chunk()).ok_or_else(wrong)?;
    let id = Uuid::from_slice(id).map_err(|_| wrong())?;
    Ok((keyspaces::parse_time(*time), PaymentId::new(id)))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Pending,
    Confirmed,
    RejectedOutOfStock,
    RejectedUnknownSku,
    Expired,
    Refunded,
}

impl From<PaymentStatus> for Status {
    fn from(status: PaymentStatus) -> Self {
        match status {
            PaymentStatus::Pending => Self::Pending,
            PaymentStatus::Confirmed => Self::Confirmed,
            PaymentStatus::Rejected(StockRefused::OutOfStock) => Self::RejectedOutOfStock,
            PaymentStatus::Rejected(StockRefused::UnknownSku) => Self::RejectedUnknownSku,
            PaymentStatus::Expired => Self::Expired,
            PaymentStatus::Refunded => Self::Refunded,
        }
    }
}

impl From<Status> for PaymentStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::Confirmed => Self::Confirmed,
            Status::RejectedOutOfStock => Self::Rejected(StockRefused::OutOfStock),
            Status::RejectedUnknownSku => Self::Rejected(StockRefused::UnknownSku),
            Status::Expired => Self::Expired,
            Status::Refunded => Self::Refunded,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct PaymentRow {
    schema: u32,
    version: u64,
    status: Status,
    owner: Option<String>,
    sku: String,
    quantity: u32,
    amount: u64,
    currency: String,
    requested_at: i64,
    expires_at: i64,
    trace: String,
    correlation: String,
    event: String,
}

impl Row for PaymentRow {
    const WHAT: &'static str = "a payment";

    fn schema(&self) -> u32 {
        self.schema
    }
}

impl PaymentRow {
    fn of(payment: &Payment, version: Version) -> Self {
        let Order { owner, sku, quantity, money } = &payment.order;
        Self {
            schema: SCHEMA,
            version: version.0,
            status: payment.status.into(),
            owner: owner.map(|owner| owner.to_string()),
            sku: sku.to_string(),
            quantity: quantity.pieces(),
            amount: money.amount.minor_units(),
            currency: money.currency.to_string(),
            requested_at: payment.requested_at.as_millis(),
            expires_at: payment.expires_at.as_millis(),
            trace: payment.origin.trace.to_string(),
            correlation: payment.origin.correlation.clone(),
            event: payment.origin.event.to_string(),
        }
    }

    fn into_payment(self, id: PaymentId) -> Result<Versioned<Payment>, Malformed> {
        let owner = self.owner.map(|owner| field(owner.parse::<UserId>())).transpose()?;
        let order = Order {
            owner,
            sku: field(Sku::try_from(self.sku))?,
            quantity: field(Quantity::to_receive(self.quantity.into()))?,
            money: Money {
                amount: field(Amount::try_from(self.amount))?,
                currency: field(self.currency.parse())?,
            },
        };
        let origin = Origin {
            trace: field(self.trace.parse())?,
            correlation: self.correlation,
            event: field(EventId::try_from(self.event))?,
        };
        Ok(Versioned {
            version: Version(self.version),
            state: Payment {
                id,
                order,
                status: self.status.into(),
                requested_at: Timestamp::from_millis(self.requested_at),
                expires_at: Timestamp::from_millis(self.expires_at),
                origin,
            },
        })
    }

    /// When its waiting is over, if it waits.
    fn due(&self) -> Option<Timestamp> {
        let waits = self.status == Status::Pending;
        waits.then(|| Timestamp::from_millis(self.expires_at))
    }
}

fn field<T, E: std::fmt::Display>(parsed: Result<T, E>) -> Result<T, Malformed> {
    parsed.map_err(|error| PaymentRow::wrong(error.to_string()))
}

/// A write on its way, with all that could be made of it beforehand.
struct Write {
    id: PaymentId,
    expected: Version,
    due: Option<Timestamp>,
    row: Slice,
    outbox: Vec<Encoded>,
    answer: Option<answers::Encoded>,
}

impl Write {
    fn new(save: &Save<Payment>) -> Self {
        let row = PaymentRow::of(&save.state, save.expected.next());
        Self {
            id: save.state.id,
            expected: save.expected,
            due: row.due(),
            row: row.encode(),
            outbox: Encoded::all(&save.outbox),
            answer: save.answer.as_ref().map(answers::Encoded::new),
        }
    }

    /// About how many bytes it takes up in its group.
    fn weight(&self) -> usize {
        weight(&self.outbox) + self.answer.as_ref().map_or(0, answers::Encoded::len)
    }

    fn run(self, tx: &mut Transaction<'_>) -> Result<(), StoreError> {
        let key = payment_key(self.id);
        let stored = tx.get(Space::State, &key)?;
        let stored = stored.map(|row| PaymentRow::decode(&row)).transpose();
        let stored = stored.map_err(Failure::from)?;
        let version = stored.as_ref().map_or(Version::NEW, |stored| Version(stored.version));
        if version != self.expected {
            return Err(StoreError::Conflict);
        }
        if let Some(answer) = &self.answer {
            answer.check(tx, outbox::PAYMENTS)?;
        }
        // The last that can fail: the other writes of the list take place all the same.
        outbox::add(tx, outbox::PAYMENTS, &self.id.to_string(), &self.outbox)?;
        tx.put(Space::State, key, self.row);
        if let Some(answer) = self.answer {
            answer.keep(tx, outbox::PAYMENTS);
        }
        let before = stored.and_then(|stored| stored.due());
        if before != self.due {
            if let Some(before) = before {
                tx.remove(Space::State, due_key(before, self.id.as_uuid()));
            }
            if let Some(due) = self.due {
                tx.put(Space::State, due_key(due, self.id.as_uuid()), Slice::default());
                tx.after(move |shared| shared.due.lower(due));
            }
        }
        Ok(())
    }
}

fn load(db: &Db, id: PaymentId) -> Result<Option<Versioned<Payment>>, Failure> {
    let row = db.get(Space::State, &payment_key(id))?;
    Ok(row.map(|row| PaymentRow::decode(&row)?.into_payment(id)).transpose()?)
}

fn due(db: &Db, floor: &Floor, now: Timestamp, limit: usize) -> Result<Vec<PaymentId>, Failure> {
    let mut scan = floor.scan();
    let (first, last) = (due_key(scan.from(), Uuid::nil()), due_key(now, Uuid::max()));
    let mut found = Vec::new();
    if first > last {
        return Ok(found);
    }
    for row in db.space(Space::State).range(first..=last) {
        let (time, id) = parse_due_key(&row.key()?)?;
        scan.reach(time);
        if found.len() >= limit {
            return Ok(found);
        }
        if !outbox::is_waiting(db, outbox::PAYMENTS, &id.to_string())? {
            found.push(id);
        }
    }
    scan.reach(now);
    Ok(found)
}

impl PaymentRepository for Payments {
    async fn load(&self, ids: &[PaymentId]) -> Result<Vec<Option<Versioned<Payment>>>, StoreError> {
        let ids = ids.to_vec();
        let read = move |db: &Db| ids.into_iter().map(|id| load(db, id)).collect();
        Ok(self.0.read(read).await?)
    }

    async fn save(
        &self,
        writes: Vec<Save<Payment>>,
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let writes: Vec<_> = writes.iter().map(Write::new).collect();
        let bytes = writes.iter().map(Write::weight).sum();
        let save = move |tx: &mut Transaction<'_>| {
            Ok(writes.into_iter().map(|write| write.run(tx)).collect())
        };
        self.0.write(bytes, save).await
    }

    async fn answered(&self, key: IdempotencyKey) -> Result<Option<FirstAnswer>, StoreError> {
        Ok(self.0.read(move |db| answers::find(db, outbox::PAYMENTS, key)).await?)
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<PaymentId>, StoreError> {
        let shared = std::sync::Arc::clone(&self.0.shared);
        Ok(self.0.read(move |db| due(db, &shared.due, now, limit)).await?)
    }
}
