//! A disk that is full for a while, on a file system of a few megabytes.
//!
//! Mounting one takes the right to do so. Without it, the tests say that they were skipped, or fail if
//! `TEST_REQUIRE` names `tmpfs`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

#[path = "support/program.rs"]
mod program;
#[path = "support/starts.rs"]
mod starts;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use comptoir_stage::http::{self, Answer};
use comptoir_stage::lines::Lines;
use comptoir_stage::patience::pause;
use program::{Program, command};
use starts::refused;
use tempfile::{TempDir, tempdir};

const CLIENTS: usize = 4;
/// From the moment that there is space again.
const READY_WITHIN: Duration = Duration::from_secs(10);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
const LOOKS: usize = 600;

/// A small file system of its own.
struct Disk(TempDir);

impl Disk {
    /// `None` if it cannot be mounted here.
    fn mount(options: &str) -> Option<Self> {
        let dir = tempdir().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(dir.path())
            .stderr(Stdio::null())
            .status();
        if mount.is_ok_and(|status| status.success()) {
            return Some(Self(dir));
        }
        #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
        let required = std::env::var("TEST_REQUIRE").unwrap_or_default();
        assert!(
            !required.split(',').any(|it| it == "tmpfs"),
            "TEST_REQUIRE lists tmpfs, but none can be mounted"
        );
        eprintln!("skipped: no tmpfs can be mounted here");
        None
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn filler(&self) -> PathBuf {
        self.0.path().join("filler")
    }

    /// Takes all but about so many bytes.
    fn leave(&self, bytes: usize) {
        let mut file = File::create(self.filler()).unwrap();
        while file.write_all(&[1; 4096]).is_ok() {}
        let size = file.metadata().unwrap().len();
        file.set_len(size.saturating_sub(bytes as u64)).unwrap();
    }

    fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a test that failed may have left a program that just ends.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// Starts the program with its log in a file elsewhere.
fn start(disk: &Disk, log: &Path) -> Program {
    Program::start_by(command(&disk.data()).stderr(File::create(log).unwrap()))
}

fn pay(port: u16) -> Answer {
    http::post(port, "/pay", "").unwrap()
}

/// Pays with all clients until each was refused; gives the ids of what was accepted.
fn pay_until_refused(port: u16) -> Vec<String> {
    let client = || {
        let mut ids = Vec::new();
        loop {
            let answer = pay(port);
            match answer.status {
                202 => ids.push(answer.json()["id"].as_str().unwrap().to_owned()),
                503 => return ids,
                other => panic!("{other}: {}", answer.body),
            }
        }
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    })
}

#[expect(clippy::disallowed_methods, reason = "the time of a process is real time")]
fn until(what: &str, is_so: impl Fn() -> bool) -> Duration {
    let began = Instant::now();
    for _ in 0..LOOKS {
        if is_so() {
            return began.elapsed();
        }
        pause(BETWEEN_LOOKS);
    }
    panic!("{what} does not come");
}

fn is_ready(program: &Program, service: &str) -> bool {
    program.get(service, "/health/ready").status == 200
}

/// Everything that reads, at the same time as nothing can be written.
fn check_reads(program: &Program, ids: &[String]) {
    for id in ids {
        let payment = program.get("payments", &format!("/payments/{id}"));
        assert_eq!(payment.status, 200, "{id}: {}", payment.body);
    }
    for (service, path) in [
        ("inventories", "/stock/coffee-mug"),
        ("logs", "/"),
        ("logs", "/health/ready"),
        ("logs", "/api/lines?partition=0&from=0&limit=10"),
        ("console", "/"),
        ("console", "/api/v1/topics/notifications"),
        ("console", "/api/v1/groups"),
    ] {
        let answer = program.get(service, path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    }
    drop(Lines::follow(program.port("logs")));
}

fn count(text: &str, what: &str) -> usize {
    text.lines().filter(|line| line.contains(what)).count()
}

/// Every payment is settled once, and stock says the same.
fn check_effects(program: &Program, ids: &[String]) {
    for id in ids {
        let payment = program.get("payments", &format!("/payments/{id}?wait=30")).json();
        assert_eq!(payment["status"], "confirmed", "{id}");
    }
    until("the end of the backlog", || {
        let groups = program.get("console", "/api/v1/groups").json();
        let lag: u64 = groups.as_array().unwrap().iter().map(|g| g["lag"].as_u64().unwrap()).sum();
        let stock = program.get("inventories", "/stock/coffee-mug").json();
        lag == 0 && stock["held"] == 0
    });
    let stock = program.get("inventories", "/stock/coffee-mug").json();
    // A payment whose answer was 503 may have been written all the same.
    let (sold, least) = (stock["sold"].as_u64().unwrap(), ids.len() as u64);
    assert!((least..=least + CLIENTS as u64 + 1).contains(&sold), "{stock}, {least} accepted");
}

#[test]
fn a_full_disk_is_read_while_it_is_full_and_written_once_it_is_not() {
    let Some(disk) = Disk::mount("size=24m") else {
        return;
    };
    let elsewhere = tempdir().unwrap();
    let log = elsewhere.path().join("log");
    let program = start(&disk, &log);
    assert_eq!(pay(program.port("payments")).status, 202);
    disk.leave(1 << 20);
    let mut ids = pay_until_refused(program.port("payments"));
    assert!(ids.len() > 10, "{} payments fit", ids.len());
    for service in ["payments", "inventories"] {
        let missing = || !is_ready(&program, service);
        until("the word that the disk is full", missing);
    }
    for _ in 0..20 {
        check_reads(&program, &ids[..ids.len().min(10)]);
        assert_eq!(pay(program.port("payments")).status, 503);
        pause(BETWEEN_LOOKS);
    }
    check_reads(&program, &ids);

    disk.free();
    let took = until("readiness", || {
        ["payments", "inventories", "users", "logs"].iter().all(|it| is_ready(&program, it))
    });
    assert!(took < READY_WITHIN, "{took:?}");
    let paid = pay(program.port("payments"));
    assert_eq!(paid.status, 202, "{}", paid.body);
    ids.push(paid.json()["id"].as_str().unwrap().to_owned());
    check_effects(&program, &ids);
    let said = fs::read_to_string(&log).unwrap();
    eprintln!(
        "{} payments accepted, ready {took:?} after there was space, {} lines of log",
        ids.len(),
        said.lines().count()
    );
    assert_eq!(count(&said, "writes could not be made durable"), 1, "{said}");
    assert_eq!(count(&said, "the database takes writes again"), 1, "{said}");
    program.signal("TERM");
    assert!(program.wait().success());
    let program = start(&disk, &log);
    check_effects(&program, &ids);
    program.kill();
}

/// It does not start, and says why in one line.
fn is_refused(disk: &Disk) {
    let said = refused(&disk.data(), READY_WITHIN);
    assert!(said.contains("No space left on device"), "{said}");
}

/// Whether it is full before the first start or before a later one.
#[test]
fn a_disk_that_is_full_at_the_start_is_told_and_nothing_is_harmed() {
    let Some(disk) = Disk::mount("size=4m") else {
        return;
    };
    disk.leave(0);
    is_refused(&disk);
    disk.free();
    let program = Program::start(&disk.data());
    let id = pay(program.port("payments")).json()["id"].as_str().unwrap().to_owned();
    program.kill();
    disk.leave(0);
    is_refused(&disk);
    disk.free();
    let program = Program::start(&disk.data());
    check_effects(&program, &[id]);
    program.kill();
}

/// A disk may have space and no room for another file.
#[test]
fn a_disk_without_room_for_another_file_is_told() {
    let Some(disk) = Disk::mount("size=64m,nr_inodes=12") else {
        return;
    };
    is_refused(&disk);
}
