//! Measures this crate on a broker: appending, reading, consuming as a group.
//!
//! ```text
//! cargo run --release -p comptoir-kafka --example throughput -- \
//!     --brokers localhost:9092 --mode produce --partitions 3 --records 2000000 --size 200
//! ```
//! Modes: `produce` (many records per call, several calls at once), `one-at-a-time` (the next record
//! after the last one's acknowledgement), `read` (without a group), `consume` (as a group of one
//! member that commits as the services do). All appends are acknowledged with acks=all.
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::{Parser, ValueEnum};
use comptoir_domain::port::bus::{
    BusError, Committer as _, ConsumerGroups as _, GroupEvent, GroupMember as _, LogAdmin as _,
    LogReader as _, Publisher as _, ReadLimit,
};
use comptoir_domain::port::platform::Log as _;
use comptoir_domain::record::{Outgoing, Record};
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::{GroupId, Offset, Partition, Topic, TopicPartition};
use comptoir_kafka::{Kafka, Settings};
use tokio::task::JoinSet;
use tokio::time::Instant;

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    Produce,
    OneAtATime,
    Read,
    Consume,
}

#[derive(Debug, Parser)]
struct Args {
    #[arg(long, default_value = "localhost:9092")]
    brokers: String,
    #[arg(long, value_enum, default_value = "produce")]
    mode: Mode,
    /// Created with --partitions if it is not there.
    #[arg(long, default_value = "throughput")]
    topic: String,
    #[arg(long, default_value_t = 1)]
    partitions: u32,
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// Bytes of a value.
    #[arg(long, default_value_t = 200)]
    size: usize,
    /// Records of one call.
    #[arg(long, default_value_t = 500)]
    per_call: u64,
    /// Calls under way at once.
    #[arg(long, default_value_t = 16)]
    calls: u32,
    /// Gives each record a key of this many values; without, a call's records go to one partition.
    #[arg(long)]
    keys: Option<u64>,
    #[arg(long, default_value = "throughput")]
    group: String,
    /// Records that a member of the group gets, and commits, at once.
    #[arg(long, default_value_t = 5_000)]
    per_batch: usize,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    // As a service does: the main thread is none of the runtime's workers, and each answer would have to
    // wake it.
    let mut work = JoinSet::new();
    work.spawn(run(Arc::new(Args::parse())));
    work.join_next().await.ok_or("nothing was done")??
}

async fn run(args: Arc<Args>) -> Result<(), Failure> {
    let mut settings = Settings::new(args.brokers.split(','));
    settings.max_batch_records = args.per_batch;
    let kafka = Kafka::new(settings);
    let topic = Topic::try_from(args.topic.as_str())?;
    kafka.admin().create_topics(std::slice::from_ref(&topic), args.partitions).await?;
    match args.mode {
        Mode::Produce => produce(&kafka, &topic, &args).await?,
        Mode::OneAtATime => one_at_a_time(&kafka, &topic, &args).await?,
        Mode::Read => read(&kafka, &topic, &args).await?,
        Mode::Consume => consume(&kafka, topic, &args).await?,
    }
    kafka.close().await;
    Ok(())
}

fn outgoing(topic: &Topic, n: u64, args: &Args) -> Outgoing {
    let key = args.keys.map(|keys| format!("key-{}", n % keys).into_bytes());
    let record = Record {
        key,
        value: Some(vec![b'x'; args.size]),
        headers: Vec::new(),
        time: Timestamp::from_millis(1_767_225_600_000),
    };
    Outgoing { topic: topic.clone(), record }
}

async fn produce(kafka: &Kafka, topic: &Topic, args: &Arc<Args>) -> Result<(), Failure> {
    kafka.publisher().publish(vec![outgoing(topic, 0, args)]).await?;
    let next = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let mut calls = JoinSet::new();
    for _ in 0..args.calls {
        let (publisher, topic) = (kafka.publisher(), topic.clone());
        let (next, args) = (Arc::clone(&next), Arc::clone(args));
        calls.spawn(async move {
            loop {
                let first = next.fetch_add(args.per_call, Ordering::Relaxed);
                let numbers = first..(first + args.per_call).min(args.records);
                if numbers.is_empty() {
                    return Ok::<_, BusError>(());
                }
                publisher.publish(numbers.map(|n| outgoing(&topic, n, &args)).collect()).await?;
            }
        });
    }
    while let Some(call) = calls.join_next().await {
        call??;
    }
    tell("appended", args.records, args.size, began.elapsed());
    Ok(())
}

async fn one_at_a_time(kafka: &Kafka, topic: &Topic, args: &Args) -> Result<(), Failure> {
    let publisher = kafka.publisher();
    let mut took = Vec::new();
    // The first ones open connections.
    for n in 0..args.records + 10 {
        let began = Instant::now();
        publisher.publish(vec![outgoing(topic, n, args)]).await?;
        took.push(began.elapsed());
    }
    let mut took = took.split_off(10);
    took.sort_unstable();
    let at = |share: usize| took[(took.len() - 1) * share / 100];
    println!(
        "one at a time: {} records, median {:?}, p99 {:?}, longest {:?}",
        took.len(),
        at(50),
        at(99),
        at(100)
    );
    Ok(())
}

async fn read(kafka: &Kafka, topic: &Topic, args: &Args) -> Result<(), Failure> {
    let bounds = kafka.reader().bounds(topic).await?;
    let began = Instant::now();
    let mut reading = JoinSet::new();
    for (n, bounds) in (0_u32..).zip(bounds) {
        let reader = kafka.reader();
        let at = TopicPartition { topic: topic.clone(), partition: Partition(n) };
        reading.spawn(async move {
            let limit =
                ReadLimit { records: usize::MAX, bytes: 1 << 20, wait: Duration::from_secs(1) };
            let (mut from, mut records, mut bytes) = (bounds.earliest, 0_u64, 0_usize);
            while from < bounds.next {
                let found = reader.read(&at, from, limit).await?;
                let Some(last) = found.last() else { break };
                from = last.offset.next();
                records += found.len() as u64;
                bytes += found.iter().map(|stored| stored.record.size()).sum::<usize>();
            }
            Ok::<_, BusError>((records, bytes))
        });
    }
    let mut records = 0;
    while let Some(done) = reading.join_next().await {
        records += done??.0;
    }
    tell("read", records, args.size, began.elapsed());
    Ok(())
}

async fn consume(kafka: &Kafka, topic: Topic, args: &Args) -> Result<(), Failure> {
    let bounds = kafka.reader().bounds(&topic).await?;
    let wanted: u64 = bounds.iter().map(|b| b.next.0 - b.earliest.0).sum();
    let group = GroupId::try_from(args.group.as_str())?;
    let joined = Instant::now();
    let (mut member, committer) = kafka.groups().join(&group, &[topic]).await?;
    let (mut began, mut records) = (None, 0);
    while records < wanted {
        match member.next().await? {
            GroupEvent::Records { at, batch } => {
                began.get_or_insert_with(Instant::now);
                records += batch.len() as u64;
                let next = batch.last().map_or(Offset::ZERO, |last| last.offset.next());
                committer.commit(&[(at, next)]).await?;
            }
            GroupEvent::Revoking(partitions) => member.release(&partitions).await?,
            GroupEvent::Lost(_) => {}
        }
    }
    let began = began.unwrap_or(joined);
    println!("the first batch came {:?} after joining", began - joined);
    tell("consumed and committed", records, args.size, began.elapsed());
    member.leave().await?;
    Ok(())
}

fn tell(what: &str, records: u64, size: usize, took: Duration) {
    let seconds = took.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "figures to look at")]
    let (records, size) = (records as f64, size as f64);
    println!(
        "{what}: {records} records in {seconds:.2} s: {:.0} records/s, {:.1} MB/s",
        records / seconds,
        records * size / seconds / 1e6
    );
}
