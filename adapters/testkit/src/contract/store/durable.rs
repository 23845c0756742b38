//! What durable stores still know after they were closed and opened again.

use std::time::Duration;

use comptoir_domain::outbox::Published;
use comptoir_domain::port::store::{
    Outbox, PaymentRepository, ReservationWrite, Save, StockRepository, StockWrite, StoreError,
    UserRepository, Version, Versioned,
};
use comptoir_domain::stock::{Quantity, Reservation, ReservationStatus};
use comptoir_domain::time::Timestamp;

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
    stores
        .users()
        .register(&user, entries(&["e"]))
        .await
        .unwrap();
    let stores = h.reopen(stores).await;
    let users = stores.users();
    assert_eq!(users.find(user.id).await.unwrap(), Some(user.clone()));
    let again = users
        .register(&a_user().named("alice").build(), vec![])
        .await;
    assert!(
        matches!(again, Err(StoreError::Duplicate { field: "username" })),
        "got {again:?}"
    );
    assert_eq!(
        users.find_by_name(&user.username).await.unwrap(),
        Some(user)
    );
    assert_eq!(users.leftovers(FAR, 10).await.unwrap().len(), 1);
}

/// Payments are still there, with version, outbox and time to expire.
pub async fn payments_survive_reopening<H: StoreHarness>(h: &H) {
    if !applies::<H>(Feature::Durable) {
        return;
    }
    let stores = h.open().await;
    let state = a_payment().expiring_at(THEN).build();
    let write = |expected, outbox| Save {
        state: state.clone(),
        expected,
        outbox,
    };
    let first = write(Version::NEW, entries(&["1", "2"]));
    stores
        .payments()
        .save(vec![first])
        .await
        .unwrap()
        .remove(0)
        .unwrap();
    let stores = h.reopen(stores).await;
    let payments = stores.payments();
    let owners = payments.leftovers(FAR, 10).await.unwrap();
    let pending = payments.pending(&owners).await.unwrap().remove(0);
    let through = pending.entries[1].0;
    payments
        .clear(&[Published {
            owner: pending.owner.clone(),
            through,
        }])
        .await
        .unwrap();
    drop(payments);
    let stores = h.reopen(stores).await;
    let payments = stores.payments();
    assert_eq!(payments.due(THEN, 10).await.unwrap(), [state.id]);
    let found = payments.load(&[state.id]).await.unwrap().remove(0);
    let version = Version(1);
    assert_eq!(
        found,
        Some(Versioned {
            state: state.clone(),
            version
        })
    );
    let second = write(version, entries(&["3"]));
    payments
        .save(vec![second])
        .await
        .unwrap()
        .remove(0)
        .unwrap();
    payments
        .clear(&[Published {
            owner: pending.owner.clone(),
            through,
        }])
        .await
        .unwrap();
    let pending = payments.pending(&[pending.owner]).await.unwrap().remove(0);
    assert_eq!(
        pending.entries.len(),
        1,
        "a late repeat of the clear takes nothing new"
    );
    assert!(pending.entries[0].0 > through, "the sequence goes on");
    assert!(
        payments
            .due(THEN.plus(Duration::from_secs(1)), 10)
            .await
            .unwrap()
            .is_empty()
    );
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
        article: Some(Versioned {
            state: state.clone(),
            version: Version::NEW,
        }),
        reservations: vec![ReservationWrite {
            reservation: reservation.clone(),
            expected: None,
            outbox: entries(&["e"]),
        }],
    };
    stores.stock().apply(write()).await.unwrap();
    let stores = h.reopen(stores).await;
    let stock = stores.stock();
    let articles = stock.articles().await.unwrap();
    assert_eq!(articles, std::slice::from_ref(&state));
    let found = stock.reservations(&[reservation.payment]).await.unwrap();
    assert_eq!(found, [Some(reservation.clone())]);
    let repeat = stock.apply(write()).await;
    assert!(
        matches!(repeat, Err(StoreError::Conflict)),
        "got {repeat:?}"
    );
    assert_eq!(stock.leftovers(FAR, 10).await.unwrap().len(), 1);
}
