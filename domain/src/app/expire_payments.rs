//! Gives up on payments that waited too long.

use crate::envelope::Cause;
use crate::outbox::Announcer;
use crate::port::store::{PaymentRepository, Save, StoreError};

/// How many payments one sweep takes up.
pub const SWEEP_LIMIT: usize = 500;

/// Expires payments.
#[derive(Debug)]
pub struct ExpirePayments<P> {
    payments: P,
    announcer: Announcer,
}

impl<P: PaymentRepository> ExpirePayments<P> {
    /// The use case over its ports.
    pub fn new(payments: P, announcer: Announcer) -> Self {
        Self { payments, announcer }
    }

    /// Expires what is due, at most [`SWEEP_LIMIT`] payments, and says how many it was. Any instance
    /// may sweep: a payment that was settled meanwhile, here or elsewhere, meets the version guard
    /// and stays as it is.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        let now = self.announcer.now();
        let due = self.payments.due(now, SWEEP_LIMIT).await?;
        if due.is_empty() {
            return Ok(0);
        }
        let mut writes = Vec::new();
        for found in self.payments.load(&due).await?.into_iter().flatten() {
            let cause = Cause::continued(&found.state.origin, now);
            let change = found.state.expire(now);
            if !change.is_empty() {
                let outbox = self.announcer.entries(&cause, change.events);
                writes.push(Save {
                    state: change.state,
                    expected: found.version,
                    outbox,
                    answer: None,
                });
            }
        }
        let mut expired = 0;
        for written in self.payments.save(writes).await? {
            match written {
                Ok(()) => expired += 1,
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(expired)
    }
}
