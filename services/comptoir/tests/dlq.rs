//! `comptoir dlq`: dead letters on the command line, asked of the program that runs.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

#[path = "support/program.rs"]
mod program;

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::bus::{LogAdmin as _, Publisher as _};
use comptoir_domain::port::codec::{DeadLetter, EventCodec as _};
use comptoir_domain::port::platform::Log;
use comptoir_domain::port::world::Clock as _;
use comptoir_domain::record::{Outgoing, Position, Record};
use comptoir_domain::topic::{GroupId, Offset, Partition, TopicPartition, Topics, partition_for};
use comptoir_embedded::{Embedded, Options};
use comptoir_stage::http;
use comptoir_stage::lines::Lines;
use comptoir_stage::patience::pause;
use comptoir_testkit::{FakeClock, a_user, an_envelope};
use program::{Program, command};
use serde_json::Value;
use tempfile::tempdir;

type Codec = <Embedded as Log>::Codec;

/// The most that a line may take to come.
const LINE_TIME: Duration = Duration::from_secs(10);

/// What a terminal would obey to.
const GARBAGE: &str = "\u{1b}[2J<img onerror=alert(1)>";

/// Leaves two things in a data folder: on `notifications` a record that nobody can read, and on its
/// dead-letter topic the registration of alice, twice, as after a crash.
#[tokio::main(flavor = "current_thread")]
async fn bury(data: &Path) {
    let clock = Arc::new(FakeClock::default());
    let embedded = Embedded::open(data, Options::default(), clock.clone()).unwrap();
    let topics = Topics::with_prefix("").unwrap();
    embedded.admin().create_topics(&topics.all(), 3).await.unwrap();
    let garbage = Record {
        key: Some(b"k".to_vec()),
        value: Some(GARBAGE.into()),
        headers: Vec::new(),
        time: clock.now(),
    };
    let event = an_envelope().of(a_user().named("alice").build().registered()).build();
    let letter = DeadLetter {
        reason: "the test wants it so".to_owned(),
        attempts: 5,
        source: Position {
            at: TopicPartition { topic: topics.notifications.clone(), partition: Partition(1) },
            offset: Offset(7_000),
        },
        group: GroupId::try_from("notifications-service").unwrap(),
        time: clock.now(),
    };
    let dead = Codec::dead_letter(&Codec::encode(&event, Some(b"alice")), &letter);
    let records = [
        (topics.notifications.clone(), garbage),
        (topics.notifications.dead_letters(), dead.clone()),
        (topics.notifications.dead_letters(), dead),
    ];
    let records = records.map(|(topic, record)| Outgoing { topic, record }).to_vec();
    embedded.publisher().publish(records).await.unwrap();
    embedded.close().await;
}

/// Exit code, standard output, standard error.
fn dlq(port: u16, words: &[&str]) -> (i32, String, String) {
    let nowhere = tempdir().unwrap();
    let mut asking = command(nowhere.path());
    let output = asking.env("CONSOLE_PORT", port.to_string()).arg("dlq").args(words).output();
    let output = output.unwrap();
    let left = std::fs::read_dir(nowhere.path()).unwrap().count();
    assert_eq!(left, 0, "asking opens no data folder");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[track_caller]
fn done(port: u16, words: &[&str]) -> String {
    let (code, out, err) = dlq(port, words);
    assert_eq!((code, err.as_str()), (0, ""), "{words:?}: {out}");
    assert!(!out.chars().any(|c| c.is_control() && c != '\n'), "{words:?}: {out:?}");
    out
}

fn json(port: u16, words: &[&str]) -> Value {
    let out = done(port, &[words, &["--json"]].concat());
    serde_json::from_str(&out).unwrap()
}

/// Waits until so many letters are open.
fn until_open(port: u16, count: u64) {
    let open = |_: &usize| {
        pause(Duration::from_millis(20));
        json(port, &["list"])["open"] == count
    };
    assert!((0..500).any(|look| open(&look)), "{}", done(port, &["list"]));
}

#[test]
fn dead_letters_are_listed_shown_and_put_back() {
    let data = tempdir().unwrap();
    bury(data.path());
    let program = Program::start(data.path());
    let port = program.port("console");
    let lines = Lines::follow(program.port("logs"));
    until_open(port, 2);
    let counted = done(port, &["list"]);
    let stock: Vec<_> = counted.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(stock, ["stock", "0", "0", "0"], "{counted}");
    assert!(counted.contains("\nnotifications  2     0         0\n"), "{counted}");

    let listed = done(port, &["list", "notifications"]);
    let rows: Vec<_> = listed.lines().collect();
    assert_eq!(rows.len(), 3, "{listed}");
    assert!(rows[1].contains("not a readable CloudEvent"), "the newest first: {listed}");
    assert!(rows[2].contains("notifications 1 7000"), "{listed}");
    let at_alice = partition_for(b"alice", 3).to_string();
    assert!(rows[2].starts_with(&at_alice), "{listed}");
    assert_eq!(done(port, &["list", "stock"]), "no dead letters\n");
    let one = done(port, &["list", "notifications", "--limit", "1"]);
    assert!(one.ends_with("there are more: --limit\n") && one.lines().count() == 3, "{one}");

    let letters = json(port, &["list", "notifications", "--state", "open"]);
    let garbage = &letters["letters"][0];
    let place = ["partition", "offset"].map(|name| garbage[name].to_string());
    let at = ["notifications", &place[0], &place[1]];
    let shown = done(port, &[&["show"], at.as_slice()].concat());
    assert!(shown.contains("state:    open\n"), "{shown}");
    assert!(shown.ends_with("\n·[2J<img onerror=alert(1)>\n"), "{shown}");

    let back = done(port, &["replay", "notifications", &at_alice, "1"]);
    assert!(back.contains(": put back at notifications "), "{back}");
    assert!(back.ends_with("1 put back, 0 not; 1 open now\n"), "{back}");
    let first = &lines.wait_for(1, LINE_TIME, |_| true)[0];
    assert_eq!(first["message"], "User alice registered successfully");
    let (code, again, _) = dlq(port, &["replay", "notifications", &at_alice, "0"]);
    assert_eq!(code, 1, "{again}");
    assert!(again.contains("not put back: it was put back already"), "{again}");

    let all = json(port, &["replay", "--all", "notifications"]);
    assert_eq!(all["replayed"].as_array().unwrap().len(), 1, "{all}");
    until_open(port, 1);
    let landed = json(port, &["list", "notifications", "--state", "open"]);
    assert_eq!(landed["letters"][0]["replays"], 1, "nobody can read it still");
    assert_eq!(done(port, &["replay", "--all", "stock"]), "0 put back, 0 not; 0 open now\n");

    let counted = program.get("console", "/api/v1/dead-letters").json();
    assert_eq!(counted["open"], 1);
    let form =
        http::post(port, "/api/v1/topics/notifications/dead-letters/replay", "all=true").unwrap();
    assert_eq!(form.status, 415, "{}", form.body);
    program.signal("TERM");
    assert!(program.wait().success());
}

#[test]
fn what_the_console_refuses_ends_with_1() {
    let data = tempdir().unwrap();
    let program = Program::start(data.path());
    let port = program.port("console");
    for (words, told) in [
        (["list", "nothing"].as_slice(), "There is no such topic with dead letters"),
        (&["list", "../../overview"], "There is no such topic with dead letters"),
        (&["list", "stock", "--state", "dead"], "state: must be open, replayed or not_replayable"),
        (&["show", "stock", "0", "0"], "There is no such dead letter"),
        (&["replay", "stock", "0", "0"], "There is no such dead letter"),
        (&["replay", "--all", "nothing"], "There is no such topic with dead letters"),
    ] {
        let (code, out, err) = dlq(port, words);
        assert_eq!((code, out.as_str()), (1, ""), "{words:?}: {err}");
        assert!(err.contains(told), "{words:?}: {err}");
    }
    program.kill();
}

#[test]
fn whoever_cannot_be_asked_is_named_and_it_ends_with_2() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let (code, out, err) = dlq(port, &["list"]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    let told =
        format!("comptoir: nobody answers at http://localhost:{port}; is the program running");
    assert!(err.starts_with(&told) && err.lines().count() == 1, "{err}");
    for words in [
        ["list", "--console", "localhost:8080"].as_slice(),
        &["list", "--console", "https://localhost"],
        &["show", "stock", "0"],
        &["show", "stock", "x", "0"],
        &["replay", "stock"],
        &["replay", "stock", "0"],
        &["replay", "--all"],
        &["replay", "--all", "stock", "0", "0"],
        &["nothing"],
        &[],
    ] {
        let (code, out, err) = dlq(port, words);
        assert_eq!((code, out.as_str()), (2, ""), "{words:?}: {err}");
        assert!(!err.is_empty(), "{words:?}");
    }
    let (code, _, err) = dlq(port, &["list", "--console", "http://localhost:1"]);
    assert_eq!(code, 2);
    assert!(err.contains("http://localhost:1;"), "{err}");
}
