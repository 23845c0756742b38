//! What stands in the documents once events are published: the next save takes them along, or a write
//! of their own does, a moment later.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/server.rs"]
mod server;
#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/shop.rs"]
mod shop;

use std::time::Duration;

use comptoir_domain::outbox::{Pending, Published};
use comptoir_domain::payment::Payment;
use comptoir_domain::port::platform::Stores;
use comptoir_domain::port::store::{Outbox, PaymentRepository, Save, Version};
use comptoir_mongodb::Payments;
use comptoir_testkit::{a_payment, an_envelope};
use mongodb::bson::{Bson, Document, doc};

use shop::{FAR, SKU, hold, payment, sell};

const LONG: Duration = Duration::from_secs(20);

async fn stored(database: &str, collection: &str, id: &str) -> Document {
    let client = mongodb::Client::with_uri_str(server::MONGODB.uri()).await.unwrap();
    let collection = client.database(database).collection::<Document>(collection);
    collection.find_one(doc! { "_id": id }).await.unwrap().unwrap()
}

/// Publishes what was nudged, in effect; the events' ids.
async fn relay(outbox: &impl Outbox) -> Vec<String> {
    let pending = outbox.pending(&outbox.nudged().await).await.unwrap();
    let through = pending.iter().map(|Pending { owner, entries }| Published {
        owner: owner.clone(),
        through: entries.last().unwrap().0,
    });
    outbox.clear(&through.collect::<Vec<_>>()).await.unwrap();
    let entries = pending.into_iter().flat_map(|pending| pending.entries);
    entries.map(|(_, entry)| entry.envelope.id.as_str().to_owned()).collect()
}

/// The next version of a payment, with an event of that id.
async fn save(payments: &Payments, state: &Payment, expected: u64, event: Option<&str>) {
    let outbox = event.map(|id| an_envelope().identified(id).waiting_for(&["notifications"]));
    let outbox = outbox.into_iter().collect();
    let write = Save { state: state.clone(), expected: Version(expected), outbox, answer: None };
    payments.save(vec![write]).await.unwrap().remove(0).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_save_takes_published_events_along() {
    let (uri, prefix) = (server::MONGODB.uri(), server::prefix());
    let payments = server::open(&uri, &prefix, LONG).payments();
    let state = a_payment().build();
    let database = format!("{prefix}payments-service-database");
    let id = state.id.to_string();
    let document = async || stored(&database, "payments", &id).await;

    save(&payments, &state, 0, Some("requested")).await;
    assert_eq!(relay(&payments).await, ["requested"]);
    save(&payments, &state, 1, Some("confirmed")).await;
    let outbox = document().await.get_document("outbox").unwrap().clone();
    assert_eq!(outbox.keys().collect::<Vec<_>>(), ["2999"], "the second save's alone");
    assert_eq!(relay(&payments).await, ["confirmed"]);
    save(&payments, &state, 2, None).await;
    let document = document().await;
    assert!(!document.contains_key("outbox") && !document.contains_key("pending_since"));
    assert!(payments.leftovers(FAR, 10).await.unwrap().is_empty());
}

/// Another process has saved in between: what it brought is not taken for published.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_process_brought_stays() {
    let (uri, prefix) = (server::MONGODB.uri(), server::prefix());
    let open = || server::open(&uri, &prefix, LONG).payments();
    let (one, other) = (open(), open());
    let state = a_payment().build();
    save(&one, &state, 0, Some("1")).await;
    assert_eq!(relay(&one).await, ["1"]);
    save(&other, &state, 1, Some("2")).await;
    save(&one, &state, 2, Some("3")).await;
    assert_eq!(relay(&one).await, ["2", "3"], "what is published is not published again");
    one.flush().await.unwrap();
    assert!(open().leftovers(FAR, 10).await.unwrap().is_empty());
}

/// A process that dies leaves at most repeats.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_flushed_is_found_by_others() {
    let (uri, prefix) = (server::MONGODB.uri(), server::prefix());
    let open = || server::open(&uri, &prefix, LONG).payments();
    let payments = open();
    save(&payments, &a_payment().build(), 0, Some("1")).await;
    assert_eq!(relay(&payments).await, ["1"]);
    assert_eq!(open().leftovers(FAR, 10).await.unwrap().len(), 1);
    payments.flush().await.unwrap();
    assert_eq!(open().leftovers(FAR, 10).await.unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moves_that_are_done_are_taken_away() {
    let (uri, prefix) = (server::MONGODB.uri(), server::prefix());
    let stock = server::open(&uri, &prefix, LONG).stock();
    let database = format!("{prefix}inventories-service-database");
    let payment = payment(3);
    shop::receive(&stock, 10).await;
    assert!(shop::handle(&stock, &[hold(&payment)]).await);
    assert_eq!(relay(&stock).await.len(), 1);
    let article = stored(&database, "articles", SKU).await;
    assert!(!article.contains_key("moving") && !article.contains_key("moves"), "{article}");

    assert!(shop::handle(&stock, &[sell(&payment)]).await);
    let reservation = stored(&database, "reservations", &payment.id.to_string()).await;
    assert!(!reservation.contains_key("outbox"), "the sale took it along: {reservation}");
    let article = stored(&database, "articles", SKU).await;
    assert_eq!(article.get("moves"), Some(&Bson::Int32(1)), "nothing waits for it");
    stock.flush().await.unwrap();
    assert!(!stored(&database, "articles", SKU).await.contains_key("moves"));
}
