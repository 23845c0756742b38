use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use clap::Args;
use http::Method;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, timeout_at},
};

use crate::{
    error::BenchError,
    histogram::RESOLUTION,
    http::{Address, Client},
    pay::{connect_all, joined, pause_after_error, seconds},
    stream::Lines,
    table::{Cell, Report, Table},
    tally::Tally,
    tracker::{Results, Tracker, id_of},
};

/// A backlog: payments as fast as possible, and the time until the last is settled.
///
/// A payment is settled when the log stream says that it is confirmed, rejected or expired.
/// Totals are in seconds, latencies in milliseconds from the send. Exit code 1 if a payment was
/// refused or is not confirmed in time.
#[derive(Debug, Clone, Args)]
pub struct Load {
    /// How many
    #[arg(long, value_name = "N", required_unless_present = "seconds")]
    pub payments: Option<NonZeroU32>,
    /// For how long, in seconds, instead of how many
    #[arg(long, value_parser = seconds, conflicts_with = "payments")]
    pub seconds: Option<Duration>,
    /// Keep-alive connections, each with one request in flight
    #[arg(long, default_value = "64")]
    pub connections: NonZeroU32,
    /// Longest time for the whole run, in seconds
    #[arg(long, value_parser = seconds, default_value = "600")]
    pub deadline: Duration,
    /// Payments service
    #[arg(long, value_name = "URL", value_parser = Address::http, default_value = "http://127.0.0.1:3002")]
    pub service: Address,
    /// Log stream, in plain mode
    #[arg(long, value_name = "URL", value_parser = Address::websocket, default_value = "ws://127.0.0.1:3000/")]
    pub logs: Address,
}

struct Accepted {
    id: String,
    sent: Instant,
}

/// What is still to be sent.
struct Rest {
    payments: AtomicU32,
    until: Option<Instant>,
}

impl Rest {
    /// Whether another payment is to be sent; then it is counted.
    fn take(&self) -> bool {
        let one = |left: u32| left.checked_sub(1);
        self.until.is_none_or(|until| Instant::now() < until)
            && self.payments.try_update(Ordering::Relaxed, Ordering::Relaxed, one).is_ok()
    }
}

type Answers = mpsc::Sender<Result<Accepted, String>>;

pub async fn run(load: &Load) -> Result<Report, BenchError> {
    let mut lines = Lines::connect(&load.logs).await?;
    let clients = connect_all(&load.service, load.connections).await?;
    let (answers, mut answered) = mpsc::channel(1_024);
    let mut workers = JoinSet::new();
    let begin = Instant::now();
    let payments = load.payments.map_or(u32::MAX, NonZeroU32::get);
    let rest = Arc::new(Rest {
        payments: AtomicU32::new(payments),
        until: load.seconds.map(|seconds| begin + seconds),
    });
    for client in clients {
        workers.spawn(worker(client, Arc::clone(&rest), answers.clone()));
    }
    drop(answers);

    let mut tracker = Tracker::default();
    let mut without_id = None;
    let deadline = begin + load.deadline;
    let drained = follow(&mut answered, &mut lines, &mut tracker, &mut without_id);
    let in_time = match timeout_at(deadline, drained).await {
        Ok(ended) => ended.map(|()| true)?,
        Err(_elapsed) => false,
    };
    // Frees workers that wait to hand over an answer; each then ends with its next request.
    drop(answered);
    rest.payments.store(0, Ordering::Relaxed);
    let mut tally = Tally::default();
    while let Some(ended) = workers.join_next().await {
        tally.merge(joined(ended));
    }
    let mut report = report(load, begin, &tally, &tracker.finish());
    report.problems.extend(without_id);
    if !in_time {
        let limit = load.deadline.as_secs_f64();
        report.problems.push(format!("the run was cut off after {limit} s"));
    }
    Ok(report)
}

/// Until every payment is answered and every accepted one settled.
async fn follow(
    answered: &mut mpsc::Receiver<Result<Accepted, String>>,
    lines: &mut Lines,
    tracker: &mut Tracker,
    without_id: &mut Option<String>,
) -> Result<(), BenchError> {
    let mut sending = true;
    while sending || !tracker.is_settled() {
        tokio::select! {
            biased;
            answer = answered.recv(), if sending => match answer {
                Some(Ok(accepted)) => tracker.claim(accepted.id, accepted.sent),
                Some(Err(problem)) => {
                    without_id.get_or_insert(problem);
                }
                None => sending = false,
            },
            line = lines.next() => tracker.see(&line?),
        }
    }
    Ok(())
}

async fn worker(mut client: Client, rest: Arc<Rest>, answers: Answers) -> Tally {
    let mut tally = Tally::default();
    while rest.take() {
        let sent = Instant::now();
        let outcome = client.send(Method::POST, "/pay").await;
        let failed = outcome.is_err();
        if let Some(answer) = tally.record(sent, Instant::now(), outcome) {
            let accepted = id_of(&answer).map(|id| Accepted { id, sent });
            if answers.send(accepted).await.is_err() {
                break;
            }
        }
        if failed {
            pause_after_error().await;
        }
    }
    tally
}

fn report(load: &Load, begin: Instant, tally: &Tally, results: &Results) -> Report {
    let until = match (load.payments, load.seconds) {
        (Some(payments), _) => payments.to_string(),
        (None, seconds) => format!("{} s of", seconds.unwrap_or_default().as_secs_f64()),
    };
    let mut report = Report::new(format!(
        "{until} payments as fast as possible, POST {}, {} connections; lines from {}",
        load.service.url("http", "/pay"),
        load.connections,
        load.logs.url("ws", "/")
    ));
    let columns = ["until", "total s", "payments/s", "n", "p50 ms", "p90 ms", "p99 ms", "max ms"];
    let mut table = Table::new("load", &columns);
    let drained = results.last_settled.map_or(Duration::ZERO, |last| last - begin);
    for (until, took, latencies) in [
        ("accepted", tally.took(begin), &tally.latency),
        ("confirmed", drained, &results.confirmed),
    ] {
        let rate = Cell::per_second(latencies.count(), took);
        let totals = [Cell::from(until), Cell::seconds(took), rate];
        table.row(totals.into_iter().chain(Cell::latencies(latencies)));
    }
    report.tables.push(table);
    let accepted = tally.took(begin);
    if let Some(after) = drained.checked_sub(accepted) {
        let after = after.as_secs_f64();
        report
            .notes
            .push(format!("The last payment was settled {after:.2} s after the last answer."));
    }
    report.notes.push(format!(
        "Totals count from the first send: until the last answer, and until the last payment is \
         settled by its line; {RESOLUTION}."
    ));
    tally.explain(&mut report);
    let open = results.unsettled + results.refused;
    if open > 0 {
        report.problems.push(format!(
            "{open} payments were not confirmed, {} of them rejected or expired",
            results.refused
        ));
    }
    report
}
