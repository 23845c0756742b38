use std::time::Duration;

/// How many payments are due and not settled, time and again during an open loop.
#[derive(Debug)]
pub(crate) struct Backlog {
    span: Duration,
    samples: Vec<(Duration, u64)>,
}

/// What became of a backlog within one run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Trend {
    /// Payments, on average over the second quarter of the time.
    pub(crate) early: f64,
    /// Over the last quarter.
    pub(crate) late: f64,
    /// Payments more per second.
    pub(crate) growth: f64,
}

impl Backlog {
    /// For a run that lasts `span`.
    pub(crate) fn new(span: Duration) -> Self {
        Self { span, samples: Vec::new() }
    }

    /// There were `open` payments `after` the begin.
    pub(crate) fn note(&mut self, after: Duration, open: u64) {
        if after <= self.span {
            self.samples.push((after, open));
        }
    }

    /// `None` without a sample in both quarters. The first quarter is left out, in which a backlog
    /// grows to what is under way at any moment.
    pub(crate) fn trend(&self) -> Option<Trend> {
        let quarter = self.span / 4;
        let early = self.mean(quarter, 2 * quarter)?;
        let late = self.mean(3 * quarter, self.span)?;
        Some(Trend { early, late, growth: (late - early) / (2.0 * quarter.as_secs_f64()) })
    }

    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    fn mean(&self, from: Duration, to: Duration) -> Option<f64> {
        let within = self.samples.iter().filter(|(after, _)| (from..=to).contains(after));
        let (count, sum) = within.fold((0_u64, 0), |(n, sum), (_, open)| (n + 1, sum + open));
        (count > 0).then(|| sum as f64 / count as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trend(open: fn(u64) -> u64) -> Option<Trend> {
        let mut backlog = Backlog::new(Duration::from_secs(8));
        for tenths in 0..100 {
            backlog.note(Duration::from_millis(tenths * 100), open(tenths));
        }
        backlog.trend()
    }

    #[test]
    fn what_is_always_under_way_is_no_growth() {
        let steady = trend(|tenths| if tenths < 20 { tenths } else { 20 }).unwrap();
        assert_eq!((steady.early, steady.late, steady.growth), (20.0, 20.0, 0.0));
    }

    #[test]
    fn growth_is_per_second() {
        // Ten a second; the means lie 4 s apart, in the middles of the two quarters.
        let growing = trend(|tenths| tenths).unwrap();
        assert!((growing.late - growing.early - 40.0).abs() < 1e-9, "{growing:?}");
        assert!((growing.growth - 10.0).abs() < 1e-9, "{growing:?}");
    }

    #[test]
    fn without_samples_there_is_no_trend() {
        assert_eq!(Backlog::new(Duration::from_secs(1)).trend(), None);
    }
}
