//! Pauses between attempts.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(25);
const LONGEST: Duration = Duration::from_millis(800);

/// Growing pauses, each shortened by chance up to half, so that writers that failed together do not
/// come back together.
#[derive(Debug)]
pub(super) struct Pauses {
    next: Duration,
    chance: RandomState,
}

impl Pauses {
    pub(super) fn new() -> Self {
        Self { next: FIRST, chance: RandomState::new() }
    }

    pub(super) fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST);
        let percent = u32::try_from(self.chance.hash_one(pause) % 51).unwrap_or(0);
        pause * (100 - percent) / 100
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound() {
        let mut pauses = Pauses::new();
        let taken: Vec<_> = (0..10).map(|_| pauses.next()).collect();
        assert!((FIRST / 2..=FIRST).contains(&taken[0]));
        assert!((LONGEST / 2..=LONGEST).contains(&taken[9]));
    }
}
