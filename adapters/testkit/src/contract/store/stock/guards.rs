//! Stock: what guards it against those who decided on old facts.

use comptoir_domain::port::store::{ReservationWrite, StockRepository, StockWrite, Version};
use comptoir_domain::stock::{Article, Reservation, ReservationStatus};
use tokio::task::JoinSet;

use super::super::kept::entries;
use super::{STATUSES, article, assert_conflict, first, is_silent, over, reservation, status};
use crate::builders::an_article;
use crate::contract::{StoreHarness, Stores};

/// Over any version of the article but the stored one, nothing is written.
pub async fn a_stale_article_conflicts(h: &impl StoreHarness) {
    let stock = h.open().await.stock();
    let stored = an_article().build();
    stock.apply(over(Version::NEW, &stored)).await.unwrap();
    stock.apply(over(Version(1), &stored)).await.unwrap();
    let changed = an_article().coded(stored.sku().as_str()).with_held(3).build();
    for expected in [Version::NEW, Version(1), Version(3)] {
        let held = reservation(stored.sku(), ReservationStatus::Held);
        let write = ReservationWrite { outbox: entries(&["late"]), ..first(&held) };
        let write = StockWrite { reservations: vec![write], ..over(expected, &changed) };
        assert_conflict(&stock.apply(write).await);
        assert_eq!(status(&stock, held.payment).await, None, "over {expected:?}");
    }
    let found = article(&stock, stored.sku()).await.unwrap();
    assert_eq!((found.state, found.version), (stored, Version(2)));
    assert!(is_silent(&stock).await, "a refused write must not announce anything");
}

/// Over any status of a reservation but the stored one, nothing is written, not even the others.
pub async fn a_stale_reservation_conflicts(h: &impl StoreHarness) {
    let stock = h.open().await.stock();
    let stored = an_article().build();
    let held = reservation(stored.sku(), ReservationStatus::Held);
    let setup = StockWrite { reservations: vec![first(&held)], ..over(Version::NEW, &stored) };
    stock.apply(setup).await.unwrap();
    let wrong = STATUSES.into_iter().filter(|status| *status != held.status);
    for expected in wrong.map(Some).chain([None]) {
        let other = reservation(stored.sku(), ReservationStatus::Held);
        let write = with_a_stale_one(&stored, &other, &held, expected);
        assert_conflict(&stock.apply(write).await);
        let statuses = [status(&stock, held.payment).await, status(&stock, other.payment).await];
        assert_eq!(statuses, [Some(held.status), None], "over {expected:?}");
    }
    let found = article(&stock, stored.sku()).await.unwrap();
    assert_eq!((found.state, found.version), (stored, Version(1)));
    assert!(is_silent(&stock).await, "a refused write announces nothing");
}

/// A good write of an article and a reservation, but for a second one that sells over a wrong status.
fn with_a_stale_one(
    stored: &Article,
    good: &Reservation,
    held: &Reservation,
    expected: Option<ReservationStatus>,
) -> StockWrite {
    let changed = an_article().coded(stored.sku().as_str()).with_held(3).build();
    let sold = Reservation { status: ReservationStatus::Sold, ..held.clone() };
    let good = ReservationWrite { outbox: entries(&["good"]), ..first(good) };
    let stale = ReservationWrite { expected, outbox: entries(&["stale"]), ..first(&sold) };
    StockWrite { reservations: vec![good, stale], ..over(Version(1), &changed) }
}

/// A reservation that is not there has no status to be changed.
pub async fn an_absent_reservation_conflicts(h: &impl StoreHarness) {
    let stock = h.open().await.stock();
    let absent = reservation(an_article().build().sku(), ReservationStatus::Sold);
    let write = ReservationWrite { expected: Some(ReservationStatus::Held), ..first(&absent) };
    let write = StockWrite { article: None, reservations: vec![write], answer: None };
    assert_conflict(&stock.apply(write).await);
    assert_eq!(status(&stock, absent.payment).await, None);
}

/// Of twenty who write over the same version at once, one wins.
pub async fn of_racing_writes_one_wins(h: &impl StoreHarness) {
    let stock = h.open().await.stock();
    let before = an_article().build();
    stock.apply(over(Version::NEW, &before)).await.unwrap();
    let mut racing = JoinSet::new();
    for _ in 0..20 {
        let stock = stock.clone();
        let held = reservation(before.sku(), ReservationStatus::Held);
        let write = StockWrite { reservations: vec![first(&held)], ..over(Version(1), &before) };
        racing.spawn(async move { (held.payment, stock.apply(write).await) });
    }
    let mut written = 0;
    for (payment, answer) in racing.join_all().await {
        let expected = answer.is_ok().then_some(ReservationStatus::Held);
        assert_eq!(status(&stock, payment).await, expected);
        match answer {
            Ok(()) => written += 1,
            refused => assert_conflict(&refused),
        }
    }
    assert_eq!(written, 1);
    assert_eq!(article(&stock, before.sku()).await.unwrap().version, Version(2));
}
