//! How many records a second are made durable by so many publishers that each wait for their answer,
//! beside a plain file that takes as many bytes at once and is synced as often.
//!
//! `cargo run --release -p comptoir-embedded --example append -- --publishers 1,16,64 --seconds 3 --dir PATH`
//!
//! Each publisher appends one record of a 300-byte value and waits; the file gets one write of
//! `publishers` such records, then `fdatasync`.
#![expect(clippy::print_stdout, reason = "its output is a table for people")]

use std::error::Error;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::bus::{LogAdmin as _, Publisher as _};
use comptoir_domain::port::platform::Log as _;
use comptoir_domain::port::world::Clock;
use comptoir_domain::record::{Outgoing, Record};
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::Topic;
use comptoir_embedded::{Embedded, Options};
use tokio::task::JoinSet;
use tokio::time::Instant;

const VALUE_BYTES: usize = 300;
const PARTITIONS: u32 = 3;
const TURNS_PER_SECOND: u64 = 4;
const TURN: Duration = Duration::from_millis(250);

type AnyError = Box<dyn Error + Send + Sync>;

struct Arguments {
    publishers: Vec<usize>,
    seconds: u64,
    dir: Option<PathBuf>,
}

fn arguments() -> Result<Arguments, AnyError> {
    let mut found = Arguments { publishers: vec![1, 16, 64], seconds: 3, dir: None };
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        let value = words.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--publishers" => {
                found.publishers = value.split(',').map(str::parse).collect::<Result<_, _>>()?;
            }
            "--seconds" => found.seconds = value.parse()?,
            "--dir" => found.dir = Some(value.into()),
            _ => return Err(format!("{name} is unknown").into()),
        }
    }
    Ok(found)
}

#[derive(Debug)]
struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

#[derive(Default)]
struct Figures {
    records: u64,
    syncs: u64,
    took: Duration,
}

impl std::ops::AddAssign for Figures {
    fn add_assign(&mut self, more: Self) {
        self.records += more.records;
        self.syncs += more.syncs;
        self.took += more.took;
    }
}

impl Figures {
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    fn per_second(&self) -> f64 {
        self.records as f64 / self.took.as_secs_f64()
    }

    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    fn per_sync(&self) -> f64 {
        self.records as f64 / self.syncs.max(1) as f64
    }
}

/// Appends to a plain file.
fn plain_file(dir: &Path, publishers: usize, span: Duration) -> Result<Figures, AnyError> {
    let mut file = File::create(dir.join("plain"))?;
    let batch = vec![b'x'; publishers * VALUE_BYTES];
    let (start, mut syncs) = (Instant::now(), 0);
    while start.elapsed() < span {
        file.write_all(&batch)?;
        file.sync_data()?;
        syncs += 1;
    }
    Ok(Figures { records: syncs * publishers as u64, syncs, took: start.elapsed() })
}

/// Appends to the log.
async fn append(
    embedded: &Embedded,
    publishers: usize,
    span: Duration,
) -> Result<Figures, AnyError> {
    let topic = Topic::try_from("append")?;
    embedded.admin().create_topics(std::slice::from_ref(&topic), PARTITIONS).await?;
    let (before, start) = (embedded.commits(), Instant::now());
    let mut tasks = JoinSet::new();
    for number in 0..publishers {
        let (publisher, topic) = (embedded.publisher(), topic.clone());
        tasks.spawn(async move {
            let mut records = 0;
            while start.elapsed() < span {
                let record = Record {
                    key: Some(format!("{number}").into_bytes()),
                    value: Some(vec![b'x'; VALUE_BYTES]),
                    ..Record::default()
                };
                let outgoing = Outgoing { topic: topic.clone(), record };
                publisher.publish(vec![outgoing]).await?;
                records += 1;
            }
            Ok::<u64, AnyError>(records)
        });
    }
    let mut records = 0;
    while let Some(done) = tasks.join_next().await {
        records += done??;
    }
    Ok(Figures { records, syncs: embedded.commits() - before, took: start.elapsed() })
}

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let arguments = arguments()?;
    let temporary = tempfile::tempdir()?;
    let dir = arguments.dir.as_deref().unwrap_or(temporary.path());
    std::fs::create_dir_all(dir)?;
    let data = dir.join("append-data");
    let embedded = Embedded::open(&data, Options::default(), Arc::new(SystemClock))?;
    println!("publishers   log rec/s   per sync   file rec/s   per sync   log/file");
    for publishers in arguments.publishers {
        let (mut file, mut log) = (Figures::default(), Figures::default());
        // In turns, so that a disk that is busy for a while slows both.
        for _ in 0..arguments.seconds * TURNS_PER_SECOND {
            file += plain_file(dir, publishers, TURN)?;
            log += append(&embedded, publishers, TURN).await?;
        }
        println!(
            "{publishers:>10}  {:>10.0}  {:>9.1}  {:>11.0}  {:>9.1}  {:>9.2}",
            log.per_second(),
            log.per_sync(),
            file.per_second(),
            file.per_sync(),
            log.per_second() / file.per_second(),
        );
    }
    embedded.close().await;
    std::fs::remove_file(dir.join("plain"))?;
    std::fs::remove_dir_all(data)?;
    Ok(())
}
