//! Prints the records of topics as a member of a group, until Ctrl-C.
//!
//! ```text
//! cargo run -p kafka-groups --example consume -- --broker 127.0.0.1:9092 --group g --topic t
//! ```
//!
//! `--protocol consumer|classic|range` forces a protocol (classic: `cooperative-sticky`), `--count`
//! counts instead of printing, `--batch N` sets the largest batch, `--instance NAME` makes the
//! member a static one.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use kafka_groups::{
    Assignor, Cluster, Committer, Event, GroupProtocol, GroupSettings, KafkaError, Member,
    Settings, TopicPartition,
};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

struct Arguments {
    broker: String,
    group: GroupSettings,
    counts: bool,
}

fn arguments() -> Result<Arguments, String> {
    let mut broker = "127.0.0.1:9092".to_owned();
    let mut group = GroupSettings::new("kafka-groups-example", Vec::<String>::new());
    let mut counts = false;
    let mut words = std::env::args().skip(1);
    while let Some(flag) = words.next() {
        if flag == "--count" {
            counts = true;
            continue;
        }
        let value = words.next().ok_or_else(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--broker" => broker = value,
            "--group" => group.group = value,
            "--topic" => group.topics.push(value),
            "--instance" => group.instance_id = Some(value),
            "--batch" => {
                group.max_batch_records = value.parse().map_err(|_| "--batch needs a number")?;
                group.fetch_max_bytes = 4 << 20;
            }
            "--protocol" => match value.as_str() {
                "consumer" => group.protocol = GroupProtocol::Consumer,
                "classic" => group.protocol = GroupProtocol::Classic,
                "range" => {
                    group.protocol = GroupProtocol::Classic;
                    group.assignors = vec![Assignor::Range];
                }
                _ => return Err(format!("there is no protocol {value}")),
            },
            _ => return Err(format!("there is no flag {flag}")),
        }
    }
    if group.topics.is_empty() {
        return Err("--topic is needed".to_owned());
    }
    Ok(Arguments { broker, group, counts })
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(what) => {
            eprintln!("{what}");
            return ExitCode::FAILURE;
        }
    };
    let cluster = Cluster::new(Settings::new([arguments.broker]));
    let tasks = TaskTracker::new();
    let done = match Member::join(&cluster, arguments.group, &tasks).await {
        Ok((member, commits)) => consume(member, commits, arguments.counts).await,
        Err(error) => Err(error),
    };
    tasks.close();
    tasks.wait().await;
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}: {:?}", std::error::Error::source(&error));
            ExitCode::FAILURE
        }
    }
}

async fn consume(mut member: Member, commits: Committer, counts: bool) -> Result<(), KafkaError> {
    let stop = tokio::signal::ctrl_c();
    tokio::pin!(stop);
    let mut counter = Counter { since: Instant::now(), records: 0, total: 0 };
    eprintln!("joined");
    loop {
        let event = tokio::select! {
            event = member.next() => event?,
            _ = &mut stop => break,
        };
        match event {
            Event::Records { at, batch } => {
                let Some(last) = batch.last() else { continue };
                let next = [(at.clone(), last.offset + 1)];
                if counts {
                    counter.add(batch.len());
                } else {
                    print(&at.to_string(), &batch);
                }
                tokio::select! {
                    done = commit(&commits, &next) => done?,
                    _ = &mut stop => break,
                }
            }
            Event::Revoking(partitions) => {
                eprintln!("revoked: {}", names(&partitions));
                member.release(&partitions);
            }
            Event::Lost(partitions) => eprintln!("lost: {}", names(&partitions)),
        }
    }
    member.leave().await
}

/// Commits, for as long as it takes: until then nothing more of the partition comes.
async fn commit(commits: &Committer, next: &[(TopicPartition, i64)]) -> Result<(), KafkaError> {
    loop {
        match commits.commit(next).await {
            // The next owner gets them again.
            Ok(()) | Err(KafkaError::Fenced) => return Ok(()),
            Err(error) if error.is_retriable() => eprintln!("not committed yet: {error}"),
            Err(error) => return Err(error),
        }
    }
}

struct Counter {
    since: Instant,
    records: u64,
    total: u64,
}

impl Counter {
    fn add(&mut self, records: usize) {
        self.records += records as u64;
        self.total += records as u64;
        let took = self.since.elapsed();
        if took >= Duration::from_secs(1) {
            let rate = u128::from(self.records) * 1_000 / took.as_millis();
            eprintln!("{rate} records/s, {} in all", self.total);
            self.since = Instant::now();
            self.records = 0;
        }
    }
}

fn print(at: &str, batch: &[kafka_groups::Record]) {
    let mut out = std::io::stdout().lock();
    for record in batch {
        let text = |bytes: &Option<bytes::Bytes>| match bytes {
            Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            None => "-".to_owned(),
        };
        let (key, value) = (text(&record.key), text(&record.value));
        // Whoever reads the output may be gone; the group goes on.
        let _ = writeln!(out, "{at}@{} {key} {value}", record.offset);
    }
}

fn names(partitions: &[kafka_groups::TopicPartition]) -> String {
    partitions.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
