//! The handle.

use std::fmt;
use std::sync::Arc;

use comptoir_domain::port::platform::Log;
use comptoir_wire::CloudEventsJson;
use kafka_groups::Cluster;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::KafkaAdmin;
use crate::groups::KafkaGroups;
use crate::publisher::{KafkaPublisher, Rotation, Writers};
use crate::reader::KafkaReader;
use crate::settings::Settings;

/// The event log on a Kafka cluster. Cheap to clone; nothing is connected until something is asked,
/// and whatever breaks is connected again by itself.
#[derive(Clone)]
pub struct Kafka {
    core: Arc<Core>,
}

/// What all handles share.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) settings: Arc<Settings>,
    pub(crate) cluster: Cluster,
    pub(crate) writers: Writers,
    pub(crate) rotation: Rotation,
    pub(crate) tasks: TaskTracker,
    stop: CancellationToken,
}

impl fmt::Debug for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kafka").field("brokers", &self.core.settings.brokers).finish()
    }
}

impl Kafka {
    /// The log on the cluster of these settings.
    pub fn new(settings: Settings) -> Self {
        let settings = Arc::new(settings);
        let cluster = Cluster::new(settings.for_groups());
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let writers = Writers::new(&settings, &cluster, &tasks, &stop);
        let rotation = Rotation::default();
        Self { core: Arc::new(Core { settings, cluster, writers, rotation, tasks, stop }) }
    }

    /// Writes what is in the queues, lets members that were dropped leave their groups, and ends. A
    /// publisher that is left answers that the log is unavailable.
    pub async fn close(self) {
        self.core.stop.cancel();
        self.core.tasks.close();
        // What a deadline cuts off has one of its own; this one is for the sum of them.
        let patience = self.core.settings.call_timeout + self.core.settings.request_timeout;
        if timeout(patience, self.core.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = self.core.tasks.len(), "the log was closed with work left");
        }
    }
}

impl Log for Kafka {
    type Codec = CloudEventsJson;
    type Publisher = KafkaPublisher;
    type Reader = KafkaReader;
    type Groups = KafkaGroups;
    type Admin = KafkaAdmin;

    const MODE: &'static str = "kafka";
    const LOG_NAME: &'static str = "kafka";

    fn publisher(&self) -> KafkaPublisher {
        KafkaPublisher(Arc::clone(&self.core))
    }

    fn reader(&self) -> KafkaReader {
        KafkaReader(Arc::clone(&self.core))
    }

    fn groups(&self) -> KafkaGroups {
        KafkaGroups(Arc::clone(&self.core))
    }

    fn admin(&self) -> KafkaAdmin {
        KafkaAdmin(Arc::clone(&self.core))
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
