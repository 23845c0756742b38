//! A customer: asks for this and that, one thing after the other.

mod insists;

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::time::sleep;

use crate::ask::{Ask, Request};
use crate::http::{Answer, Reply};
use crate::ledger::{Accepted, Asked, Ledger};
use crate::shop::Shop;
use crate::tally::Counted;
use crate::words::brief;

/// Plenty, few, none until somebody receives it, none ever.
const ARTICLES: [&str; 4] = ["coffee-mug", "signed-print", "poster", "unicorn"];
/// What is received: some of it is new.
const RECEIVED: [&str; 3] = ["coffee-mug", "signed-print", "poster"];
/// The longest pause between two requests.
const PAUSE_MILLIS: u64 = 2_500;

pub(crate) struct Customer {
    name: String,
    shop: Arc<Shop>,
    ledger: Arc<Ledger>,
    chance: Rng,
    token: Option<String>,
    /// How many keys it has made up.
    keys: u64,
}

impl Customer {
    pub(crate) fn new(name: String, shop: &Arc<Shop>, ledger: &Arc<Ledger>) -> Self {
        let (shop, ledger) = (Arc::clone(shop), Arc::clone(ledger));
        Self { name, chance: shop.world.chance(), shop, ledger, token: None, keys: 0 }
    }

    /// Makes so many requests.
    pub(crate) async fn visit(mut self, requests: u64) {
        for _ in 0..requests {
            match self.chance.u32(..100) {
                0..10 => self.register().await,
                10..25 => self.log_in().await,
                25..62 => self.pay().await,
                62..76 => self.refund().await,
                76..88 => self.receive().await,
                88..94 => self.use_a_key_again().await,
                _ => self.show().await,
            }
            // Every third comes at once.
            if self.chance.u32(..3) > 0 {
                self.pause().await;
            }
        }
    }

    async fn pause(&mut self) {
        sleep(Duration::from_millis(self.chance.u64(..PAUSE_MILLIS))).await;
    }

    async fn register(&mut self) {
        // Some want the same name, in different spellings.
        let names = [self.name.clone(), "sam".to_owned(), "Sam".to_owned()];
        let name = self.chance.choice(names).expect("there are three");
        let chance = self.chance.fork();
        self.ask(Request::new(Ask::Register { name }, None), chance).await;
    }

    async fn log_in(&mut self) {
        let Some(name) = self.chance.choice(self.ledger.names()) else {
            return;
        };
        let right = self.chance.u32(..5) > 0;
        let chance = self.chance.fork();
        let answer = self.ask(Request::new(Ask::LogIn { name, right }, None), chance).await;
        if let Some(token) = answer.ok(200).and_then(|body| body["token"].as_str()) {
            self.token = Some(token.to_owned());
        }
    }

    async fn pay(&mut self) {
        let sku = self.chance.choice(ARTICLES).expect("there are some");
        // A tenth asks for nothing, which is refused.
        let quantity = if self.chance.u32(..10) == 0 { 0 } else { self.chance.u64(1..=3) };
        let token = if self.chance.bool() { self.token.clone() } else { None };
        let request = Request::new(Ask::Pay { sku, quantity }, token);
        if quantity > 0 && self.chance.u32(..5) < 2 {
            self.insist_on(request).await;
        } else {
            let chance = self.chance.fork();
            self.ask(request, chance).await;
        }
    }

    async fn refund(&mut self) {
        let Some(Accepted { id, token }) = self.chance.choice(self.ledger.accepted()) else {
            return;
        };
        let request = Request::new(Ask::Refund { payment: id }, token);
        // Some press the button twice, and two processes have it.
        if self.chance.u32(..3) == 0 {
            self.ask_twice(request).await;
        } else {
            let chance = self.chance.fork();
            self.ask(request, chance).await;
        }
    }

    async fn receive(&mut self) {
        let sku = self.chance.choice(RECEIVED).expect("there are some");
        let quantity = self.chance.u64(1..=3);
        let request = Request::new(Ask::Receive { sku, quantity }, None);
        if self.chance.bool() {
            self.insist_on(request).await;
        } else {
            let chance = self.chance.fork();
            self.ask(request, chance).await;
        }
    }

    async fn show(&mut self) {
        let Some(Accepted { id, token }) = self.chance.choice(self.ledger.accepted()) else {
            return;
        };
        let ask = Ask::Show { payment: id, wait: self.chance.u32(..8) };
        let chance = self.chance.fork();
        self.ask(Request::new(ask, token), chance).await;
    }

    async fn ask_twice(&mut self, request: Request) {
        let (one, other) = (self.chance.fork(), self.chance.fork());
        tokio::join!(self.ask(request.clone(), one), self.ask(request, other));
    }

    async fn ask(&self, request: Request, mut chance: Rng) -> Answer {
        let trace = self.ledger.trace();
        let call = request.call().header("traceparent", format!("00-{trace}-00000000000000a1-01"));
        let world = &self.shop.world;
        let Request { ask, key, token } = &request;
        let with = key.as_ref().map(|key| format!(", key {key}")).unwrap_or_default();
        let asks = format!("asks {ask:?}, request {}{with}", brief(&trace));
        world.journal.tell(&self.name, asks);
        if self.ledger.is_repeated(&request) {
            world.count(Counted::Repeated);
        }
        // Some are in a hurry.
        let patience = if chance.u32(..10) == 0 {
            Duration::from_millis(chance.u64(..300))
        } else {
            Duration::from_secs(20)
        };
        let answer = self.shop.send(ask.kind(), call, patience, &mut chance).await;
        let came = answer.word();
        world.journal.tell(&self.name, format!("request {} is answered {came}", brief(&trace)));
        world.answered(ask.route(), came);
        match &answer {
            Answer::Came(Reply { status: 409, .. }) if key.is_some() => {
                world.count(Counted::InFlight);
            }
            Answer::Came(Reply { status: 422, .. }) if key.is_some() => {
                world.count(Counted::KeysReused);
            }
            Answer::Came(Reply { status: 202, json, .. }) if matches!(ask, Ask::Pay { .. }) => {
                let id = json["id"].as_str().unwrap_or_default().to_owned();
                self.ledger.accept(Accepted { id, token: token.clone() });
            }
            _ => {}
        }
        let (key, ask) = (request.key(), request.ask);
        self.ledger.note(Asked { trace, ask, key, answer: answer.clone() });
        answer
    }
}
