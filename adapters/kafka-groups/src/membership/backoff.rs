//! Pauses between repetitions.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(2);

/// Doubling pauses, each spread by a fifth to either side.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    repeats: u32,
    state: u64,
}

impl Backoff {
    pub(crate) fn new(seed: u64) -> Self {
        // A xorshift of zero stays zero.
        Self { repeats: 0, state: seed | 1 }
    }

    pub(crate) fn reset(&mut self) {
        self.repeats = 0;
    }

    pub(crate) fn is_pausing(&self) -> bool {
        self.repeats > 0
    }

    pub(crate) fn pause(&mut self) -> Duration {
        let pause = FIRST.saturating_mul(1 << self.repeats.min(10)).min(LONGEST);
        self.repeats = self.repeats.saturating_add(1);
        pause * self.percent() / 100
    }

    /// From 80 to 120.
    fn percent(&mut self) -> u32 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        80 + u32::try_from(self.state % 41).expect("it is below 41")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_start_again() {
        let mut backoff = Backoff::new(7);
        let pauses: Vec<_> = (0..40).map(|_| backoff.pause()).collect();
        assert!(pauses[0] < Duration::from_millis(61) && pauses[0] > Duration::from_millis(39));
        assert!(pauses[3] > pauses[0]);
        assert!(pauses.iter().all(|pause| *pause <= LONGEST * 12 / 10));
        assert!(pauses[30..].iter().any(|pause| *pause != pauses[39]), "they are spread");
        backoff.reset();
        assert!(backoff.pause() < Duration::from_millis(61));
    }
}
