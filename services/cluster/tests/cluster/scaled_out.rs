//! More than one instance of payments and of inventories.

use std::collections::HashSet;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::stage::Stage;
use comptoir_stage::Account;
use comptoir_stage::Shop;
use comptoir_stage::kafka::describe_group;
use comptoir_stage::patience::{now, tell, until};

/// So many that both instances consume the answer to some of each.
const PAYMENTS: usize = 40;
/// Who waits elsewhere looks every 250 ms.
const WAIT_TIME: Duration = Duration::from_secs(5);
const JOIN_TIME: Duration = Duration::from_secs(30);

const PAYERS: [&str; 2] = ["payments-service", "payments-service-2"];

#[test]
fn waiting_works_at_either_instance_and_stock_balances() {
    let Some(stage) = Stage::enter() else { return };
    let counts = [("PAYMENTS", "2"), ("INVENTORIES", "2"), ("USERS", "0")];
    let shop = Shop::open(&stage.servers, "scaled-", &counts);
    for group in ["payments-service", "inventories-service"] {
        two_members(&shop, group);
    }
    let mut slowest = Duration::ZERO;
    let mut payments = Vec::new();
    for payer in PAYERS.iter().cycle().take(PAYMENTS) {
        let paid = shop.post(payer, "/pay", "");
        assert_eq!(paid.status, 202, "{paid:?}");
        let id = paid.json()["id"].as_str().unwrap().to_owned();
        // At the one that took it, and at the other one.
        slowest = slowest.max(wait_at_both(&shop, &id));
        payments.push(id);
    }
    shop.all_confirmed(&payments);
    sells_no_more_than_there_is(&shop);
    shop.no_lag(&stage.servers);
    assert_eq!(shop.mugs("sold"), PAYMENTS as u64);
    for sku in ["coffee-mug", "signed-print"] {
        let at = |instance: &str| shop.get(instance, &format!("/stock/{sku}")).json();
        assert_eq!(at("inventories-service"), at("inventories-service-2"));
        shop.stock(sku);
    }
    let account = Account::of(&shop);
    account.has_confirmed(&payments);
    shop.stop();
    tell(&format!(
        "scaled out: {PAYMENTS} payments awaited at both of two instances, the slowest for {} ms; of 10 \
         for 3 prints 3 were confirmed; {account}",
        slowest.as_millis()
    ));
}

/// Waits until two members share a group's partitions.
#[track_caller]
fn two_members(shop: &Shop, group: &str) {
    until(&format!("two members share {group}"), JOIN_TIME, || {
        let rows = describe_group(shop.brokers(), &shop.named(group));
        let members: HashSet<_> = rows.iter().map(|row| row.column("CONSUMER-ID")).collect();
        if members.len() == 2 && !members.contains("-") { Ok(()) } else { Err(rows.clone()) }
    });
}

/// Both instances must answer a long poll soon; how long the slower one took.
fn wait_at_both(shop: &Shop, id: &str) -> Duration {
    let wait = |payer: &'static str| {
        let began = now();
        let payment = shop.get(payer, &format!("/payments/{id}?wait=20")).json();
        let took = began.elapsed();
        assert_eq!(payment["status"], "confirmed", "{id} at {payer}");
        assert!(took < WAIT_TIME, "{id} at {payer}: {took:?}");
        took
    };
    thread::scope(|scope| {
        let waits = PAYERS.map(|payer| scope.spawn(move || wait(payer)));
        waits.map(|wait| wait.join().unwrap()).into_iter().max().unwrap()
    })
}

/// Ten want one of three prints, at once and at both instances.
fn sells_no_more_than_there_is(shop: &Shop) {
    let buy = |payer: &'static str| -> Value {
        let paid = shop.post(payer, "/pay", "sku=signed-print");
        assert_eq!(paid.status, 202, "{paid:?}");
        shop.settled(payer, paid.json()["id"].as_str().unwrap())
    };
    let bought = thread::scope(|scope| {
        let buyers: Vec<_> =
            PAYERS.iter().cycle().take(10).map(|payer| scope.spawn(|| buy(payer))).collect();
        buyers.into_iter().map(|buyer| buyer.join().unwrap()).collect::<Vec<_>>()
    });
    let (confirmed, rejected): (Vec<_>, Vec<_>) =
        bought.iter().partition(|payment| payment["status"] == "confirmed");
    assert_eq!((confirmed.len(), rejected.len()), (3, 7), "{bought:?}");
    assert!(rejected.iter().all(|payment| payment["reason"] == "out_of_stock"), "{rejected:?}");
    let sold = until("the prints are sold", JOIN_TIME, || {
        let stock = shop.stock("signed-print");
        if stock["sold"] == 3 { Ok(stock) } else { Err(stock) }
    });
    assert_eq!(sold["available"], 0, "{sold}");
}
