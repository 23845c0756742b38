//! Carrying out what the state machine decided, and the tasks that takes.

use std::sync::Arc;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::ApiKey;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Driver, Found};
use crate::error::KafkaError;
use crate::member::GroupProtocol;
use crate::member::fetcher::Fetcher;
use crate::member::protocol::{counts, machine, member_id};
use crate::member::shelf::{Life, Place};
use crate::member::starter::Starter;
use crate::membership::Change;
use crate::topic::TopicPartition;

impl Driver {
    pub(super) fn apply_changes(&mut self) {
        let changes = self.machine.take_changes();
        // Before what follows from it: a commit with the old one is refused and repeated.
        self.shelf.stands(self.machine.standing());
        for change in changes {
            match change {
                Change::LetIn => self.shelf.becomes(Life::LetIn),
                Change::Joined => self.shelf.becomes(Life::Joined),
                Change::Assigned(partitions) => self.take_over(partitions),
                Change::Revoking(partitions) => {
                    self.stop(&partitions);
                    self.shelf.revoke(partitions);
                }
                Change::Lost(partitions) => {
                    tracing::warn!(group = self.settings.group, ?partitions, "partitions are lost");
                    self.stop(&partitions);
                    self.shelf.lose(partitions);
                }
                Change::Name(ids) => self.name(ids),
                Change::Count(generation, topics) => self.count(generation, topics),
                Change::NewId => self.rename(),
                Change::FindCoordinator => self.cluster.forget_coordinator(&self.settings.group),
                Change::Failed(error) => self.failed(error),
            }
        }
    }

    /// A broker may know the request without being allowed to serve it (Kafka 3.7 to 3.9).
    fn failed(&mut self, error: ResponseError) {
        let is_auto = self.settings.protocol == GroupProtocol::Auto && self.is_consumer;
        if is_auto && error == ResponseError::UnsupportedVersion {
            self.is_consumer = false;
            match machine(&self.settings, false) {
                Ok(machine) => self.machine = machine,
                Err(error) => self.end(error),
            }
            return;
        }
        let api = if self.is_consumer { ApiKey::ConsumerGroupHeartbeat } else { ApiKey::JoinGroup };
        self.end(KafkaError::refused(api, error));
    }

    fn take_over(&mut self, partitions: Vec<TopicPartition>) {
        let places = self.shelf.assign(partitions);
        for place in &places {
            self.fetch(place.clone());
        }
        let starter = Starter {
            cluster: self.cluster.clone(),
            settings: Arc::clone(&self.settings),
            shelf: Arc::clone(&self.shelf),
        };
        self.tasks.spawn(async { Found::Done(starter.run(places).await) });
    }

    fn fetch(&mut self, place: Place) {
        let at = place.0.clone();
        let fetcher = Fetcher {
            cluster: self.cluster.clone(),
            settings: Arc::clone(&self.settings),
            shelf: Arc::clone(&self.shelf),
            place,
        };
        let task = self.tasks.spawn(async { Found::Done(fetcher.run().await) });
        self.fetchers.insert(at, task);
    }

    fn stop(&mut self, partitions: &[TopicPartition]) {
        for at in partitions {
            if let Some(fetcher) = self.fetchers.remove(at) {
                fetcher.abort();
            }
        }
    }

    pub(super) fn stop_fetching(&mut self) {
        for fetcher in std::mem::take(&mut self.fetchers).into_values() {
            fetcher.abort();
        }
    }

    fn name(&mut self, ids: Vec<Uuid>) {
        let cluster = self.cluster.clone();
        self.tasks.spawn(async move {
            // What was not found is asked for again by the membership, after a pause.
            Found::Names(cluster.topic_names(&ids).await.unwrap_or_default())
        });
    }

    fn count(&mut self, generation: i32, topics: Vec<Arc<str>>) {
        if let Some(earlier) = self.counting.take() {
            earlier.abort();
        }
        let (cluster, longest) = (self.cluster.clone(), self.settings.rebalance_timeout);
        let counting =
            async move { Found::Counts(generation, counts(&cluster, topics, longest).await) };
        self.counting = Some(self.tasks.spawn(counting));
    }

    fn rename(&mut self) {
        match member_id() {
            Ok(id) => self.machine.renamed(id, Instant::now()),
            Err(error) => self.end(error),
        }
    }
}
