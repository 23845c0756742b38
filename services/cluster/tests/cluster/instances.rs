//! Three instances of the notifications service under load, while the ground moves.

use std::collections::HashSet;
use std::time::Duration;

use crate::load::Load;
use crate::stage::Stage;
use comptoir_stage::Account;
use comptoir_stage::kafka::describe_group;
use comptoir_stage::lines::Lines;
use comptoir_stage::patience::{tell, until};
use comptoir_stage::{KAFKA, Shop};

const CLIENTS: usize = 4;
const PACE: Duration = Duration::from_millis(20);
/// Payments between two blows.
const BETWEEN: usize = 300;
/// How long the last line may take to a socket.
const LINE_TIME: Duration = Duration::from_secs(30);

#[test]
fn every_event_has_one_line_whatever_happens_to_the_instances() {
    let Some(stage) = Stage::enter() else { return };
    let shop = Shop::open(&stage.servers, "instances-", &[("NOTIFICATIONS", "3"), ("USERS", "0")]);
    let lines = Lines::follow(shop.port("logs-service"));
    let load = Load::pay(shop.port("payments-service"), CLIENTS, PACE);
    load.go_on(BETWEEN);
    shop.ctl(&["kill", "notifications-service-2"]);
    load.go_on(BETWEEN);
    stage.servers.ctl(&["term", KAFKA]);
    stage.servers.bring_kafka_back();
    load.go_on(BETWEEN);
    shop.ctl(&["term", "notifications-service-3"]);
    load.go_on(BETWEEN);
    shop.ctl(&["start", "notifications-service-4"]);
    shop.ctl(&["wait", "60", "notifications-service-4"]);
    load.go_on(BETWEEN);
    let outcome = load.finish();
    assert!(outcome.other.is_empty(), "{:?}", outcome.other.first());

    shop.all_confirmed(&outcome.accepted);
    shop.no_lag(&stage.servers);
    let account = Account::of(&shop);
    account.has_confirmed(&outcome.accepted);
    assert_eq!(account.events.len(), 3 * outcome.accepted.len());
    check_socket(&lines, account.events.len());
    assert_eq!(shop.mugs("sold"), outcome.accepted.len() as u64);
    let members = members(&shop);
    assert_eq!(members, 2, "the first and the fourth instance");
    shop.stop();
    tell(&format!(
        "instances: {} payments, slowest answer {} ms; {account}; {members} members at the end, no lag",
        outcome.accepted.len(),
        outcome.slowest.as_millis()
    ));
}

/// A client that was there all the time has seen every line once.
fn check_socket(lines: &Lines, expected: usize) {
    assert!(lines.is_connected(), "the client was hung up on");
    until("the last line has come", LINE_TIME, || {
        let seen = lines.seen().len();
        if seen >= expected { Ok(()) } else { Err((seen, expected)) }
    });
    let seen = lines.seen();
    let ids: HashSet<_> = seen.iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!((seen.len(), ids.len()), (expected, expected), "lines on the socket");
}

/// How many members share the partitions, as Kafka's tool says; none may lag.
fn members(shop: &Shop) -> usize {
    let rows = describe_group(shop.brokers(), &shop.named("notifications-service"));
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert!(rows.iter().all(|row| row.number("LAG") == Some(0)), "{rows:?}");
    let members: HashSet<_> = rows.iter().map(|row| row.column("CONSUMER-ID")).collect();
    assert!(!members.contains("-"), "{rows:?}");
    members.len()
}
