//! Takes a payment in: pending, until stock answers.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use super::UseCaseError;
use crate::envelope::Cause;
use crate::id::PaymentId;
use crate::idempotency::{Answered, KeyReused, Repeatable};
use crate::outbox::Announcer;
use crate::payment::{Order, Payment, PaymentStatus};
use crate::port::store::{PaymentRepository, Save, StoreError, Version};
use crate::port::world::Ids;

/// How often a key may be forgotten between the two moments at which it is asked for.
const ATTEMPTS: usize = 3;

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
        let write = self.decide(order, cause);
        let payment = write.state.clone();
        save_one(&self.payments, write).await?;
        Ok(payment)
    }

    /// The same for a request that may be sent again: the payment is stored together with the answer,
    /// or the answer to an earlier one is found.
    pub async fn run_once(
        &self,
        order: Order,
        cause: &Cause,
        request: &Repeatable<'_, Payment>,
    ) -> Result<Answered<Payment>, UseCaseError<KeyReused>> {
        let mut write = self.decide(order, cause);
        let payment = write.state.clone();
        write.answer = Some(request.first_answer(&payment));
        for _ in 0..ATTEMPTS {
            // The store tells who is first, so only who is not has to look.
            match save_one(&self.payments, write.clone()).await {
                Err(StoreError::Duplicate { .. }) => {}
                saved => {
                    saved?;
                    return Ok(Answered::Now(payment));
                }
            }
            if let Some(first) = self.payments.answered(request.key).await? {
                return request.again(first).map_err(UseCaseError::Refused);
            }
        }
        Err(StoreError::Conflict.into())
    }

    fn decide(&self, order: Order, cause: &Cause) -> Save<Payment> {
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
        Save { state: payment, expected: Version::NEW, outbox, answer: None }
    }
}

/// Saves one payment.
pub(super) async fn save_one<P: PaymentRepository>(
    payments: &P,
    write: Save<Payment>,
) -> Result<(), StoreError> {
    payments.save(vec![write]).await?.pop().unwrap_or(Ok(()))
}
