//! Stock as the service keeps it: the real use cases over the adapter under test.

use std::sync::Arc;

use comptoir_domain::app::keep_stock::KeepStock;
use comptoir_domain::app::receive_stock::ReceiveStock;
use comptoir_domain::envelope::Service;
use comptoir_domain::event::{Event, PaymentTerms};
use comptoir_domain::outbox::{Announcer, Published};
use comptoir_domain::payment::Payment;
use comptoir_domain::port::handler::{Delivery, Handler, Outcome};
use comptoir_domain::port::store::{Outbox, StockRepository};
use comptoir_domain::stock::{Article, Quantity, ReservationStatus};
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::{Offset, Partition, TopicPartition, Topics};
use comptoir_mongodb::Stock;
use comptoir_testkit::builders::{THEN, a_sku};
use comptoir_testkit::{FakeClock, a_payment, an_envelope};

pub(crate) const FAR: Timestamp = Timestamp::from_millis(i64::MAX);
pub(crate) const SKU: &str = "mug";

/// A payment for so many pieces.
pub(crate) fn payment(pieces: u64) -> Payment {
    a_payment().of(pieces, SKU).build()
}

fn terms(payment: &Payment) -> PaymentTerms {
    match payment.requested() {
        Event::PaymentRequested(terms) => terms,
        other => unreachable!("{other:?} is no request"),
    }
}

pub(crate) fn hold(payment: &Payment) -> Delivery {
    delivery(Event::PaymentRequested(terms(payment)))
}

pub(crate) fn sell(payment: &Payment) -> Delivery {
    delivery(Event::PaymentConfirmed(terms(payment)))
}

pub(crate) fn put_back(payment: &Payment) -> Delivery {
    delivery(Event::PaymentRefunded(terms(payment)))
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

/// Handles a batch as the service does; whether all of it was done.
pub(crate) async fn handle(stock: &Stock, batch: &[Delivery]) -> bool {
    let topics = Topics::with_prefix("").unwrap();
    let announcer = Announcer::new(Service::Inventories, topics, Arc::new(FakeClock::default()));
    let outcomes = KeepStock::new(stock.clone(), announcer).handle(batch).await;
    for outcome in &outcomes {
        assert!(matches!(outcome, Outcome::Done | Outcome::Retry(_)), "{outcome:?}");
    }
    outcomes.iter().all(|outcome| matches!(outcome, Outcome::Done))
}

/// Handles a batch again until it is done.
pub(crate) async fn handle_at_last(stock: &Stock, batch: &[Delivery]) {
    while !handle(stock, batch).await {}
}

pub(crate) async fn receive(stock: &Stock, pieces: u64) {
    let quantity = Quantity::to_receive(pieces).unwrap();
    ReceiveStock::new(stock.clone()).run(&a_sku(SKU), quantity).await.unwrap();
}

/// The article, as whoever decides on it sees it.
pub(crate) async fn article(stock: &Stock) -> Article {
    stock.load(&[a_sku(SKU)]).await.unwrap().remove(0).unwrap().state
}

pub(crate) async fn statuses(
    stock: &Stock,
    payments: &[&Payment],
) -> Vec<Option<ReservationStatus>> {
    let ids: Vec<_> = payments.iter().map(|payment| payment.id).collect();
    let found = stock.reservations(&ids).await.unwrap();
    found.into_iter().map(|found| found.map(|reservation| reservation.status)).collect()
}

/// What must always hold: the counters are what the reservations say.
pub(crate) async fn check(stock: &Stock, received: u64, payments: &[&Payment]) {
    let article = article(stock).await;
    let statuses = statuses(stock, payments).await;
    let pieces = |status| {
        let of = payments.iter().zip(&statuses).filter(|(_, found)| **found == Some(status));
        of.map(|(payment, _)| u64::from(payment.order.quantity.pieces())).sum::<u64>()
    };
    let held = pieces(ReservationStatus::Held);
    let sold = pieces(ReservationStatus::Sold);
    let counted = [article.available(), article.held(), article.sold()];
    assert_eq!(counted, [received - held - sold, held, sold], "{statuses:?}");
    assert_eq!(article.received(), received);
}

/// The kinds of all events that wait, sorted.
pub(crate) async fn waiting(stock: &Stock) -> Vec<String> {
    let owners = stock.leftovers(FAR, 1_000).await.unwrap();
    let pending = stock.pending(&owners).await.unwrap();
    let entries = pending.into_iter().flat_map(|pending| pending.entries);
    let mut kinds: Vec<_> = entries.map(|(_, entry)| entry.envelope.kind().to_owned()).collect();
    kinds.sort();
    kinds
}

/// Publishes all that waits, in effect, as a process that then stops.
pub(crate) async fn publish(stock: &Stock) {
    let owners = stock.leftovers(FAR, 1_000).await.unwrap();
    let pending = stock.pending(&owners).await.unwrap();
    let through = pending.into_iter().map(|pending| Published {
        through: pending.entries.last().unwrap().0,
        owner: pending.owner,
    });
    stock.clear(&through.collect::<Vec<_>>()).await.unwrap();
    stock.flush().await.unwrap();
}
