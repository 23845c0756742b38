//! Programs that start before anything they stand on, stop while it is away, and refuse what is wrong.

use std::process::Output;
use std::thread;
use std::time::Duration;

use comptoir_runtime::stop_times::STOP;

use crate::stage::Stage;
use comptoir_stage::http;
use comptoir_stage::lines::Lines;
use comptoir_stage::patience::{now, pause, tell, until};
use comptoir_stage::{KAFKA, MONGO, Ports, Program, Servers};

const ALL: [&str; 6] = [
    "users-service",
    "payments-service",
    "inventories-service",
    "notifications-service",
    "logs-service",
    "console-service",
];
/// What a stop may take with nothing to wait for but refusals.
const GRACE: Duration = Duration::from_secs(8);
/// What it may take with nobody to refuse anything, and what a busy machine needs.
const SILENT_GRACE: Duration = STOP.saturating_add(Duration::from_secs(2));
const READY_TIME: Duration = Duration::from_mins(1);
const SECRET: &str = "a secret that is longer than 32 bytes";

#[test]
fn programs_start_before_their_servers_and_stop_without_them() {
    let Some(_turn) = Stage::enter_alone() else { return };
    // Nobody listens there, nor will.
    let nowhere = start_all("localhost:1", "mongodb://localhost:1");
    waits_for_servers(&nowhere);
    let never_there = stop_all(nowhere, GRACE);

    let ports = Ports::choose();
    let programs = start_all(&ports.brokers(), &ports.mongodb_uri());
    waits_for_servers(&programs);
    let servers = Servers::start(ports);
    let began = now();
    all_up(&programs);
    let ready = began.elapsed();
    works(&programs);

    servers.ctl(&["kill", KAFKA]);
    assert_eq!(named(&programs, "payments-service").post("/pay", "").status, 202);
    let gone = stop_all(programs, GRACE);
    servers.bring_kafka_back();
    tell(&format!(
        "start and stop: ready {} ms after the servers; stopped cleanly within {} ms where no server \
         ever was, {} ms with Kafka gone",
        ready.as_millis(),
        never_there.as_millis(),
        gone.as_millis()
    ));
}

#[test]
fn programs_stop_cleanly_while_their_servers_are_silent() {
    let Some(_turn) = Stage::enter_alone() else { return };
    let ports = Ports::choose();
    let programs = start_all(&ports.brokers(), &ports.mongodb_uri());
    let servers = Servers::start(ports);
    all_up(&programs);
    works(&programs);
    for server in [KAFKA, MONGO] {
        servers.ctl(&["stop", server]);
    }
    let port = named(&programs, "payments-service").port;
    let in_flight = thread::spawn(move || http::post(port, "/pay", "").map_err(|e| e.to_string()));
    // By then it waits for the store.
    pause(Duration::from_millis(500));
    let took = stop_all(programs, SILENT_GRACE);
    let answer = in_flight.join().unwrap().unwrap();
    assert_eq!(answer.status, 503, "an answer, not a connection that ends: {answer:?}");
    for server in [KAFKA, MONGO] {
        servers.ctl(&["cont", server]);
    }
    tell(&format!("stop: clean within {} ms with Kafka and the store silent", took.as_millis()));
}

/// Waits until all are ready, and nothing is away that they could do without for a while.
fn all_up(programs: &[Program]) {
    for program in programs {
        until(&format!("{} is ready", program.name), READY_TIME, || {
            let answer = program.get("/health/ready");
            let whole = answer.status == 200 && answer.json().get("degraded").is_none();
            if whole { Ok(()) } else { Err(answer) }
        });
    }
}

fn start_all(brokers: &str, uri: &str) -> Vec<Program> {
    let variables = [
        ("KAFKA_BROKERS", brokers),
        ("MONGODB_URI", uri),
        ("JWT_SECRET", SECRET),
        ("TOPIC_PREFIX", "early-"),
    ];
    ALL.map(|name| Program::start(name, &variables)).into()
}

fn named<'a>(programs: &'a [Program], name: &str) -> &'a Program {
    programs.iter().find(|program| program.name == name).unwrap()
}

/// All are alive, none is ready, and each says what is missing.
fn waits_for_servers(programs: &[Program]) {
    for program in programs {
        assert_eq!(program.get("/health/live").status, 200, "{}", program.name);
        let missing: &[&str] = match program.name {
            "users-service" | "payments-service" => &["mongodb"],
            "inventories-service" => &["kafka", "mongodb"],
            _ => &["kafka"],
        };
        until(&format!("{} misses {missing:?}", program.name), READY_TIME, || {
            let answer = program.get("/health/ready");
            let told = answer.json()["missing"].as_array().cloned().unwrap_or_default();
            if answer.status == 503 && told == missing { Ok(()) } else { Err(answer) }
        });
    }
    for (name, path) in [("users-service", "/register"), ("payments-service", "/pay")] {
        let answer = named(programs, name).post(path, "username=early&password=secret");
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
    }
}

/// A payment goes all the way.
fn works(programs: &[Program]) {
    let lines = Lines::follow(named(programs, "logs-service").port);
    let payments = named(programs, "payments-service");
    let paid = payments.post("/pay", "").json();
    let id = paid["id"].as_str().unwrap();
    let settled = payments.get(&format!("/payments/{id}?wait=30")).json();
    assert_eq!(settled["status"], "confirmed", "{settled}");
    lines.wait_for(3, READY_TIME, |line| line["fields"]["payment_id"] == id);
}

/// Tells all to stop, at once; each must end with 0 in time. How long the slowest took.
fn stop_all(mut programs: Vec<Program>, grace: Duration) -> Duration {
    let began = now();
    programs.iter().for_each(Program::terminate);
    for program in &mut programs {
        let status = program.wait();
        assert_eq!(status.code(), Some(0), "{}: {status}", program.name);
        assert!(began.elapsed() < grace, "{} took {:?}", program.name, began.elapsed());
    }
    began.elapsed()
}

/// Variables that are wrong, and who reads them.
const WRONG: [(&str, &str); 9] = [
    ("KAFKA_BROKERS", "nowhere"),
    ("KAFKA_GROUP_PROTOCOL", "newest"),
    ("KAFKA_SASL_MECHANISM", "GSSAPI"),
    ("TOPIC_PARTITIONS", "0"),
    ("TOPIC_PREFIX", "no spaces"),
    ("LISTEN_HOST", "a b"),
    ("MONGODB_URI", "http://user:hush-hush@nowhere"),
    ("JWT_SECRET", "hush-hush"),
    ("PAYMENT_EXPIRES_AFTER", "soon"),
];

#[test]
fn a_wrong_configuration_is_told_whole_and_no_secret_shows() {
    let Some(_turn) = Stage::enter_alone() else { return };
    let mut told = 0;
    for name in ALL {
        let read = |variable: &str| match variable {
            "MONGODB_URI" => {
                ["users-service", "payments-service", "inventories-service"].contains(&name)
            }
            "JWT_SECRET" => ["users-service", "payments-service"].contains(&name),
            "PAYMENT_EXPIRES_AFTER" => name == "payments-service",
            _ => true,
        };
        let expected: Vec<_> = WRONG.iter().map(|(name, _)| *name).filter(|v| read(v)).collect();
        let port = format!("{}_PORT", name.trim_end_matches("-service").to_uppercase());
        let Output { status, stdout, stderr } =
            Program::command(name).envs(WRONG).env(&port, "seventy").output().unwrap();
        let text = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(2), "{name}: {text}");
        assert!(stdout.is_empty(), "{name}");
        for variable in expected.iter().copied().chain([port.as_str()]) {
            assert!(text.contains(&format!("{name}: {variable}: ")), "{variable} in {text}");
        }
        assert_eq!(text.lines().count(), expected.len() + 1, "{text}");
        assert!(!text.contains("hush"), "{text}");
        told += expected.len() + 1;
        shows_no_secret(name);
    }
    port_in_use();
    tell(&format!(
        "configuration: {told} problems of {} programs told, no secret shown",
        ALL.len()
    ));
}

fn shows_no_secret(name: &str) {
    let output = Program::command(name)
        .env("JWT_SECRET", "hush-hush: 32 bytes and a few more")
        .env("KAFKA_SASL_PASSWORD", "hush-hush")
        .env("MONGODB_URI", "mongodb://user:hush-hush@localhost")
        .arg("--help")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(help.contains("--kafka-brokers") && help.contains("KAFKA_BROKERS"), "{help}");
    assert!(!help.contains("hush"), "{help}");
}

/// A port that somebody has is named, and the flag for another.
fn port_in_use() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = Program::command("notifications-service")
        .env("NOTIFICATIONS_PORT", &port)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains(&format!("port {port} is in use")), "{text}");
    assert!(text.contains("--notifications-port"), "{text}");
}
