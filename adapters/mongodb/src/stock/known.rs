//! What this process knows of reservations, so that it need not ask for what it wrote itself, nor
//! twice for what it decides on.
//!
//! A reservation changes only together with its article's version. So whatever was read of an
//! article's reservations after its version holds for as long as the article has that version; and
//! whoever decides on an article that has changed since is refused by it.

use std::collections::HashMap;
use std::sync::Mutex;

use comptoir_domain::id::PaymentId;
use comptoir_domain::port::store::{Version, Versioned};
use comptoir_domain::stock::{Reservation, ReservationStatus, Sku};

use crate::sync::lock;

/// No more articles and reservations than these are remembered: then it starts over.
const MOST_ARTICLES: usize = 1_000;
const MOST_RESERVATIONS: usize = 20_000;

/// A moment in the order in which things became known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(u64);

#[derive(Debug, Default)]
pub(super) struct Known(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    now: Moment,
    /// The version that each article had lately, and since when that is known.
    articles: HashMap<Sku, (Version, Moment)>,
    /// Reservations of these articles.
    stored: HashMap<PaymentId, Versioned<Reservation>>,
    /// Payments that had no reservation, and when nobody had one.
    missing: HashMap<PaymentId, Moment>,
}

impl Known {
    /// To be taken before something is read.
    pub(super) fn now(&self) -> Moment {
        lock(&self.0).now
    }

    /// The article has this version: what was known of it at another one is forgotten.
    pub(super) fn at(&self, sku: &Sku, version: Version) {
        let memory = &mut *lock(&self.0);
        match memory.articles.get(sku) {
            Some((known, _)) if *known == version => return,
            Some(_) => memory.forget(sku),
            None if memory.articles.len() >= MOST_ARTICLES => memory.clear(),
            None => {}
        }
        let since = memory.next();
        memory.articles.insert(sku.clone(), (version, since));
    }

    /// Whatever was known of the article may be wrong.
    pub(super) fn forget(&self, sku: &Sku) {
        lock(&self.0).forget(sku);
    }

    /// These payments' reservations, as far as they are known.
    pub(super) fn stored(&self, payments: &[PaymentId]) -> Vec<Versioned<Reservation>> {
        let memory = lock(&self.0);
        payments.iter().filter_map(|payment| memory.stored.get(payment).cloned()).collect()
    }

    /// These payments' reservations of the article, if all is known of them at that version of it.
    pub(super) fn whole(
        &self,
        (sku, version): (&Sku, Version),
        payments: &[PaymentId],
    ) -> Option<Vec<Versioned<Reservation>>> {
        let memory = lock(&self.0);
        let (_, since) = memory.articles.get(sku).filter(|(known, _)| *known == version)?;
        let mut whole = Vec::with_capacity(payments.len());
        for payment in payments {
            match memory.stored.get(payment) {
                Some(stored) if stored.state.sku == *sku => whole.push(stored.clone()),
                None if memory.missing.get(payment).is_some_and(|when| when >= since) => {}
                _ => return None,
            }
        }
        Some(whole)
    }

    /// What was read of these payments, beginning at `when`. Those not among `found` have none.
    pub(super) fn read(
        &self,
        when: Moment,
        payments: &[PaymentId],
        found: &HashMap<PaymentId, Versioned<Reservation>>,
    ) {
        let memory = &mut *lock(&self.0);
        memory.make_room(payments.len());
        for payment in payments {
            let Some(stored) = found.get(payment) else {
                memory.missing.insert(*payment, when);
                continue;
            };
            let article = memory.articles.get(&stored.state.sku);
            if article.is_some_and(|(_, since)| *since <= when) {
                memory.stored.insert(*payment, stored.clone());
            }
        }
    }

    /// This process has written the version of the article after `replaced`, with these reservations.
    pub(super) fn wrote(
        &self,
        sku: &Sku,
        replaced: Version,
        reservations: Vec<Versioned<Reservation>>,
    ) {
        let memory = &mut *lock(&self.0);
        if memory.articles.get(sku).is_none_or(|(known, _)| *known != replaced) {
            return;
        }
        let since = memory.next();
        memory.articles.insert(sku.clone(), (replaced.next(), since));
        memory.make_room(reservations.len());
        for reservation in reservations {
            let payment = reservation.state.payment;
            memory.missing.remove(&payment);
            // What is settled is seldom asked for again.
            if reservation.state.status == ReservationStatus::Held {
                memory.stored.insert(payment, reservation);
            } else {
                memory.stored.remove(&payment);
            }
        }
    }
}

impl Memory {
    fn next(&mut self) -> Moment {
        self.now.0 += 1;
        self.now
    }

    fn clear(&mut self) {
        *self = Self { now: self.now, ..Self::default() };
    }

    fn forget(&mut self, sku: &Sku) {
        if self.articles.remove(sku).is_some() {
            self.stored.retain(|_, stored| stored.state.sku != *sku);
        }
    }

    fn make_room(&mut self, more: usize) {
        if self.stored.len() + more > MOST_RESERVATIONS {
            self.stored.clear();
        }
        if self.missing.len() + more > MOST_RESERVATIONS {
            self.missing.clear();
        }
    }
}
