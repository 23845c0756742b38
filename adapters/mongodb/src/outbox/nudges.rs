//! Whose events the saves of this process brought, until its relay asks.

use std::collections::BTreeSet;
use std::sync::Mutex;

use comptoir_domain::outbox::OutboxOwner;
use tokio::sync::Notify;

use crate::sync::lock;

/// The most owners that wait to be told; further ones are left to the sweep for leftovers.
const MOST: usize = 4_096;

#[derive(Debug, Default)]
pub(crate) struct Nudges {
    owners: Mutex<BTreeSet<OutboxOwner>>,
    added: Notify,
}

impl Nudges {
    /// Waits for owners whose outbox got something. Cancel-safe.
    pub(crate) async fn nudged(&self) -> Vec<OutboxOwner> {
        loop {
            let owners = std::mem::take(&mut *lock(&self.owners));
            if !owners.is_empty() {
                return owners.into_iter().collect();
            }
            self.added.notified().await;
        }
    }

    pub(crate) fn add<'a>(&self, fresh: impl IntoIterator<Item = &'a str>) {
        let mut owners = lock(&self.owners);
        for owner in fresh {
            if owners.len() < MOST {
                owners.insert(OutboxOwner(owner.to_owned()));
            }
        }
        let some = !owners.is_empty();
        drop(owners);
        if some {
            self.added.notify_one();
        }
    }
}
