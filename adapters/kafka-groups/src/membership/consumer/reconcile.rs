//! Steps from what is owned to what the coordinator assigned.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::Instant;
use uuid::Uuid;

use super::{Consumer, IdPlace, Phase};
use crate::membership::Change;
use crate::topic::TopicPartition;

impl Consumer {
    /// Only what has a name is ever owned.
    pub(super) fn named_places(&self, places: &[IdPlace]) -> Vec<TopicPartition> {
        let name = |(id, partition): &IdPlace| {
            self.names.get(id).map(|name| TopicPartition::new(Arc::clone(name), *partition))
        };
        places.iter().filter_map(name).collect()
    }

    /// Takes steps towards the assignment: revokes, gains, asks for names.
    pub(super) fn reconcile(&mut self, now: Instant) {
        let mut going = self.holdings.revoke();
        let replaced = self.take_replaced();
        going.retain(|place| !replaced.contains(place));
        if !going.is_empty() {
            let going = self.named_places(&going);
            self.changes.push(Change::Revoking(going));
        }
        if !replaced.is_empty() {
            let replaced = self.named_places(&replaced);
            self.changes.push(Change::Lost(replaced));
        }
        let names = &self.names;
        // Of a topic made anew under its old name, the old partition is given up first.
        let may = |(id, partition): &IdPlace, owned: &BTreeSet<IdPlace>| {
            let is_same =
                |(other, at): &IdPlace| at == partition && names.get(other) == names.get(id);
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

    /// Gives up partitions of topics that were made anew. Commits name topics, not ids: what the
    /// member finished of the old one would be committed into the new one and skip its records.
    fn take_replaced(&mut self) -> Vec<IdPlace> {
        let (names, target) = (&self.names, self.holdings.target());
        let ids: BTreeSet<_> = target.iter().map(|(id, _)| *id).collect();
        let anew: BTreeSet<_> = ids.iter().filter_map(|id| names.get(id)).collect();
        let is_replaced = |(id, _): &&IdPlace| {
            !ids.contains(id) && names.get(id).is_some_and(|name| anew.contains(name))
        };
        let replaced: Vec<_> = self.holdings.owned().iter().filter(is_replaced).copied().collect();
        for place in &replaced {
            self.holdings.release(place);
        }
        replaced
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
