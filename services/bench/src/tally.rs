use std::{collections::BTreeMap, time::Duration};

use http::StatusCode;
use tokio::time::Instant;

use crate::{
    error::one_line,
    histogram::Histogram,
    http::{Answer, RequestError},
    table::{Cell, Report, Table},
};

/// What came back: latencies of 2xx answers, so that quick refusals do not improve them, and the rest counted.
#[derive(Debug, Default)]
pub struct Tally {
    pub latency: Histogram,
    refused: BTreeMap<u16, u64>,
    errors: u64,
    first_error: Option<String>,
    last: Option<Instant>,
}

impl Tally {
    /// The answer if it was a 2xx.
    pub fn record(
        &mut self,
        since: Instant,
        at: Instant,
        outcome: Result<Answer, RequestError>,
    ) -> Option<Answer> {
        self.last = self.last.max(Some(at));
        match outcome {
            Ok(answer) if answer.status.is_success() => {
                self.latency.record(at.saturating_duration_since(since));
                return Some(answer);
            }
            Ok(answer) => self.refuse(answer.status),
            Err(error) => {
                self.errors += 1;
                self.first_error.get_or_insert_with(|| one_line(&error));
            }
        }
        None
    }

    fn refuse(&mut self, status: StatusCode) {
        *self.refused.entry(status.as_u16()).or_default() += 1;
    }

    pub fn merge(&mut self, other: Self) {
        self.latency.merge(&other.latency);
        for (status, count) in other.refused {
            *self.refused.entry(status).or_default() += count;
        }
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
        self.last = self.last.max(other.last);
    }

    pub fn refused(&self) -> u64 {
        self.refused.values().sum()
    }

    pub fn errors(&self) -> u64 {
        self.errors
    }

    /// From `begin` until the last answer.
    pub fn took(&self, begin: Instant) -> Duration {
        self.last.map_or(Duration::ZERO, |last| last.saturating_duration_since(begin))
    }

    /// Adds what was not a 2xx to the report, as problems.
    pub fn explain(&self, report: &mut Report) {
        if !self.refused.is_empty() {
            let mut table = Table::new("not 2xx", &["status", "answers"]);
            for (status, count) in &self.refused {
                table.row([Cell::from(u64::from(*status)), Cell::from(*count)]);
            }
            report.tables.push(table);
            report.problems.push(format!("{} answers were not 2xx", self.refused()));
        }
        if let Some(first) = &self.first_error {
            report.problems.push(format!("{} requests failed, the first: {first}", self.errors));
        }
        if self.latency.count() == 0 {
            report.problems.push("no request got a 2xx".to_owned());
        }
    }
}
