//! Starting, refusing to start, stopping, and starting again.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

#[path = "support/program.rs"]
mod program;

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use comptoir_stage::http::{self, Answer};
use comptoir_stage::lines::Lines;
use comptoir_stage::patience::pause;
use program::{Program, command};
use serde_json::Value;
use tempfile::tempdir;

/// The most that lines may take to come.
const LINE_TIME: Duration = Duration::from_secs(10);

/// Runs a program that must refuse to start: exit code 2, nothing on standard output.
fn refused(data: &Path, variables: &[(&str, &str)]) -> String {
    let Output { status, stdout, stderr } =
        command(data).envs(variables.iter().copied()).output().unwrap();
    let text = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(2), "{text}");
    assert!(stdout.is_empty());
    text
}

fn post(program: &Program, service: &str, path: &str, form: &str) -> Answer {
    http::post(program.port(service), path, form).unwrap()
}

#[test]
fn the_three_curl_lines_and_a_second_start() {
    let data = tempdir().unwrap();
    let alice = "username=alice&password=secret";
    let first = Program::start(data.path());
    let lines = Lines::follow(first.port("logs"));
    assert_eq!(post(&first, "users", "/register", alice).status, 201);
    let login = post(&first, "users", "/login", alice);
    assert_eq!(login.status, 200);
    assert_eq!(login.json()["token_type"], "Bearer");
    let paid = post(&first, "payments", "/pay", "");
    assert_eq!(paid.status, 202);
    let id = paid.json()["id"].as_str().unwrap().to_owned();
    let settled = first.get("payments", &format!("/payments/{id}?wait=10")).json();
    assert_eq!(settled["status"], "confirmed");
    until_sold(&first, 1);
    let told = lines.wait_for(5, LINE_TIME, |_| true);
    let told = told.iter().map(|line| line["message"].as_str().unwrap());
    // Order is kept for each user and each payment, not between them.
    let (of_alice, of_payment): (Vec<_>, Vec<_>) = told.partition(|told| told.starts_with("User"));
    assert_eq!(of_alice, ["User alice registered successfully", "User alice logged in"]);
    let of_payment: Vec<_> = of_payment.iter().map(|told| told.replace(&id, "ID")).collect();
    assert_eq!(
        of_payment,
        [
            "Payment ID requested: 1 × coffee-mug",
            "Stock reserved for payment ID: 1 × coffee-mug",
            "Payment ID confirmed",
        ]
    );
    let (stock, before) = (stock(&first), ends(&first));
    first.signal("INT");
    assert!(first.wait().success());

    let second = Program::start(data.path());
    assert_eq!(post(&second, "users", "/register", alice).status, 409);
    assert_eq!(post(&second, "users", "/login", alice).status, 200);
    let payment = second.get("payments", &format!("/payments/{id}")).json();
    assert_eq!(payment["status"], "confirmed");
    assert_eq!(self::stock(&second), stock);
    post(&second, "payments", "/pay", "");
    until_sold(&second, 2);
    let after = ends(&second);
    for (topic, offsets) in &before {
        let on = offsets.iter().zip(&after[topic]).all(|(before, after)| before <= after);
        assert!(on, "the offsets of {topic} go on: {offsets:?}, {:?}", after[topic]);
    }
    let all = |ends: &Ends| -> u64 { ends["notifications"].iter().sum() };
    assert_eq!(all(&after), all(&before) + 4, "a login and the three events of a payment");
    second.signal("TERM");
    assert!(second.wait().success());
}

/// The offset behind the last record of every partition, by topic.
type Ends = BTreeMap<&'static str, Vec<u64>>;

fn ends(program: &Program) -> Ends {
    let topic = |name: &'static str| {
        let topic = program.get("console", &format!("/api/v1/topics/{name}")).json();
        let partitions = topic["partitions"].as_array().unwrap().iter();
        (name, partitions.map(|partition| partition["next"].as_u64().unwrap()).collect())
    };
    ["notifications", "inventories", "stock", "logs"].map(topic).into()
}

fn stock(program: &Program) -> Value {
    program.get("inventories", "/stock/coffee-mug").json()
}

/// Waits until that many were sold: the sale follows the confirmation.
fn until_sold(program: &Program, pieces: u64) {
    let sold = |_: &usize| {
        pause(Duration::from_millis(20));
        stock(program)["sold"] == pieces
    };
    assert!((0..500).any(|look| sold(&look)), "{}", stock(program));
}

#[test]
fn a_port_in_use_is_named() {
    let data = tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let said = refused(data.path(), &[("USERS_PORT", &port)]);
    assert!(said.contains(&format!("port {port} is in use")), "{said}");
    assert!(said.contains("--users-port"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(fs::read_dir(data.path()).unwrap().next().is_none(), "the folder was not touched");
}

#[test]
fn a_data_folder_in_use_is_refused() {
    let data = tempdir().unwrap();
    let first = Program::start(data.path());
    let said = refused(data.path(), &[]);
    assert!(said.contains("in use"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_eq!(post(&first, "payments", "/pay", "").status, 202, "the first goes on");
    first.kill();
}

#[test]
fn a_folder_of_somebody_else_is_refused_and_left_alone() {
    let data = tempdir().unwrap();
    fs::write(data.path().join("thesis.txt"), "precious").unwrap();
    let said = refused(data.path(), &[]);
    assert_eq!(said.lines().count(), 1, "{said}");
    let left: Vec<_> = fs::read_dir(data.path()).unwrap().collect();
    assert_eq!(left.len(), 1);

    let file = data.path().join("thesis.txt");
    let said = refused(&file, &[]);
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn an_unknown_format_is_refused_and_left_alone() {
    let data = tempdir().unwrap();
    Program::start(data.path()).kill();
    let marker = data.path().join("format");
    fs::write(&marker, "comptoir-embedded 4711").unwrap();
    let said = refused(data.path(), &[]);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("4711"), "{said}");
    assert_eq!(fs::read_to_string(&marker).unwrap(), "comptoir-embedded 4711");
}

#[test]
fn a_folder_that_cannot_be_made_is_refused() {
    let data = tempdir().unwrap();
    let file = data.path().join("file");
    fs::write(&file, "").unwrap();
    let said = refused(&file.join("folder"), &[]);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("cannot be read and written"), "{said}");
}

#[test]
fn every_bad_variable_is_told_in_a_line_of_its_own() {
    let data = tempdir().unwrap();
    let variables = [
        ("USERS_PORT", "seventy"),
        ("LOGS_PORT", "70000"),
        ("TOPIC_PARTITIONS", "0"),
        ("TOPIC_PREFIX", "no spaces"),
        ("PAYMENT_EXPIRES_AFTER", "soon"),
        ("JWT_SECRET", "short"),
        ("RUST_LOG", "=,="),
        ("PUBLIC_HOSTS", "http://example.com/"),
    ];
    let said = refused(data.path(), &variables);
    for (variable, _) in variables {
        assert!(said.contains(&format!("{variable}: ")), "{variable} in {said}");
    }
    assert_eq!(said.lines().count(), variables.len(), "{said}");
    assert!(!said.contains("short"), "a secret is not shown");
}

#[test]
fn an_empty_variable_is_unset_and_help_shows_no_secret() {
    let data = tempdir().unwrap();
    let output = command(data.path())
        .env("JWT_SECRET", "this secret has more than 32 bytes in it")
        .env("TOPIC_PARTITIONS", "")
        .arg("--help")
        .output()
        .unwrap();
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(help.contains("--logs-port") && help.contains("LOGS_PORT"), "{help}");
    assert!(help.contains("\n  dlq "), "{help}");
    assert!(!help.contains("32 bytes in it"), "{help}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the time of a process is real time")]
fn sigterm_under_load_ends_cleanly_and_keeps_what_was_accepted() {
    let data = tempdir().unwrap();
    let program = Program::start(data.path());
    let (port, total) = (program.port("payments"), AtomicUsize::new(0));
    let began = Mutex::new(None);
    let accepted = thread::scope(|scope| {
        let pay = || {
            let mut ids = Vec::new();
            // An error is a connection that was not taken any more, or that nobody answered.
            while let Ok(answer) = http::post(port, "/pay", "") {
                assert_eq!(answer.status, 202, "{}", answer.body);
                ids.push(answer.json()["id"].as_str().unwrap().to_owned());
                if total.fetch_add(1, Ordering::Relaxed) == 200 {
                    *began.lock().unwrap() = Some(Instant::now());
                    program.signal("TERM");
                }
            }
            ids
        };
        let clients: Vec<_> = (0..4).map(|_| scope.spawn(pay)).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(program.wait().code(), Some(0));
    let took = began.lock().unwrap().unwrap().elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    let again = Program::start(data.path());
    for id in accepted {
        let payment = again.get("payments", &format!("/payments/{id}?wait=30")).json();
        assert_eq!(payment["status"], "confirmed", "{id}");
    }
    again.kill();
}
