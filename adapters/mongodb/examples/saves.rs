//! How many saves a second a server takes from callers that each wait for their answer: through the
//! adapter, which sends together what arrives while a command is under way, and through the driver,
//! one command for each. Then what relaying and keeping stock cost.
//!
//! `cargo run --release -p comptoir-mongodb --example saves -- --uri mongodb://localhost:27017 --callers 64 --payments 20000`
#![expect(clippy::print_stdout, reason = "its output is a table for people")]
#![expect(clippy::unwrap_used, reason = "a program for measuring may panic")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use comptoir_domain::app::keep_stock::KeepStock;
use comptoir_domain::app::receive_stock::ReceiveStock;
use comptoir_domain::envelope::Service;
use comptoir_domain::event::Event;
use comptoir_domain::outbox::{Announcer, OutboxOwner, Published};
use comptoir_domain::payment::Payment;
use comptoir_domain::port::handler::{Delivery, Handler, Outcome};
use comptoir_domain::port::platform::Stores;
use comptoir_domain::port::store::{Outbox, PaymentRepository, Save, Version};
use comptoir_domain::stock::Quantity;
use comptoir_domain::topic::{Offset, Partition, TopicPartition, Topics};
use comptoir_mongodb::{Mongo, Settings};
use comptoir_testkit::builders::{THEN, a_sku};
use comptoir_testkit::{FakeClock, a_payment, an_envelope};
use mongodb::bson::{Document, doc};
use mongodb::options::WriteConcern;
use tokio::task::JoinSet;
use tokio::time::Instant;

const BATCH: usize = 500;
/// Makes the event that asks something of stock.
type Command = fn(&Payment) -> Event;
/// More than all payments of a run want.
const PLENTY: u64 = 1_000_000;

struct Arguments {
    uri: String,
    callers: usize,
    payments: usize,
}

fn arguments() -> Arguments {
    let mut found =
        Arguments { uri: "mongodb://localhost:27017".to_owned(), callers: 64, payments: 20_000 };
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        let value = words.next().unwrap_or_else(|| panic!("{name} needs a value"));
        match name.as_str() {
            "--uri" => found.uri = value,
            "--callers" => found.callers = value.parse().unwrap(),
            "--payments" => found.payments = value.parse().unwrap(),
            _ => panic!("{name} is unknown"),
        }
    }
    found
}

/// Has so many callers do so many things, one after the other each; tells how fast.
async fn race<F>(what: &str, (callers, count): (usize, usize), one: impl Fn(usize) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let next = Arc::new(AtomicUsize::new(0));
    let all: Arc<Vec<_>> =
        Arc::new((0..count).map(|n| std::sync::Mutex::new(Some(one(n)))).collect());
    let start = Instant::now();
    let mut racing = JoinSet::new();
    for _ in 0..callers {
        let (next, all) = (Arc::clone(&next), Arc::clone(&all));
        racing.spawn(async move {
            while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                let one = one.lock().unwrap().take().unwrap();
                one.await;
            }
        });
    }
    racing.join_all().await;
    tell(what, count, start.elapsed());
}

fn tell(what: &str, count: usize, took: Duration) {
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    let rate = count as f64 / took.as_secs_f64();
    println!("{what:<52} {rate:>8.0} /s");
}

async fn driver(arguments: &Arguments, prefix: &str) {
    let client = mongodb::Client::with_uri_str(&arguments.uri).await.unwrap();
    let database = client.database(&format!("{prefix}driver"));
    let guard = doc! { "key": { "_id": 1, "version": 1 }, "name": "guard", "unique": true };
    let make = doc! { "createIndexes": "payments", "indexes": [guard] };
    database.run_command(make).await.unwrap();
    let concern = WriteConcern::builder().w(mongodb::options::Acknowledgment::Majority).build();
    let stored = database.collection::<Document>("payments");
    let size = (arguments.callers, arguments.payments);
    let event = "x".repeat(600);
    race("driver, one insert for each", size, |n| {
        let (stored, concern) = (stored.clone(), concern.clone());
        let payment = doc! { "_id": n.to_string(), "version": 1_i64, "outbox": { "1999": &event } };
        async move { drop(stored.insert_one(payment).write_concern(concern).await.unwrap()) }
    })
    .await;
    race("driver, one guarded update for each", size, |n| {
        let (stored, concern) = (stored.clone(), concern.clone());
        let filter = doc! { "_id": n.to_string(), "version": 1_i64 };
        let change = doc! { "$set": { "version": 2_i64, "outbox.2999": &event } };
        async move {
            let updated = stored.update_one(filter, change).write_concern(concern).await.unwrap();
            assert_eq!(updated.matched_count, 1);
        }
    })
    .await;
}

fn save(state: Payment, expected: Version) -> Save<Payment> {
    let event = an_envelope().of(state.requested());
    let outbox = vec![event.waiting_for(&["notifications", "inventories"])];
    Save { state, expected, outbox, answer: None }
}

async fn adapter(arguments: &Arguments, mongo: &Mongo, payments: &[Payment]) {
    let stored = mongo.payments();
    let size = (arguments.callers, arguments.payments);
    for (what, expected) in [("insert", Version::NEW), ("guarded update", Version(1))] {
        race(&format!("adapter, {what}"), size, |n| {
            let (stored, write) = (stored.clone(), save(payments[n].clone(), expected));
            async move { stored.save(vec![write]).await.unwrap().remove(0).unwrap() }
        })
        .await;
    }
    let start = Instant::now();
    for _ in 0..payments.len().div_ceil(BATCH) {
        let owners = stored.leftovers(THEN.plus(Duration::from_secs(1)), BATCH).await.unwrap();
        relay(&stored, &owners).await;
    }
    tell("adapter, sweep: find, read and clear outboxes", payments.len(), start.elapsed());
}

/// Reads what these have not published, and clears it.
async fn relay(stored: &impl Outbox, owners: &[OutboxOwner]) {
    let pending = stored.pending(owners).await.unwrap();
    let published = pending.into_iter().map(|pending| Published {
        through: pending.entries.last().unwrap().0,
        owner: pending.owner,
    });
    stored.clear(&published.collect::<Vec<_>>()).await.unwrap();
}

/// The same for all that this process has saved, while it goes on saving.
async fn relay_fresh(arguments: &Arguments, mongo: &Mongo) {
    let stored = mongo.payments();
    let mut relaying = JoinSet::new();
    let relayed = stored.clone();
    relaying.spawn(async move {
        loop {
            let owners = relayed.nudged().await;
            for owners in owners.chunks(BATCH) {
                relay(&relayed, owners).await;
            }
        }
    });
    let payments: Vec<_> = (0..arguments.payments).map(|_| a_payment().build()).collect();
    race("adapter, insert while all is relayed", (arguments.callers, arguments.payments), |n| {
        let (stored, write) = (stored.clone(), save(payments[n].clone(), Version::NEW));
        async move { stored.save(vec![write]).await.unwrap().remove(0).unwrap() }
    })
    .await;
}

fn delivery(event: Event) -> Delivery {
    let topic = Topics::with_prefix("").unwrap().inventories;
    Delivery {
        at: TopicPartition { topic, partition: Partition(0) },
        offset: Offset::ZERO,
        key: None,
        envelope: an_envelope().of(event).build(),
        received: THEN,
    }
}

fn confirmed(payment: &Payment) -> Event {
    match payment.requested() {
        Event::PaymentRequested(terms) => Event::PaymentConfirmed(terms),
        other => unreachable!("{other:?} is no request"),
    }
}

async fn stock(mongo: &Mongo, payments: &[Payment]) {
    let topics = Topics::with_prefix("").unwrap();
    let announcer = Announcer::new(Service::Inventories, topics, Arc::new(FakeClock::default()));
    let keep = KeepStock::new(mongo.stock(), announcer);
    let plenty = Quantity::to_receive(PLENTY).unwrap();
    ReceiveStock::new(mongo.stock()).run(&a_sku("mug"), plenty).await.unwrap();
    for (what, event) in [("hold", Payment::requested as Command), ("sell", confirmed)] {
        let start = Instant::now();
        for batch in payments.chunks(BATCH) {
            let batch: Vec<_> = batch.iter().map(|payment| delivery(event(payment))).collect();
            let outcomes = keep.handle(&batch).await;
            assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Done)));
        }
        tell(&format!("adapter, stock: {what}, 500 in a batch"), payments.len(), start.elapsed());
    }
}

#[tokio::main]
async fn main() {
    let arguments = arguments();
    let prefix = format!("bench{}-", std::process::id());
    driver(&arguments, &prefix).await;
    let mongo = Mongo::new(Settings::new(&arguments.uri, &prefix)).unwrap();
    let payments: Vec<_> = (0..arguments.payments).map(|_| a_payment().build()).collect();
    adapter(&arguments, &mongo, &payments).await;
    relay_fresh(&arguments, &mongo).await;
    stock(&mongo, &payments).await;
}
