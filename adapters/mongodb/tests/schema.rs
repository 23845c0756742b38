//! Documents that this version cannot read: an error names them, and leaves them as they are.

#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/server.rs"]
mod server;

use std::time::Duration;

use comptoir_domain::port::platform::Stores;
use comptoir_domain::port::store::{PaymentRepository, Save, StoreError, Version};
use comptoir_testkit::a_payment;
use mongodb::bson::{Document, doc};

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
