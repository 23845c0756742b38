//! Clients that use the whole shop until they are stopped, and remember what they were answered.
//!
//! They register, log in, pay with a token and without one, refund some of it; one receives articles of
//! few pieces, which the others buy until nothing is left. Nothing that is answered stops them.

mod client;
mod visit;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::Chance;
use crate::patience::pause;
use client::Client;
pub use visit::{Answered, Visit};

/// Where the instances of a service listen.
pub type Site = Arc<dyn Fn(&str) -> Vec<u16> + Send + Sync>;

/// How much they ask.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    pub shoppers: u32,
    /// Between two payments of one of them.
    pub between_payments: Duration,
    /// Payments of a shopper until the next one registers.
    pub payments_of_a_user: u64,
    pub between_receipts: Duration,
    /// Before a request that nobody answered is sent again.
    pub before_repeat: Duration,
}

/// Clients at work. Dropped, they stop.
pub struct Shoppers {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<Visit>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// The article that was received last.
    edition: Mutex<Option<String>>,
}

impl Shared {
    /// Lets time pass, in short steps; whether to go on.
    fn goes_on_after(&self, time: Duration) -> bool {
        const STEP: Duration = Duration::from_millis(100);
        let mut left = time;
        while !left.is_zero() && !self.stop.load(Ordering::Relaxed) {
            pause(left.min(STEP));
            left = left.saturating_sub(STEP);
        }
        !self.stop.load(Ordering::Relaxed)
    }
}

impl Shoppers {
    /// Starts. What they choose follows from `chance`, names and traces too, so each run at the same shop
    /// needs another one.
    pub fn start(site: &Site, pace: Pace, chance: &Chance) -> Self {
        let shared = Arc::<Shared>::default();
        let run = chance.clone().next();
        let client = |number: u32| {
            let name = format!("{run:016x}{number:08x}");
            Client::new(Arc::clone(site), chance.fork(u64::from(number)), name, pace.before_repeat)
        };
        let mut clients: Vec<_> = (1..=pace.shoppers)
            .map(|number| {
                let (shared, client) = (Arc::clone(&shared), client(number));
                thread::spawn(move || shop(client, number, pace, &shared))
            })
            .collect();
        let (keeper, own) = (client(0), Arc::clone(&shared));
        clients.push(thread::spawn(move || receive(keeper, pace, &own)));
        Self { shared, clients }
    }

    /// Stops, and tells what came of it. An answer that is on its way is waited for.
    pub fn finish(mut self) -> Visit {
        self.shared.stop.store(true, Ordering::Relaxed);
        let mut all = Visit::default();
        for client in self.clients.drain(..) {
            all.add(client.join().unwrap());
        }
        all
    }
}

impl Drop for Shoppers {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            let _ = client.join();
        }
    }
}

/// One shopper's day. Not all register at the same time: a hash is work.
fn shop(mut client: Client, number: u32, pace: Pace, shared: &Shared) -> Visit {
    const APART: u64 = 5;
    let mut turn = APART * u64::from(number);
    while shared.goes_on_after(pace.between_payments) {
        if turn.is_multiple_of(pace.payments_of_a_user) {
            client.register();
            client.log_in();
        }
        let edition = shared.edition.lock().unwrap().clone();
        client.pay(edition.as_deref());
        client.refund_some();
        turn += 1;
    }
    client.visit()
}

/// Whoever fills the shelves.
fn receive(mut client: Client, pace: Pace, shared: &Shared) -> Visit {
    while shared.goes_on_after(pace.between_receipts) {
        let sku = client.receive();
        *shared.edition.lock().unwrap() = Some(sku);
    }
    client.visit()
}
