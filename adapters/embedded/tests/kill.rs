//! A process that is killed loses nothing that it was told is durable.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/folder.rs"]
mod folder;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use comptoir_domain::port::bus::LogReader;
use comptoir_domain::port::platform::Log;
use comptoir_domain::record::Record;
use comptoir_domain::topic::Offset;
use tempfile::tempdir;
use tokio::task::JoinSet;

use folder::{ALL, at, create, open, outgoing, topic};

const PARTITIONS: u32 = 3;
const PUBLISHERS: usize = 8;
/// Tells the child what to do; the parent runs without it.
const CHILD: &str = "EMBEDDED_KILL_CHILD";

/// Publishes until it is killed, and prints each place once it is acknowledged.
async fn publish_for_ever(dir: &Path, round: &str) {
    let embedded = open(dir).await;
    create(&embedded, PARTITIONS).await;
    let mut publishers = JoinSet::new();
    for publisher in 0..PUBLISHERS {
        let (embedded, round) = (embedded.clone(), round.to_owned());
        publishers.spawn(async move {
            for n in 0_u64.. {
                let mut record = outgoing(format!("{round}/{publisher}/{n}"));
                record.record.key = Some(format!("{publisher}/{}", n % 7).into_bytes());
                let publisher = comptoir_domain::port::bus::Publisher::publish;
                let places = publisher(&embedded.publisher(), vec![record.clone()]).await.unwrap();
                let value = String::from_utf8(record.record.value.unwrap()).unwrap();
                eprintln!("{} {} {value}", places[0].at.partition, places[0].offset);
            }
        });
    }
    publishers.join_all().await;
}

/// Runs this test again as a child, and kills it after so many acknowledged records. Gives the value
/// of each place that was acknowledged, and notes every place only once.
fn run_and_kill(dir: &Path, round: usize, acknowledged: &mut BTreeMap<(u32, u64), String>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "what_was_acknowledged_survives_a_kill", "--nocapture"])
        .env(CHILD, format!("{round}:{}", dir.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let enough = acknowledged.len() + 50 + 150 * round;
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut note = |line: String| {
        let words: Vec<_> = line.split(' ').collect();
        let [partition, offset, value] = words[..] else {
            panic!("the child said {line:?}");
        };
        let place = (partition.parse().unwrap(), offset.parse().unwrap());
        let before = acknowledged.insert(place, value.to_owned());
        assert_eq!(before, None, "{place:?} was given twice");
        acknowledged.len()
    };
    while note(lines.next().unwrap().unwrap()) < enough {}
    child.kill().unwrap();
    child.wait().unwrap();
    // What it still said is acknowledged too; a last line may be cut off.
    let mut rest: Vec<_> = lines.map_while(Result::ok).collect();
    rest.pop();
    for line in rest {
        note(line);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill() {
    #[expect(clippy::disallowed_methods, reason = "how the test tells its child what to do")]
    let task = std::env::var(CHILD);
    if let Ok(task) = task {
        let (round, dir) = task.split_once(':').unwrap();
        return publish_for_ever(Path::new(dir), round).await;
    }
    let dir = tempdir().unwrap();
    let mut acknowledged = BTreeMap::new();
    for round in 0..6 {
        run_and_kill(dir.path(), round, &mut acknowledged);
        let embedded = open(dir.path()).await;
        let mut found = BTreeMap::new();
        for partition in 0..PARTITIONS {
            let read = embedded.reader().read(&at(partition), Offset::ZERO, ALL).await.unwrap();
            let bounds = embedded.reader().bounds(&topic()).await.unwrap();
            assert_eq!(read.len() as u64, bounds[partition as usize].next.0);
            for (n, stored) in read.into_iter().enumerate() {
                assert_eq!(stored.offset.0, n as u64, "without a hole");
                found.insert((partition, stored.offset.0), value(stored.record));
            }
        }
        embedded.close().await;
        for (place, value) in &acknowledged {
            assert_eq!(found.get(place), Some(value), "{place:?} in round {round}");
        }
    }
}

fn value(record: Record) -> String {
    String::from_utf8(record.value.unwrap()).unwrap()
}
