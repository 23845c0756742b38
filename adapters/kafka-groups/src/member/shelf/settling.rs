//! Whether the group was settled when it was last looked at.

use super::held::Held;
use super::{Life, Shelf};

impl Shelf {
    pub(in crate::member) fn is_settled(&self) -> bool {
        self.state().is_settled
    }

    /// What counts the changes so far, if the group may not be settled.
    pub(in crate::member) fn unsettled_at(&self) -> Option<u64> {
        let state = self.state();
        let is_in = matches!(*self.life.borrow(), Life::LetIn | Life::Joined);
        (is_in && !state.is_settled).then_some(state.changes)
    }

    /// Whether the member is to release something.
    pub(in crate::member) fn is_revoking(&self) -> bool {
        self.state().held.values().any(Held::is_revoked)
    }

    /// The group was settled when so many changes had happened.
    pub(in crate::member) fn settle(&self, changes: u64) {
        let mut state = self.state();
        state.is_settled |= state.changes == changes && !state.held.values().any(Held::is_revoked);
    }

    /// Waits until the group may not be settled any more.
    pub(in crate::member) async fn unsettled(&self) {
        self.unsettled.notified().await;
    }
}
