//! Commands on stock come in batches, again, and against each other.
#![expect(clippy::unwrap_used, reason = "the helpers of tests, where a panic is the report")]

use std::sync::Arc;

use comptoir_domain::app::keep_stock::KeepStock;
use comptoir_domain::app::receive_stock::ReceiveStock;
use comptoir_domain::envelope::Service;
use comptoir_domain::event::{Event, PaymentTerms};
use comptoir_domain::outbox::{Announcer, OutboxOwner};
use comptoir_domain::payment::Payment;
use comptoir_domain::port::handler::{Delivery, Handler as _, Outcome};
use comptoir_domain::port::platform::Stores as _;
use comptoir_domain::port::store::{Outbox as _, StockRepository as _};
use comptoir_domain::stock::{Quantity, ReservationStatus};
use comptoir_domain::topic::{Offset, Partition, TopicPartition, Topics};
use comptoir_memory::{Memory, MemoryStock};
use comptoir_testkit::builders::{THEN, a_sku};
use comptoir_testkit::{FakeClock, a_payment, a_user, an_envelope};

struct Shelf {
    memory: Memory,
    handler: KeepStock<MemoryStock>,
}

impl Shelf {
    /// Ten mugs and ten pots.
    async fn new() -> Self {
        let memory = Memory::new();
        let ten = Quantity::to_receive(10).unwrap();
        let stock = ReceiveStock::new(memory.stock());
        for code in ["mug", "pot"] {
            stock.run(&a_sku(code), ten).await.unwrap();
        }
        let topics = Topics::with_prefix("").unwrap();
        let clock = Arc::new(FakeClock::default());
        let announcer = Announcer::new(Service::Inventories, topics, clock);
        let handler = KeepStock::new(memory.stock(), announcer);
        Self { memory, handler }
    }

    /// Handles a batch; a letter for each outcome.
    async fn handle(&self, batch: &[Delivery]) -> String {
        let letter = |outcome: &Outcome| match outcome {
            Outcome::Done => 'D',
            Outcome::Ignored => 'I',
            Outcome::Retry(_) => 'R',
            Outcome::Failed(_) => 'F',
        };
        self.handler.handle(batch).await.iter().map(letter).collect()
    }

    /// `[available, held, sold]`
    async fn counters(&self, code: &str) -> [u64; 3] {
        let found = self.memory.stock().load(&[a_sku(code)]).await.unwrap();
        let article = found.into_iter().flatten().next().unwrap().state;
        assert_eq!(article.received(), 10, "pieces come from nowhere");
        [article.available(), article.held(), article.sold()]
    }

    async fn status(&self, payment: &Payment) -> Option<ReservationStatus> {
        let found = self.memory.stock().reservations(&[payment.id]).await.unwrap();
        found.into_iter().flatten().next().map(|reservation| reservation.status)
    }

    /// The types of what is answered to a payment, in sequence.
    async fn answers(&self, payment: &Payment) -> Vec<String> {
        let owner = OutboxOwner(payment.id.to_string());
        let pending = self.memory.stock().pending(&[owner]).await.unwrap();
        let entries = pending.iter().flat_map(|pending| &pending.entries);
        entries.map(|(_, entry)| entry.envelope.kind().to_owned()).collect()
    }
}

fn terms(payment: &Payment) -> PaymentTerms {
    match payment.requested() {
        Event::PaymentRequested(terms) => terms,
        other => panic!("{other:?}"),
    }
}

fn delivery(event: Event) -> Delivery {
    Delivery {
        at: TopicPartition {
            topic: Topics::with_prefix("").unwrap().inventories,
            partition: Partition(0),
        },
        offset: Offset::ZERO,
        key: event.subject().map(String::into_bytes),
        envelope: an_envelope().of(event).build(),
        received: THEN,
    }
}

fn reserve(payment: &Payment) -> Delivery {
    delivery(Event::PaymentRequested(terms(payment)))
}

fn sell(payment: &Payment) -> Delivery {
    delivery(Event::PaymentConfirmed(terms(payment)))
}

fn release(payment: &Payment) -> Delivery {
    delivery(Event::PaymentExpired(terms(payment)))
}

fn put_back(payment: &Payment) -> Delivery {
    delivery(Event::PaymentRefunded(terms(payment)))
}

const RESERVED: &str = "comptoir.stock.reserved.v1";
const REJECTED: &str = "comptoir.stock.rejected.v1";
const RELEASED: &str = "comptoir.stock.released.v1";

#[tokio::test]
async fn a_batch_is_carried_out_in_order() {
    let shelf = Shelf::new().await;
    let [first, second, third] = [6, 5, 4].map(|n| a_payment().of(n, "mug").build());
    let batch = [reserve(&first), reserve(&second), reserve(&third)];
    assert_eq!(shelf.handle(&batch).await, "DDD");
    assert_eq!(shelf.counters("mug").await, [0, 10, 0]);
    assert_eq!(shelf.answers(&first).await, [RESERVED]);
    assert_eq!(shelf.answers(&second).await, [REJECTED], "five were too many by then");
    assert_eq!(shelf.answers(&third).await, [RESERVED]);
}

#[tokio::test]
async fn the_whole_life_of_a_payment_fits_into_one_batch() {
    let shelf = Shelf::new().await;
    let payment = a_payment().of(3, "mug").build();
    let batch = [reserve(&payment), sell(&payment), put_back(&payment)];
    assert_eq!(shelf.handle(&batch).await, "DDD");
    assert_eq!(shelf.counters("mug").await, [10, 0, 0]);
    assert_eq!(shelf.status(&payment).await, Some(ReservationStatus::Released));
    assert_eq!(shelf.answers(&payment).await, [RESERVED, RELEASED]);
}

#[tokio::test]
async fn a_batch_that_comes_again_changes_nothing() {
    let shelf = Shelf::new().await;
    let [sold, gone, kept] = [1, 2, 3].map(|n| a_payment().of(n, "mug").build());
    let none = a_payment().of(99, "mug").build();
    let batch = [
        reserve(&sold),
        reserve(&gone),
        sell(&sold),
        reserve(&kept),
        release(&gone),
        reserve(&none),
    ];
    assert_eq!(shelf.handle(&batch).await, "DDDDDD");
    let (counters, mut answers) = (shelf.counters("mug").await, Vec::new());
    assert_eq!(counters, [6, 3, 1]);
    for payment in [&sold, &gone, &kept, &none] {
        answers.push(shelf.answers(payment).await);
    }
    for from in 0..batch.len() {
        let again = shelf.handle(&batch[from..]).await;
        assert!(again.chars().all(|outcome| outcome == 'D'), "{again}");
        assert_eq!(shelf.counters("mug").await, counters);
        for (payment, answers) in [&sold, &gone, &kept, &none].iter().zip(&answers) {
            assert_eq!(shelf.answers(payment).await, *answers, "nothing is told again");
        }
    }
}

#[tokio::test]
async fn a_release_that_overtakes_its_reservation_refuses_it() {
    let shelf = Shelf::new().await;
    let payment = a_payment().of(3, "mug").build();
    assert_eq!(shelf.handle(&[release(&payment)]).await, "D");
    assert_eq!(shelf.handle(&[reserve(&payment)]).await, "D");
    assert_eq!(shelf.counters("mug").await, [10, 0, 0]);
    assert_eq!(shelf.answers(&payment).await, [] as [&str; 0]);
}

#[tokio::test]
async fn an_article_whose_save_fails_does_not_hold_up_another() {
    let shelf = Shelf::new().await;
    let (mug, pot) = (a_payment().of(1, "mug").build(), a_payment().of(1, "pot").build());
    shelf.memory.faults().fail_next_saves(1);
    let batch = [reserve(&pot), reserve(&mug), sell(&mug)];
    assert_eq!(shelf.handle(&batch).await, "DRR");
    assert_eq!(shelf.counters("mug").await, [10, 0, 0], "all of it or nothing");
    assert_eq!(shelf.counters("pot").await, [9, 1, 0]);
    assert_eq!(shelf.handle(&batch[1..]).await, "DD");
    assert_eq!(shelf.counters("mug").await, [9, 0, 1]);
}

#[tokio::test]
async fn a_save_that_meets_a_conflict_is_decided_anew() {
    let shelf = Shelf::new().await;
    let payment = a_payment().of(4, "mug").build();
    shelf.memory.faults().conflict_next_saves(3);
    assert_eq!(shelf.handle(&[reserve(&payment)]).await, "D");
    assert_eq!(shelf.counters("mug").await, [6, 4, 0]);
    assert_eq!(shelf.answers(&payment).await, [RESERVED]);
    shelf.memory.faults().conflict_next_saves(1_000);
    assert_eq!(shelf.handle(&[sell(&payment)]).await, "R", "but not for ever");
}

#[tokio::test]
async fn a_save_whose_answer_is_lost_is_not_done_twice() {
    let shelf = Shelf::new().await;
    let payment = a_payment().of(4, "mug").build();
    shelf.memory.faults().lose_next_save_answers(1);
    assert_eq!(shelf.handle(&[reserve(&payment)]).await, "R");
    assert_eq!(shelf.handle(&[reserve(&payment)]).await, "D");
    assert_eq!(shelf.counters("mug").await, [6, 4, 0]);
    assert_eq!(shelf.answers(&payment).await, [RESERVED]);
}

#[tokio::test]
async fn a_command_that_contradicts_an_earlier_one_fails_and_moves_nothing() {
    let shelf = Shelf::new().await;
    let payment = a_payment().of(1, "mug").build();
    assert_eq!(shelf.handle(&[reserve(&payment)]).await, "D");
    let other = a_payment().identified(payment.id).of(1, "pot").build();
    let fine = a_payment().of(1, "pot").build();
    // The article's batch fails as one; taken apart, only the contradiction does.
    assert_eq!(shelf.handle(&[reserve(&fine), sell(&other)]).await, "FF");
    assert_eq!(shelf.counters("pot").await, [10, 0, 0]);
    assert_eq!(shelf.handle(&[reserve(&fine)]).await, "D");
    assert_eq!(shelf.handle(&[sell(&other)]).await, "F");
    assert_eq!(shelf.counters("pot").await, [9, 1, 0]);
    assert_eq!(shelf.status(&payment).await, Some(ReservationStatus::Held));
}

#[tokio::test]
async fn what_is_no_command_is_ignored() {
    let shelf = Shelf::new().await;
    let mut foreign = delivery(a_user().build().registered());
    foreign.envelope = an_envelope().of_foreign("com.example.x").build();
    let payment = a_payment().build();
    let batch = [delivery(a_user().build().registered()), foreign, reserve(&payment)];
    assert_eq!(shelf.handle(&batch).await, "IID");
}

#[tokio::test]
async fn without_the_store_all_of_it_is_tried_again() {
    let shelf = Shelf::new().await;
    shelf.memory.faults().set_store_away(true);
    let payment = a_payment().build();
    let batch = [reserve(&payment), delivery(a_user().build().registered())];
    assert_eq!(shelf.handle(&batch).await, "RI");
}
