//! Stock.

pub mod deliveries;
pub mod guards;

use comptoir_domain::id::PaymentId;
use comptoir_domain::port::store::{
    Outbox, ReservationWrite, StockRepository, StockWrite, StoreError, Version, Versioned,
};
use comptoir_domain::stock::{Article, Quantity, Reservation, ReservationStatus, Sku};
use comptoir_domain::time::Timestamp;

use super::kept::entries;
use crate::builders::{a_payment, a_sku, an_article};
use crate::contract::{StoreHarness, Stores};

const STATUSES: [ReservationStatus; 4] = [
    ReservationStatus::Held,
    ReservationStatus::Sold,
    ReservationStatus::Released,
    ReservationStatus::Rejected,
];

fn reservation(sku: &Sku, status: ReservationStatus) -> Reservation {
    Reservation {
        payment: a_payment().build().id,
        sku: sku.clone(),
        quantity: Quantity::to_order(3).unwrap(),
        status,
    }
}

fn first(reservation: &Reservation) -> ReservationWrite {
    ReservationWrite { reservation: reservation.clone(), expected: None, outbox: Vec::new() }
}

fn over(version: Version, state: &Article) -> StockWrite {
    StockWrite {
        article: Some(Versioned { state: state.clone(), version }),
        reservations: Vec::new(),
        answer: None,
    }
}

async fn article(stock: &impl StockRepository, sku: &Sku) -> Option<Versioned<Article>> {
    let mut found = stock.load(std::slice::from_ref(sku)).await.unwrap();
    assert_eq!(found.len(), 1);
    found.remove(0)
}

async fn status(stock: &impl StockRepository, payment: PaymentId) -> Option<ReservationStatus> {
    let mut found = stock.reservations(&[payment]).await.unwrap();
    assert_eq!(found.len(), 1);
    found.remove(0).map(|reservation| reservation.status)
}

async fn is_silent(stock: &impl StockRepository) -> bool {
    let far = Timestamp::from_millis(i64::MAX);
    stock.leftovers(far, 10).await.unwrap().is_empty()
}

fn assert_conflict(answer: &Result<(), StoreError>) {
    assert!(matches!(answer, Err(StoreError::Conflict)), "got {answer:?}");
}

/// Articles come back whole, in the order asked for, missing ones as none, all of them by code.
pub async fn articles_load_in_the_order_asked(h: &impl StoreHarness) {
    let stock = h.open().await.stock();
    let build = |code: &str| an_article().coded(code).with_held(5).with_sold(1 << 40).build();
    let stored: Vec<_> = ["pen", "Mug", "a / \"b\" ü", "ink"].into_iter().map(build).collect();
    for article in &stored {
        stock.apply(over(Version::NEW, article)).await.unwrap();
    }
    let skus = ["ink", "nothing", "pen", "a / \"b\" ü", "ink"].map(a_sku);
    let found = stock.load(&skus).await.unwrap();
    let version = Version(1);
    let some = |at: usize| Some(Versioned { state: stored[at].clone(), version });
    assert_eq!(found, [some(3), None, some(0), some(2), some(3)]);
    let mut by_code = stored.clone();
    by_code.sort_by_key(|article| article.sku().clone());
    assert_eq!(stock.articles().await.unwrap(), by_code);
    assert_eq!(stock.load(&[]).await.unwrap(), []);
}

/// Reservations come back whole, in the order asked for, missing ones as none.
pub async fn reservations_load_in_the_order_asked(h: &impl StoreHarness) {
    let stock = h.open().await.stock();
    let stored = STATUSES.map(|status| reservation(&a_sku("mug ü"), status));
    let reservations = stored.iter().map(first).collect();
    stock.apply(StockWrite { article: None, reservations, answer: None }).await.unwrap();
    let missing = a_payment().build().id;
    let asked =
        [stored[2].payment, missing, stored[0].payment, stored[3].payment, stored[1].payment];
    let found = stock.reservations(&asked).await.unwrap();
    let some = |at: usize| Some(stored[at].clone());
    assert_eq!(found, [some(2), None, some(0), some(3), some(1)]);
    assert_eq!(stock.reservations(&[]).await.unwrap(), []);
}

/// Article, reservations and events are written together, and each write makes the next version.
pub async fn one_write_changes_everything(h: &impl StoreHarness) {
    let stock = h.open().await.stock();
    let before = an_article().with_available(10).build();
    stock.apply(over(Version::NEW, &before)).await.unwrap();
    let after = an_article().coded(before.sku().as_str()).with_available(4).with_held(6).build();
    let held = [(); 2].map(|()| reservation(before.sku(), ReservationStatus::Held));
    let write = |reservation| ReservationWrite { outbox: entries(&["e"]), ..first(reservation) };
    let reservations = held.iter().map(write).collect();
    stock.apply(StockWrite { reservations, ..over(Version(1), &after) }).await.unwrap();
    let found = article(&stock, after.sku()).await.unwrap();
    assert_eq!((&found.state, found.version), (&after, Version(2)));
    for reservation in held {
        assert_eq!(status(&stock, reservation.payment).await, Some(ReservationStatus::Held));
    }
    let far = Timestamp::from_millis(i64::MAX);
    assert_eq!(stock.leftovers(far, 10).await.unwrap().len(), 2, "an owner for each payment");
}

/// Nobody ever received the article: its rejected reservation is kept without it, once.
pub async fn an_unknown_article_keeps_its_rejection(h: &impl StoreHarness) {
    let stock = h.open().await.stock();
    let rejected = reservation(&a_sku("unknown"), ReservationStatus::Rejected);
    let write = || StockWrite { article: None, reservations: vec![first(&rejected)], answer: None };
    stock.apply(write()).await.unwrap();
    assert_eq!(stock.reservations(&[rejected.payment]).await.unwrap(), [Some(rejected.clone())]);
    assert_eq!(article(&stock, &rejected.sku).await, None);
    assert_eq!(stock.articles().await.unwrap(), []);
    assert_conflict(&stock.apply(write()).await);
}
