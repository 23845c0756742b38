//! Reservations are the guard against repeats only for a while: what comes again after that is done
//! again.

use std::time::Duration;

use comptoir_domain::id::PaymentId;
use comptoir_domain::idempotency::{FirstAnswer, IdempotencyKey};
use comptoir_domain::outbox::{OutboxOwner, Pending, Published};
use comptoir_domain::port::store::{
    FirstAnswers, Outbox, StockRepository, StockWrite, StoreError, Versioned,
};
use comptoir_domain::stock::{Article, Reservation, ReservationStatus, Sku};
use comptoir_domain::time::Timestamp;
use comptoir_memory::{MemoryLog, MemoryPayments, MemoryStock};

use super::{AsBuilt, Variant};
use crate::clock::TrueTime;
use crate::gate::{Gated, Ports};

/// How old a payment is when its reservation is forgotten.
const REMEMBERED: Duration = Duration::from_secs(4);

pub(crate) struct ForgetsReservations;

impl Variant for ForgetsReservations {
    const TEST: &'static str = "a_stock_that_forgets_its_reservations_is_caught";

    type Groups = Gated<MemoryLog>;
    type Payments = Gated<MemoryPayments>;
    type Stock = Forgetful<Gated<MemoryStock>>;

    fn groups(ports: &Ports) -> Self::Groups {
        AsBuilt::groups(ports)
    }

    fn payments(ports: &Ports) -> Self::Payments {
        AsBuilt::payments(ports)
    }

    fn stock(ports: &Ports) -> Self::Stock {
        Forgetful(ports.stock(), ports.time())
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Forgetful<S>(S, TrueTime);

impl<S> Forgetful<S> {
    /// One that was sold or released stays known, so that a refund finds it.
    fn forgets(&self, reservation: &Reservation) -> bool {
        let is_open =
            matches!(reservation.status, ReservationStatus::Held | ReservationStatus::Rejected);
        is_open && self.1.age(reservation.payment) > REMEMBERED
    }
}

impl<S: StockRepository> StockRepository for Forgetful<S> {
    async fn articles(&self) -> Result<Vec<Article>, StoreError> {
        self.0.articles().await
    }

    async fn load(&self, skus: &[Sku]) -> Result<Vec<Option<Versioned<Article>>>, StoreError> {
        self.0.load(skus).await
    }

    async fn reservations(
        &self,
        payments: &[PaymentId],
    ) -> Result<Vec<Option<Reservation>>, StoreError> {
        let found = self.0.reservations(payments).await?;
        Ok(found.into_iter().map(|found| found.filter(|found| !self.forgets(found))).collect())
    }

    async fn answered(
        &self,
        sku: &Sku,
        key: IdempotencyKey,
    ) -> Result<Option<FirstAnswer>, StoreError> {
        self.0.answered(sku, key).await
    }

    /// What is forgotten is no conflict either.
    async fn apply(&self, mut write: StockWrite) -> Result<(), StoreError> {
        let payments: Vec<_> = write.reservations.iter().map(|w| w.reservation.payment).collect();
        let stored = self.0.reservations(&payments).await?;
        for (write, stored) in write.reservations.iter_mut().zip(stored) {
            write.expected = stored.map(|stored| stored.status);
        }
        self.0.apply(write).await
    }
}

impl<S: FirstAnswers> FirstAnswers for Forgetful<S> {
    async fn forget_answers(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.0.forget_answers(before, limit).await
    }
}

impl<S: Outbox> Outbox for Forgetful<S> {
    async fn nudged(&self) -> Vec<OutboxOwner> {
        self.0.nudged().await
    }

    async fn pending(&self, owners: &[OutboxOwner]) -> Result<Vec<Pending>, StoreError> {
        self.0.pending(owners).await
    }

    async fn clear(&self, published: &[Published]) -> Result<(), StoreError> {
        self.0.clear(published).await
    }

    async fn leftovers(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxOwner>, StoreError> {
        self.0.leftovers(before, limit).await
    }

    async fn flush(&self) -> Result<(), StoreError> {
        self.0.flush().await
    }
}
