//! A server that is away, silent, or loses answers.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/proxy.rs"]
mod proxy;
#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/server.rs"]
mod server;

use std::time::Duration;

use comptoir_domain::outbox::OutboxEntry;
use comptoir_domain::payment::Payment;
use comptoir_domain::port::platform::Stores;
use comptoir_domain::port::store::{
    Outbox, PaymentRepository, Save, StoreError, UserRepository, Version,
};
use comptoir_mongodb::{Mongo, Payments};
use comptoir_testkit::{a_payment, a_user, an_envelope, within};
use mongodb::bson::{Document, doc};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use proxy::{Fault, Line, Proxy};

const SHORT: Duration = Duration::from_millis(800);
const LONG: Duration = Duration::from_secs(20);

async fn proxied(deadline: Duration) -> (Proxy, Mongo) {
    let proxy = Proxy::to(&server::MONGODB.uri()).await;
    let mongo = server::open(&proxy.uri(), &server::prefix(), deadline);
    (proxy, mongo)
}

fn event() -> Vec<OutboxEntry> {
    vec![an_envelope().waiting_for(&["notifications"])]
}

async fn save(payments: &Payments, state: &Payment, expected: u64) -> Result<(), StoreError> {
    let write =
        Save { state: state.clone(), expected: Version(expected), outbox: event(), answer: None };
    payments.save(vec![write]).await?.remove(0)
}

fn is_away<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unavailable(_)))
}

/// Tries again until the server is there.
async fn save_at_last(payments: &Payments, state: &Payment) {
    let saved = async {
        while let Err(error) = save(payments, state, 0).await {
            assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        }
    };
    within(LONG, "the server to be back", saved).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_told_in_time_and_ends_by_itself() {
    for line in [Line::Cut, Line::Silent] {
        let (proxy, mongo) = proxied(SHORT).await;
        let payments = mongo.payments();
        let before = a_payment().build();
        save_at_last(&payments, &before).await;
        proxy.set(line);
        let start = Instant::now();
        let lost = a_payment().build();
        assert!(is_away(&save(&payments, &lost, 0).await));
        assert!(is_away(&payments.load(&[before.id]).await));
        assert!(is_away(&mongo.users().register(&a_user().build(), event()).await));
        let took = start.elapsed();
        assert!(took < 4 * SHORT, "{line:?}: three calls took {took:?}");
        proxy.set(Line::Open);
        save_at_last(&payments, &a_payment().build()).await;
        assert!(payments.load(&[before.id]).await.unwrap()[0].is_some());
    }
}

/// Nobody needs the server when a program starts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_may_come_later() {
    let (proxy, mongo) = proxied(SHORT).await;
    proxy.set(Line::Cut);
    let payments = mongo.payments();
    let answer = save(&payments, &a_payment().build(), 0).await;
    assert!(is_away(&answer), "{answer:?}");
    proxy.set(Line::Open);
    save_at_last(&payments, &a_payment().build()).await;
}

/// What took place is told as such, although its answer was lost: new payments and known ones, users
/// and their names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_found_out() {
    let (proxy, mongo) = proxied(LONG).await;
    let (payments, users) = (mongo.payments(), mongo.users());
    let payment = a_payment().build();
    save(&payments, &a_payment().build(), 0).await.unwrap();
    proxy.plan(("insert", "payments"), Fault::LoseAnswer);
    save(&payments, &payment, 0).await.unwrap();
    proxy.plan(("update", "payments"), Fault::LoseAnswer);
    let confirmed = a_payment().identified(payment.id).confirmed().build();
    save(&payments, &confirmed, 1).await.unwrap();
    assert!(!proxy.is_planned(), "both were lost");
    let found = payments.load(&[payment.id]).await.unwrap().remove(0).unwrap();
    assert_eq!((found.state, found.version), (confirmed, Version(2)));
    users.register(&a_user().build(), event()).await.unwrap();
    proxy.plan(("insert", "users"), Fault::LoseAnswer);
    let user = a_user().named("Alice").build();
    users.register(&user, event()).await.unwrap();
    proxy.plan(("insert", "users"), Fault::LoseAnswer);
    let taken = users.register(&a_user().named("alice").build(), event()).await;
    assert!(matches!(taken, Err(StoreError::Duplicate { field: "username" })), "{taken:?}");
}

/// A save whose answer was lost is found out even if somebody has saved since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_found_out_behind_another_save() {
    let (uri, prefix) = (server::MONGODB.uri(), server::prefix());
    let proxy = Proxy::to(&uri).await;
    let payments = server::open(&proxy.uri(), &prefix, LONG).payments();
    save(&payments, &a_payment().build(), 0).await.unwrap();
    let payment = a_payment().build();
    proxy.plan(("insert", "payments"), Fault::DieAfter);
    let mut saving = JoinSet::new();
    let (mine, state) = (payments.clone(), payment.clone());
    saving.spawn(async move { save(&mine, &state, 0).await });
    proxy.struck().await;
    let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
    let database = client.database(&format!("{prefix}payments-service-database"));
    let filter = doc! { "_id": payment.id.to_string(), "version": 1_i64 };
    let later = doc! { "$set": { "version": 2_i64 } };
    let moved = database.collection::<Document>("payments").update_one(filter, later).await;
    assert_eq!(moved.unwrap().matched_count, 1, "somebody has saved since");
    proxy.set(Line::Open);
    saving.join_next().await.unwrap().unwrap().unwrap();
}

/// After too many other saves nothing tells any more whether it took place. To call that a conflict
/// would have its caller decide anew and do twice what cannot be told from a first time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_behind_many_saves_stays_unknown() {
    let (uri, prefix) = (server::MONGODB.uri(), server::prefix());
    let proxy = Proxy::to(&uri).await;
    let payments = server::open(&proxy.uri(), &prefix, LONG).payments();
    let payment = a_payment().build();
    save(&payments, &payment, 0).await.unwrap();
    proxy.plan(("update", "payments"), Fault::DieAfter);
    let mut saving = JoinSet::new();
    let mine = payments.clone();
    let confirmed = a_payment().identified(payment.id).confirmed().build();
    let state = confirmed.clone();
    saving.spawn(async move { save(&mine, &state, 1).await });
    proxy.struck().await;
    let others = server::open(&uri, &prefix, LONG).payments();
    for version in 2..10 {
        save(&others, &confirmed, version).await.unwrap();
    }
    proxy.set(Line::Open);
    let answer = saving.join_next().await.unwrap().unwrap();
    assert!(is_away(&answer), "{answer:?}");
    // Where no answer was lost there is nothing to doubt.
    let told = save(&payments, &confirmed, 1).await;
    assert!(matches!(told, Err(StoreError::Conflict)), "{told:?}");
}

/// A save that was given up may take place later, yet never over what was saved meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_save_changes_nothing() {
    let (proxy, mongo) = proxied(SHORT).await;
    let payments = mongo.payments();
    let payment = a_payment().build();
    save_at_last(&payments, &payment).await;
    proxy.plan(("update", "payments"), Fault::HoldBack);
    let confirmed = a_payment().identified(payment.id).confirmed().build();
    // The first attempt is held back; the next one reaches the server.
    save(&payments, &confirmed, 1).await.unwrap();
    let refunded = a_payment().identified(payment.id).refunded().build();
    save(&payments, &refunded, 2).await.unwrap();
    proxy.let_go().await;
    let found = payments.load(&[payment.id]).await.unwrap().remove(0).unwrap();
    assert_eq!((found.state, found.version), (refunded, Version(3)));
}

/// A hundred callers at once, a third of them with old facts: each is told of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_go_together_have_an_answer_each() {
    let mongo = server::open(&server::MONGODB.uri(), &server::prefix(), LONG);
    let payments = mongo.payments();
    let mut racing = JoinSet::new();
    for n in 0..100_u64 {
        let payments = payments.clone();
        racing.spawn(async move {
            let payment = a_payment().build();
            save(&payments, &payment, 0).await.unwrap();
            let expected = if n.is_multiple_of(3) { 7 } else { 1 };
            (n, save(&payments, &payment, expected).await)
        });
    }
    for (n, answer) in racing.join_all().await {
        if n.is_multiple_of(3) {
            assert!(matches!(answer, Err(StoreError::Conflict)), "{n}: {answer:?}");
        } else {
            answer.unwrap();
        }
    }
}

/// A caller that goes away takes nothing back, and the relay is told all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_leaves_loses_no_event() {
    let (proxy, mongo) = proxied(LONG).await;
    let payments = mongo.payments();
    save(&payments, &a_payment().build(), 0).await.unwrap();
    payments.nudged().await;
    proxy.set(Line::Silent);
    let payment = a_payment().build();
    assert!(timeout(Duration::from_millis(50), save(&payments, &payment, 0)).await.is_err());
    proxy.set(Line::Open);
    let owners = within(LONG, "a nudge", payments.nudged()).await;
    assert_eq!(owners[0].0, payment.id.to_string());
    assert!(payments.load(&[payment.id]).await.unwrap()[0].is_some());
}
