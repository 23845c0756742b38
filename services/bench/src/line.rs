use std::{num::NonZeroU32, time::Duration};

use clap::Args;
use http::Method;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, timeout_at},
};

use crate::{
    backlog::Backlog,
    error::BenchError,
    histogram::{Histogram, RESOLUTION},
    http::{Address, Answer, Client, RequestError},
    pay::{joined, seconds},
    schedule::{Due, Schedule},
    stream::Lines,
    table::{Cell, Report, Table},
    tally::Tally,
    tracker::{Results, Tracker, id_of},
};

/// More requests than this wait for one to end; their latency grows meanwhile, as it should.
const MOST_IN_FLIGHT: usize = 256;
const BACKLOG_EVERY: Duration = Duration::from_millis(50);

/// Open loop: payments at a fixed rate, and the time until each shows as a line of the log stream.
///
/// The schedule is fixed beforehand and every latency counts from the scheduled send, so that a
/// server that stalls cannot hide it by being asked less (no coordinated omission). Times are in
/// milliseconds. Exit code 1 if a payment was refused or misses its line or its confirmation.
#[derive(Debug, Clone, Args)]
pub struct Line {
    /// Payments per second
    #[arg(long, default_value = "100")]
    pub rate: NonZeroU32,
    /// Time measured, in seconds
    #[arg(long, value_parser = seconds, default_value = "10")]
    pub seconds: Duration,
    /// Time at the same rate before that, in seconds; not measured
    #[arg(long, value_parser = seconds, default_value = "1")]
    pub warmup: Duration,
    /// Time to wait for lines after the last answer, in seconds
    #[arg(long, value_parser = seconds, default_value = "10")]
    pub grace: Duration,
    /// Payments service
    #[arg(long, value_name = "URL", value_parser = Address::http, default_value = "http://127.0.0.1:3002")]
    pub payments: Address,
    /// Log stream, in plain mode
    #[arg(long, value_name = "URL", value_parser = Address::websocket, default_value = "ws://127.0.0.1:3000/")]
    pub logs: Address,
}

struct Sent {
    due: Due,
    begun: Instant,
    ended: Instant,
    outcome: Result<Answer, RequestError>,
    client: Client,
}

async fn send(mut client: Client, due: Due) -> Sent {
    let begun = Instant::now();
    let outcome = client.send(Method::POST, "/pay").await;
    Sent { due, begun, ended: Instant::now(), outcome, client }
}

/// An open loop that has ended.
pub(crate) struct Outcome {
    pub(crate) results: Results,
    pub(crate) tally: Tally,
    pub(crate) behind: Histogram,
    pub(crate) backlog: Backlog,
    pub(crate) without_id: Option<String>,
}

struct Run {
    payments: Address,
    idle: Vec<Client>,
    in_flight: JoinSet<Sent>,
    tracker: Tracker,
    tally: Tally,
    behind: Histogram,
    backlog: Backlog,
    without_id: Option<String>,
}

impl Run {
    async fn new(line: &Line) -> Result<Self, BenchError> {
        Ok(Self {
            payments: line.payments.clone(),
            idle: vec![Client::connect(line.payments.clone()).await?],
            in_flight: JoinSet::new(),
            tracker: Tracker::default(),
            tally: Tally::default(),
            behind: Histogram::default(),
            backlog: Backlog::new(line.seconds),
            without_id: None,
        })
    }

    fn launch(&mut self, due: Due) {
        let client = self.idle.pop().unwrap_or_else(|| Client::new(self.payments.clone()));
        self.in_flight.spawn(send(client, due));
    }

    fn answered(&mut self, sent: Sent) {
        self.idle.push(sent.client);
        if !sent.due.measured {
            return;
        }
        self.behind.record(sent.begun.saturating_duration_since(sent.due.at));
        if let Some(answer) = self.tally.record(sent.due.at, sent.ended, sent.outcome) {
            match id_of(&answer) {
                Ok(id) => self.tracker.claim(id, sent.due.at),
                Err(problem) => {
                    self.without_id.get_or_insert(problem);
                }
            }
        }
    }

    fn note_backlog(&mut self, schedule: Schedule) {
        let now = Instant::now();
        let done = self.tracker.settled() + self.tally.refused() + self.tally.errors();
        let open = schedule.due_by(now).saturating_sub(done);
        self.backlog.note(now.saturating_duration_since(schedule.measured_from()), open);
    }

    /// Until every scheduled payment is sent and answered.
    async fn send_all(&mut self, schedule: Schedule, lines: &mut Lines) -> Result<(), BenchError> {
        let (ticker, mut ticks) = mpsc::channel(1_024);
        let mut pacer = JoinSet::new();
        pacer.spawn_blocking(move || schedule.pace(&ticker));
        let mut samples = interval(BACKLOG_EVERY);
        samples.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut pacing = true;
        while pacing || !self.in_flight.is_empty() {
            tokio::select! {
                // Lines were stamped when they were read, so they can wait.
                biased;
                _ = samples.tick() => self.note_backlog(schedule),
                Some(ended) = self.in_flight.join_next() => self.answered(joined(ended)),
                tick = ticks.recv(), if pacing && self.in_flight.len() < MOST_IN_FLIGHT => {
                    match tick {
                        Some(due) => self.launch(due),
                        None => pacing = false,
                    }
                }
                line = lines.next() => self.tracker.see(&line?),
            }
        }
        Ok(())
    }
}

pub async fn run(line: &Line) -> Result<Report, BenchError> {
    Ok(report(line, open_loop(line).await?))
}

/// Sends at the rate, then waits for what is not settled yet, as long as the grace lasts.
pub(crate) async fn open_loop(line: &Line) -> Result<Outcome, BenchError> {
    let mut lines = Lines::connect(&line.logs).await?;
    let mut run = Run::new(line).await?;
    let schedule = Schedule::new(Instant::now(), line.rate, line.warmup, line.seconds)?;
    run.send_all(schedule, &mut lines).await?;
    let deadline = Instant::now() + line.grace;
    while !run.tracker.is_settled() {
        match timeout_at(deadline, lines.next()).await {
            Ok(next) => run.tracker.see(&next?),
            Err(_elapsed) => break,
        }
    }
    let Run { tracker, tally, behind, backlog, without_id, .. } = run;
    Ok(Outcome { results: tracker.finish(), tally, behind, backlog, without_id })
}

fn report(line: &Line, outcome: Outcome) -> Report {
    let mut report = Report::new(format!(
        "Open loop, POST {} at {}/s, {} s after {} s of warm-up; lines from {}",
        line.payments.url("http", "/pay"),
        line.rate,
        line.seconds.as_secs_f64(),
        line.warmup.as_secs_f64(),
        line.logs.url("ws", "/")
    ));
    let Outcome { results, tally, behind, without_id, .. } = outcome;
    let columns = ["scheduled send until", "n", "p50 ms", "p90 ms", "p99 ms", "max ms"];
    let mut table = Table::new("line", &columns);
    for (until, latencies) in [
        ("really sent", &behind),
        ("answer read", &tally.latency),
        ("first line", &results.first),
        ("confirmed line", &results.confirmed),
    ] {
        table.row([Cell::from(until)].into_iter().chain(Cell::latencies(latencies)));
    }
    report.tables.push(table);
    report.notes.push(format!(
        "Latencies count from the scheduled send (no coordinated omission); a line counts if its \
         message or fields name the payment; {RESOLUTION}."
    ));
    tally.explain(&mut report);
    report.problems.extend(without_id);
    missing(&results, line.grace, &mut report);
    report
}

fn missing(results: &Results, grace: Duration, report: &mut Report) {
    let Results { claimed, no_line, unsettled, refused, .. } = results;
    report.notes.push(format!(
        "Of {claimed} payments accepted, {no_line} had no line and {unsettled} were not settled \
         {} s after the last answer; {refused} were rejected or expired.",
        grace.as_secs_f64()
    ));
    if *no_line > 0 {
        report.problems.push(format!("{no_line} payments without a line"));
    }
    if unsettled + refused > 0 {
        report.problems.push(format!("{} payments were not confirmed", unsettled + refused));
    }
}
