//! What is known of a cluster, until something contradicts it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::metadata::{Description, TopicInfo};

#[derive(Debug, Default)]
pub(super) struct Known {
    cluster_id: Option<String>,
    brokers: HashMap<i32, String>,
    controller: Option<i32>,
    topics: HashMap<Arc<str>, (Instant, Arc<TopicInfo>)>,
    names: HashMap<Uuid, Arc<str>>,
    coordinators: HashMap<String, i32>,
    /// Topics that were asked for before and are asked for again with the next.
    wanted: HashSet<Arc<str>>,
}

impl Known {
    pub(super) fn addresses(&self) -> Vec<String> {
        self.brokers.values().cloned().collect()
    }

    pub(super) fn address(&self, broker: i32) -> Option<String> {
        self.brokers.get(&broker).cloned()
    }

    pub(super) fn brokers(&self) -> Vec<i32> {
        let mut brokers: Vec<i32> = self.brokers.keys().copied().collect();
        brokers.sort_unstable();
        brokers
    }

    pub(super) fn controller(&self) -> Option<i32> {
        self.controller
    }

    pub(super) fn forget_controller(&mut self) {
        self.controller = None;
    }

    pub(super) fn cluster_id(&self) -> Option<String> {
        self.cluster_id.clone()
    }

    /// The topic, if it was described less than `max_age` ago.
    pub(super) fn topic(&self, name: &str, max_age: Duration) -> Option<Arc<TopicInfo>> {
        let (at, topic) = self.topics.get(name)?;
        (at.elapsed() < max_age).then(|| Arc::clone(topic))
    }

    pub(super) fn names(&self, ids: &[Uuid]) -> HashMap<Uuid, Arc<str>> {
        let name = |id: &Uuid| Some((*id, Arc::clone(self.names.get(id)?)));
        ids.iter().filter_map(name).collect()
    }

    /// What to ask about when asking about `names`: also what was forgotten, since whatever made
    /// one topic's leader move moved others'.
    pub(super) fn worth_asking(&self, names: &[&str]) -> Vec<Arc<str>> {
        let forgotten = self.wanted.iter().filter(|name| !self.topics.contains_key(*name)).cloned();
        let mut all: Vec<Arc<str>> =
            names.iter().map(|name| Arc::from(*name)).chain(forgotten).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Takes over a description. Topics of which it does not say anything stay as they are.
    pub(super) fn learn(&mut self, description: &Description) {
        let now = Instant::now();
        if description.cluster_id.is_some() {
            self.cluster_id.clone_from(&description.cluster_id);
        }
        self.brokers.clone_from(&description.brokers);
        self.controller = description.controller;
        for topic in &description.topics {
            self.forget_topic(&topic.name);
            if let Some(id) = topic.id {
                self.names.insert(id, Arc::clone(&topic.name));
            }
            self.wanted.insert(Arc::clone(&topic.name));
            self.topics.insert(Arc::clone(&topic.name), (now, Arc::clone(topic)));
        }
    }

    pub(super) fn forget_topic(&mut self, name: &str) {
        if let Some((_, topic)) = self.topics.remove(name)
            && let Some(id) = topic.id
        {
            self.names.remove(&id);
        }
    }

    /// The topic does not exist: it is not asked for again on the side.
    pub(super) fn gone(&mut self, name: &str) {
        self.forget_topic(name);
        self.wanted.remove(name);
    }

    pub(super) fn coordinator(&self, group: &str) -> Option<i32> {
        self.coordinators.get(group).copied()
    }

    pub(super) fn learn_coordinator(&mut self, group: &str, broker: i32, address: String) {
        self.brokers.insert(broker, address);
        self.coordinators.insert(group.to_owned(), broker);
    }

    pub(super) fn forget_coordinator(&mut self, group: &str) {
        self.coordinators.remove(group);
    }

    /// Forgets what the broker at this address led and coordinated, and its address.
    pub(super) fn lost(&mut self, address: &str) {
        let lost = |broker: &i32| self.brokers.get(broker).is_some_and(|at| at == address);
        let led = |topic: &TopicInfo| {
            topic.partitions.iter().any(|partition| partition.leader.as_ref().is_some_and(lost))
        };
        let names: Vec<Arc<str>> = self
            .topics
            .iter()
            .filter(|(_, (_, topic))| led(topic))
            .map(|(name, _)| Arc::clone(name))
            .collect();
        self.coordinators.retain(|_, broker| !lost(broker));
        for name in names {
            self.forget_topic(&name);
        }
        self.brokers.retain(|_, at| at != address);
    }
}
