//! The side of those that read: where to begin, where there is room, and what was fetched.

use super::held::Held;
use super::{Place, Placed, Shelf, Start};
use crate::batch::Record;

impl Shelf {
    /// Those of the partitions that are still owned, and whose start is not known.
    pub(in crate::member) fn without_start(&self, places: &[Place]) -> Vec<Place> {
        let state = self.state();
        let lacks = |(at, tenure): &&Place| {
            state.held.get(at).is_some_and(|held| held.tenure == *tenure && held.lacks_start())
        };
        places.iter().filter(lacks).cloned().collect()
    }

    /// Reading may begin.
    pub(in crate::member) fn start(&self, (at, tenure): &Place, start: Start) {
        if let Some(held) = self.state().holding(at, *tenure) {
            held.start(start);
        }
    }

    /// Waits until there is room for more of the partition; where to go on at least. `None` if it
    /// is not to be read any more.
    pub(in crate::member) async fn room(
        &self,
        (at, tenure): &Place,
        limit: usize,
    ) -> Option<Start> {
        loop {
            let bell = {
                let mut state = self.state();
                let held = state.holding(at, *tenure)?;
                if let Some(start) = held.room(limit) {
                    return Some(start);
                }
                held.bell()
            };
            bell.notified().await;
        }
    }

    /// Fetched records, in batches of at most so many; small ones are joined until they are
    /// delivered.
    pub(in crate::member) fn put(
        &self,
        (at, tenure): &Place,
        batches: Vec<Vec<Record>>,
        most: usize,
    ) -> Placed {
        let mut state = self.state();
        let Some(held) = state.holding(at, *tenure) else { return Placed::Gone };
        let placed = held.put(batches, most);
        drop(state);
        self.news.notify_one();
        placed
    }

    /// Records before the offset are gone from the log: reading goes on there.
    pub(in crate::member) fn skip(&self, (at, tenure): &Place, to: i64, skipped: u64) -> Placed {
        let mut state = self.state();
        state.skipped += skipped;
        let Some(held) = state.holding(at, *tenure) else { return Placed::Gone };
        held.start(Start::At(to));
        Placed::Kept
    }

    /// Another log begins under the partition's name, to be read from an offset on. The tenure ends
    /// with the log before: offsets of that one would skip records of this one. `None` if the
    /// partition is not to be read any more.
    pub(in crate::member) fn restart(&self, (at, tenure): &Place, from: i64) -> Option<Place> {
        let mut state = self.state();
        let held = state.holding(at, *tenure).filter(|held| !held.is_revoked())?;
        if held.is_awaited() {
            state.lost.insert(at.clone());
        }
        state.past.insert(at.clone());
        let tenure = state.next_tenure();
        let mut held = Held::new(tenure, false);
        held.start(Start::At(from));
        state.held.insert(at.clone(), held);
        self.news.notify_one();
        Some((at.clone(), tenure))
    }
}
