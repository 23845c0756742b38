//! Gives a confirmed payment back.

use thiserror::Error;

use super::find_payment::UnknownPayment;
use super::request_payment::save_one;
use super::{UseCaseError, until_no_conflict};
use crate::envelope::Cause;
use crate::id::{PaymentId, UserId};
use crate::outbox::Announcer;
use crate::payment::{NotRefundable, Payment};
use crate::port::store::{PaymentRepository, Save};

/// Why there is no refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RefundRefused {
    /// There is no such payment for this caller.
    #[error(transparent)]
    Unknown(UnknownPayment),
    /// It was never confirmed.
    #[error(transparent)]
    NotRefundable(NotRefundable),
}

/// Refunds payments.
#[derive(Debug)]
pub struct RefundPayment<P> {
    payments: P,
    announcer: Announcer,
}

impl<P: PaymentRepository> RefundPayment<P> {
    /// The use case over its ports.
    pub fn new(payments: P, announcer: Announcer) -> Self {
        Self { payments, announcer }
    }

    /// Refunds the payment. A refunded one stays as it is and gives the same answer again.
    pub async fn run(
        &self,
        id: PaymentId,
        viewer: Option<UserId>,
        cause: &Cause,
    ) -> Result<Payment, UseCaseError<RefundRefused>> {
        until_no_conflict(|| self.attempt(id, viewer, cause)).await
    }

    async fn attempt(
        &self,
        id: PaymentId,
        viewer: Option<UserId>,
        cause: &Cause,
    ) -> Result<Payment, UseCaseError<RefundRefused>> {
        let found = self.payments.load(&[id]).await?.pop().flatten();
        let found = found
            .filter(|found| found.state.visible_to(viewer))
            .ok_or(UseCaseError::Refused(RefundRefused::Unknown(UnknownPayment)))?;
        let change = found
            .state
            .refund()
            .map_err(|refusal| UseCaseError::Refused(RefundRefused::NotRefundable(refusal)))?;
        if !change.is_empty() {
            let outbox = self.announcer.entries(cause, change.events);
            let state = change.state.clone();
            save_one(&self.payments, Save { state, expected: found.version, outbox, answer: None })
                .await?;
        }
        Ok(change.state)
    }
}
