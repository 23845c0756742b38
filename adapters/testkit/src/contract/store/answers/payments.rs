//! Payments: the answer is kept with the first save.

use comptoir_domain::idempotency::{FirstAnswer, IdempotencyKey};
use comptoir_domain::payment::Payment;
use comptoir_domain::port::store::{
    FirstAnswers, Outbox, PaymentRepository, Save, StoreError, Version, Versioned,
};
use comptoir_domain::time::Timestamp;
use tokio::task::JoinSet;

use super::super::kept::entries;
use super::{FAR, after, an_answer, is_answered, key};
use crate::builders::a_payment;
use crate::contract::{StoreHarness, Stores};

/// A new payment, and what was answered.
fn new(state: &Payment, answer: FirstAnswer) -> Save<Payment> {
    let (state, outbox) = (state.clone(), Vec::new());
    Save { state, expected: Version::NEW, outbox, answer: Some(answer) }
}

async fn save(payments: &impl PaymentRepository, write: Save<Payment>) -> Result<(), StoreError> {
    payments.save(vec![write]).await.unwrap().remove(0)
}

async fn answered(payments: &impl PaymentRepository, key: IdempotencyKey) -> Option<FirstAnswer> {
    payments.answered(key).await.unwrap()
}

/// Every byte of an answer comes back, under its key alone.
pub async fn an_answer_is_kept_whole(h: &impl StoreHarness) {
    let payments = h.open().await.payments();
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    let whole = FirstAnswer {
        key: IdempotencyKey(std::array::from_fn(|at| every_byte[at])),
        request: std::array::from_fn(|at| every_byte[255 - at]),
        answer: every_byte,
        at: Timestamp::from_millis(1),
    };
    let empty = FirstAnswer { answer: Vec::new(), ..an_answer(1) };
    for answer in [&whole, &empty] {
        save(&payments, new(&a_payment().build(), answer.clone())).await.unwrap();
    }
    for answer in [whole, empty] {
        assert_eq!(answered(&payments, answer.key).await, Some(answer));
    }
    assert_eq!(answered(&payments, key(2)).await, None);
}

/// Nothing of a second save is written: no payment, no event, no answer.
pub async fn a_second_save_under_a_key_is_refused(h: &impl StoreHarness) {
    let payments = h.open().await.payments();
    save(&payments, new(&a_payment().build(), an_answer(1))).await.unwrap();
    let second = a_payment().build();
    for answer in [an_answer(1), FirstAnswer { key: key(1), ..an_answer(9) }] {
        let write = Save { outbox: entries(&["second"]), ..new(&second, answer) };
        let refused = save(&payments, write).await;
        assert!(is_answered(&refused), "got {refused:?}");
    }
    assert_eq!(payments.load(&[second.id]).await.unwrap(), [None]);
    assert_eq!(payments.leftovers(FAR, 10).await.unwrap(), []);
    assert_eq!(answered(&payments, key(1)).await, Some(an_answer(1)));
    save(&payments, new(&second, an_answer(2))).await.unwrap();
    let found = payments.load(&[second.id]).await.unwrap().remove(0);
    assert_eq!(found, Some(Versioned { state: second, version: Version(1) }));
}

/// Each save of a list has an answer of its own, also where two of them have one key.
pub async fn a_key_that_comes_twice_in_a_list_is_kept_once(h: &impl StoreHarness) {
    let payments = h.open().await.payments();
    let stored = a_payment().build();
    let plain = |state: &Payment, expected| {
        let (state, outbox) = (state.clone(), Vec::new());
        Save { state, expected, outbox, answer: None }
    };
    save(&payments, plain(&stored, Version::NEW)).await.unwrap();
    let (twice, again) = (a_payment().build(), a_payment().build());
    let (other, without) = (a_payment().build(), a_payment().build());
    let confirmed = a_payment().identified(stored.id).confirmed().build();
    let answers = payments
        .save(vec![
            new(&twice, an_answer(1)),
            plain(&confirmed, Version(1)),
            new(&again, an_answer(1)),
            new(&stored, an_answer(2)),
            new(&other, an_answer(3)),
            plain(&without, Version::NEW),
        ])
        .await
        .unwrap();
    let [first, Ok(()), second, Err(StoreError::Conflict), Ok(()), Ok(())] = &answers[..] else {
        panic!("got {answers:?}");
    };
    assert!(first.is_ok() != second.is_ok(), "got {answers:?}");
    assert!(is_answered(if first.is_ok() { second } else { first }), "got {answers:?}");
    let kept = payments.load(&[twice.id, again.id]).await.unwrap();
    assert_eq!([kept[0].is_some(), kept[1].is_some()], [first.is_ok(), second.is_ok()]);
    let others = payments.load(&[confirmed.id, other.id, without.id]).await.unwrap();
    let others: Vec<_> = others.into_iter().map(|found| found.unwrap().state).collect();
    assert_eq!(others, [confirmed, other, without]);
    assert_eq!(answered(&payments, key(2)).await, None);
    assert_eq!(answered(&payments, key(3)).await, Some(an_answer(3)));
}

/// A payment that is there already is told as such, and its answer is not kept.
pub async fn a_stale_save_keeps_no_answer(h: &impl StoreHarness) {
    let payments = h.open().await.payments();
    let stored = a_payment().build();
    save(&payments, new(&stored, an_answer(1))).await.unwrap();
    let refused = save(&payments, new(&stored, an_answer(2))).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "got {refused:?}");
    assert_eq!(answered(&payments, key(2)).await, None);
}

/// Of thirty who save different payments under one key at once, one wins.
pub async fn of_racing_saves_under_one_key_one_wins(h: &impl StoreHarness) {
    let payments = h.open().await.payments();
    for round in 0..3 {
        let mut racing = JoinSet::new();
        for racer in 0..30 {
            let payments = payments.clone();
            let answer = FirstAnswer { answer: vec![racer], ..an_answer(round) };
            let state = a_payment().build();
            let event = format!("{round} {racer}");
            let write = Save { outbox: entries(&[&event]), ..new(&state, answer) };
            racing.spawn(async move { (state.id, racer, save(&payments, write).await) });
        }
        let (mut ids, mut winners) = (Vec::new(), Vec::new());
        for (id, racer, saved) in racing.join_all().await {
            ids.push(id);
            match saved {
                Ok(()) => winners.push((id, racer)),
                refused => assert!(is_answered(&refused), "got {refused:?}"),
            }
        }
        let [(id, racer)] = winners[..] else { panic!("winners {winners:?}") };
        let stored = payments.load(&ids).await.unwrap();
        let stored: Vec<_> = stored.into_iter().flatten().map(|found| found.state.id).collect();
        assert_eq!(stored, [id]);
        assert_eq!(answered(&payments, key(round)).await.unwrap().answer, [racer]);
        assert_eq!(payments.leftovers(FAR, 100).await.unwrap().len(), usize::from(round) + 1);
    }
}

/// A payment goes on as if it had no answer, and the answer stays.
pub async fn later_saves_leave_the_answer(h: &impl StoreHarness) {
    let payments = h.open().await.payments();
    let pending = a_payment().build();
    let write = Save { outbox: entries(&["asks"]), ..new(&pending, an_answer(1)) };
    save(&payments, write).await.unwrap();
    for (version, state) in [
        (Version(1), a_payment().identified(pending.id).confirmed().build()),
        (Version(2), a_payment().identified(pending.id).refunded().build()),
    ] {
        let outbox = entries(&["goes on"]);
        let write = Save { state: state.clone(), expected: version, outbox, answer: None };
        save(&payments, write).await.unwrap();
        let found = payments.load(&[state.id]).await.unwrap().remove(0);
        assert_eq!(found, Some(Versioned { state, version: version.next() }));
        assert_eq!(answered(&payments, key(1)).await, Some(an_answer(1)));
    }
}

/// Answers from before a moment are forgotten, so many at once; their payments stay, and their keys
/// are free again.
pub async fn old_answers_are_forgotten(h: &impl StoreHarness) {
    let payments = h.open().await.payments();
    let states: Vec<_> = (0..5).map(|_| a_payment().build()).collect();
    for (n, state) in (0..).zip(&states) {
        save(&payments, new(state, an_answer(n))).await.unwrap();
    }
    let left = || async {
        let mut left = Vec::new();
        for n in 0..5 {
            left.extend(answered(&payments, key(n)).await.map(|_| n));
        }
        left
    };
    assert_eq!(payments.forget_answers(after(0), 10).await.unwrap(), 0, "not before that moment");
    assert_eq!(payments.forget_answers(after(3), 0).await.unwrap(), 0);
    assert_eq!(left().await, [0, 1, 2, 3, 4]);
    assert_eq!(payments.forget_answers(after(3), 2).await.unwrap(), 2);
    assert_eq!(left().await.len(), 3);
    assert_eq!(payments.forget_answers(after(3), 10).await.unwrap(), 1);
    assert_eq!(left().await, [3, 4]);
    assert_eq!(payments.forget_answers(after(3), 10).await.unwrap(), 0);
    let state = a_payment().identified(states[0].id).confirmed().build();
    let write = Save { state, expected: Version(1), outbox: Vec::new(), answer: None };
    save(&payments, write).await.unwrap();
    save(&payments, new(&a_payment().build(), an_answer(0))).await.unwrap();
    let refused = save(&payments, new(&a_payment().build(), an_answer(4))).await;
    assert!(is_answered(&refused), "got {refused:?}");
}
