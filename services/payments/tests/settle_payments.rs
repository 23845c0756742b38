//! Stock's answers come in batches, again, too late, and against an expiry.
#![expect(clippy::unwrap_used, reason = "the helpers of tests, where a panic is the report")]

use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::app::expire_payments::{ExpirePayments, SWEEP_LIMIT};
use comptoir_domain::app::settle_payments::SettlePayments;
use comptoir_domain::envelope::Service;
use comptoir_domain::event::{Event, StockMoved, StockRefused, StockRejected};
use comptoir_domain::outbox::{Announcer, OutboxOwner};
use comptoir_domain::payment::Payment;
use comptoir_domain::payment::PaymentStatus::{self, Confirmed, Expired, Pending, Rejected};
use comptoir_domain::port::handler::{Delivery, Handler as _, Outcome};
use comptoir_domain::port::platform::Stores as _;
use comptoir_domain::port::store::{
    Outbox as _, PaymentRepository as _, Save, StoreError, Version,
};
use comptoir_domain::port::world::Clock as _;
use comptoir_domain::topic::{Offset, Partition, TopicPartition, Topics};
use comptoir_memory::{Memory, MemoryPayments};
use comptoir_testkit::builders::THEN;
use comptoir_testkit::{FakeClock, a_payment, an_envelope};

struct Till {
    memory: Memory,
    clock: FakeClock,
    settle: SettlePayments<MemoryPayments>,
    expire: ExpirePayments<MemoryPayments>,
}

impl Till {
    fn new() -> Self {
        let (memory, clock) = (Memory::new(), FakeClock::default());
        let topics = Topics::with_prefix("").unwrap();
        let announcer = Announcer::new(Service::Payments, topics, Arc::new(clock.clone()));
        Self {
            settle: SettlePayments::new(memory.payments(), announcer.clone()),
            expire: ExpirePayments::new(memory.payments(), announcer),
            memory,
            clock,
        }
    }

    /// A pending payment whose request is published.
    async fn pending(&self) -> Payment {
        let payment =
            a_payment().expiring_at(self.clock.now().plus(Duration::from_mins(2))).build();
        self.keep(&payment).await;
        payment
    }

    async fn keep(&self, payment: &Payment) {
        let write = Save {
            state: payment.clone(),
            expected: Version::NEW,
            outbox: Vec::new(),
            answer: None,
        };
        let saved = self.memory.payments().save(vec![write]).await.unwrap();
        assert!(matches!(saved[..], [Ok(())]));
    }

    async fn handle(&self, batch: &[Delivery]) -> String {
        let letter = |outcome: &Outcome| match outcome {
            Outcome::Done => 'D',
            Outcome::Ignored => 'I',
            Outcome::Retry(_) => 'R',
            Outcome::Failed(_) => 'F',
        };
        self.settle.handle(batch).await.iter().map(letter).collect()
    }

    /// Where a payment stands, and how often it was saved.
    async fn status(&self, payment: &Payment) -> (PaymentStatus, u64) {
        let found = self.memory.payments().load(&[payment.id]).await.unwrap();
        let found = found.into_iter().flatten().next().unwrap();
        (found.state.status, found.version.0)
    }

    /// The types of what is told about a payment, in sequence.
    async fn told(&self, payment: &Payment) -> Vec<String> {
        let owner = OutboxOwner(payment.id.to_string());
        let pending = self.memory.payments().pending(&[owner]).await.unwrap();
        let entries = pending.iter().flat_map(|pending| &pending.entries);
        entries.map(|(_, entry)| entry.envelope.kind().to_owned()).collect()
    }
}

fn delivery(event: Event) -> Delivery {
    Delivery {
        at: TopicPartition {
            topic: Topics::with_prefix("").unwrap().stock,
            partition: Partition(0),
        },
        offset: Offset::ZERO,
        key: event.subject().map(String::into_bytes),
        envelope: an_envelope().of(event).build(),
        received: THEN,
    }
}

fn moved(payment: &Payment) -> StockMoved {
    StockMoved {
        payment: payment.id,
        sku: payment.order.sku.clone(),
        quantity: payment.order.quantity,
    }
}

fn reserved(payment: &Payment) -> Delivery {
    delivery(Event::StockReserved(moved(payment)))
}

fn rejected(payment: &Payment) -> Delivery {
    delivery(Event::StockRejected(StockRejected {
        asked: moved(payment),
        reason: StockRefused::OutOfStock,
    }))
}

const CONFIRMED: &str = "comptoir.payment.confirmed.v1";
const REJECTED: &str = "comptoir.payment.rejected.v1";
const EXPIRED: &str = "comptoir.payment.expired.v1";

#[tokio::test]
async fn a_batch_settles_each_payment_by_its_first_answer() {
    let till = Till::new();
    let (one, two) = (till.pending().await, till.pending().await);
    let batch = [
        reserved(&one),
        rejected(&two),
        rejected(&one),
        reserved(&two),
        delivery(Event::StockReleased(moved(&one))),
    ];
    assert_eq!(till.handle(&batch).await, "DDDDD");
    assert_eq!(till.status(&one).await, (Confirmed, 2));
    assert_eq!(till.status(&two).await, (Rejected(StockRefused::OutOfStock), 2));
    assert_eq!(till.told(&one).await, [CONFIRMED]);
    assert_eq!(till.told(&two).await, [REJECTED]);
}

#[tokio::test]
async fn a_batch_that_comes_again_saves_nothing() {
    let till = Till::new();
    let payment = till.pending().await;
    for _ in 0..3 {
        assert_eq!(till.handle(&[reserved(&payment), reserved(&payment)]).await, "DD");
    }
    assert_eq!(till.status(&payment).await, (Confirmed, 2));
    assert_eq!(till.told(&payment).await, [CONFIRMED]);
}

#[tokio::test]
async fn an_answer_to_a_payment_that_nobody_knows_is_done() {
    let till = Till::new();
    let unknown = a_payment().build();
    let requested = delivery(unknown.requested());
    assert_eq!(till.handle(&[reserved(&unknown), requested]).await, "DI");
}

#[tokio::test]
async fn a_save_that_meets_a_conflict_is_tried_again() {
    let till = Till::new();
    let (one, two) = (till.pending().await, till.pending().await);
    let batch = [reserved(&one), reserved(&two)];
    till.memory.faults().conflict_next_saves(1);
    assert_eq!(till.handle(&batch).await, "RR");
    assert_eq!(till.status(&one).await, (Pending, 1));
    // Of this one, half takes place and nobody knows which.
    till.memory.faults().tear_next_saves(1);
    assert_eq!(till.handle(&batch).await, "RR");
    till.memory.faults().lose_next_save_answers(1);
    assert_eq!(till.handle(&batch).await, "RR");
    assert_eq!(till.handle(&batch).await, "DD");
    for payment in [one, two] {
        assert_eq!(till.status(&payment).await, (Confirmed, 2));
        assert_eq!(till.told(&payment).await, [CONFIRMED]);
    }
}

#[tokio::test]
async fn without_the_store_all_of_it_is_tried_again() {
    let till = Till::new();
    let payment = till.pending().await;
    till.memory.faults().set_store_away(true);
    assert_eq!(till.handle(&[reserved(&payment)]).await, "R");
}

#[tokio::test]
async fn only_what_is_due_expires_and_once() {
    let till = Till::new();
    let (due, settled) = (till.pending().await, till.pending().await);
    till.handle(&[reserved(&settled)]).await;
    till.clock.advance(Duration::from_mins(1));
    let later = till.pending().await;
    till.clock.advance(Duration::from_mins(1));
    assert_eq!(till.expire.sweep().await.unwrap(), 1);
    assert_eq!(till.expire.sweep().await.unwrap(), 0);
    assert_eq!(till.status(&due).await, (Expired, 2));
    assert_eq!(till.status(&settled).await, (Confirmed, 2));
    assert_eq!(till.status(&later).await, (Pending, 1));
    assert_eq!(till.told(&due).await, [EXPIRED]);
}

#[tokio::test]
async fn an_answer_after_the_expiry_changes_nothing() {
    let till = Till::new();
    let payment = till.pending().await;
    till.clock.advance(Duration::from_mins(2));
    assert_eq!(till.expire.sweep().await.unwrap(), 1);
    assert_eq!(till.handle(&[reserved(&payment), rejected(&payment)]).await, "DD");
    assert_eq!(till.status(&payment).await, (Expired, 2));
    assert_eq!(till.told(&payment).await, [EXPIRED]);
}

#[tokio::test]
async fn an_expiry_and_an_answer_that_meet_have_one_winner() {
    for seed in 0..50 {
        let mut till = Till::new();
        till.memory = Memory::seeded(seed);
        let topics = Topics::with_prefix("").unwrap();
        let announcer = Announcer::new(Service::Payments, topics, Arc::new(till.clock.clone()));
        till.settle = SettlePayments::new(till.memory.payments(), announcer.clone());
        till.expire = ExpirePayments::new(till.memory.payments(), announcer);
        let payment = till.pending().await;
        till.clock.advance(Duration::from_mins(2));
        let answer = [reserved(&payment)];
        let (expired, outcome) = tokio::join!(till.expire.sweep(), till.handle(&answer));
        let told = till.told(&payment).await;
        assert_eq!(told.len(), 1, "seed {seed}: {told:?}");
        let (status, saves) = till.status(&payment).await;
        assert_eq!(saves, 2, "seed {seed}");
        match (expired.unwrap(), status) {
            (1, Expired) => assert_eq!(told, [EXPIRED]),
            (0, Confirmed) => assert_eq!((told[0].as_str(), &*outcome), (CONFIRMED, "D")),
            other => panic!("seed {seed}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_payment_whose_request_is_unpublished_does_not_expire() {
    let till = Till::new();
    let payment = a_payment().expiring_at(till.clock.now()).build();
    let write = Save {
        state: payment.clone(),
        expected: Version::NEW,
        outbox: vec![an_envelope().of(payment.requested()).waiting_for(&["inventories"])],
        answer: None,
    };
    till.memory.payments().save(vec![write]).await.unwrap();
    assert_eq!(till.expire.sweep().await.unwrap(), 0);
    assert_eq!(till.status(&payment).await, (Pending, 1));
}

#[tokio::test]
async fn a_full_sweep_says_so() {
    let till = Till::new();
    for _ in 0..=SWEEP_LIMIT {
        till.pending().await;
    }
    till.clock.advance(Duration::from_mins(2));
    assert_eq!(till.expire.sweep().await.unwrap(), SWEEP_LIMIT);
    assert_eq!(till.expire.sweep().await.unwrap(), 1);
    till.memory.faults().set_store_away(true);
    assert!(matches!(till.expire.sweep().await, Err(StoreError::Unavailable(_))));
}
