//! What a member owns, what it is giving up, and what it should own.

use std::collections::BTreeSet;

/// Partitions of a member. A partition that is being revoked is owned until it is released.
#[derive(Debug, Clone)]
pub(super) struct Holdings<K> {
    target: BTreeSet<K>,
    owned: BTreeSet<K>,
    revoking: BTreeSet<K>,
}

impl<K: Ord + Clone> Holdings<K> {
    pub(super) fn new() -> Self {
        Self { target: BTreeSet::new(), owned: BTreeSet::new(), revoking: BTreeSet::new() }
    }

    pub(super) fn owned(&self) -> &BTreeSet<K> {
        &self.owned
    }

    pub(super) fn target(&self) -> &BTreeSet<K> {
        &self.target
    }

    pub(super) fn is_revoking(&self) -> bool {
        !self.revoking.is_empty()
    }

    pub(super) fn set_target(&mut self, target: BTreeSet<K>) {
        self.target = target;
    }

    /// What is to be revoked for the target, each partition once.
    pub(super) fn revoke(&mut self) -> Vec<K> {
        let is_going = |key: &&K| !self.target.contains(key) && !self.revoking.contains(key);
        let going: Vec<_> = self.owned.iter().filter(is_going).cloned().collect();
        self.revoking.extend(going.iter().cloned());
        going
    }

    /// What can be had now: what the target says, unless the member is still to give it up first.
    pub(super) fn gain(&mut self, may: impl Fn(&K, &BTreeSet<K>) -> bool) -> Vec<K> {
        let is_new = |key: &&K| !self.owned.contains(key) && may(key, &self.owned);
        let gained: Vec<_> = self.target.iter().filter(is_new).cloned().collect();
        self.owned.extend(gained.iter().cloned());
        gained
    }

    /// Gives up what was revoked; whether anything was.
    pub(super) fn release(&mut self, key: &K) -> bool {
        self.revoking.remove(key) && self.owned.remove(key)
    }

    pub(super) fn lose_all(&mut self) -> Vec<K> {
        self.target.clear();
        self.revoking.clear();
        std::mem::take(&mut self.owned).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(keys: impl IntoIterator<Item = u8>) -> BTreeSet<u8> {
        keys.into_iter().collect()
    }

    fn holding(keys: impl IntoIterator<Item = u8>) -> Holdings<u8> {
        let mut holdings = Holdings::new();
        holdings.set_target(set(keys));
        holdings.gain(|_, _| true);
        holdings
    }

    #[test]
    fn what_is_revoked_is_owned_until_it_is_released() {
        let mut holdings = holding([1, 2, 3]);
        holdings.set_target(set([1]));
        assert_eq!(holdings.revoke(), [2, 3]);
        assert_eq!(holdings.revoke(), [], "it is told once");
        assert_eq!(*holdings.owned(), set([1, 2, 3]));
        assert!(holdings.release(&2));
        assert!(holdings.is_revoking());
        assert!(holdings.release(&3));
        assert_eq!(*holdings.owned(), set([1]));
        assert!(!holdings.is_revoking());
    }

    #[test]
    fn only_what_is_revoked_is_released() {
        let mut holdings = holding([1]);
        assert!(!holdings.release(&1));
        assert!(!holdings.release(&9));
        assert_eq!(*holdings.owned(), set([1]));
    }

    #[test]
    fn what_comes_back_while_it_is_revoked_is_gained_after_its_release() {
        let mut holdings = holding([1, 2]);
        holdings.set_target(set([1]));
        holdings.revoke();
        holdings.set_target(set([1, 2]));
        assert_eq!((holdings.revoke(), holdings.gain(|_, _| true)), (vec![], vec![]));
        assert!(holdings.release(&2));
        assert_eq!(holdings.gain(|_, _| true), [2]);
    }

    #[test]
    fn losing_leaves_nothing() {
        let mut holdings = holding([1, 2]);
        holdings.set_target(set([]));
        holdings.revoke();
        assert_eq!(holdings.lose_all(), [1, 2]);
        assert!(holdings.owned().is_empty() && !holdings.is_revoking());
    }
}
