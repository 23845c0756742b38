//! Steps from what is owned to what the coordinator assigned.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::Instant;
use uuid::Uuid;

use super::{Consumer, Phase, Place};
use crate::membership::Change;
use crate::topic::TopicPartition;

impl Consumer {
    /// Only what has a name is ever owned.
    pub(super) fn named_places(&self, places: &[Place]) -> Vec<TopicPartition> {
        let name = |(id, partition): &Place| {
            self.names.get(id).map(|name| TopicPartition::new(Arc::clone(name), *partition))
        };
        places.iter().filter_map(name).collect()
    }

    /// Takes steps towards the assignment: revokes, gains, asks for names.
    pub(super) fn reconcile(&mut self, now: Instant) {
        let going = self.holdings.revoke();
        if !going.is_empty() {
            let going = self.named_places(&going);
            self.changes.push(Change::Revoking(going));
        }
        let names = &self.names;
        // Of a topic made anew under its old name, the old partition is given up first.
        let may = |(id, partition): &Place, owned: &BTreeSet<Place>| {
            let is_same =
                |(other, at): &Place| at == partition && names.get(other) == names.get(id);
            names.contains_key(id) && !owned.iter().any(is_same)
        };
        let gained = self.holdings.gain(may);
        if !gained.is_empty() {
            let gained = self.named_places(&gained);
            self.changes.push(Change::Assigned(gained));
        }
        self.ask_for_names();
        if self.told.as_ref().is_some_and(|told| told != self.holdings.owned()) {
            self.due = Some(now);
        }
    }

    fn ask_for_names(&mut self) {
        let ids: BTreeSet<_> = self.holdings.target().iter().map(|(id, _)| *id).collect();
        let is_new = |id: &&Uuid| !self.names.contains_key(id) && !self.asking.contains(id);
        let unknown: Vec<_> = ids.iter().filter(is_new).copied().collect();
        if !unknown.is_empty() && self.name_again.is_none() {
            self.asking.extend(unknown.iter().copied());
            self.changes.push(Change::Name(unknown));
        }
        // Until the names are there, the first assignment is not known.
        let is_known = ids.iter().all(|id| self.names.contains_key(id));
        if is_known && !self.has_joined && self.phase == Phase::Member {
            // The coordinator lets members in before it has assigned anything.
            self.has_joined = !ids.is_empty();
            self.changes.push(if ids.is_empty() { Change::LetIn } else { Change::Joined });
        }
    }
}
