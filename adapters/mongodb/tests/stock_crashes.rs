//! Stock: a process that dies between any two of the writes that one change takes, or goes on much
//! later, leaves nothing half done.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/proxy.rs"]
mod proxy;
#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/server.rs"]
mod server;
#[path = "support/shop.rs"]
mod shop;
#[path = "support/two.rs"]
mod two;

use std::time::Duration;

use comptoir_domain::port::store::{Outbox, StockRepository};
use comptoir_domain::stock::ReservationStatus::{Held, Rejected, Sold};
use comptoir_testkit::builders::a_sku;
use tokio::task::JoinSet;

use proxy::{Fault, Line};
use shop::{FAR, SKU, hold, payment, put_back, sell};
use two::Two;

/// How long the process that fails tries.
const SHORT: Duration = Duration::from_millis(500);
const LONG: Duration = Duration::from_secs(20);

const RESERVED: &str = "comptoir.stock.reserved.v1";

/// The writes that a change of the article, a new and a known reservation takes, and how many like it
/// pass before.
const WRITES: [(usize, (&str, &str)); 3] =
    [(0, ("update", "articles")), (0, ("insert", "reservations")), (0, ("update", "reservations"))];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_whole_or_absent_wherever_its_process_dies() {
    for (step, (after, write)) in WRITES.into_iter().enumerate() {
        for fault in [Fault::DieBefore, Fault::DieAfter] {
            let two = Two::open(SHORT).await;
            let [sold, held, new] = [payment(5), payment(7), payment(11)];
            shop::receive(&two.other, 100).await;
            assert!(shop::handle(&two.other, &[hold(&sold), hold(&held)]).await);
            shop::publish(&two.other).await;
            two.proxy.plan_after(after, write, fault);
            let batch = [sell(&sold), hold(&new)];
            shop::handle(&two.failing, &batch).await;
            assert!(!two.proxy.is_planned(), "{fault:?} {write:?} did not come");
            let payments = [&sold, &held, &new];
            let happened = (step, fault) != (0, Fault::DieBefore);
            shop::check(&two.another(), 100, &payments).await;
            let (expected, events) = if happened {
                ([Some(Sold), Some(Held), Some(Held)], vec![RESERVED])
            } else {
                ([Some(Held), Some(Held), None], vec![])
            };
            let stock = two.another();
            assert_eq!(shop::statuses(&stock, &payments).await, expected, "{fault:?} {write:?}");
            assert_eq!(shop::waiting(&stock).await, events, "{fault:?} {write:?}");
            assert!(shop::handle(&stock, &batch).await, "the batch comes again");
            shop::check(&stock, 100, &payments).await;
            assert_eq!(shop::waiting(&stock).await, [RESERVED]);
        }
    }
}

/// The sweep alone brings the events of a process that died to where they are published from.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sweep_finds_events_that_never_reached_their_reservations() {
    let two = Two::open(SHORT).await;
    shop::receive(&two.other, 100).await;
    let payments = [payment(1), payment(2)];
    two.proxy.plan(("insert", "reservations"), Fault::DieBefore);
    assert!(!shop::handle(&two.failing, &[hold(&payments[0]), hold(&payments[1])]).await);
    let stock = two.another();
    assert_eq!(stock.leftovers(FAR, 10).await.unwrap().len(), 2);
    assert_eq!(shop::waiting(&stock).await, [RESERVED; 2]);
    shop::publish(&stock).await;
    assert!(shop::waiting(&two.another()).await.is_empty(), "published once, and never again");
}

/// Writes that were held back arrive when others have long gone on from there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_write_undoes_nothing() {
    for write in [WRITES[1].1, WRITES[2].1] {
        let two = Two::open(SHORT).await;
        let [known, new] = [payment(5), payment(11)];
        shop::receive(&two.other, 100).await;
        assert!(shop::handle(&two.other, &[hold(&known)]).await);
        two.proxy.plan(write, Fault::HoldBack);
        let batch = [sell(&known), hold(&new)];
        shop::handle(&two.failing, &batch).await;
        two.proxy.set(Line::Cut);
        shop::handle_at_last(&two.other, &batch).await;
        shop::handle_at_last(&two.other, &[put_back(&known), sell(&new)]).await;
        shop::publish(&two.other).await;
        let payments = [&known, &new];
        let before = shop::statuses(&two.other, &payments).await;
        two.proxy.let_go().await;
        let stock = two.another();
        assert_eq!(shop::statuses(&stock, &payments).await, before, "after a late {write:?}");
        shop::check(&stock, 100, &payments).await;
        assert!(shop::waiting(&stock).await.is_empty(), "nothing is announced again");
    }
}

/// An answer that is lost costs nothing but time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_no_failure() {
    for (after, write) in WRITES {
        let two = Two::open(LONG).await;
        let [known, new] = [payment(5), payment(11)];
        shop::receive(&two.other, 100).await;
        assert!(shop::handle(&two.other, &[hold(&known)]).await);
        two.proxy.plan_after(after, write, Fault::LoseAnswer);
        assert!(shop::handle(&two.failing, &[sell(&known), hold(&new)]).await, "{write:?}");
        shop::check(&two.another(), 100, &[&known, &new]).await;
        let owners = two.failing.nudged().await;
        assert!(owners.iter().any(|owner| owner.0 == new.id.to_string()), "it is announced");
    }
}

/// Nobody has received the article: a rejection that dies on its way, and a first receipt after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejection_without_an_article_stands() {
    for (write, fault, statuses) in [
        (("insert", "articles"), Fault::DieBefore, [Some(Held), Some(Held)]),
        (("insert", "articles"), Fault::DieAfter, [Some(Rejected), Some(Rejected)]),
        (("insert", "reservations"), Fault::DieBefore, [Some(Rejected), Some(Rejected)]),
    ] {
        let two = Two::open(SHORT).await;
        let payments = [payment(5), payment(7)];
        let batch = [hold(&payments[0]), hold(&payments[1])];
        two.proxy.plan(write, fault);
        shop::handle(&two.failing, &batch).await;
        assert!(two.other.articles().await.unwrap().is_empty());
        assert_eq!(two.other.load(&[a_sku(SKU)]).await.unwrap(), [None]);
        shop::receive(&two.other, 100).await;
        shop::handle_at_last(&two.other, &batch).await;
        let payments = [&payments[0], &payments[1]];
        assert_eq!(shop::statuses(&two.other, &payments).await, statuses, "{fault:?} {write:?}");
        shop::check(&two.other, 100, &payments).await;
        assert_eq!(two.other.articles().await.unwrap().len(), 1);
    }
}

/// Rejections and the first receipt race; then every process does everything at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_processes_keep_the_books_balanced() {
    let two = Two::open(LONG).await;
    let payments: Vec<_> = (1..=12).map(payment).collect();
    let mut racing = JoinSet::new();
    for racer in 0..4 {
        let (stock, payments) = (two.another(), payments.clone());
        racing.spawn(async move {
            if racer == 0 {
                shop::receive(&stock, 50).await;
            }
            // All of them are told everything, each in another order of batches.
            for round in 0..4 {
                let mine = payments.iter().skip((round + racer) % 4 * 3).take(3);
                shop::handle_at_last(&stock, &mine.map(hold).collect::<Vec<_>>()).await;
            }
            for payment in &payments {
                shop::handle_at_last(&stock, &[sell(payment)]).await;
                if payment.order.quantity.pieces().is_multiple_of(3) {
                    shop::handle_at_last(&stock, &[put_back(payment)]).await;
                }
            }
        });
    }
    racing.join_all().await;
    let all: Vec<_> = payments.iter().collect();
    shop::check(&two.another(), 50, &all).await;
}
