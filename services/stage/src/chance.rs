//! Luck that can be repeated.

/// `SplitMix64`: a sequence by its seed, and good enough to choose what goes wrong next.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Another sequence for each number, of the same seed.
    #[must_use]
    pub fn fork(&self, number: u64) -> Self {
        let mut other = Self(self.0 ^ number.wrapping_mul(0xd605_bbb5_8c8a_bc03));
        other.next();
        other
    }

    /// A number of 64 bits.
    #[expect(clippy::should_implement_trait, reason = "a sequence without an end")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `least` up to and without `end`.
    pub fn within(&mut self, least: u64, end: u64) -> u64 {
        least + self.next() % (end - least)
    }

    /// Whether it happens this time, once in so many.
    pub fn once_in(&mut self, many: u64) -> bool {
        self.next().is_multiple_of(many)
    }

    /// One of them.
    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[usize::try_from(self.within(0, all.len() as u64)).expect("an index")]
    }

    /// Puts them in another order.
    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for end in (1..all.len()).rev() {
            let other = usize::try_from(self.within(0, end as u64 + 1)).expect("an index");
            all.swap(end, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Chance;

    #[test]
    fn a_seed_gives_the_same_sequence_again_and_another_seed_another() {
        let first =
            |seed| (0..5).scan(Chance::new(seed), |c, _| Some(c.next())).collect::<Vec<_>>();
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
        let forks = [0, 1].map(|number| Chance::new(1).fork(number).next());
        assert_ne!(forks[0], forks[1]);
    }

    #[test]
    fn a_shuffle_keeps_all_and_moves_some() {
        let mut cards: Vec<_> = (0..52).collect();
        Chance::new(7).shuffle(&mut cards);
        assert!(!cards.is_sorted());
        cards.sort_unstable();
        assert!(cards.into_iter().eq(0..52));
    }
}
