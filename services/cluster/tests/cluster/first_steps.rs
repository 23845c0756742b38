//! The first page of the README, on separate programs.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::stage::Stage;
use comptoir_stage::Account;
use comptoir_stage::Shop;
use comptoir_stage::lines::Lines;
use comptoir_stage::patience::tell;

const LINE_TIME: Duration = Duration::from_secs(20);
const ALICE: &[&str] = &["-d", "username=alice&password=secret"];

/// `curl -sX POST`, as the README has it.
fn curl(port: u16, path: &str, data: &[&str]) -> Value {
    let mut command = Command::new("curl");
    command.args(["-s", "--max-time", "20", "-X", "POST"]).args(data);
    let output = command.arg(format!("http://localhost:{port}{path}")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn register_log_in_and_pay_give_the_same_lines_as_one_program() {
    let Some(stage) = Stage::enter() else { return };
    let shop = Shop::open(&stage.servers, "", &[]);
    let lines = Lines::follow(shop.port("logs-service"));
    let registered = curl(shop.port("users-service"), "/register", ALICE);
    assert_eq!(registered["username"], "alice");
    assert_eq!(curl(shop.port("users-service"), "/login", ALICE)["token_type"], "Bearer");
    let paid = curl(shop.port("payments-service"), "/pay", &[]);
    assert_eq!(paid["status"], "pending");
    let id = paid["id"].as_str().unwrap();
    assert_eq!(shop.settled("payments-service", id)["status"], "confirmed");

    let told = lines.wait_for(5, LINE_TIME, |_| true);
    for line in &told {
        let names: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
        let mut expected =
            ["id", "time", "level", "service", "message", "trace_id", "event_type", "fields"];
        expected.sort_unstable();
        assert_eq!(names, expected, "{line}");
    }
    // Order is kept for each user and each payment, not between them.
    let told = told.iter().map(|line| line["message"].as_str().unwrap());
    let (of_alice, of_payment): (Vec<_>, Vec<_>) = told.partition(|told| told.starts_with("User"));
    assert_eq!(of_alice, ["User alice registered successfully", "User alice logged in"]);
    let of_payment: Vec<_> = of_payment.iter().map(|told| told.replace(id, "ID")).collect();
    assert_eq!(
        of_payment,
        [
            "Payment ID requested: 1 × coffee-mug",
            "Stock reserved for payment ID: 1 × coffee-mug",
            "Payment ID confirmed",
        ]
    );
    shop.all_confirmed(&[id.to_owned()]);
    assert_eq!(shop.mugs("sold"), 1);
    shop.no_lag(&stage.servers);
    let account = Account::of(&shop);
    assert_eq!((account.events.len(), lines.seen().len()), (5, 5));
    shop.stop();
    tell(&format!("first steps: {account}"));
}
