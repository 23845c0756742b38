//! Which articles are known to have no moves left to do, and whose moves this process is doing.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use comptoir_domain::port::store::Version;
use tokio::sync::Notify;

use crate::sync::lock;

/// More articles than this are not remembered: the first to be seen again are looked at again.
const MOST: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Settled {
    known: Mutex<Known>,
    ended: Notify,
}

#[derive(Debug, Default)]
struct Known {
    /// The last version of each article whose moves are done. What is done stays done, so it is never
    /// wrong, however old.
    settled: HashMap<String, Version>,
    /// How many calls of this process write, or have written, that version and are not through.
    under_way: BTreeMap<(String, Version), usize>,
}

/// A call that writes an article's version and does its moves.
#[derive(Debug)]
pub(super) struct UnderWay<'a> {
    of: &'a Settled,
    version: (String, Version),
}

impl Settled {
    pub(super) fn is(&self, sku: &str, version: Version) -> bool {
        lock(&self.known).settled.get(sku) == Some(&version)
    }

    pub(super) fn add(&self, sku: &str, version: Version) {
        let settled = &mut lock(&self.known).settled;
        if settled.len() >= MOST && !settled.contains_key(sku) {
            settled.clear();
        }
        let known = settled.entry(sku.to_owned()).or_insert(version);
        *known = version.max(*known);
    }

    /// Tells the others of this process that the moves of that version need not be done twice.
    pub(super) fn begin(&self, sku: &str, version: Version) -> UnderWay<'_> {
        let version = (sku.to_owned(), version);
        *lock(&self.known).under_way.entry(version.clone()).or_default() += 1;
        UnderWay { of: self, version }
    }

    /// Waits until no call of this process has that version in hand.
    pub(super) async fn idle(&self, sku: &str, version: Version) {
        let version = (sku.to_owned(), version);
        loop {
            let ended = self.ended.notified();
            if !lock(&self.known).under_way.contains_key(&version) {
                return;
            }
            ended.await;
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let under_way = &mut lock(&self.of.known).under_way;
        if let Some(calls) = under_way.get_mut(&self.version) {
            *calls -= 1;
            if *calls == 0 {
                under_way.remove(&self.version);
            }
        }
        self.of.ended.notify_waiters();
    }
}
