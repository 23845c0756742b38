//! Stock: the answer is kept with the article that was received.

use comptoir_domain::idempotency::FirstAnswer;
use comptoir_domain::port::store::{
    FirstAnswers, ReservationWrite, StockRepository, StockWrite, StoreError, Version, Versioned,
};
use comptoir_domain::stock::{Quantity, Reservation, ReservationStatus};
use tokio::task::JoinSet;

use super::super::kept::entries;
use super::{after, an_answer, is_answered, key};
use crate::builders::{a_payment, a_sku, an_article};
use crate::contract::{StoreHarness, Stores};

const SKU: &str = "mug ü";

/// The article with so many pieces over a version, and what was answered.
fn receipt(version: Version, available: u64, answer: FirstAnswer) -> StockWrite {
    let state = an_article().coded(SKU).with_available(available).build();
    let article = Some(Versioned { state, version });
    StockWrite { article, reservations: Vec::new(), answer: Some(answer) }
}

/// The article's version and pieces.
async fn stored(stock: &impl StockRepository) -> (Version, u64) {
    let found = stock.load(&[a_sku(SKU)]).await.unwrap().remove(0);
    found.map_or((Version::NEW, 0), |found| (found.version, found.state.available()))
}

async fn answered(stock: &impl StockRepository, n: u8) -> Option<FirstAnswer> {
    stock.answered(&a_sku(SKU), key(n)).await.unwrap()
}

/// One piece more, decided again until nobody came between.
async fn receive_one(stock: &impl StockRepository, answer: FirstAnswer) -> Result<(), StoreError> {
    loop {
        let (version, available) = stored(stock).await;
        match stock.apply(receipt(version, available + 1, answer.clone())).await {
            Err(StoreError::Conflict) => {}
            applied => return applied,
        }
    }
}

/// The answers of all receipts of an article come back, not only the last one's.
pub async fn every_receipt_keeps_its_answer(h: &impl StoreHarness) {
    let stock = h.open().await.stock();
    for n in 0..4 {
        assert_eq!(answered(&stock, n).await, None);
        let write = receipt(Version(n.into()), 10 * (u64::from(n) + 1), an_answer(n));
        stock.apply(write).await.unwrap();
        for earlier in 0..=n {
            assert_eq!(answered(&stock, earlier).await, Some(an_answer(earlier)), "after {n}");
        }
    }
    assert_eq!(stored(&stock).await, (Version(4), 40));
}

/// Nothing of a second receipt is written, whether its key came last or long before.
pub async fn a_second_receipt_under_a_key_is_refused(h: &impl StoreHarness) {
    let stock = h.open().await.stock();
    for n in 0..3 {
        receive_one(&stock, an_answer(n)).await.unwrap();
        for used in 0..=n {
            let (version, _) = stored(&stock).await;
            let late = FirstAnswer { answer: b"late".to_vec(), ..an_answer(used) };
            let refused = stock.apply(receipt(version, 99, late)).await;
            assert!(is_answered(&refused), "key {used} after {n}: {refused:?}");
            assert_eq!(stored(&stock).await, (version, u64::from(n) + 1));
            assert_eq!(answered(&stock, used).await, Some(an_answer(used)));
        }
    }
}

/// Over another version nothing is written, the answer included.
pub async fn a_stale_receipt_keeps_no_answer(h: &impl StoreHarness) {
    let stock = h.open().await.stock();
    receive_one(&stock, an_answer(1)).await.unwrap();
    receive_one(&stock, an_answer(2)).await.unwrap();
    for version in [Version::NEW, Version(1), Version(3)] {
        let refused = stock.apply(receipt(version, 99, an_answer(3))).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "over {version:?}: {refused:?}");
        assert_eq!(answered(&stock, 3).await, None);
    }
    assert_eq!(stored(&stock).await, (Version(2), 2));
}

/// Of twenty who receive under one key at once, one wins, also if the article is new.
pub async fn of_racing_receipts_under_one_key_one_wins(h: &impl StoreHarness) {
    let stock = h.open().await.stock();
    for round in 0..3_u8 {
        let mut racing = JoinSet::new();
        for racer in 0..20 {
            let stock = stock.clone();
            let answer = FirstAnswer { answer: vec![racer], ..an_answer(round) };
            racing.spawn(async move { (racer, receive_one(&stock, answer).await) });
        }
        let mut winners = Vec::new();
        for (racer, applied) in racing.join_all().await {
            match applied {
                Ok(()) => winners.push(racer),
                refused => assert!(is_answered(&refused), "got {refused:?}"),
            }
        }
        let [winner] = winners[..] else { panic!("winners {winners:?}") };
        let pieces = u64::from(round) + 1;
        assert_eq!(stored(&stock).await, (Version(pieces), pieces));
        assert_eq!(answered(&stock, round).await.unwrap().answer, [winner]);
    }
}

/// Of receipts that race under keys of their own, each is made once and keeps its answer.
pub async fn racing_receipts_keep_all_answers(h: &impl StoreHarness) {
    let stock = h.open().await.stock();
    let mut racing = JoinSet::new();
    for racer in 0..24 {
        let stock = stock.clone();
        racing.spawn(async move { receive_one(&stock, an_answer(racer % 8)).await.is_ok() });
    }
    let made = racing.join_all().await.into_iter().filter(|is_made| *is_made).count();
    assert_eq!(made, 8);
    assert_eq!(stored(&stock).await, (Version(8), 8));
    for n in 0..8 {
        assert_eq!(answered(&stock, n).await, Some(an_answer(n)));
    }
}

/// What becomes of the article's pieces later, and receipts without a key, change no answer.
pub async fn other_writes_leave_the_answer(h: &impl StoreHarness) {
    let stock = h.open().await.stock();
    stock.apply(receipt(Version::NEW, 10, an_answer(1))).await.unwrap();
    let reservation = Reservation {
        payment: a_payment().build().id,
        sku: a_sku(SKU),
        quantity: Quantity::ONE,
        status: ReservationStatus::Held,
    };
    let outbox = entries(&["held"]);
    let held = ReservationWrite { reservation: reservation.clone(), expected: None, outbox };
    let plain = |version| StockWrite { answer: None, ..receipt(version, 10, an_answer(0)) };
    stock.apply(StockWrite { reservations: vec![held], ..plain(Version(1)) }).await.unwrap();
    stock.apply(plain(Version(2))).await.unwrap();
    assert_eq!(answered(&stock, 1).await, Some(an_answer(1)));
    stock.apply(receipt(Version(3), 20, an_answer(2))).await.unwrap();
    stock.apply(plain(Version(4))).await.unwrap();
    for n in 1..3 {
        assert_eq!(answered(&stock, n).await, Some(an_answer(n)));
    }
    let found = stock.reservations(&[reservation.payment]).await.unwrap();
    assert_eq!(found, [Some(reservation)]);
}

/// Answers from before a moment are forgotten, the last one's too; their keys are free again.
pub async fn old_answers_are_forgotten(h: &impl StoreHarness) {
    let stock = h.open().await.stock();
    for n in 0..5 {
        receive_one(&stock, an_answer(n)).await.unwrap();
    }
    let left = || async {
        let mut left = Vec::new();
        for n in 0..5 {
            left.extend(answered(&stock, n).await.map(|_| n));
        }
        left
    };
    assert_eq!(stock.forget_answers(after(0), 10).await.unwrap(), 0, "not before that moment");
    assert_eq!(stock.forget_answers(after(3), 0).await.unwrap(), 0);
    assert_eq!(stock.forget_answers(after(3), 2).await.unwrap(), 2);
    assert_eq!(stock.forget_answers(after(3), 10).await.unwrap(), 1);
    assert_eq!(left().await, [3, 4]);
    assert_eq!(stock.forget_answers(after(9), 10).await.unwrap(), 2);
    assert_eq!(left().await, []);
    assert_eq!(stock.forget_answers(after(9), 10).await.unwrap(), 0);
    let (version, pieces) = stored(&stock).await;
    assert_eq!((version, pieces), (Version(5), 5), "the article stays");
    for n in [0, 4] {
        receive_one(&stock, an_answer(n)).await.unwrap();
        assert_eq!(answered(&stock, n).await, Some(an_answer(n)));
    }
}
