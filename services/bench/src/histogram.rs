use std::time::Duration;

/// Each power of two is cut into this many buckets, so a bucket is at most 1/128 of its values wide.
const STEPS: u64 = 128;
const STEP_BITS: u32 = STEPS.trailing_zeros();
/// Values below 256 ns have a bucket each; each of the 56 powers of two from there adds `STEPS`.
const BUCKETS: usize = 58 * 128;

/// What to say next to figures that came from a [`Histogram`].
pub const RESOLUTION: &str = "percentiles are rounded up by at most 0.8 %, max is exact";

/// Latencies in buckets of nanoseconds: constant memory (58 KiB) however long the run.
#[derive(Debug, Clone)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS], count: 0, max: 0 }
    }
}

impl Histogram {
    pub fn record(&mut self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket_of(nanos)] += 1;
        self.count += 1;
        self.max = self.max.max(nanos);
    }

    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.max = self.max.max(other.max);
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn max(&self) -> Option<Duration> {
        (self.count > 0).then(|| Duration::from_nanos(self.max))
    }

    /// Nearest rank: the smallest recorded latency that `per_mille` of all do not exceed.
    pub fn per_mille(&self, per_mille: u32) -> Option<Duration> {
        let rank = (u128::from(self.count) * u128::from(per_mille)).div_ceil(1000).max(1);
        let mut seen = 0_u128;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += u128::from(*count);
            if seen >= rank {
                return Some(Duration::from_nanos(top_of(index).min(self.max)));
            }
        }
        None
    }
}

fn bucket_of(nanos: u64) -> usize {
    let shift = (u64::BITS - nanos.leading_zeros()).saturating_sub(STEP_BITS + 1);
    let index = u64::from(shift) * STEPS + (nanos >> shift);
    usize::try_from(index).unwrap_or(BUCKETS - 1)
}

/// The largest value that falls into the bucket.
fn top_of(index: usize) -> u64 {
    let index = index as u64;
    let shift = (index / STEPS).saturating_sub(1);
    let low = (index - shift * STEPS) << shift;
    low + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(nanos: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        nanos.into_iter().for_each(|value| histogram.record(Duration::from_nanos(value)));
        histogram
    }

    #[test]
    fn small_values_are_exact() {
        let histogram = filled(1..=100);
        assert_eq!(histogram.per_mille(500), Some(Duration::from_nanos(50)));
        assert_eq!(histogram.per_mille(900), Some(Duration::from_nanos(90)));
        assert_eq!(histogram.per_mille(990), Some(Duration::from_nanos(99)));
        assert_eq!(histogram.max(), Some(Duration::from_nanos(100)));
    }

    #[test]
    fn large_values_are_rounded_up_by_less_than_a_step() {
        for value in [255, 256, 257, 1_000, 65_535, 1_234_567, 30_000_000_000, u64::MAX / 3] {
            let histogram = filled([value, u64::MAX]);
            let shown = histogram.per_mille(500).unwrap().as_nanos();
            let exact = u128::from(value);
            assert!(shown >= exact && shown - exact <= exact / 128, "{value} shown as {shown}");
        }
    }

    #[test]
    fn percentiles_match_sorted_samples_within_the_resolution() {
        let mut samples: Vec<u64> = (1..=5_000_u64).map(|n| n * n % 99_991 * 37 + 1).collect();
        let histogram = filled(samples.iter().copied());
        samples.sort_unstable();
        for (per_mille, rank) in [(500, 2_500), (900, 4_500), (990, 4_950), (1_000, 5_000)] {
            let shown = histogram.per_mille(per_mille).unwrap().as_nanos();
            let exact = u128::from(samples[rank - 1]);
            assert!(shown >= exact && shown - exact <= exact / 128, "{exact} shown as {shown}");
        }
    }

    #[test]
    fn every_bucket_begins_where_the_last_one_ended() {
        for index in 1..BUCKETS {
            let begin = top_of(index - 1) + 1;
            assert_eq!(bucket_of(begin), index);
            assert_eq!(bucket_of(top_of(index)), index);
        }
        assert_eq!(top_of(BUCKETS - 1), u64::MAX);
    }

    #[test]
    fn merging_is_recording_both() {
        let mut merged = filled(1..=60);
        merged.merge(&filled(61..=100));
        assert_eq!(merged.count(), 100);
        assert_eq!(merged.per_mille(900), Some(Duration::from_nanos(90)));
    }

    #[test]
    fn an_empty_histogram_has_no_percentiles() {
        let histogram = Histogram::default();
        assert_eq!((histogram.per_mille(500), histogram.max(), histogram.count()), (None, None, 0));
    }
}
