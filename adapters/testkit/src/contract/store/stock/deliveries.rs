//! Stock: with what is stored, at-least-once delivery is enough.

use comptoir_domain::checkout::{StockCommand, decide};
use comptoir_domain::event::{Event, PaymentTerms};
use comptoir_domain::port::store::{ReservationWrite, StockRepository, StockWrite, Version};
use comptoir_domain::stock::{ReservationStatus, Sku};

use super::{article, over, status};
use crate::builders::{a_payment, an_article, an_envelope};
use crate::contract::{StoreHarness, Stores};

fn terms(sku: &Sku) -> PaymentTerms {
    let payment = a_payment().of(3, sku.as_str()).build();
    let Event::PaymentRequested(terms) = payment.requested() else {
        unreachable!("a request is a request")
    };
    terms
}

/// Reads, decides and writes once, as the service does; says whether there was anything to write.
async fn deliver(
    stock: &impl StockRepository,
    command: StockCommand,
    terms: &PaymentTerms,
) -> bool {
    let mut article = article(stock, &terms.sku).await;
    let known = stock.reservations(&[terms.payment]).await.unwrap().remove(0);
    let counters = article.as_mut().map(|article| &mut article.state);
    let step = decide(command, terms, known.as_ref(), counters).unwrap();
    let Some(reservation) = step.reservation else {
        return false;
    };
    let outbox = step.event.map(|event| an_envelope().of(event).waiting_for(&["stock"]));
    let write = ReservationWrite {
        reservation,
        expected: known.map(|known| known.status),
        outbox: outbox.into_iter().collect(),
    };
    stock.apply(StockWrite { article, reservations: vec![write], answer: None }).await.unwrap();
    true
}

/// With what is stored, a second delivery of any command finds nothing left to do.
pub async fn a_second_delivery_changes_nothing(h: &impl StoreHarness) {
    let stock = h.open().await.stock();
    let mug = an_article().with_available(10).build();
    stock.apply(over(Version::NEW, &mug)).await.unwrap();
    let terms = terms(mug.sku());
    for command in [StockCommand::Reserve, StockCommand::Sell, StockCommand::PutBack] {
        assert!(deliver(&stock, command, &terms).await, "the first {command:?}");
        let once = article(&stock, mug.sku()).await;
        assert!(!deliver(&stock, command, &terms).await, "the second {command:?}");
        assert_eq!(article(&stock, mug.sku()).await, once);
    }
    assert_eq!(article(&stock, mug.sku()).await.unwrap().state, mug);
    assert_eq!(status(&stock, terms.payment).await, Some(ReservationStatus::Released));
}
