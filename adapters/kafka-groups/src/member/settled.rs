//! Looks whether every partition of the group's topics has an owner.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::GroupSettings;
use super::shelf::Shelf;
use crate::admin::Admin;
use crate::cluster::Cluster;
use crate::error::Result;
use crate::topic::TopicPartition;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

pub(super) struct Watch {
    pub(super) cluster: Cluster,
    pub(super) settings: Arc<GroupSettings>,
    pub(super) shelf: Arc<Shelf>,
}

impl Watch {
    /// Asks the coordinator while the group is not settled.
    pub(super) async fn run(self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let Some(changes) = self.shelf.unsettled_at() else {
                self.shelf.unsettled().await;
                pause = FIRST_PAUSE;
                continue;
            };
            match self.is_settled().await {
                Ok(true) => self.shelf.settle(changes),
                Ok(false) => {}
                Err(error) => {
                    tracing::debug!(group = self.settings.group, %error, "the group is not shown");
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn is_settled(&self) -> Result<bool> {
        let admin = Admin::new(&self.cluster, self.cluster.settings().request_timeout);
        let mut described = admin.describe_groups(&[self.settings.group.as_str()]).await?;
        let Some(group) = described.pop() else { return Ok(false) };
        // In KIP-848 that no member has anything to give up, in the classic protocol that no round
        // is under way.
        if group.state != "Stable" {
            return Ok(false);
        }
        let owned: BTreeSet<_> = group.members.iter().flat_map(|member| &member.assigned).collect();
        for topic in &self.settings.topics {
            let topic = self.cluster.topic(topic).await?;
            let mut all = topic
                .partitions
                .iter()
                .map(|partition| TopicPartition::new(Arc::clone(&topic.name), partition.partition));
            if !all.all(|at| owned.contains(&at)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
