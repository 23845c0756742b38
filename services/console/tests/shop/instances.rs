//! Several shops on one platform, as instances of the same services are, in fair and in foul weather.

use std::collections::BTreeMap;
use std::time::Duration;

use comptoir_memory::{Memory, Odds};
use comptoir_testkit::{PATIENCE, SequentialIds, within};
use futures::future::join_all;
use serde_json::Value;

use crate::client::Call;
use crate::live::Live;
use crate::shop::{Shop, until};

/// By then what is unpublished counts as left over, and a sweep takes it up.
const LEFT_OVER: Duration = Duration::from_secs(6);

/// Pays until it is told that it worked; gives the id.
async fn insist_on_paying(shop: &Shop) -> String {
    loop {
        let answer = shop.payments.send(Call::post("/pay")).await;
        if answer.status == 202 {
            return answer.ok(202)["id"].as_str().unwrap().to_owned();
        }
        assert_eq!(answer.problem(503), "unavailable");
    }
}

/// Where a payment stands, asked until somebody knows.
async fn status(shop: &Shop, id: &str) -> Option<String> {
    let answer = shop.payments.get(format!("/payments/{id}")).await;
    let known = answer.status == 200;
    known.then(|| answer.ok(200)["status"].as_str().unwrap().to_owned())
}

/// Time passes meanwhile, for those who look for leftovers; far less than a payment may take.
async fn until_confirmed(shop: &Shop, ids: &[String]) {
    for id in ids {
        let confirmed = || async {
            shop.clock.advance(Duration::from_millis(50));
            status(shop, id).await.as_deref() == Some("confirmed")
        };
        until("every payment to be confirmed", confirmed).await;
    }
}

/// Reads lines until those of all payments are there; each once, in order.
async fn sees_each_once(live: &mut Live, ids: &[String]) {
    const STEPS: [&str; 3] = [
        "comptoir.payment.requested.v1",
        "comptoir.stock.reserved.v1",
        "comptoir.payment.confirmed.v1",
    ];
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let reading = async {
        let complete = |seen: &BTreeMap<String, Vec<String>>| {
            ids.iter().all(|id| seen.get(id).is_some_and(|steps| steps.len() >= STEPS.len()))
        };
        while !complete(&seen) {
            let frame = live.next().await;
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let payment = text(&frame["fields"]["payment_id"]);
            seen.entry(payment).or_default().push(text(&frame["event_type"]));
        }
    };
    within(PATIENCE, "all lines", reading).await;
    for id in ids {
        assert_eq!(seen[id], STEPS, "{id}");
    }
}

#[tokio::test]
async fn two_instances_share_the_work_and_one_may_crash() {
    let (memory, ids) = (Memory::new(), SequentialIds::new());
    let (one, two) = (Shop::on(&memory, &ids).await, Shop::on(&memory, &ids).await);
    let mut live = Live::plain(&two).await;
    let pay = |shop| async move { insist_on_paying(shop).await };
    let (mut paid, more) =
        tokio::join!(join_all((0..20).map(|_| pay(&one))), join_all((0..20).map(|_| pay(&two))),);
    paid.extend(more);
    drop(one);
    two.clock.advance(LEFT_OVER);
    until_confirmed(&two, &paid).await;
    two.until_stock("coffee-mug", [1_000_000, 999_960, 0, 40]).await;
    sees_each_once(&mut live, &paid).await;
    live.is_quiet().await;
}

#[tokio::test]
async fn a_payment_is_waited_for_on_whichever_instance_settles_it() {
    let (memory, ids) = (Memory::new(), SequentialIds::new());
    let (one, two) = (Shop::on(&memory, &ids).await, Shop::on(&memory, &ids).await);
    for _ in 0..10 {
        let id = one.pay("").await;
        let (here, there) = tokio::join!(one.settled(&id), two.settled(&id));
        assert_eq!(here["status"], "confirmed");
        assert_eq!(there, here);
    }
}

#[tokio::test]
async fn in_foul_weather_nothing_acknowledged_is_lost_or_done_twice() {
    for seed in [1, 2, 3] {
        let (memory, ids) = (Memory::seeded(seed), SequentialIds::new());
        let shop = Shop::on(&memory, &ids).await;
        let mut live = Live::plain(&shop).await;
        memory.faults().set_odds(Odds {
            fail: 20,
            lose_answer: 20,
            tear: 20,
            conflict: 50,
            duplicate: 100,
        });
        let paid = join_all((0..25).map(|_| insist_on_paying(&shop))).await;
        until_confirmed(&shop, &paid).await;
        memory.faults().set_odds(Odds::default());
        shop.clock.advance(LEFT_OVER);
        sees_each_once(&mut live, &paid).await;

        // A save whose answer was lost is a payment that nobody was told of; it is settled as well.
        let settled = || async {
            shop.clock.advance(LEFT_OVER);
            let [_, _, held, sold] = shop.stock("coffee-mug").await;
            held == 0 && sold >= 25
        };
        until("nothing to be held", settled).await;
    }
}
