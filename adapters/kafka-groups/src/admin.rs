//! What an operator asks of a cluster.

mod groups;
mod storage;
#[cfg(test)]
mod tests;
mod topics;

use std::time::Duration;

use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::error::Result;

pub use groups::{GroupInfo, GroupKind, GroupMemberInfo, ListedGroup};
pub use topics::NewTopic;

/// Asks and changes a cluster. Each request takes at most the time given, repetitions included.
#[derive(Debug, Clone)]
pub struct Admin {
    cluster: Cluster,
    timeout: Duration,
}

impl Admin {
    /// An operator of the cluster whose requests take at most `timeout`.
    pub fn new(cluster: &Cluster, timeout: Duration) -> Self {
        Self { cluster: cluster.clone(), timeout }
    }

    /// The cluster's identity; `None` if its brokers do not say.
    pub async fn cluster_id(&self) -> Result<Option<String>> {
        self.cluster.retry(self.deadline(), || self.cluster.cluster_id()).await
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }
}
