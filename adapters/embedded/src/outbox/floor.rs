//! Below which time an index has nothing.
//!
//! An index whose oldest rows are removed all the time begins with their tombstones, and each look for
//! the first row that is left would have to pass them all. The floor lets a look start behind them.

use std::sync::Mutex;

use comptoir_domain::time::Timestamp;

use crate::sync::lock;

/// A time below which there is no row. It only saves time: it is lowered after each write, and
/// raised by looks that found nothing below.
pub(crate) struct Floor(Mutex<State>);

struct State {
    floor: Timestamp,
    /// The lowest row that was written since the look under way began.
    written: Option<Timestamp>,
}

impl Default for Floor {
    fn default() -> Self {
        Self(Mutex::new(State { floor: Timestamp::from_millis(i64::MIN), written: None }))
    }
}

impl Floor {
    /// A row of that time is there now. To be called once it can be seen: whoever looks then either
    /// sees it, or began before this call.
    pub(crate) fn lower(&self, time: Timestamp) {
        let mut state = lock(&self.0);
        state.floor = state.floor.min(time);
        state.written = state.written.map(|written| written.min(time));
    }

    /// Forgets what was known: rows may be there that nobody told of.
    pub(crate) fn reset(&self) {
        self.lower(Timestamp::from_millis(i64::MIN));
    }

    /// Begins a look from the floor up. Only one at a time can raise it.
    pub(crate) fn scan(&self) -> Scan<'_> {
        let mut state = lock(&self.0);
        let may_raise = state.written.is_none();
        if may_raise {
            state.written = Some(Timestamp::from_millis(i64::MAX));
        }
        Scan { floor: self, from: state.floor, reached: None, may_raise }
    }
}

/// A look under way.
pub(crate) struct Scan<'a> {
    floor: &'a Floor,
    from: Timestamp,
    reached: Option<Timestamp>,
    may_raise: bool,
}

impl Scan<'_> {
    pub(crate) fn from(&self) -> Timestamp {
        self.from
    }

    /// The look got as far as this time; the first call says where nothing is below.
    pub(crate) fn reach(&mut self, time: Timestamp) {
        self.reached.get_or_insert(time);
    }
}

impl Drop for Scan<'_> {
    fn drop(&mut self) {
        if !self.may_raise {
            return;
        }
        let mut state = lock(&self.floor.0);
        let written = state.written.take();
        if let (Some(reached), Some(written)) = (self.reached, written) {
            state.floor = reached.max(self.from).min(written);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_look_raises_it_to_the_first_row() {
        let floor = Floor::default();
        let mut scan = floor.scan();
        scan.reach(at(5));
        scan.reach(at(9));
        drop(scan);
        assert_eq!(floor.scan().from(), at(5));
    }

    #[test]
    fn what_is_written_during_a_look_stays_above_it() {
        let floor = Floor::default();
        let mut scan = floor.scan();
        floor.lower(at(3));
        scan.reach(at(5));
        drop(scan);
        assert_eq!(floor.scan().from(), at(3));
    }

    #[test]
    fn a_look_that_found_out_nothing_changes_nothing() {
        let floor = Floor::default();
        let mut scan = floor.scan();
        scan.reach(at(5));
        drop(scan);
        drop(floor.scan());
        assert_eq!(floor.scan().from(), at(5));
    }

    #[test]
    fn of_two_looks_at_once_one_raises_it() {
        let floor = Floor::default();
        let first = floor.scan();
        let mut second = floor.scan();
        second.reach(at(5));
        drop(second);
        drop(first);
        assert_eq!(floor.scan().from(), at(i64::MIN));
    }

    #[test]
    fn an_older_row_lowers_it() {
        let floor = Floor::default();
        let mut scan = floor.scan();
        scan.reach(at(5));
        drop(scan);
        floor.lower(at(2));
        assert_eq!(floor.scan().from(), at(2));
    }
}
