//! The brokers of a cluster: who leads what, and connections to them.

mod coordinator;
mod known;
mod lease;
mod metadata;
mod pool;
mod retry;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::ApiKey;
use uuid::Uuid;

use crate::connection::Connection;
use crate::error::{KafkaError, Reaction, Result, reaction};
use crate::settings::Settings;
use crate::topic::TopicPartition;
use known::Known;
use pool::Pools;

pub use lease::Lease;
pub use metadata::{PartitionInfo, TopicInfo};

/// A cluster. Cloning is cheap; clones share connections and what is known of the cluster.
#[derive(Debug, Clone)]
pub struct Cluster {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: Settings,
    known: Mutex<Known>,
    pools: Mutex<Pools>,
}

impl Cluster {
    /// A cluster of these settings. Nothing is connected until something is asked.
    pub fn new(settings: Settings) -> Self {
        let pools = Pools::new(settings.idle_connections);
        Self {
            shared: Arc::new(Shared {
                settings,
                known: Mutex::default(),
                pools: Mutex::new(pools),
            }),
        }
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// A connection to any broker, rather one that answered lately.
    ///
    /// # Errors
    /// [`KafkaError::Unavailable`] if none answers; then each was tried once.
    pub async fn lease_any(&self) -> Result<Lease> {
        let mut addresses = self.known().addresses();
        addresses.extend(self.settings().brokers.iter().cloned());
        self.pools().by_trust(&mut addresses);
        let mut last = KafkaError::unavailable("there is no broker to ask");
        for address in addresses {
            match self.lease_address(address).await {
                Ok(lease) => return Ok(lease),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// A connection to this broker.
    ///
    /// # Errors
    /// [`KafkaError::Unavailable`] if it does not answer or is not known.
    pub async fn lease(&self, broker: i32) -> Result<Lease> {
        let mut address = self.known().address(broker);
        if address.is_none() {
            self.ask_metadata(&[]).await?;
            address = self.known().address(broker);
        }
        let missing = || KafkaError::unavailable(format!("broker {broker} is not in the cluster"));
        let address = address.ok_or_else(missing)?;
        self.lease_address(address).await
    }

    /// A connection to the leader of the partition.
    ///
    /// # Errors
    /// [`KafkaError::UnknownTopic`] if there is no such partition; `LEADER_NOT_AVAILABLE`, which
    /// repeating can help, while a leader is elected.
    pub async fn lease_leader(&self, at: &TopicPartition) -> Result<Lease> {
        let leader = self.leader(at).await?;
        self.lease(leader).await
    }

    /// A connection to a broker that takes changes to the cluster: the controller, where brokers
    /// do not pass them on.
    pub(crate) async fn lease_controller(&self) -> Result<Lease> {
        let mut controller = self.known().controller();
        if controller.is_none() {
            self.ask_metadata(&[]).await?;
            controller = self.known().controller();
        }
        let missing = || KafkaError::refused(ApiKey::Metadata, ResponseError::NotController);
        self.lease(controller.ok_or_else(missing)?).await
    }

    pub(crate) fn forget_controller(&self) {
        self.known().forget_controller();
    }

    /// The brokers that are known.
    pub(crate) fn broker_ids(&self) -> Vec<i32> {
        self.known().brokers()
    }

    /// The broker that leads the partition.
    pub(crate) async fn leader(&self, at: &TopicPartition) -> Result<i32> {
        let topic = self.topic(&at.topic).await?;
        // One that was added is assigned before what is known of the topic is out of date.
        let partition = topic.partition(at.partition).ok_or_else(|| {
            self.forget_topic(&at.topic);
            KafkaError::UnknownTopic { name: at.to_string() }
        })?;
        partition.leader.ok_or_else(|| {
            self.forget_topic(&at.topic);
            KafkaError::refused(ApiKey::Metadata, ResponseError::LeaderNotAvailable)
        })
    }

    /// Forgets what is known of the topic: a broker contradicted it.
    pub fn forget_topic(&self, topic: &str) {
        self.known().forget_topic(topic);
    }

    /// Forgets the topic if the broker's error says that what is known of it is wrong.
    pub(crate) fn doubt_topic(&self, topic: &str, error: ResponseError) {
        if reaction(error) == Reaction::Refresh {
            self.forget_topic(topic);
        }
    }

    /// The topic, from what is known or asked.
    ///
    /// # Errors
    /// [`KafkaError::UnknownTopic`] if there is none of this name.
    pub async fn topic(&self, name: &str) -> Result<Arc<TopicInfo>> {
        if let Some(topic) = self.fresh_topic(name) {
            return Ok(topic);
        }
        self.ask_topic(name).await
    }

    /// Names of topic ids; ids that the cluster does not know (any more) are missing.
    pub async fn topic_names(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Arc<str>>> {
        let mut names = self.known().names(ids);
        let missing: Vec<Uuid> = ids.iter().copied().filter(|id| !names.contains_key(id)).collect();
        if !missing.is_empty() {
            self.ask_ids(&missing).await?;
            names = self.known().names(ids);
        }
        Ok(names)
    }

    async fn lease_address(&self, address: String) -> Result<Lease> {
        let idle = self.pools().take(&address);
        if let Some(connection) = idle {
            return Ok(Lease::new(self.clone(), connection));
        }
        match Connection::connect(&address, self.settings()).await {
            Ok(connection) => {
                self.pools().answered(&address);
                Ok(Lease::new(self.clone(), connection))
            }
            Err(error) => {
                self.lost(&address);
                Err(error)
            }
        }
    }

    fn give_back(&self, connection: Connection) {
        if connection.has_failed() {
            self.lost(connection.address());
        } else if connection.is_healthy() {
            self.pools().put(connection);
        }
    }

    /// A broker does not answer there any more: its other connections are as dead, and what it led
    /// or coordinated may be elsewhere, as may the broker.
    fn lost(&self, address: &str) {
        tracing::debug!(address, "a broker does not answer");
        self.pools().lost(address);
        self.known().lost(address);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.shared.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pools(&self) -> MutexGuard<'_, Pools> {
        self.shared.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
