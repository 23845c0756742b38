//! Keeps a process running: starts it, clears up behind it, starts it again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use comptoir_http::PublicHosts;
use comptoir_payments::Terms;
use comptoir_runtime::context::Context;
use comptoir_runtime::edge::App;
use comptoir_runtime::supervise::Tasks;
use comptoir_users::Security;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Kind, Running, Shop, Slot};
use crate::clock::{NoHasher, PlainTokens};
use crate::gate::{Ports, Process};
use crate::life::Life;
use crate::mistakes::Variant;
use crate::world::lock;

/// How long it may take until a crash is noticed, as a session of a group runs out.
const NOTICED_AFTER: u64 = 6_000;
/// How long a process may be gone.
const GONE_FOR: u64 = 8_000;

/// Keeps the process of a slot running for as long as the run goes on.
pub(crate) async fn keep<V: Variant>(shop: Arc<Shop>, slot: Arc<Slot>) {
    let mut chance = shop.world.chance();
    loop {
        let (running, tasks) = start::<V>(&shop, &slot);
        let mut process = JoinSet::new();
        process.spawn(tasks.run(std::future::pending::<()>));
        tokio::select! {
            biased;
            () = running.life.died() => {}
            _ = process.join_next() => {
                if running.stop.is_cancelled() {
                    running.life.tell("has stopped");
                } else {
                    shop.world.breaks(format!("{} ended, and nobody had asked it to", slot.name));
                }
            }
        }
        lock(&slot.running).take();
        if !process.is_empty() {
            sleep(Duration::from_millis(chance.u64(..NOTICED_AFTER))).await;
        }
        drop(process);
        lock(&running.requests).abort_all();
        sleep(Duration::from_millis(chance.u64(..GONE_FOR))).await;
    }
}

fn start<V: Variant>(shop: &Shop, slot: &Slot) -> (Running, Tasks) {
    let world = &shop.world;
    let life = Life::new(&slot.name, world);
    if shop.calm.is_cancelled() {
        life.calm();
    }
    life.tell("starts");
    let platform = Process::<V>::new(Ports::new(world, life.clone()));
    let (clock, ids) = (Arc::new(slot.clock.clone()), Arc::clone(&world.ids));
    let ending = CancellationToken::new();
    let context = Context::new("", clock, ids, PublicHosts::default(), ending.clone());
    let context = context.expect("no prefix is one");
    let mut tasks = Tasks::new(ending.clone());
    let tokens = Arc::new(PlainTokens);
    let App { routes, .. } = match slot.kind {
        Kind::Users => {
            let security = Security { hasher: Arc::new(NoHasher), tokens };
            comptoir_users::start(&mut tasks, &context, &platform, security)
        }
        Kind::Payments => {
            let terms = Terms { tokens, expires_after: shop.expires_after };
            comptoir_payments::start(&mut tasks, &context, &platform, terms)
        }
        Kind::Inventories => comptoir_inventories::start(&mut tasks, &context, &platform),
        Kind::Notifications => comptoir_notifications::start(&mut tasks, &context, &platform),
    };
    let requests = Arc::new(Mutex::new(JoinSet::new()));
    let running = Running { life, stop: ending, routes, requests };
    *lock(&slot.running) = Some(running.clone());
    (running, tasks)
}
