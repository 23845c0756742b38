//! Log or store are away: what is answered meanwhile, and what happens when they come back.

use std::time::Duration;

use comptoir_domain::port::bus::LogAdmin as _;
use comptoir_domain::port::platform::Log as _;
use comptoir_domain::topic::Topics;
use comptoir_memory::Memory;
use comptoir_testkit::{PATIENCE, SequentialIds, within};

use crate::client::{Answer, Call};
use crate::live::{Live, connect};
use crate::shop::{Shop, until};

/// By then what is unpublished counts as left over, and a sweep takes it up.
const LEFT_OVER: Duration = Duration::from_secs(6);

fn is_unavailable(answer: &Answer) {
    assert_eq!(answer.problem(503), "unavailable");
    assert_eq!(answer.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn without_the_store_everything_that_needs_it_says_when_to_come_back() {
    let shop = Shop::open().await;
    shop.register("alice").await;
    let id = shop.confirmed("").await;
    shop.memory.faults().set_store_away(true);
    let form = "username=bob&password=secret";
    is_unavailable(&shop.users.send(Call::post("/register").form(form)).await);
    is_unavailable(&shop.users.send(Call::post("/login").form(form)).await);
    is_unavailable(&shop.payments.post("/pay").await);
    is_unavailable(&shop.payments.get(format!("/payments/{id}")).await);
    is_unavailable(&shop.payments.get(format!("/payments/{id}?wait=5")).await);
    is_unavailable(&shop.payments.post(format!("/payments/{id}/refund")).await);
    is_unavailable(&shop.inventories.get("/stock").await);
    is_unavailable(&shop.inventories.get("/stock/tea-pot").await);
    let receipt = Call::post("/stock/tea-pot/receipts").form("quantity=1");
    is_unavailable(&shop.inventories.send(receipt).await);

    shop.memory.faults().set_store_away(false);
    shop.register("bob").await;
    shop.confirmed("").await;
    shop.until_stock("coffee-mug", [1_000_000, 999_998, 0, 2]).await;
}

#[tokio::test]
async fn a_store_that_goes_away_in_the_middle_loses_no_payment() {
    let shop = Shop::open().await;
    let id = shop.pay("").await;
    shop.memory.faults().set_store_away(true);
    let away = shop.payments.get(format!("/payments/{id}")).await;
    assert!([200, 503].contains(&away.status));
    shop.memory.faults().set_store_away(false);
    shop.clock.advance(LEFT_OVER);
    assert_eq!(shop.settled(&id).await["status"], "confirmed");
    shop.until_stock("coffee-mug", [1_000_000, 999_999, 0, 1]).await;
}

#[tokio::test]
async fn a_save_whose_answer_is_lost_is_no_success_and_is_told_all_the_same() {
    let shop = Shop::open().await;
    shop.memory.faults().lose_next_save_answers(1);
    is_unavailable(&shop.payments.post("/pay").await);
    shop.clock.advance(LEFT_OVER);
    shop.until_stock("coffee-mug", [1_000_000, 999_999, 0, 1]).await;
    let told = shop.records(&shop.context.topics.notifications).await;
    assert_eq!(told.len(), 3, "once, as any other");
}

#[tokio::test]
async fn without_the_log_people_register_and_pay_and_the_events_come_later() {
    let shop = Shop::open().await;
    let mut live = Live::plain(&shop).await;
    let faults = shop.memory.faults();
    faults.set_bus_away(true);
    let alice = shop.register("alice").await;
    let token = shop.log_in("alice").await;
    let call = Call::post("/pay").bearer(&token);
    let paid = shop.payments.send(call).await.ok(202);
    let id = paid["id"].as_str().unwrap().to_owned();
    let place = format!("/payments/{id}");
    let pending = shop.payments.send(Call::get(&place).bearer(&token)).await;
    assert_eq!(pending.ok(200)["status"], "pending");

    faults.set_bus_away(false);
    shop.clock.advance(LEFT_OVER);
    let settled = Call::get(format!("{place}?wait=20")).bearer(&token);
    assert_eq!(shop.payments.send(settled).await.ok(200)["status"], "confirmed");
    let mut lines = Vec::new();
    for line in live.take(5).await {
        lines.push(line["event_type"].as_str().unwrap().to_owned());
    }
    live.is_quiet().await;
    lines.sort();
    let mut expected = [
        "comptoir.user.registered.v1",
        "comptoir.user.logged_in.v1",
        "comptoir.payment.requested.v1",
        "comptoir.stock.reserved.v1",
        "comptoir.payment.confirmed.v1",
    ];
    expected.sort_unstable();
    assert_eq!(lines, expected, "each once");
    assert_eq!(shop.told_about(&alice).await.len(), 2);
}

#[tokio::test]
async fn what_is_saved_when_the_shop_crashes_is_told_by_the_next_one() {
    let (memory, ids) = (Memory::new(), SequentialIds::new());
    let crashing = Shop::on(&memory, &ids).await;
    memory.faults().set_bus_away(true);
    let alice = crashing.register("alice").await;
    let id = crashing.pay("").await;
    drop(crashing);
    memory.faults().set_bus_away(false);
    let shop = Shop::on(&memory, &ids).await;
    shop.clock.advance(LEFT_OVER);
    assert_eq!(shop.settled(&id).await["status"], "confirmed");
    until("the registration", || async { !shop.told_about(&alice).await.is_empty() }).await;
}

#[tokio::test]
async fn a_stop_while_the_log_is_away_is_clean_and_loses_nothing() {
    let (memory, ids) = (Memory::new(), SequentialIds::new());
    let mut first = Shop::on(&memory, &ids).await;
    memory.faults().set_bus_away(true);
    let id = first.pay("").await;
    assert!(first.stop().await, "a clean stop");
    memory.faults().set_bus_away(false);
    let second = Shop::on(&memory, &ids).await;
    second.clock.advance(LEFT_OVER);
    assert_eq!(second.settled(&id).await["status"], "confirmed");
}

#[tokio::test]
async fn a_shop_that_opens_without_the_log_serves_what_it_can_and_catches_up() {
    let memory = Memory::new();
    let topics = Topics::with_prefix("").unwrap().all();
    memory.admin().create_topics(&topics, 3).await.unwrap();
    memory.faults().set_bus_away(true);
    let (shop, readiness) = Shop::start(&memory, &SequentialIds::new(), true).await;
    shop.register("alice").await;
    let id = shop.pay("").await;
    assert_eq!(shop.logs.get("/").await.status, 200, "the page is there");
    let live = connect(&shop, "/", &[]).await;
    assert_eq!(live.err().map(|status| status.as_u16()), Some(503));
    is_unavailable(&shop.console.get("/api/v1/overview").await);
    is_unavailable(&shop.logs.get("/api/lines?partition=0").await);

    memory.faults().set_bus_away(false);
    shop.clock.advance(LEFT_OVER);
    for service in readiness {
        within(PATIENCE, "a service to be ready", service.all_up()).await;
    }
    assert_eq!(shop.settled(&id).await["status"], "confirmed");
    let mut live = Live::plain(&shop).await;
    shop.register("bob").await;
    // The last lines about the payment may still be on their way.
    while live.next().await["message"] != "User bob registered successfully" {}
}

#[tokio::test]
async fn a_shop_that_opens_without_the_store_has_its_articles_later() {
    let memory = Memory::new();
    memory.faults().set_store_away(true);
    let (shop, readiness) = Shop::start(&memory, &SequentialIds::new(), true).await;
    is_unavailable(&shop.inventories.get("/stock").await);
    memory.faults().set_store_away(false);
    for service in readiness {
        within(PATIENCE, "a service to be ready", service.all_up()).await;
    }
    shop.until_stock("signed-print", [3, 3, 0, 0]).await;
    shop.confirmed("sku=signed-print").await;
}
