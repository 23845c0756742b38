//! Shows a payment to those who may see it.

use thiserror::Error;

use super::UseCaseError;
use crate::id::{PaymentId, UserId};
use crate::payment::Payment;
use crate::port::store::PaymentRepository;

/// There is no such payment, or it is somebody else's: which of the two is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("there is no such payment")]
pub struct UnknownPayment;

/// Finds payments.
#[derive(Debug)]
pub struct FindPayment<P> {
    payments: P,
}

impl<P: PaymentRepository> FindPayment<P> {
    /// The use case over its port.
    pub fn new(payments: P) -> Self {
        Self { payments }
    }

    /// The payment, if `viewer` may see it.
    pub async fn run(
        &self,
        id: PaymentId,
        viewer: Option<UserId>,
    ) -> Result<Payment, UseCaseError<UnknownPayment>> {
        let found = self.payments.load(&[id]).await?.pop().flatten();
        found
            .map(|found| found.state)
            .filter(|payment| payment.visible_to(viewer))
            .ok_or(UseCaseError::Refused(UnknownPayment))
    }
}
