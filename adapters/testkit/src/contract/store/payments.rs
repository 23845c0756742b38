//! Payments.

use std::time::Duration;

use comptoir_domain::envelope::Origin;
use comptoir_domain::event::StockRefused;
use comptoir_domain::id::{EventId, PaymentId, UserId};
use comptoir_domain::money::Amount;
use comptoir_domain::payment::Payment;
use comptoir_domain::port::store::{
    Outbox, PaymentRepository, Save, StoreError, Version, Versioned,
};
use comptoir_domain::time::Timestamp;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::kept::entries;
use crate::builders::{THEN, a_payment};
use crate::contract::{StoreHarness, Stores};
use crate::world::SequentialIds;

fn over(version: Version, state: &Payment) -> Save<Payment> {
    Save { state: state.clone(), expected: version, outbox: Vec::new(), answer: None }
}

async fn save(payments: &impl PaymentRepository, write: Save<Payment>) -> Result<(), StoreError> {
    let mut answers = payments.save(vec![write]).await.unwrap();
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

async fn load(payments: &impl PaymentRepository, id: PaymentId) -> Option<Versioned<Payment>> {
    let mut found = payments.load(&[id]).await.unwrap();
    assert_eq!(found.len(), 1);
    found.remove(0)
}

fn is_conflict<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Conflict))
}

/// A payment that is not there is none, and no error; the others keep their places.
pub async fn payments_load_in_the_order_asked(h: &impl StoreHarness) {
    let payments = h.open().await.payments();
    let stored: Vec<_> = (0..3).map(|_| a_payment().build()).collect();
    for payment in &stored {
        save(&payments, over(Version::NEW, payment)).await.unwrap();
    }
    let missing = a_payment().build().id;
    let asked = [stored[2].id, missing, stored[0].id, stored[2].id, stored[1].id];
    let found = payments.load(&asked).await.unwrap();
    let found: Vec<_> = found.into_iter().map(|found| found.map(|found| found.state)).collect();
    let [zero, one, two] = [&stored[0], &stored[1], &stored[2]].map(|p| Some(p.clone()));
    assert_eq!(found, [two.clone(), None, zero, two, one]);
    assert_eq!(payments.load(&[]).await.unwrap(), []);
}

/// Every field of a payment comes back, in every state.
pub async fn a_payment_is_kept_whole(h: &impl StoreHarness) {
    let payments = h.open().await.payments();
    let full = a_payment()
        .owned_by(UserId::new(SequentialIds::nth(77)))
        .of(1_000, "a rare / \"ünusual\" article")
        .costing(Amount::MAX, "XTS")
        .requested_at(Timestamp::from_millis(1))
        .expiring_at(Timestamp::from_millis(i64::from(i32::MAX) * 1_000))
        .caused_by(Origin {
            trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00".parse().unwrap(),
            correlation: "story 7".to_owned(),
            event: EventId::try_from("any text ü".to_owned()).unwrap(),
        })
        .build();
    let states = [
        full,
        a_payment().build(),
        a_payment().confirmed().build(),
        a_payment().rejected(StockRefused::OutOfStock).build(),
        a_payment().rejected(StockRefused::UnknownSku).build(),
        a_payment().expired().build(),
        a_payment().refunded().build(),
    ];
    for state in states {
        save(&payments, over(Version::NEW, &state)).await.unwrap();
        let version = Version(1);
        assert_eq!(load(&payments, state.id).await, Some(Versioned { state, version }));
    }
}

/// Each save makes the next version, and replaces the state.
pub async fn versions_count_saves(h: &impl StoreHarness) {
    let payments = h.open().await.payments();
    let pending = a_payment();
    let states =
        [pending.clone().build(), pending.clone().confirmed().build(), pending.refunded().build()];
    for (before, state) in (0..).zip(&states) {
        save(&payments, over(Version(before), state)).await.unwrap();
        let found = load(&payments, state.id).await.unwrap();
        assert_eq!((&found.state, found.version), (state, Version(before + 1)));
    }
}

/// A save over any version but the stored one is refused, and nothing of it is written.
pub async fn a_stale_save_conflicts(h: &impl StoreHarness) {
    let payments = h.open().await.payments();
    let stored = a_payment().confirmed().build();
    save(&payments, over(Version::NEW, &a_payment().identified(stored.id).build())).await.unwrap();
    save(&payments, over(Version(1), &stored)).await.unwrap();
    let late = a_payment().identified(stored.id).expired().build();
    for expected in [Version::NEW, Version(1), Version(3), Version(u64::from(u32::MAX))] {
        let write = Save { outbox: entries(&["late"]), ..over(expected, &late) };
        let refused = save(&payments, write).await;
        assert!(is_conflict(&refused), "over {expected:?} got {refused:?}");
    }
    let found = load(&payments, stored.id).await.unwrap();
    assert_eq!((found.state, found.version), (stored, Version(2)));
    let far = Timestamp::from_millis(i64::MAX);
    assert_eq!(payments.leftovers(far, 10).await.unwrap(), []);
}

/// What is not there cannot be replaced.
pub async fn an_update_of_nothing_conflicts(h: &impl StoreHarness) {
    let payments = h.open().await.payments();
    let payment = a_payment().build();
    let refused = save(&payments, over(Version(1), &payment)).await;
    assert!(is_conflict(&refused), "got {refused:?}");
    assert_eq!(load(&payments, payment.id).await, None);
}

/// Of twenty who save over the same version at once, one wins.
pub async fn of_racing_saves_one_wins(h: &impl StoreHarness) {
    let payments = h.open().await.payments();
    let payment = a_payment().build();
    for round in 0..5 {
        let mut racing = JoinSet::new();
        for racer in 0..20 {
            let payments = payments.clone();
            let state = a_payment()
                .identified(payment.id)
                .expiring_at(Timestamp::from_millis(racer))
                .build();
            let id = format!("round {round} racer {racer}");
            let write = Save { outbox: entries(&[&id]), ..over(Version(round), &state) };
            racing.spawn(async move { (racer, save(&payments, write).await) });
        }
        let mut winners = Vec::new();
        for (racer, answer) in racing.join_all().await {
            match answer {
                Ok(()) => winners.push(racer),
                refused => assert!(is_conflict(&refused), "got {refused:?}"),
            }
        }
        assert_eq!(winners.len(), 1, "winners of round {round}");
        let found = load(&payments, payment.id).await.unwrap();
        assert_eq!(found.version, Version(round + 1));
        assert_eq!(found.state.expires_at, Timestamp::from_millis(winners[0]));
    }
    let far = Timestamp::from_millis(i64::MAX);
    let owners = payments.leftovers(far, 10).await.unwrap();
    let pending = payments.pending(&owners).await.unwrap();
    assert_eq!(pending[0].entries.len(), 5, "one event for each round");
}

/// In one batch each write has its own answer, in the order of the writes.
pub async fn a_mixed_batch_has_an_answer_each(h: &impl StoreHarness) {
    let payments = h.open().await.payments();
    let before: Vec<_> = (0..100).map(|_| a_payment().build()).collect();
    let writes = before.iter().map(|payment| over(Version::NEW, payment)).collect();
    let answers = payments.save(writes).await.unwrap();
    assert!(answers.len() == 100 && answers.iter().all(Result::is_ok), "{answers:?}");
    let is_stale = |n: usize| n.is_multiple_of(3);
    let write = |(n, payment): (usize, &Payment)| {
        let expected = if is_stale(n) { Version(7) } else { Version(1) };
        let state = a_payment().identified(payment.id).confirmed().build();
        Save { outbox: entries(&[&n.to_string()]), ..over(expected, &state) }
    };
    let writes: Vec<_> = before.iter().enumerate().map(write).collect();
    let answers = payments.save(writes.clone()).await.unwrap();
    assert_eq!(answers.len(), 100);
    let ids: Vec<_> = before.iter().map(|payment| payment.id).collect();
    let found = payments.load(&ids).await.unwrap();
    for (n, (answer, found)) in answers.iter().zip(found).enumerate() {
        let found = found.unwrap();
        if is_stale(n) {
            assert!(is_conflict(answer), "write {n} got {answer:?}");
            assert_eq!((found.state, found.version), (before[n].clone(), Version(1)));
        } else {
            assert!(answer.is_ok(), "write {n} got {answer:?}");
            assert_eq!((found.state, found.version), (writes[n].state.clone(), Version(2)));
        }
    }
    let owners = payments.leftovers(THEN.plus(Duration::from_secs(1)), 200).await;
    assert_eq!(owners.unwrap().len(), 66, "the stale ones announce nothing");
}

/// Nothing to save is no error.
pub async fn saving_nothing_is_no_error(h: &impl StoreHarness) {
    let payments = h.open().await.payments();
    assert!(payments.save(vec![]).await.unwrap().is_empty());
}

/// A caller that goes away leaves a save that is whole or absent: never the state without its event,
/// nor the event without its state.
pub async fn a_dropped_save_is_whole_or_absent(h: &impl StoreHarness) {
    let payments = h.open().await.payments();
    for round in 0..60 {
        let state = a_payment().build();
        let (id, event) = (state.id, format!("round {round}"));
        let write = Save { outbox: entries(&[&event]), ..over(Version::NEW, &state) };
        let moment = Duration::from_micros(round * round / 2);
        let _ = timeout(moment, payments.save(vec![write])).await;
        // It may still be carried out, so what is looked at later may be there already.
        let was_there = load(&payments, id).await.is_some();
        let announced = announced(&payments).await.contains(&event);
        assert!(announced || !was_there, "{event} is a state without its event");
        let is_there = load(&payments, id).await.is_some();
        assert!(is_there || !announced, "{event} is an event without its state");
    }
}

async fn announced(payments: &impl PaymentRepository) -> Vec<String> {
    let far = Timestamp::from_millis(i64::MAX);
    let owners = payments.leftovers(far, 100).await.unwrap();
    let pending = payments.pending(&owners).await.unwrap();
    let entries = pending.into_iter().flat_map(|pending| pending.entries);
    entries.map(|(_, entry)| entry.envelope.id.to_string()).collect()
}
