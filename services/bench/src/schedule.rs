use std::{num::NonZeroU32, thread, time::Duration};

use tokio::{sync::mpsc, time::Instant};

use crate::error::BenchError;

const MOST_PAYMENTS: u64 = 10_000_000;

/// Sends at absolute times: being late once delays no later one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    begin: Instant,
    rate: NonZeroU32,
    warmup: u32,
    total: u32,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Due {
    pub(crate) at: Instant,
    pub(crate) measured: bool,
}

impl Schedule {
    pub(crate) fn new(
        begin: Instant,
        rate: NonZeroU32,
        warmup: Duration,
        measured: Duration,
    ) -> Result<Self, BenchError> {
        let within = |time: Duration| time.as_nanos() * u128::from(rate.get()) / 1_000_000_000;
        let (warmup, total) = (within(warmup), within(warmup + measured));
        if total == warmup || total > u128::from(MOST_PAYMENTS) {
            let problem = format!("rate times seconds is not between 1 and {MOST_PAYMENTS}");
            return Err(BenchError::Unusable(problem));
        }
        let small = |count| u32::try_from(count).unwrap_or(u32::MAX);
        Ok(Self { begin, rate, warmup: small(warmup), total: small(total) })
    }

    pub(crate) fn due(&self, number: u32) -> Due {
        let (whole, part) = (number / self.rate, number % self.rate);
        let after =
            Duration::from_secs(whole.into()) + Duration::from_secs(part.into()) / self.rate.get();
        Due { at: self.begin + after, measured: number >= self.warmup }
    }

    /// When the first payment that is measured is due.
    pub(crate) fn measured_from(&self) -> Instant {
        self.due(self.warmup).at
    }

    /// Payments that are measured and were due until `now`.
    pub(crate) fn due_by(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.measured_from());
        let due = since.as_nanos() * u128::from(self.rate.get()) / 1_000_000_000;
        u64::try_from(due).unwrap_or(u64::MAX).min(u64::from(self.total - self.warmup))
    }

    /// On a thread of its own, since tokio's timer rounds up to whole milliseconds.
    pub(crate) fn pace(&self, ticks: &mpsc::Sender<Due>) {
        for number in 0..self.total {
            let due = self.due(number);
            #[expect(
                clippy::disallowed_methods,
                reason = "a blocking thread, not an async worker"
            )]
            thread::sleep(due.at.saturating_duration_since(Instant::now()));
            if ticks.blocking_send(due).is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(begin: Instant, rate: u32, measured: f64) -> Result<Schedule, BenchError> {
        let (rate, measured) = (NonZeroU32::new(rate).unwrap(), Duration::from_secs_f64(measured));
        Schedule::new(begin, rate, Duration::from_secs(1), measured)
    }

    #[test]
    fn sends_are_evenly_spaced_without_drift() {
        let begin = Instant::now();
        let schedule = schedule(begin, 300, 2.0).unwrap();
        assert_eq!((schedule.warmup, schedule.total), (300, 900));
        assert_eq!(schedule.due(1).at - begin, Duration::from_secs(1) / 300);
        // No rounding adds up: each whole second is hit exactly.
        assert_eq!(schedule.due(600).at - begin, Duration::from_secs(2));
        assert!(!schedule.due(299).measured && schedule.due(300).measured);
    }

    #[test]
    fn what_is_due_is_counted_from_the_warm_up() {
        let begin = Instant::now();
        let schedule = schedule(begin, 300, 2.0).unwrap();
        let due = |ms| schedule.due_by(begin + Duration::from_millis(ms));
        assert_eq!([0, 1_000, 1_500, 3_000, 9_000].map(due), [0, 0, 150, 600, 600]);
    }

    #[test]
    fn a_schedule_without_a_payment_is_refused() {
        assert!(schedule(Instant::now(), 10, 0.05).is_err());
        assert!(schedule(Instant::now(), u32::MAX, 10.0).is_err());
    }
}
