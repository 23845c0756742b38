//! `kill -9` under load, again and again, also while it starts: nothing that was acknowledged is lost,
//! each event has exactly one line, and stock balances.
//!
//! `CRASH_ROUNDS` says how often; the kills follow a fixed sequence, so a run can be repeated.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

#[path = "support/program.rs"]
mod program;

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use program::{Program, command, pause, request};
use serde_json::Value;
use tempfile::tempdir;

const CLIENTS: usize = 8;
/// How often it is looked whether the last events have arrived, and how long between.
const LOOKS: usize = 600;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

#[expect(
    clippy::disallowed_methods,
    reason = "a test's own switch, not the program's configuration"
)]
fn rounds() -> usize {
    std::env::var("CRASH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(5)
}

fn user(round: usize) -> String {
    format!("username=user-{round}&password=secret")
}

/// Pays with all clients until `enough` were acknowledged, kills, and gives the ids.
fn pay_and_kill(program: Program, enough: usize) -> Vec<String> {
    let (port, acknowledged) = (program.port("payments"), AtomicUsize::new(0));
    let mut program = Some(program);
    thread::scope(|scope| {
        let pay = || {
            let mut ids = Vec::new();
            while let Ok(answer) = request(port, "POST", "/pay", None) {
                assert_eq!(answer.status, 202, "{}", answer.body);
                ids.push(answer.json()["id"].as_str().unwrap().to_owned());
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            ids
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(pay)).collect();
        while acknowledged.load(Ordering::Relaxed) < enough {
            assert!(
                !clients.iter().all(thread::ScopedJoinHandle::is_finished),
                "it ended by itself"
            );
            thread::yield_now();
        }
        program.take().unwrap().kill();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    })
}

#[test]
fn nothing_acknowledged_is_lost() {
    let data = tempdir().unwrap();
    let mut acknowledged = Vec::new();
    // A linear congruential generator: repeatable, and nothing here needs better chance.
    let mut chance = 42_usize;
    for round in 0..rounds() {
        chance =
            chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if round % 4 == 3 {
            kill_while_starting(data.path(), (chance >> 40) % 60);
        }
        let program = Program::start(data.path());
        assert_eq!(program.post("users", "/register", &user(round)).status, 201);
        acknowledged.extend(pay_and_kill(program, 1 + (chance >> 33) % 400));
    }
    let program = Program::start(data.path());
    for round in 0..rounds() {
        assert_eq!(program.post("users", "/register", &user(round)).status, 409, "lost a user");
    }
    check_payments(&program, &acknowledged);
    let lines = all_lines(&program);
    check_lines(&lines, &acknowledged);
    check_users(&lines);
    check_stock(&program, &lines);
    let told = format!(
        "{} rounds, {} payments acknowledged, none lost
",
        rounds(),
        acknowledged.len()
    );
    std::io::stdout().write_all(told.as_bytes()).unwrap();
    program.signal("TERM");
    assert!(program.wait().success());
}

fn kill_while_starting(data: &Path, millis: usize) {
    let mut starting = command(data).stdout(Stdio::null()).spawn().unwrap();
    pause(Duration::from_millis(millis as u64));
    starting.kill().unwrap();
    starting.wait().unwrap();
}

fn check_payments(program: &Program, acknowledged: &[String]) {
    for id in acknowledged {
        let payment = program.get("payments", &format!("/payments/{id}?wait=30")).json();
        assert_eq!(payment["status"], "confirmed", "{id}");
    }
}

/// Every line, once no group has anything left to do.
fn all_lines(program: &Program) -> Vec<Value> {
    let idle = |_: &usize| {
        let groups = program.get("console", "/api/v1/groups").json();
        let lag: u64 = groups.as_array().unwrap().iter().map(|g| g["lag"].as_u64().unwrap()).sum();
        let stock = program.get("inventories", "/stock/coffee-mug").json();
        let busy = lag > 0 || stock["held"].as_u64().unwrap() > 0;
        if busy {
            pause(BETWEEN_LOOKS);
        }
        !busy
    };
    assert!((0..LOOKS).any(|look| idle(&look)), "events are left over");
    let partitions = program.get("console", "/api/v1/topics/logs").json();
    let partitions = partitions["partitions"].as_array().unwrap().len();
    (0..partitions).flat_map(|partition| lines_of(program, partition)).collect()
}

fn lines_of(program: &Program, partition: usize) -> Vec<Value> {
    let mut lines: Vec<Value> = Vec::new();
    let mut from = 0;
    loop {
        let path = format!("/api/lines?partition={partition}&from={from}&limit=1000");
        let page = program.get("logs", &path).json();
        let rows = page["l"].as_array().unwrap();
        let Some(last) = rows.last() else {
            return lines;
        };
        from = last[1].as_u64().unwrap() + 1;
        lines.extend(rows.iter().cloned());
    }
}

fn field<'a>(line: &'a Value, name: &str) -> &'a str {
    line[7][name].as_str().unwrap_or_default()
}

/// One line for each event of each payment, acknowledged or not.
fn check_lines(lines: &[Value], acknowledged: &[String]) {
    let mut by_payment: HashMap<&str, HashMap<&str, usize>> = HashMap::new();
    for line in lines.iter().filter(|line| !field(line, "payment_id").is_empty()) {
        let kinds = by_payment.entry(field(line, "payment_id")).or_default();
        *kinds.entry(field(line, "event_type")).or_default() += 1;
    }
    let expected: HashMap<&str, usize> = [
        ("comptoir.payment.requested.v1", 1),
        ("comptoir.stock.reserved.v1", 1),
        ("comptoir.payment.confirmed.v1", 1),
    ]
    .into();
    for (id, kinds) in &by_payment {
        assert_eq!(*kinds, expected, "payment {id}");
    }
    for id in acknowledged {
        assert!(by_payment.contains_key(id.as_str()), "payment {id} has no line");
    }
}

/// One line for each user that was registered.
fn check_users(lines: &[Value]) {
    for round in 0..rounds() {
        let name = format!("user-{round}");
        let own = lines.iter().filter(|line| field(line, "username") == name);
        assert_eq!(own.count(), 1, "{name}");
    }
}

fn check_stock(program: &Program, lines: &[Value]) {
    let stock = program.get("inventories", "/stock/coffee-mug").json();
    let count = |name: &str| stock[name].as_u64().unwrap();
    assert_eq!(count("received"), count("available") + count("held") + count("sold"), "{stock}");
    let confirmed =
        lines.iter().filter(|l| field(l, "event_type") == "comptoir.payment.confirmed.v1");
    assert_eq!(count("sold"), confirmed.count() as u64, "{stock}");
}
