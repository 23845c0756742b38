//! A customer: asks for this and that, one thing after the other.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::time::sleep;

use crate::http::{Answer, Call};
use crate::ledger::{Accepted, Ask, Ledger};
use crate::shop::{Kind, Shop};
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
}

impl Customer {
    pub(crate) fn new(name: String, shop: &Arc<Shop>, ledger: &Arc<Ledger>) -> Self {
        let (shop, ledger) = (Arc::clone(shop), Arc::clone(ledger));
        Self { name, chance: shop.world.chance(), shop, ledger, token: None }
    }

    /// Makes so many requests.
    pub(crate) async fn visit(mut self, requests: u64) {
        for _ in 0..requests {
            match self.chance.u32(..100) {
                0..10 => self.register().await,
                10..25 => self.log_in().await,
                25..65 => self.pay().await,
                65..80 => self.refund().await,
                80..90 => self.receive().await,
                _ => self.show().await,
            }
            // Every third comes at once.
            if self.chance.u32(..3) > 0 {
                sleep(Duration::from_millis(self.chance.u64(..PAUSE_MILLIS))).await;
            }
        }
    }

    async fn register(&mut self) {
        // Some want the same name, in different spellings.
        let names = [self.name.clone(), "sam".to_owned(), "Sam".to_owned()];
        let name = self.chance.choice(names).expect("there are three");
        let call = Call::post("/register", &[("username", &name), ("password", "secret")]);
        let chance = self.chance.fork();
        self.ask(Kind::Users, Ask::Register { name }, call, chance).await;
    }

    async fn log_in(&mut self) {
        let Some(name) = self.chance.choice(self.ledger.names()) else {
            return;
        };
        let right = self.chance.u32(..5) > 0;
        let password = if right { "secret" } else { "guessed" };
        let call = Call::post("/login", &[("username", &name), ("password", password)]);
        let chance = self.chance.fork();
        let answer = self.ask(Kind::Users, Ask::LogIn { name, right }, call, chance).await;
        if let Some(token) = answer.ok(200).and_then(|body| body["token"].as_str()) {
            self.token = Some(token.to_owned());
        }
    }

    async fn pay(&mut self) {
        let sku = self.chance.choice(ARTICLES).expect("there are some");
        // A tenth asks for nothing, which is refused.
        let quantity = if self.chance.u32(..10) == 0 { 0 } else { self.chance.u64(1..=3) };
        let token = if self.chance.bool() { self.token.clone() } else { None };
        let call = Call::post("/pay", &[("sku", sku), ("quantity", &quantity.to_string())]);
        let call = authorised(call, token.as_deref());
        let chance = self.chance.fork();
        let answer = self.ask(Kind::Payments, Ask::Pay { quantity }, call, chance).await;
        if let Some(id) = answer.ok(202).and_then(|body| body["id"].as_str()) {
            self.ledger.accept(Accepted { id: id.to_owned(), token });
        }
    }

    async fn refund(&mut self) {
        let Some(Accepted { id, token }) = self.chance.choice(self.ledger.accepted()) else {
            return;
        };
        let call = authorised(Call::post(format!("/payments/{id}/refund"), &[]), token.as_deref());
        let ask = Ask::Refund { payment: id };
        // Some press the button twice, and two processes have it.
        if self.chance.u32(..3) == 0 {
            let (one, other) = (self.chance.fork(), self.chance.fork());
            let again = self.ask(Kind::Payments, ask.clone(), call.clone(), one);
            tokio::join!(again, self.ask(Kind::Payments, ask, call, other));
        } else {
            let chance = self.chance.fork();
            self.ask(Kind::Payments, ask, call, chance).await;
        }
    }

    async fn receive(&mut self) {
        let sku = self.chance.choice(RECEIVED).expect("there are some");
        let quantity = self.chance.u64(1..=3);
        let path = format!("/stock/{sku}/receipts");
        let call = Call::post(path, &[("quantity", &quantity.to_string())]);
        let chance = self.chance.fork();
        self.ask(Kind::Inventories, Ask::Receive { sku, quantity }, call, chance).await;
    }

    async fn show(&mut self) {
        let Some(Accepted { id, token }) = self.chance.choice(self.ledger.accepted()) else {
            return;
        };
        let call = Call::get(format!("/payments/{id}?wait={}", self.chance.u32(..8)));
        let call = authorised(call, token.as_deref());
        let chance = self.chance.fork();
        self.ask(Kind::Payments, Ask::Show { payment: id }, call, chance).await;
    }

    async fn ask(&self, kind: Kind, ask: Ask, call: Call, mut chance: Rng) -> Answer {
        let trace = self.ledger.trace();
        let call = call.header("traceparent", format!("00-{trace}-00000000000000a1-01"));
        let world = &self.shop.world;
        world.journal.tell(&self.name, format!("asks {ask:?}, request {}", brief(&trace)));
        // Some are in a hurry.
        let patience = if chance.u32(..10) == 0 {
            Duration::from_millis(chance.u64(..300))
        } else {
            Duration::from_secs(20)
        };
        let answer = self.shop.send(kind, call, patience, &mut chance).await;
        let came = answer.word();
        world.journal.tell(&self.name, format!("request {} is answered {came}", brief(&trace)));
        world.answered(ask.route(), came);
        self.ledger.note(trace, ask, answer.clone());
        answer
    }
}

fn authorised(call: Call, token: Option<&str>) -> Call {
    match token {
        Some(token) => call.header("authorization", format!("Bearer {token}")),
        None => call,
    }
}
