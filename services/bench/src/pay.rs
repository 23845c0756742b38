use std::{num::NonZeroU32, time::Duration};

use clap::Args;
use http::Method;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    error::BenchError,
    histogram::RESOLUTION,
    http::{Address, Client},
    table::{Cell, Report, Table},
    tally::Tally,
};

/// A server that refuses connections must not make a busy loop of us.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(10);
const LONGEST: f64 = 86_400.0;

/// Closed loop: POST /pay without a body, one request in flight per keep-alive connection.
///
/// A slow server is asked less often, so the latencies are those at the highest rate these
/// connections reach; `line` measures at a fixed rate. Times are in milliseconds. Exit code 1 if
/// an answer was not a 2xx or a request failed.
#[derive(Debug, Clone, Args)]
pub struct Pay {
    /// Keep-alive connections
    #[arg(long, default_value = "64")]
    pub connections: NonZeroU32,
    /// Time measured, in seconds
    #[arg(long, value_parser = seconds, default_value = "10")]
    pub seconds: Duration,
    /// Time under load before that, in seconds; not measured
    #[arg(long, value_parser = seconds, default_value = "2")]
    pub warmup: Duration,
    /// Payments service
    #[arg(long, value_name = "URL", value_parser = Address::http, default_value = "http://127.0.0.1:3002")]
    pub payments: Address,
    /// Exit code 0 even if some answers were not 2xx
    #[arg(long)]
    pub allow_errors: bool,
}

/// A flag's value in seconds, whole or with a fraction.
pub fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 0.0..=LONGEST) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("not a number of seconds between 0 and 86400".to_owned()),
    }
}

#[derive(Debug, Clone, Copy)]
struct Window {
    begin: Instant,
    end: Instant,
}

pub async fn run(pay: &Pay) -> Result<Report, BenchError> {
    let clients = connect_all(&pay.payments, pay.connections).await?;
    let begin = Instant::now() + pay.warmup;
    let window = Window { begin, end: begin + pay.seconds };
    let mut workers = JoinSet::new();
    for client in clients {
        workers.spawn(worker(client, window));
    }
    let mut total = Tally::default();
    while let Some(ended) = workers.join_next().await {
        total.merge(joined(ended));
    }
    Ok(report(pay, &total, total.took(begin)))
}

pub(crate) async fn connect_all(
    address: &Address,
    count: NonZeroU32,
) -> Result<Vec<Client>, BenchError> {
    let mut clients = Vec::new();
    for _ in 0..count.get() {
        clients.push(Client::connect(address.clone()).await?);
    }
    Ok(clients)
}

/// A worker is never cancelled while its figures are wanted, so it can only have panicked.
pub(crate) fn joined<T>(ended: Result<T, tokio::task::JoinError>) -> T {
    ended.unwrap_or_else(|lost| std::panic::resume_unwind(lost.into_panic()))
}

pub(crate) async fn pause_after_error() {
    sleep(PAUSE_AFTER_ERROR).await;
}

async fn worker(mut client: Client, window: Window) -> Tally {
    let mut tally = Tally::default();
    loop {
        let sent = Instant::now();
        if sent >= window.end {
            return tally;
        }
        let outcome = client.send(Method::POST, "/pay").await;
        let failed = outcome.is_err();
        if sent >= window.begin {
            tally.record(sent, Instant::now(), outcome);
        }
        if failed {
            pause_after_error().await;
        }
    }
}

fn report(pay: &Pay, total: &Tally, took: Duration) -> Report {
    let mut report = Report::new(format!(
        "Closed loop, POST {}, {} connections, {} s after {} s of warm-up",
        pay.payments.url("http", "/pay"),
        pay.connections,
        pay.seconds.as_secs_f64(),
        pay.warmup.as_secs_f64()
    ));
    let columns = [
        "connections",
        "requests/s",
        "n",
        "p50 ms",
        "p90 ms",
        "p99 ms",
        "max ms",
        "not 2xx",
        "errors",
    ];
    let mut table = Table::new("pay", &columns);
    let [n, p50, p90, p99, max] = Cell::latencies(&total.latency);
    table.row([
        Cell::from(u64::from(pay.connections.get())),
        Cell::per_second(total.latency.count(), took),
        n,
        p50,
        p90,
        p99,
        max,
        Cell::from(total.refused()),
        Cell::from(total.errors()),
    ]);
    report.tables.push(table);
    report.notes.push(format!(
        "Every request sent within the time measured counts; rate and latencies are of 2xx \
         answers, until the last answer; {RESOLUTION}."
    ));
    total.explain(&mut report);
    if pay.allow_errors {
        report.notes.append(&mut report.problems);
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_may_have_a_fraction_and_a_limit() {
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        for wrong in ["-1", "NaN", "inf", "1e9", "ten", ""] {
            assert!(seconds(wrong).is_err(), "{wrong} was taken");
        }
    }
}
