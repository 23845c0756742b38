//! `pay`, `line` and `load` against a server of a few lines, on ports of the system's choice.
#![expect(clippy::unwrap_used, reason = "a test panics where it fails")]

mod fake;

use std::{num::NonZeroU32, time::Duration};

use comptoir_bench::{
    http::Address,
    line::{self, Line},
    load::{self, Load},
    pay::{self, Pay},
    rate::{self, Rate},
    table::{Cell, Report},
};
use fake::{Fake, Fate};
use tokio::net::TcpListener;

fn count(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

fn pay(payments: Address) -> Pay {
    Pay {
        connections: count(3),
        seconds: Duration::from_millis(150),
        warmup: Duration::from_millis(20),
        payments,
        allow_errors: false,
    }
}

fn line(fake: &Fake) -> Line {
    Line {
        rate: count(200),
        seconds: Duration::from_millis(200),
        warmup: Duration::from_millis(50),
        grace: Duration::from_millis(500),
        payments: fake.payments.clone(),
        logs: fake.logs.clone(),
    }
}

fn number(report: &Report, row: usize, column: &str) -> u64 {
    match report.tables[0].cell(row, column) {
        Some(Cell::Count(count)) => *count,
        other => panic!("{column} of row {row} is {other:?} in {report:?}"),
    }
}

#[tokio::test]
async fn pay_counts_what_was_accepted() {
    let fake = Fake::start(|_| Fate::Confirmed).await;
    let report = pay::run(&pay(fake.payments)).await.unwrap();
    assert!(report.problems.is_empty(), "{report:?}");
    assert!(number(&report, 0, "n") > 0);
    assert_eq!((number(&report, 0, "not 2xx"), number(&report, 0, "errors")), (0, 0));
}

#[tokio::test]
async fn pay_counts_refusals_by_status() {
    let third = |n: u32| {
        if n.is_multiple_of(3) { Fate::Refused } else { Fate::Confirmed }
    };
    let fake = Fake::start(third).await;
    let mut pay = pay(fake.payments);
    let report = pay::run(&pay).await.unwrap();
    assert_eq!(report.tables[1].cell(0, "status"), Some(&Cell::Count(503)));
    assert_eq!(report.problems.len(), 1, "{report:?}");
    pay.allow_errors = true;
    assert!(pay::run(&pay).await.unwrap().problems.is_empty());
}

#[tokio::test]
async fn a_connection_the_server_closes_is_opened_again() {
    let fake = Fake::start(|_| Fate::Closed).await;
    let report = pay::run(&pay(fake.payments)).await.unwrap();
    assert!(report.problems.is_empty(), "{report:?}");
    assert!(number(&report, 0, "n") > 3);
}

#[tokio::test]
async fn a_refused_connection_is_one_line_and_exit_code_2() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let refused = pay::run(&pay(Address::local(address.port()))).await.unwrap_err();
    assert_eq!(refused.exit_code(), 2);
    let text = comptoir_bench::error::one_line(&refused);
    assert!(text.starts_with(&format!("cannot connect to {address}: ")), "{text}");
}

#[tokio::test]
async fn every_payment_of_the_schedule_gets_its_lines() {
    let fake = Fake::start(|_| Fate::Confirmed).await;
    let report = line::run(&line(&fake)).await.unwrap();
    assert!(report.problems.is_empty(), "{report:?}");
    for row in 0..4 {
        assert_eq!(number(&report, row, "n"), 40, "row {row}");
    }
}

#[tokio::test]
async fn payments_that_are_never_confirmed_are_missing() {
    let tenth = |n: u32| {
        if n % 10 == 9 { Fate::Forgotten } else { Fate::Confirmed }
    };
    let fake = Fake::start(tenth).await;
    let report = line::run(&line(&fake)).await.unwrap();
    assert_eq!(number(&report, 2, "n"), 40);
    assert_eq!(number(&report, 3, "n"), 36);
    assert_eq!(report.problems, ["4 payments were not confirmed"]);
}

fn load(fake: &Fake) -> Load {
    Load {
        payments: Some(count(500)),
        seconds: None,
        connections: count(4),
        deadline: Duration::from_secs(20),
        service: fake.payments.clone(),
        logs: fake.logs.clone(),
    }
}

#[tokio::test]
async fn load_sends_exactly_its_number_and_waits_for_all() {
    let fake = Fake::start(|_| Fate::Confirmed).await;
    let report = load::run(&load(&fake)).await.unwrap();
    assert!(report.problems.is_empty(), "{report:?}");
    assert_eq!((number(&report, 0, "n"), number(&report, 1, "n")), (500, 500));
}

#[tokio::test]
async fn load_sends_for_its_time() {
    let fake = Fake::start(|_| Fate::Confirmed).await;
    let mut load = load(&fake);
    (load.payments, load.seconds) = (None, Some(Duration::from_millis(100)));
    let report = load::run(&load).await.unwrap();
    assert!(report.problems.is_empty(), "{report:?}");
    assert!(number(&report, 0, "n") > 4, "{report:?}");
    assert_eq!(number(&report, 0, "n"), number(&report, 1, "n"));
}

fn rate(fake: &Fake) -> Rate {
    Rate {
        from: count(200),
        most: count(300),
        seconds: Duration::from_millis(400),
        warmup: Duration::ZERO,
        grace: Duration::from_millis(500),
        payments: fake.payments.clone(),
        logs: fake.logs.clone(),
    }
}

#[tokio::test]
async fn a_rate_that_is_kept_is_followed_by_a_higher_one() {
    let fake = Fake::start(|_| Fate::Confirmed).await;
    let report = rate::run(&rate(&fake)).await.unwrap();
    let rates = [0, 1].map(|row| number(&report, row, "payments/s"));
    assert_eq!(rates, [200, 300], "{report:?}");
    assert_eq!(report.tables[0].cell(1, "kept"), Some(&Cell::from("yes")), "{report:?}");
}

#[tokio::test]
async fn a_rate_is_not_kept_if_payments_stay_open() {
    let fake = Fake::start(|_| Fate::Forgotten).await;
    let mut rate = rate(&fake);
    (rate.from, rate.grace) = (count(30), Duration::ZERO);
    let report = rate::run(&rate).await.unwrap();
    assert_eq!(report.tables[0].cell(0, "kept"), Some(&Cell::from("no")), "{report:?}");
    assert_eq!(report.problems, ["no rate was kept"]);
}

#[tokio::test]
async fn load_gives_up_at_its_deadline() {
    let fake = Fake::start(|n| if n == 7 { Fate::Forgotten } else { Fate::Confirmed }).await;
    let mut load = load(&fake);
    load.deadline = Duration::from_millis(300);
    let report = load::run(&load).await.unwrap();
    assert!(report.problems.iter().any(|problem| problem.contains("cut off")), "{report:?}");
}
