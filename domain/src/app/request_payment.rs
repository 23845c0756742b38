//! Takes a payment in: pending, until stock answers.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use super::UseCaseError;
use crate::envelope::Cause;
use crate::id::PaymentId;
use crate::outbox::Announcer;
use crate::payment::{Order, Payment, PaymentStatus};
use crate::port::store::{PaymentRepository, Save, StoreError, Version};
use crate::port::world::Ids;

/// Takes payments in.
#[derive(Debug)]
pub struct RequestPayment<P> {
    payments: P,
    ids: Arc<dyn Ids>,
    announcer: Announcer,
    expires_after: Duration,
}

impl<P: PaymentRepository> RequestPayment<P> {
    /// The use case over its ports. A payment that is not settled after `expires_after` expires.
    pub fn new(
        payments: P,
        ids: Arc<dyn Ids>,
        announcer: Announcer,
        expires_after: Duration,
    ) -> Self {
        Self { payments, ids, announcer, expires_after }
    }

    /// Stores the payment together with the event that asks for stock.
    pub async fn run(
        &self,
        order: Order,
        cause: &Cause,
    ) -> Result<Payment, UseCaseError<Infallible>> {
        let now = self.announcer.now();
        let payment = Payment {
            id: PaymentId::new(self.ids.uuid()),
            order,
            status: PaymentStatus::Pending,
            requested_at: now,
            expires_at: now.plus(self.expires_after),
            origin: cause.origin(),
        };
        let outbox = self.announcer.entries(cause, [payment.requested()]);
        let write = Save { state: payment.clone(), expected: Version::NEW, outbox };
        save_one(&self.payments, write).await?;
        Ok(payment)
    }
}

/// Saves one payment.
pub(super) async fn save_one<P: PaymentRepository>(
    payments: &P,
    write: Save<Payment>,
) -> Result<(), StoreError> {
    payments.save(vec![write]).await?.pop().unwrap_or(Ok(()))
}
