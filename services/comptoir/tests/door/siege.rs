//! Thousands of connections that are only held, and clients that write a byte at a time.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use comptoir_stage::http::{self, Answer};
use comptoir_stage::patience::{pause, until_true};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::tempdir;
use tokio::time::Instant;

use crate::program::{Program, command};

/// How many connections are held, as far as this process may have that many files.
const HELD: u64 = 10_000;
/// Files of this process that are no held connections.
const OWN_FILES: u64 = 500;
/// Connections that write a byte in every beat.
const DRIPPING: usize = 200;
const BEAT: Duration = Duration::from_millis(100);
/// Requests whose times are taken.
const HONEST: usize = 100;
/// What an honest client waits at most, on two busy cores and without optimisation.
const SOON: Duration = Duration::from_secs(10);

/// What the program may grow by for each connection, in bytes.
const EACH: u64 = 32 * 1024;

/// Held by a siege: two at once would take each other's time.
static SIEGE: Mutex<()> = Mutex::new(());

/// Raises the soft limit of this process; gives how many connections it may hold.
fn holdable() -> usize {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let wanted = HELD + OWN_FILES;
    let wanted = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).unwrap();
    usize::try_from(wanted - OWN_FILES).unwrap()
}

/// Connects and begins as many requests, none of which it goes on with.
fn hold(port: u16, connections: usize) -> Vec<TcpStream> {
    let beginnings =
        ["", "GET /health/live HTTP/1.1\r\nHost: localhost\r\n", "POST /pay HTTP/1.1\r\n"];
    let held = (0..connections).map(|n| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        // It may have had to make room already.
        let _ = stream.write_all(beginnings[n % beginnings.len()].as_bytes());
        stream
    });
    held.collect()
}

/// The resident memory of a process, in bytes.
fn memory(program: &Program) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() * 1024
}

/// How many files a process has open.
fn files(program: &Program) -> usize {
    fs::read_dir(format!("/proc/{}/fd", program.pid())).unwrap().count()
}

fn post(program: &Program, service: &str, path: &str, form: &str) -> Answer {
    http::post(program.port(service), path, form).unwrap()
}

/// Pays and looks, again and again; gives the times in order.
fn honest(program: &Program) -> Vec<Duration> {
    let mut times = Vec::with_capacity(HONEST);
    for n in 0..HONEST {
        let began = Instant::now();
        if n % 2 == 0 {
            assert_eq!(post(program, "payments", "/pay", "quantity=1").status, 202);
        } else {
            assert_eq!(program.get("users", "/health/live").status, 200);
        }
        times.push(began.elapsed());
    }
    times.sort_unstable();
    times
}

#[test]
fn ten_thousand_held_connections_keep_nobody_waiting() {
    let _siege = SIEGE.lock().unwrap_or_else(PoisonError::into_inner);
    let held = holdable();
    let data = tempdir().unwrap();
    let program = Program::start(data.path());
    let (calm, before) = (honest(&program), memory(&program));
    let port = program.port("payments");
    let began = Instant::now();
    let mut idle = hold(port, held - DRIPPING);
    let mut dripping = hold(port, DRIPPING);
    let opened = began.elapsed();
    // On a machine that is busy, the first are over before the last are open.
    until_true("they are held", SOON, || files(&program) > held / 4);
    let times = thread::scope(|scope| {
        let honest = scope.spawn(|| honest(&program));
        while !honest.is_finished() {
            for stream in &mut dripping {
                // Its time may be over.
                let _ = stream.write_all(b"x");
            }
            pause(BEAT);
        }
        honest.join().unwrap()
    });
    let (open, grown) = (files(&program), memory(&program).saturating_sub(before));
    eprintln!(
        "{held} connections held (in {opened:?}), {open} files open: {} KiB each, {} MiB in all; honest clients wait {:?} \
         (median), {:?} (worst); without the others {:?} and {:?}",
        grown / 1024 / open as u64,
        memory(&program) / 1024 / 1024,
        times[HONEST / 2],
        times[HONEST - 1],
        calm[HONEST / 2],
        calm[HONEST - 1],
    );
    assert!(times[HONEST - 1] < SOON, "{:?}", times[HONEST - 1]);
    assert!(grown < held as u64 * EACH, "{grown} bytes for {held} connections");
    // Whoever says nothing for 15 s is gone, and so is whoever has not ended a head by then.
    let until_over = Duration::from_secs(20).saturating_sub(began.elapsed());
    pause(until_over);
    for stream in idle.iter_mut().chain(&mut dripping).step_by(97) {
        stream.set_read_timeout(Some(SOON)).unwrap();
        let ended = stream.read(&mut [0; 1]);
        let ended =
            ended.map_or_else(|error| error.kind() == ErrorKind::ConnectionReset, |n| n == 0);
        assert!(ended, "a silent connection is still open");
    }
    drop((idle, dripping));
    program.signal("TERM");
    assert!(program.wait().success());
}

#[test]
fn where_files_are_few_connections_leave_enough_of_them() {
    const FILES: usize = 256;
    let _siege = SIEGE.lock().unwrap_or_else(PoisonError::into_inner);
    holdable();
    let data = tempdir().unwrap();
    let plain = command(&data.path().join("shop"));
    let mut limited = Command::new("sh");
    limited.arg("-c").arg(format!("ulimit -n {FILES}; exec \"$0\"")).arg(plain.get_program());
    limited.env_clear().stdin(Stdio::null());
    limited.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let log = data.path().join("log");
    limited.stderr(fs::File::create(&log).unwrap());
    let program = Program::start_by(&mut limited);
    // Several times as many as it may have, on every port.
    let held: Vec<_> = ["logs", "users", "payments", "inventories", "console"]
        .map(|service| hold(program.port(service), FILES))
        .into();
    let times = honest(&program);
    assert!(times[HONEST - 1] < SOON, "{:?}", times[HONEST - 1]);
    let form = "username=alice&password=secret";
    assert_eq!(post(&program, "users", "/register", form).status, 201);
    assert_eq!(post(&program, "users", "/login", form).status, 200);
    let paid = post(&program, "payments", "/pay", "").json();
    let path = format!("/payments/{}?wait=30", paid["id"].as_str().unwrap());
    assert_eq!(program.get("payments", &path).json()["status"], "confirmed");
    assert_eq!(program.get("console", "/api/v1/groups").status, 200);
    drop(held);
    program.signal("TERM");
    assert!(program.wait().success());
    let log = fs::read_to_string(log).unwrap();
    assert!(!log.contains("Too many open files") && !log.contains("cannot accept"), "{log}");
}
