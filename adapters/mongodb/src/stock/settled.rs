//! Which articles are known to have no moves left to do.

use std::collections::HashMap;
use std::sync::Mutex;

use comptoir_domain::port::store::Version;

use crate::sync::lock;

/// More articles than this are not remembered: the first to be seen again are looked at again.
const MOST: usize = 10_000;

/// The last version of each article whose moves are done. What is done stays done, so it is never
/// wrong, however old.
#[derive(Debug, Default)]
pub(super) struct Settled(Mutex<HashMap<String, Version>>);

impl Settled {
    pub(super) fn is(&self, sku: &str, version: Version) -> bool {
        lock(&self.0).get(sku) == Some(&version)
    }

    pub(super) fn add(&self, sku: &str, version: Version) {
        let mut settled = lock(&self.0);
        if settled.len() >= MOST && !settled.contains_key(sku) {
            settled.clear();
        }
        let known = settled.entry(sku.to_owned()).or_insert(version);
        *known = version.max(*known);
    }
}
