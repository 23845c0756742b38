//! Settles payments by what stock answers.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::envelope::{Cause, Payload};
use crate::event::{Event, StockRejected};
use crate::id::PaymentId;
use crate::outbox::Announcer;
use crate::payment::{Change, Payment};
use crate::port::handler::{Delivery, Handler, Outcome};
use crate::port::store::{PaymentRepository, Save, StoreError, Versioned};

/// Settles payments.
#[derive(Debug)]
pub struct SettlePayments<P> {
    payments: P,
    announcer: Announcer,
}

/// What stock's answer means to a payment.
fn transition(payment: Payment, answer: &Event) -> Change<Payment> {
    match answer {
        Event::StockReserved(_) => payment.stock_reserved(),
        Event::StockRejected(StockRejected { reason, .. }) => payment.stock_rejected(*reason),
        // Told for the record: the payment expired or was refunded before it came.
        Event::StockReleased(_)
        | Event::UserRegistered(_)
        | Event::UserLoggedIn(_)
        | Event::PaymentRequested(_)
        | Event::PaymentConfirmed(_)
        | Event::PaymentRejected(_)
        | Event::PaymentExpired(_)
        | Event::PaymentRefunded(_)
        | Event::LogWritten(_) => Change { state: payment, events: Vec::new() },
    }
}

/// The payment that an event of stock answers.
fn answered(delivery: &Delivery) -> Option<(PaymentId, &Event)> {
    match &delivery.envelope.payload {
        Payload::Known(
            event @ (Event::StockReserved(moved)
            | Event::StockRejected(StockRejected { asked: moved, .. })
            | Event::StockReleased(moved)),
        ) => Some((moved.payment, event)),
        Payload::Known(_) | Payload::Foreign { .. } => None,
    }
}

impl<P: PaymentRepository> SettlePayments<P> {
    /// The handler over its ports.
    pub fn new(payments: P, announcer: Announcer) -> Self {
        Self { payments, announcer }
    }

    /// Loads all payments of the batch at once, decides in order, saves all at once.
    async fn settle(
        &self,
        answers: &[(PaymentId, &Event, &Delivery)],
    ) -> Result<Failed, StoreError> {
        let mut ids: Vec<_> = answers.iter().map(|(id, _, _)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut found: HashMap<PaymentId, Versioned<Payment>> = self
            .payments
            .load(&ids)
            .await?
            .into_iter()
            .flatten()
            .map(|v| (v.state.id, v))
            .collect();
        let mut writes: BTreeMap<PaymentId, Save<Payment>> = BTreeMap::new();
        for (id, answer, delivery) in answers {
            let Some(payment) = found.get_mut(id) else {
                continue;
            };
            let change = transition(payment.state.clone(), answer);
            if change.is_empty() {
                continue;
            }
            payment.state = change.state.clone();
            let cause = Cause::delivered(&delivery.envelope, delivery.received);
            let outbox = self.announcer.entries(&cause, change.events);
            let expected = payment.version;
            let write = writes.entry(*id).or_insert_with(|| Save {
                state: change.state.clone(),
                expected,
                outbox: Vec::new(),
                answer: None,
            });
            write.state = change.state;
            write.outbox.extend(outbox);
        }
        let (ids, writes): (Vec<_>, Vec<_>) = writes.into_iter().unzip();
        let written =
            if writes.is_empty() { Vec::new() } else { self.payments.save(writes).await? };
        Ok(ids
            .into_iter()
            .zip(written)
            .filter_map(|(id, w)| Some((id, Arc::new(w.err()?))))
            .collect())
    }
}

/// The payments whose save failed; all others are settled.
type Failed = HashMap<PaymentId, Arc<StoreError>>;

impl<P: PaymentRepository> Handler for SettlePayments<P> {
    async fn handle(&self, batch: &[Delivery]) -> Vec<Outcome> {
        let answers: Vec<_> =
            batch.iter().filter_map(|d| answered(d).map(|(id, event)| (id, event, d))).collect();
        let settled = self.settle(&answers).await.map_err(Arc::new);
        let outcome = |delivery: &Delivery| match (answered(delivery), &settled) {
            (None, _) => Outcome::Ignored,
            (Some((id, _)), Ok(failed)) => {
                failed.get(&id).map_or(Outcome::Done, |error| Arc::clone(error).into())
            }
            (Some(_), Err(error)) => Arc::clone(error).into(),
        };
        batch.iter().map(outcome).collect()
    }
}
