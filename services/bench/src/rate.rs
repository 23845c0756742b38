use std::{num::NonZeroU32, time::Duration};

use clap::Args;

use crate::{
    error::BenchError,
    histogram::RESOLUTION,
    http::Address,
    line::{Line, Outcome, open_loop},
    pay::seconds,
    table::{Cell, Report, Table},
};

/// A backlog that grows by less than this part of the rate does not grow: it varies by as much.
const NO_GROWTH: f64 = 0.03;
/// The search ends when the next rate would be this close to one that was kept.
const CLOSE_PERCENT: u32 = 8;
/// Below this there is nothing to search.
const LEAST: u32 = 10;

/// The highest rate that is kept up: at which no backlog grows.
///
/// One open loop after the other, each until all its payments are settled: half as fast again while
/// the rate is kept, two thirds while it is not, then halfway between. A rate is kept if every
/// payment was accepted and confirmed, and the payments that are due and not settled became more by
/// less than 3 % of the rate, from the second quarter of the time to the last one. Exit code 1 if no
/// rate was kept.
#[derive(Debug, Clone, Args)]
pub struct Rate {
    /// Payments per second to begin with
    #[arg(long, default_value = "1000")]
    pub from: NonZeroU32,
    /// No rate above this is tried
    #[arg(long, default_value = "50000")]
    pub most: NonZeroU32,
    /// Time measured at each rate, in seconds
    #[arg(long, value_parser = seconds, default_value = "10")]
    pub seconds: Duration,
    /// Time at the same rate before that, in seconds; not measured
    #[arg(long, value_parser = seconds, default_value = "1")]
    pub warmup: Duration,
    /// Time to wait for lines after the last answer, in seconds
    #[arg(long, value_parser = seconds, default_value = "30")]
    pub grace: Duration,
    /// Payments service
    #[arg(long, value_name = "URL", value_parser = Address::http, default_value = "http://127.0.0.1:3002")]
    pub payments: Address,
    /// Log stream, in plain mode
    #[arg(long, value_name = "URL", value_parser = Address::websocket, default_value = "ws://127.0.0.1:3000/")]
    pub logs: Address,
}

/// The rates that are known to be kept and not to be.
#[derive(Debug)]
struct Search {
    from: u32,
    most: u32,
    kept: Option<u32>,
    lost: Option<u32>,
}

impl Search {
    fn new(from: NonZeroU32, most: NonZeroU32) -> Self {
        let most = most.get();
        Self { from: from.get().min(most), most, kept: None, lost: None }
    }

    /// The rate to try next; `None` when there is nothing more to learn.
    fn next(&self) -> Option<NonZeroU32> {
        let rate = match (self.kept, self.lost) {
            (None, None) => Some(self.from),
            (None, Some(lost)) => (lost > LEAST).then(|| (lost / 3 * 2).max(LEAST)),
            (Some(kept), None) => {
                let faster = kept.saturating_add(kept.div_ceil(2)).min(self.most);
                (faster > kept).then_some(faster)
            }
            (Some(kept), Some(lost)) => {
                let half = (lost - kept) / 2;
                (half > kept / 100 * CLOSE_PERCENT).then(|| kept + half)
            }
        };
        rate.and_then(NonZeroU32::new)
    }

    fn learn(&mut self, rate: NonZeroU32, kept: bool) {
        let known = if kept { &mut self.kept } else { &mut self.lost };
        *known = Some(rate.get());
    }
}

pub async fn run(rate: &Rate) -> Result<Report, BenchError> {
    let mut report = Report::new(format!(
        "Highest rate without a growing backlog, POST {}, {} s each after {} s of warm-up; lines from {}",
        rate.payments.url("http", "/pay"),
        rate.seconds.as_secs_f64(),
        rate.warmup.as_secs_f64(),
        rate.logs.url("ws", "/")
    ));
    let columns =
        ["payments/s", "n", "p50 ms", "p99 ms", "open early", "open late", "growth %", "kept"];
    let mut table = Table::new("rate", &columns);
    let mut search = Search::new(rate.from, rate.most);
    while let Some(next) = search.next() {
        let outcome = open_loop(&trial(rate, next)).await?;
        let kept = is_kept(&outcome, next);
        table.row(row(&outcome, next, kept));
        search.learn(next, kept);
    }
    report.tables.push(table);
    match search.kept {
        Some(highest) => report.notes.push(format!("The highest rate kept is {highest}/s.")),
        None => report.problems.push("no rate was kept".to_owned()),
    }
    report.notes.push(format!(
        "Latencies are those of the confirmed line, from the scheduled send; open are the payments \
         that were due and not settled, on average over the second and the last quarter; growth is \
         in parts of the rate, and a rate is kept below 3 %; {RESOLUTION}."
    ));
    Ok(report)
}

fn trial(rate: &Rate, per_second: NonZeroU32) -> Line {
    Line {
        rate: per_second,
        seconds: rate.seconds,
        warmup: rate.warmup,
        grace: rate.grace,
        payments: rate.payments.clone(),
        logs: rate.logs.clone(),
    }
}

fn is_kept(outcome: &Outcome, rate: NonZeroU32) -> bool {
    let Outcome { results, tally, backlog, .. } = outcome;
    let accepted = tally.refused() + tally.errors() == 0 && outcome.without_id.is_none();
    let settled = results.unsettled + results.refused == 0;
    let steady =
        backlog.trend().is_some_and(|trend| trend.growth < NO_GROWTH * f64::from(rate.get()));
    accepted && settled && steady
}

fn row(outcome: &Outcome, rate: NonZeroU32, kept: bool) -> [Cell; 8] {
    let confirmed = &outcome.results.confirmed;
    let trend = outcome.backlog.trend();
    let [early, late, growth] = match trend {
        Some(trend) => [trend.early, trend.late, trend.growth / f64::from(rate.get()) * 100.0]
            .map(Cell::Number),
        None => [Cell::Missing, Cell::Missing, Cell::Missing],
    };
    [
        Cell::from(u64::from(rate.get())),
        Cell::from(outcome.tally.latency.count()),
        Cell::ms(confirmed.per_mille(500)),
        Cell::ms(confirmed.per_mille(990)),
        early,
        late,
        growth,
        Cell::from(if kept { "yes" } else { "no" }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rates that are tried where `limit` is the highest one that is kept.
    fn tried(from: u32, most: u32, limit: u32) -> (Vec<u32>, Option<u32>) {
        let [from, most] = [from, most].map(|rate| NonZeroU32::new(rate).unwrap());
        let (mut search, mut rates) = (Search::new(from, most), Vec::new());
        while let Some(next) = search.next() {
            search.learn(next, next.get() <= limit);
            rates.push(next.get());
        }
        (rates, search.kept)
    }

    #[test]
    fn it_goes_up_and_then_halfway() {
        let (rates, kept) = tried(1_000, 50_000, 3_000);
        assert_eq!(rates, [1_000, 1_500, 2_250, 3_375, 2_812, 3_093]);
        assert_eq!(kept, Some(2_812));
    }

    #[test]
    fn it_goes_down_where_the_first_is_too_much() {
        let (rates, kept) = tried(1_000, 50_000, 500);
        assert_eq!(rates, [1_000, 666, 444, 555, 499]);
        assert_eq!(kept, Some(499));
    }

    #[test]
    fn it_ends_at_the_most_and_at_the_least() {
        assert_eq!(tried(1_000, 2_000, 9_999), (vec![1_000, 1_500, 2_000], Some(2_000)));
        let (rates, kept) = tried(30, 2_000, 0);
        assert_eq!((rates, kept), (vec![30, 20, 12, 10], None));
    }
}
