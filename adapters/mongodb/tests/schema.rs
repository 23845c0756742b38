//! Documents of other versions: those that this one cannot read are named by an error and left as they
//! are, those of versions before go on.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/server.rs"]
mod server;

use std::time::Duration;

use comptoir_domain::idempotency::{FirstAnswer, IdempotencyKey};
use comptoir_domain::payment::Payment;
use comptoir_domain::port::platform::Stores;
use comptoir_domain::port::store::{
    FirstAnswers, PaymentRepository, Save, StockRepository, StockWrite, StoreError, Version,
};
use comptoir_domain::stock::Quantity;
use comptoir_domain::time::Timestamp;
use comptoir_testkit::a_payment;
use comptoir_testkit::builders::{THEN, a_sku};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};

const FAR: Timestamp = Timestamp::from_millis(i64::MAX);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreadable_document_is_named() {
    let (uri, prefix) = (server::MONGODB.uri(), server::prefix());
    let payments = server::open(&uri, &prefix, Duration::from_secs(20)).payments();
    let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
    let database = client.database(&format!("{prefix}payments-service-database"));
    let stored = database.collection::<Document>("payments");
    for (change, problem) in [
        (doc! { "$set": { "schema": 2_i32 } }, "schema 2 is unknown"),
        (doc! { "$unset": { "schema": "" } }, "it has no schema"),
        (doc! { "$unset": { "state": "" } }, "it has no state"),
        (doc! { "$set": { "state.quantity": 0_i64 } }, "a quantity is 1 to"),
        (doc! { "$set": { "state.status": "lost" } }, "lost"),
    ] {
        let state = a_payment().build();
        let (id, name) = (state.id, state.id.to_string());
        let write = Save { state, expected: Version::NEW, outbox: Vec::new(), answer: None };
        payments.save(vec![write]).await.unwrap().remove(0).unwrap();
        stored.update_one(doc! { "_id": &name }, change).await.unwrap();
        let Err(StoreError::Corrupt(source)) = payments.load(&[id]).await else {
            panic!("it must not be read: {problem}")
        };
        let text = source.to_string();
        assert!(text.contains(&name) && text.contains(problem), "{text}");
        assert!(source.source().is_none());
    }
}

/// What was stored by a version that kept no answers goes on as before, and can be answered from then
/// on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_without_answers_go_on() {
    let (uri, prefix) = (server::MONGODB.uri(), server::prefix());
    let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
    let database = |of: &str| client.database(&format!("{prefix}{of}-service-database"));
    let old = [a_payment().build(), a_payment().build()];
    let documents: Vec<_> = old.iter().map(document).collect();
    let payments = database("payments").collection::<Document>("payments");
    payments.insert_many(documents).await.unwrap();
    let article = doc! {
        "_id": "mug", "version": 1_i64, "schema": 1_i32, "write_ids": { "1": ObjectId::new() },
        "state": { "received": 7_i64, "available": 7_i64, "held": 0_i64, "sold": 0_i64 },
    };
    let articles = database("inventories").collection::<Document>("articles");
    articles.insert_one(article).await.unwrap();

    let stores = server::open(&uri, &prefix, Duration::from_secs(20));
    let (payments, stock) = (stores.payments(), stores.stock());
    let found = payments.load(&old.each_ref().map(|payment| payment.id)).await.unwrap();
    let found: Vec<_> = found.into_iter().map(|found| found.unwrap().state).collect();
    assert_eq!(found, old);
    let answer = |n: u8| FirstAnswer {
        key: IdempotencyKey([n; 32]),
        request: [n; 32],
        answer: vec![n],
        at: THEN,
    };
    let confirmed = a_payment().identified(old[0].id).confirmed().build();
    let new = a_payment().build();
    for (state, expected, answer) in [
        (confirmed, Version(1), None),
        (new, Version::NEW, Some(answer(1))),
        (a_payment().build(), Version::NEW, None),
    ] {
        let write = Save { state, expected, outbox: Vec::new(), answer };
        payments.save(vec![write]).await.unwrap().remove(0).unwrap();
    }
    assert_eq!(payments.answered(answer(1).key).await.unwrap(), Some(answer(1)));

    let mut mug = stock.load(&[a_sku("mug")]).await.unwrap().remove(0).unwrap();
    assert_eq!((mug.version, mug.state.available()), (Version(1), 7));
    mug.state.receive(Quantity::ONE).unwrap();
    let write = |answer| StockWrite {
        article: Some(mug.clone()),
        reservations: Vec::new(),
        answer: Some(answer),
    };
    stock.apply(write(answer(2))).await.unwrap();
    assert_eq!(stock.answered(&a_sku("mug"), answer(2).key).await.unwrap(), Some(answer(2)));
    assert_eq!(payments.forget_answers(FAR, 10).await.unwrap(), 1);
    assert_eq!(stock.forget_answers(FAR, 10).await.unwrap(), 1);
}

/// A payment's document as it was before there were answers.
fn document(payment: &Payment) -> Document {
    let Payment { id, order, requested_at, expires_at, origin, .. } = payment;
    doc! {
        "_id": id.to_string(), "version": 1_i64, "schema": 1_i32,
        "write_ids": { "1": ObjectId::new() },
        "state": {
            "status": "pending", "owner": null, "sku": order.sku.as_str(),
            "quantity": i64::from(order.quantity.pieces()),
            "amount": i64::try_from(order.money.amount.minor_units()).unwrap(),
            "currency": order.money.currency.to_string(),
            "requested_at": requested_at.as_millis(), "expires_at": expires_at.as_millis(),
            "trace": origin.trace.to_string(), "correlation": &origin.correlation,
            "event": origin.event.to_string(),
        },
        "due_at": expires_at.as_millis(),
    }
}
