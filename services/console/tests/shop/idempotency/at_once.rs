//! The same request many times at once, from clients that leave, with answers that are lost, and by more
//! than one process.

use std::time::Duration;

use comptoir_memory::Memory;
use comptoir_testkit::{PATIENCE, SequentialIds, within};
use futures::future::{join_all, select};
use tokio::time::timeout;

use super::{RECEIPTS, assert_same, keyed, payments_made, receipt};
use crate::client::{Answer, Call, Service};
use crate::shop::{Shop, until};

/// Long enough for a request to arrive and be answered, if it can be.
const MOMENT: Duration = Duration::from_millis(100);

/// Sends it again until it is not in flight any more.
async fn insist(service: Service, call: &Call) -> Answer {
    loop {
        let answer = service.send(call.clone()).await;
        if answer.status != 409 {
            return answer;
        }
        is_in_flight(&answer);
    }
}

#[track_caller]
fn all_are(answers: &[&Answer], first: &Answer) {
    for answer in answers {
        assert_same(answer, first);
    }
}

#[track_caller]
fn is_in_flight(answer: &Answer) {
    assert_eq!(answer.problem(409), "request-in-flight");
    assert_eq!(answer.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn fifty_equal_requests_at_once_are_one() {
    let shop = Shop::without_inventories().await;
    let call = keyed("/pay", "k").form("quantity=2");
    let answers = join_all((0..50).map(|_| shop.payments.send(call.clone()))).await;
    let (done, in_flight): (Vec<_>, Vec<_>) = answers.iter().partition(|one| one.status == 202);
    in_flight.into_iter().for_each(is_in_flight);
    let first = done.first().expect("one of them is done");
    all_are(&done, first);
    assert_same(&shop.payments.send(call).await, first);
    assert_eq!(payments_made(&shop).await, 1);

    let shop = Shop::open().await;
    let answers = join_all((0..50).map(|_| shop.inventories.send(receipt("k")))).await;
    let (done, in_flight): (Vec<_>, Vec<_>) = answers.iter().partition(|one| one.status == 201);
    in_flight.into_iter().for_each(is_in_flight);
    let first = done.first().expect("one of them is done");
    all_are(&done, first);
    assert_same(&shop.inventories.send(receipt("k")).await, first);
    assert_eq!(shop.stock("tea-pot").await[0], 1_000_005);
}

#[tokio::test]
async fn whoever_comes_while_the_first_is_in_flight_is_told_so() {
    let shop = Shop::open().await;
    for (service, path, status) in [(shop.payments, "/pay", 202), (shop.inventories, RECEIPTS, 201)]
    {
        shop.memory.faults().set_store_silent(true);
        let call = keyed(path, "k").form("quantity=5");
        let [one, other] = [(); 2].map(|()| Box::pin(service.send(call.clone())));
        let (told, first) = select(one, other).await.factor_first();
        is_in_flight(&told);
        let another = service.send(keyed(path, "another").form("quantity=5"));
        assert!(timeout(MOMENT, another).await.is_err(), "another key waits for the store");
        shop.memory.faults().set_store_silent(false);
        let first = first.await;
        first.ok(status);
        assert_same(&service.send(call).await, &first);
    }
}

#[tokio::test]
async fn a_client_that_leaves_holds_up_nobody() {
    let shop = Shop::open().await;
    for (service, call, status) in
        [(shop.payments, keyed("/pay", "k"), 202), (shop.inventories, receipt("k"), 201)]
    {
        shop.memory.faults().set_store_silent(true);
        let [one, other] = [(); 2].map(|()| Box::pin(service.send(call.clone())));
        let (told, first) = select(one, other).await.factor_first();
        is_in_flight(&told);
        drop(first);
        // As soon as nobody has the key in hand, whoever comes waits for the store.
        until("the key to be free", || async {
            timeout(MOMENT, service.send(call.clone())).await.is_err()
        })
        .await;
        shop.memory.faults().set_store_silent(false);
        let answer = within(PATIENCE, "an answer", insist(service, &call)).await;
        answer.ok(status);
        assert_same(&service.send(call).await, &answer);
    }
    assert_eq!(shop.stock("tea-pot").await[0], 1_000_005);
    shop.until_stock("coffee-mug", [1_000_000, 999_999, 0, 1]).await;
}

#[tokio::test]
async fn what_ended_unknown_can_be_sent_again() {
    let shop = Shop::without_inventories().await;
    let faults = shop.memory.faults();
    faults.lose_next_save_answers(1);
    assert_eq!(shop.payments.send(keyed("/pay", "done")).await.problem(503), "unavailable");
    faults.fail_next_saves(1);
    assert_eq!(shop.payments.send(keyed("/pay", "not")).await.problem(503), "unavailable");
    for key in ["done", "not"] {
        let answer = shop.payments.send(keyed("/pay", key)).await;
        answer.ok(202);
        assert_same(&shop.payments.send(keyed("/pay", key)).await, &answer);
    }
    assert_eq!(payments_made(&shop).await, 2);

    let shop = Shop::open().await;
    let faults = shop.memory.faults();
    faults.lose_next_save_answers(1);
    assert_eq!(shop.inventories.send(receipt("done")).await.problem(503), "unavailable");
    faults.fail_next_saves(1);
    assert_eq!(shop.inventories.send(receipt("not")).await.problem(503), "unavailable");
    for (key, received) in [("done", 1_000_005), ("not", 1_000_010), ("done", 1_000_005)] {
        let answer = shop.inventories.send(receipt(key)).await;
        assert_eq!(answer.ok(201)["received"], received, "{key}");
    }
}

#[tokio::test]
async fn two_processes_do_it_once() {
    let (memory, ids) = (Memory::new(), SequentialIds::new());
    let one = Shop::on(&memory, &ids).await;
    let other = Shop::on(&memory.another_process(), &ids).await;
    for (services, path, form, status) in [
        ([one.payments, other.payments], "/pay", "sku=tote-bag", 202),
        ([one.inventories, other.inventories], RECEIPTS, "quantity=5", 201),
    ] {
        let call = keyed(path, "k").form(form);
        let all = (0..30).map(|n| insist(services[n % 2], &call));
        let answers = within(PATIENCE, "all answers", join_all(all)).await;
        answers[0].ok(status);
        all_are(&answers.iter().collect::<Vec<_>>(), &answers[0]);
        for service in services {
            let answer = service.send(keyed(path, "k").form("quantity=7")).await;
            assert_eq!(answer.problem(422), "idempotency-key-reused");
        }
    }
    assert_eq!(other.stock("tea-pot").await, [1_000_005, 1_000_005, 0, 0]);
    one.until_stock("tote-bag", [1_000_000, 999_999, 0, 1]).await;
}
