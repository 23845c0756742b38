//! Reservations are the guard against repeats only for a while: what comes again after that is done
//! again.

use std::time::Duration;

use comptoir_domain::id::PaymentId;
use comptoir_domain::idempotency::{FirstAnswer, IdempotencyKey};
use comptoir_domain::port::store::{StockRepository, StockWrite, StoreError, Versioned};
use comptoir_domain::stock::{Article, Reservation, ReservationStatus, Sku};
use comptoir_memory::{MemoryLog, MemoryPayments, MemoryStock};

use super::{AsBuilt, Over, Variant};
use crate::clock::TrueTime;
use crate::gate::{Gated, Ports};

/// How old a payment is when its reservation is forgotten.
const REMEMBERED: Duration = Duration::from_secs(4);

pub(crate) struct ForgetsReservations;

impl Variant for ForgetsReservations {
    const TEST: &'static str = "a_stock_that_forgets_its_reservations_is_caught";

    type Groups = Gated<MemoryLog>;
    type Payments = Gated<MemoryPayments>;
    type Stock = Over<Gated<MemoryStock>, Forgetful>;

    fn groups(ports: &Ports) -> Self::Groups {
        AsBuilt::groups(ports)
    }

    fn payments(ports: &Ports) -> Self::Payments {
        AsBuilt::payments(ports)
    }

    fn stock(ports: &Ports) -> Self::Stock {
        let forgets: Forgets =
            |status| matches!(status, ReservationStatus::Held | ReservationStatus::Rejected);
        Over { sound: ports.stock(), mistake: Forgetful { time: ports.time(), forgets } }
    }
}

/// Those that were given back are taken for closed, and so a late repeat reserves again.
pub(crate) struct ForgetsReleases;

impl Variant for ForgetsReleases {
    const TEST: &'static str = "a_stock_that_forgets_what_it_released_is_caught";

    type Groups = Gated<MemoryLog>;
    type Payments = Gated<MemoryPayments>;
    type Stock = Over<Gated<MemoryStock>, Forgetful>;

    fn groups(ports: &Ports) -> Self::Groups {
        AsBuilt::groups(ports)
    }

    fn payments(ports: &Ports) -> Self::Payments {
        AsBuilt::payments(ports)
    }

    fn stock(ports: &Ports) -> Self::Stock {
        let forgets: Forgets = |status| status == ReservationStatus::Released;
        Over { sound: ports.stock(), mistake: Forgetful { time: ports.time(), forgets } }
    }
}

type Forgets = fn(ReservationStatus) -> bool;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Forgetful {
    time: TrueTime,
    forgets: Forgets,
}

impl Forgetful {
    /// One that was sold stays known, so that a refund finds it.
    fn forgets(&self, reservation: &Reservation) -> bool {
        (self.forgets)(reservation.status) && self.time.age(reservation.payment) > REMEMBERED
    }
}

impl<S: StockRepository> StockRepository for Over<S, Forgetful> {
    async fn articles(&self) -> Result<Vec<Article>, StoreError> {
        self.sound.articles().await
    }

    async fn load(&self, skus: &[Sku]) -> Result<Vec<Option<Versioned<Article>>>, StoreError> {
        self.sound.load(skus).await
    }

    async fn reservations(
        &self,
        payments: &[PaymentId],
    ) -> Result<Vec<Option<Reservation>>, StoreError> {
        let found = self.sound.reservations(payments).await?;
        Ok(found
            .into_iter()
            .map(|found| found.filter(|found| !self.mistake.forgets(found)))
            .collect())
    }

    async fn answered(
        &self,
        sku: &Sku,
        key: IdempotencyKey,
    ) -> Result<Option<FirstAnswer>, StoreError> {
        self.sound.answered(sku, key).await
    }

    /// What is forgotten is no conflict either.
    async fn apply(&self, mut write: StockWrite) -> Result<(), StoreError> {
        let payments: Vec<_> = write.reservations.iter().map(|w| w.reservation.payment).collect();
        let stored = self.sound.reservations(&payments).await?;
        for (write, stored) in write.reservations.iter_mut().zip(stored) {
            write.expected = stored.map(|stored| stored.status);
        }
        self.sound.apply(write).await
    }
}
