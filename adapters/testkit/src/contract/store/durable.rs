//! What durable stores still know after they were closed and opened again.

use comptoir_domain::outbox::{Pending, Published};
use comptoir_domain::payment::Payment;
use comptoir_domain::port::store::{
    FirstAnswers, Outbox, PaymentRepository, ReservationWrite, Save, StockRepository, StockWrite,
    StoreError, UserRepository, Version, Versioned,
};
use comptoir_domain::stock::{Quantity, Reservation, ReservationStatus};
use comptoir_domain::time::Timestamp;

use super::answers::an_answer;
use super::kept::entries;
use crate::builders::{THEN, a_payment, a_user, an_article};
use crate::contract::{Feature, StoreHarness, Stores, applies};

const FAR: Timestamp = Timestamp::from_millis(i64::MAX);

/// Users and their names are still there.
pub async fn users_survive_reopening<H: StoreHarness>(h: &H) {
    if !applies::<H>(Feature::Durable) {
        return;
    }
    let stores = h.open().await;
    let user = a_user().named("Alice").build();
    stores.users().register(&user, entries(&["e"])).await.unwrap();
    let stores = h.reopen(stores).await;
    let users = stores.users();
    assert_eq!(users.find(user.id).await.unwrap(), Some(user.clone()));
    let again = users.register(&a_user().named("alice").build(), vec![]).await;
    assert!(matches!(again, Err(StoreError::Duplicate { field: "username" })), "got {again:?}");
    assert_eq!(users.find_by_name(&user.username).await.unwrap(), Some(user));
    assert_eq!(users.leftovers(FAR, 10).await.unwrap().len(), 1);
}

async fn save(payments: &impl PaymentRepository, state: &Payment, expected: Version, event: &str) {
    let write = Save { state: state.clone(), expected, outbox: entries(&[event]), answer: None };
    let mut answers = payments.save(vec![write]).await.unwrap();
    answers.remove(0).unwrap();
}

async fn pending(payments: &impl PaymentRepository) -> Vec<Pending> {
    let owners = payments.leftovers(FAR, 10).await.unwrap();
    payments.pending(&owners).await.unwrap()
}

/// Payments are still there, with their versions.
pub async fn payments_survive_reopening<H: StoreHarness>(h: &H) {
    if !applies::<H>(Feature::Durable) {
        return;
    }
    let stores = h.open().await;
    let state = a_payment().confirmed().build();
    save(&stores.payments(), &state, Version::NEW, "1").await;
    let stores = h.reopen(stores).await;
    let payments = stores.payments();
    let found = payments.load(&[state.id]).await.unwrap().remove(0);
    let version = Version(1);
    assert_eq!(found, Some(Versioned { state: state.clone(), version }));
    save(&payments, &state, version, "2").await;
}

/// What is unpublished, and what is due, is still so; what was cleared stays cleared.
pub async fn outboxes_survive_reopening<H: StoreHarness>(h: &H) {
    if !applies::<H>(Feature::Durable) {
        return;
    }
    let stores = h.open().await;
    let state = a_payment().expiring_at(THEN).build();
    save(&stores.payments(), &state, Version::NEW, "1").await;
    let stores = h.reopen(stores).await;
    let published = {
        let payments = stores.payments();
        assert_eq!(payments.due(THEN, 10).await.unwrap(), []);
        let Pending { owner, entries } = pending(&payments).await.remove(0);
        assert_eq!(entries[0].1.envelope.id.as_str(), "1");
        let through = entries[0].0;
        let published = [Published { owner, through }];
        payments.clear(&published).await.unwrap();
        payments.flush().await.unwrap();
        published
    };
    let stores = h.reopen(stores).await;
    let payments = stores.payments();
    assert_eq!(pending(&payments).await, []);
    assert_eq!(payments.due(THEN, 10).await.unwrap(), [state.id]);
    save(&payments, &state, Version(1), "2").await;
    payments.clear(&published).await.unwrap();
    let left = pending(&payments).await.remove(0).entries;
    assert_eq!(left.len(), 1, "a late repeat takes nothing new");
    assert!(left[0].0 > published[0].through, "the sequence goes on");
}

/// Articles, reservations and their guards are still there.
pub async fn stock_survives_reopening<H: StoreHarness>(h: &H) {
    if !applies::<H>(Feature::Durable) {
        return;
    }
    let stores = h.open().await;
    let state = an_article().with_held(1).build();
    let reservation = Reservation {
        payment: a_payment().build().id,
        sku: state.sku().clone(),
        quantity: Quantity::ONE,
        status: ReservationStatus::Held,
    };
    let write = || StockWrite {
        article: Some(Versioned { state: state.clone(), version: Version::NEW }),
        reservations: vec![ReservationWrite {
            reservation: reservation.clone(),
            expected: None,
            outbox: entries(&["e"]),
        }],
        answer: None,
    };
    stores.stock().apply(write()).await.unwrap();
    let stores = h.reopen(stores).await;
    let stock = stores.stock();
    let articles = stock.articles().await.unwrap();
    assert_eq!(articles, std::slice::from_ref(&state));
    let found = stock.reservations(&[reservation.payment]).await.unwrap();
    assert_eq!(found, [Some(reservation.clone())]);
    let repeat = stock.apply(write()).await;
    assert!(matches!(repeat, Err(StoreError::Conflict)), "got {repeat:?}");
    assert_eq!(stock.leftovers(FAR, 10).await.unwrap().len(), 1);
}

/// Answers are still there, and still keep others from being given; what was forgotten stays so.
pub async fn answers_survive_reopening<H: StoreHarness>(h: &H) {
    if !applies::<H>(Feature::Durable) {
        return;
    }
    let stores = h.open().await;
    let paid = |n| {
        let (state, outbox) = (a_payment().build(), Vec::new());
        Save { state, expected: Version::NEW, outbox, answer: Some(an_answer(n)) }
    };
    let state = an_article().build();
    let sku = state.sku().clone();
    let received = |version, n| StockWrite {
        article: Some(Versioned { state: state.clone(), version }),
        reservations: Vec::new(),
        answer: Some(an_answer(n)),
    };
    for n in [1, 2] {
        stores.payments().save(vec![paid(n)]).await.unwrap().remove(0).unwrap();
        stores.stock().apply(received(Version(u64::from(n) - 1), n)).await.unwrap();
    }
    let two = an_answer(2);
    assert_eq!(stores.payments().forget_answers(two.at, 10).await.unwrap(), 1);
    assert_eq!(stores.stock().forget_answers(two.at, 10).await.unwrap(), 1);
    let stores = h.reopen(stores).await;
    let (payments, stock) = (stores.payments(), stores.stock());
    let one = an_answer(1).key;
    assert_eq!(payments.answered(one).await.unwrap(), None);
    assert_eq!(stock.answered(&sku, one).await.unwrap(), None);
    assert_eq!(payments.answered(two.key).await.unwrap().as_ref(), Some(&two));
    assert_eq!(stock.answered(&sku, two.key).await.unwrap().as_ref(), Some(&two));
    let again = payments.save(vec![paid(2)]).await.unwrap().remove(0);
    assert!(matches!(again, Err(StoreError::Duplicate { .. })), "got {again:?}");
    let again = stock.apply(received(Version(2), 2)).await;
    assert!(matches!(again, Err(StoreError::Duplicate { .. })), "got {again:?}");
    assert_eq!(payments.forget_answers(FAR, 10).await.unwrap(), 1);
    assert_eq!(stock.forget_answers(FAR, 10).await.unwrap(), 1);
}
