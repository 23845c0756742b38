//! TLS to a real server: `FerretDB` with a certificate for `localhost` from an authority of its own, as
//! `MONGO_STORE=ferretdb MONGO_TLS_PORT=… deploy/local/mongo/start` has it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/server.rs"]
mod server;

use std::error::Error;
use std::time::Duration;

use comptoir_domain::port::platform::Stores;
use comptoir_domain::port::store::{PaymentRepository, Save, StoreError, Version};
use comptoir_mongodb::{Mongo, Settings};
use comptoir_testkit::a_payment;

const DEADLINE: Duration = Duration::from_secs(10);

/// All that an error says, down to its first cause.
fn told(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {}", told(cause)))
}

async fn save(mongo: &Mongo) -> Result<(), StoreError> {
    let state = a_payment().build();
    let write = Save { state, expected: Version::NEW, outbox: Vec::new(), answer: None };
    mongo.payments().save(vec![write]).await?.remove(0)
}

async fn refusal(uri: &str) -> String {
    let settings = Settings { deadline: Duration::from_secs(3), ..Settings::new(uri, "t-") };
    let refused = save(&Mongo::new(settings).unwrap()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
    told(&refused)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_a_known_authority_is_spoken_to() {
    save(&server::open(&server::FERRETDB_TLS.uri(), &server::prefix(), DEADLINE)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_an_unknown_authority_is_refused() {
    let uri = server::FERRETDB_TLS.uri();
    let (without_authority, _) = uri.split_once("&tlsCAFile=").unwrap();
    let told = refusal(without_authority).await;
    assert!(told.contains("UnknownIssuer"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_another_name_is_refused() {
    let told = refusal(&server::FERRETDB_TLS.uri().replace("localhost", "127.0.0.1")).await;
    assert!(told.contains("not valid for name"), "{told}");
}
