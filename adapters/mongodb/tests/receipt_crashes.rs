//! Receipts that may be sent again: a process that dies between any two of the writes that one takes
//! loses no answer and receives nothing twice.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/proxy.rs"]
mod proxy;
#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/server.rs"]
mod server;
#[path = "support/two.rs"]
mod two;

use std::time::Duration;

use comptoir_domain::app::UseCaseError;
use comptoir_domain::app::receive_stock::ReceiveStock;
use comptoir_domain::idempotency::{Answered, IdempotencyKey, Repeatable};
use comptoir_domain::port::store::{StockRepository, StoreError};
use comptoir_domain::stock::{Article, Quantity};
use comptoir_mongodb::Stock;
use comptoir_testkit::builders::{THEN, a_sku};
use comptoir_testkit::within;
use tokio::task::JoinSet;

use proxy::{Fault, Line};
use two::Two;

const SKU: &str = "mug";
const SHORT: Duration = Duration::from_millis(500);
const LONG: Duration = Duration::from_secs(20);

/// The writes that a receipt over another one takes.
const WRITES: [(&str, &str); 2] = [("insert", "receipts"), ("update", "articles")];

/// Receives a piece under the `n`th key; the pieces received since, as this was answered first.
async fn receive(stock: &Stock, n: u8) -> Result<u64, StoreError> {
    let answer = |article: &Article| article.received().to_be_bytes().to_vec();
    let key = IdempotencyKey([n; 32]);
    let request = Repeatable { key, request: [n; 32], at: THEN, answer: &answer };
    let receive = ReceiveStock::new(stock.clone());
    match receive.run_once(&a_sku(SKU), Quantity::ONE, &request).await {
        Ok(Answered::Now(article)) => Ok(article.received()),
        Ok(Answered::Before(answer)) => Ok(u64::from_be_bytes(answer.try_into().unwrap())),
        Err(UseCaseError::Store(error)) => Err(error),
        Err(other) => panic!("got {other:?}"),
    }
}

async fn received(stock: &Stock) -> u64 {
    stock.load(&[a_sku(SKU)]).await.unwrap().remove(0).unwrap().state.received()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_is_lost_wherever_the_next_receipt_dies() {
    for write in WRITES {
        for fault in [Fault::DieBefore, Fault::DieAfter] {
            let two = Two::open(SHORT).await;
            for n in 1..=2 {
                assert_eq!(receive(&two.other, n).await.unwrap(), u64::from(n));
            }
            two.proxy.plan(write, fault);
            let died = receive(&two.failing, 3).await;
            assert!(matches!(died, Err(StoreError::Unavailable(_))), "{write:?}: {died:?}");
            assert!(!two.proxy.is_planned(), "{fault:?} {write:?} did not come");
            let happened = (write, fault) == (WRITES[1], Fault::DieAfter);
            let stock = two.another();
            assert_eq!(received(&stock).await, if happened { 3 } else { 2 }, "{fault:?} {write:?}");
            // In the order of the keys but for the first two, which are there in any case.
            for n in [2, 1, 3, 4, 3, 1, 2, 4] {
                assert_eq!(receive(&stock, n).await.unwrap(), u64::from(n), "{fault:?} {write:?}");
            }
            assert_eq!(received(&two.another()).await, 4);
        }
    }
}

/// A write that was held back arrives when others have long gone on from there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_write_undoes_nothing() {
    for write in WRITES {
        let two = Two::open(SHORT).await;
        for n in 1..=2 {
            receive(&two.other, n).await.unwrap();
        }
        two.proxy.plan(write, Fault::HoldBack);
        // Cut at once, or it would be tried again on another connection.
        let held_back = receive(&two.failing, 3);
        let (tried, ()) = tokio::join!(held_back, async {
            within(LONG, "the command", two.proxy.struck()).await;
            two.proxy.set(Line::Cut);
        });
        assert!(matches!(tried, Err(StoreError::Unavailable(_))), "{write:?}: {tried:?}");
        for n in [3, 4, 5] {
            assert_eq!(receive(&two.other, n).await.unwrap(), u64::from(n), "{write:?}");
        }
        two.proxy.let_go().await;
        let stock = two.another();
        assert_eq!(received(&stock).await, 5, "after a late {write:?}");
        for n in 1..=5 {
            assert_eq!(receive(&stock, n).await.unwrap(), u64::from(n), "after a late {write:?}");
        }
    }
}

/// Four processes send the same receipts at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_processes_receive_each_once() {
    let two = Two::open(SHORT).await;
    let mut racing = JoinSet::new();
    for racer in 0..4 {
        let stock = two.another();
        racing.spawn(async move {
            let mut answers = [0; 8];
            for at in 0..8_usize {
                let n = (at + racer * 2) % 8;
                answers[n] = loop {
                    match receive(&stock, u8::try_from(n).unwrap() + 1).await {
                        Err(StoreError::Conflict) => {}
                        answer => break answer.unwrap(),
                    }
                };
            }
            answers
        });
    }
    let answers = racing.join_all().await;
    assert!(answers.iter().all(|one| *one == answers[0]), "{answers:?}");
    let mut counts = answers[0];
    counts.sort_unstable();
    assert_eq!(counts, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(received(&two.another()).await, 8);
}
