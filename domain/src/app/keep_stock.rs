//! Carries out what payments asks of stock.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::CONFLICT_ATTEMPTS;
use super::turns::Turns;
use crate::checkout::{StockCommand, decide};
use crate::envelope::{Cause, Payload};
use crate::event::PaymentTerms;
use crate::id::PaymentId;
use crate::outbox::Announcer;
use crate::port::handler::{Delivery, Handler, Outcome};
use crate::port::store::{
    ReservationWrite, StockRepository, StockWrite, StoreError, Version, Versioned,
};
use crate::stock::{Article, Reservation, Sku};

/// Keeps stock.
#[derive(Debug)]
pub struct KeepStock<S> {
    stock: S,
    announcer: Announcer,
    turns: Turns<Sku>,
}

/// One command of a batch.
#[derive(Debug, Clone, Copy)]
struct Asked<'a> {
    command: StockCommand,
    terms: &'a PaymentTerms,
    delivery: &'a Delivery,
}

fn asked(delivery: &Delivery) -> Option<Asked<'_>> {
    match &delivery.envelope.payload {
        Payload::Known(event) => {
            StockCommand::of(event).map(|(command, terms)| Asked { command, terms, delivery })
        }
        Payload::Foreign { .. } => None,
    }
}

impl<S: StockRepository> KeepStock<S> {
    /// The handler over its ports.
    pub fn new(stock: S, announcer: Announcer) -> Self {
        Self { stock, announcer, turns: Turns::default() }
    }

    /// Carries out the commands on one article. Partitions of this process take turns at it; those
    /// of others meet at its version, and whoever comes second reads again and decides again.
    async fn carry_out(&self, sku: &Sku, asked: &[Asked<'_>]) -> Result<(), StoreError> {
        let _turn = self.turns.wait(sku).await;
        for _ in 1..CONFLICT_ATTEMPTS {
            match self.attempt(sku, asked).await {
                Err(StoreError::Conflict) => {}
                done => return done,
            }
        }
        self.attempt(sku, asked).await
    }

    /// Reads the article and its reservations once, decides in order, writes all in one step.
    async fn attempt(&self, sku: &Sku, asked: &[Asked<'_>]) -> Result<(), StoreError> {
        let mut payments: Vec<_> = asked.iter().map(|asked| asked.terms.payment).collect();
        payments.sort_unstable();
        payments.dedup();
        let mut article = self.stock.load(std::slice::from_ref(sku)).await?.pop().flatten();
        let before: HashMap<PaymentId, Reservation> = self
            .stock
            .reservations(&payments)
            .await?
            .into_iter()
            .flatten()
            .map(|reservation| (reservation.payment, reservation))
            .collect();
        let writes = self.decide_all(asked, &before, article.as_mut())?;
        if writes.is_empty() {
            return Ok(());
        }
        self.stock.apply(StockWrite { article, reservations: writes, answer: None }).await
    }

    fn decide_all(
        &self,
        asked: &[Asked<'_>],
        before: &HashMap<PaymentId, Reservation>,
        mut article: Option<&mut Versioned<Article>>,
    ) -> Result<Vec<ReservationWrite>, StoreError> {
        let mut writes: BTreeMap<PaymentId, ReservationWrite> = BTreeMap::new();
        for Asked { command, terms, delivery } in asked {
            let payment = terms.payment;
            let known = writes.get(&payment).map(|write| &write.reservation);
            let known = known.or_else(|| before.get(&payment));
            let counters = article.as_deref_mut().map(|article| &mut article.state);
            let step = decide(*command, terms, known, counters)
                .map_err(|refusal| StoreError::Corrupt(refusal.into()))?;
            let Some(reservation) = step.reservation else {
                continue;
            };
            let cause = Cause::delivered(&delivery.envelope, delivery.received);
            let outbox = self.announcer.entries(&cause, step.event);
            let expected = before.get(&payment).map(|reservation| reservation.status);
            let write = writes.entry(payment).or_insert_with(|| ReservationWrite {
                reservation: reservation.clone(),
                expected,
                outbox: Vec::new(),
            });
            write.reservation = reservation;
            write.outbox.extend(outbox);
        }
        Ok(writes.into_values().collect())
    }
}

impl<S: StockRepository> Handler for KeepStock<S> {
    async fn handle(&self, batch: &[Delivery]) -> Vec<Outcome> {
        let mut by_article: BTreeMap<&Sku, Vec<Asked<'_>>> = BTreeMap::new();
        for asked in batch.iter().filter_map(asked) {
            by_article.entry(&asked.terms.sku).or_default().push(asked);
        }
        let mut failed: BTreeMap<&Sku, Arc<StoreError>> = BTreeMap::new();
        for (&sku, asked) in &by_article {
            if let Err(error) = self.carry_out(sku, asked).await {
                failed.insert(sku, Arc::new(error));
            }
        }
        let outcome = |delivery| match asked(delivery) {
            None => Outcome::Ignored,
            Some(asked) => {
                failed.get(&asked.terms.sku).map_or(Outcome::Done, |error| Arc::clone(error).into())
            }
        };
        batch.iter().map(outcome).collect()
    }
}

/// The article as it is before anybody received it.
pub(super) fn not_received(sku: Sku) -> Versioned<Article> {
    Versioned { state: Article::new(sku), version: Version::NEW }
}
