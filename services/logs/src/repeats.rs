//! Recognises lines that are there twice.
//!
//! Delivery is at least once, so the same line can be written again. A line is hidden if one of the
//! [`REACH`] records before it in its partition has the same entry id. That is decided from the log
//! alone, so every instance, and every resume, decides alike. Repeats from farther apart are shown.

use std::collections::{HashMap, VecDeque};

use comptoir_domain::topic::Offset;

/// How many records back a repeat is recognised.
pub(crate) const REACH: u64 = 65_536;

/// The newest lines of one partition, by fingerprint.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    seen: HashMap<u64, Offset>,
    order: VecDeque<(Offset, u64)>,
}

impl Repeats {
    /// Takes the next record in; true if it repeats an earlier one. Offsets must not go back.
    pub(crate) fn is_repeat(&mut self, offset: Offset, fingerprint: u64) -> bool {
        while let Some(&(oldest, old)) = self.order.front()
            && oldest.0 + REACH < offset.0
        {
            self.order.pop_front();
            // A repeat since then has put a newer offset there, which stays.
            if self.seen.get(&old) == Some(&oldest) {
                self.seen.remove(&old);
            }
        }
        self.order.push_back((offset, fingerprint));
        self.seen.insert(fingerprint, offset).is_some()
    }
}

/// Where to begin reading so that everything from `offset` on is decided as every other reader
/// decides it.
pub(crate) fn primed_from(offset: Offset, earliest: Offset) -> Offset {
    Offset(offset.0.saturating_sub(REACH)).max(earliest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeat_is_recognised_as_far_as_it_reaches() {
        let mut repeats = Repeats::default();
        assert!(!repeats.is_repeat(Offset(0), 7));
        assert!(repeats.is_repeat(Offset(REACH), 7), "exactly at its reach");
        assert!(repeats.is_repeat(Offset(REACH * 2), 7), "a hidden line counts as seen, too");
        assert!(!repeats.is_repeat(Offset(REACH * 3 + 1), 7), "one beyond");
    }

    #[test]
    fn it_forgets_what_is_out_of_reach() {
        let mut repeats = Repeats::default();
        for offset in 0..REACH * 3 {
            repeats.is_repeat(Offset(offset), offset);
        }
        assert_eq!(repeats.seen.len(), repeats.order.len());
        assert!(repeats.seen.len() as u64 <= REACH + 1);
    }
}
