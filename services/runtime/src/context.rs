//! What every service is given.

use std::sync::Arc;

use comptoir_domain::envelope::Service;
use comptoir_domain::outbox::Announcer;
use comptoir_domain::port::world::{Clock, Ids};
use comptoir_domain::topic::{GroupId, InvalidName, Topic, Topics};
use comptoir_http::{Capacity, PublicHosts};
use tokio_util::sync::CancellationToken;

use crate::open_files;

/// The surroundings of a service.
#[derive(Debug, Clone)]
pub struct Context {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub ids: Arc<dyn Ids>,
    /// The topics of this deployment.
    pub topics: Topics,
    /// Under which names the pages and services are reached by browsers.
    pub hosts: PublicHosts,
    /// Cancelled when the program should end: finish what is in hand, take nothing new.
    pub stop: CancellationToken,
    /// Room for the clients of all services of this program.
    pub connections: Capacity,
    groups: [GroupId; 3],
}

impl Context {
    /// A context for a deployment with that prefix before topic and group names.
    pub fn new(
        prefix: &str,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        hosts: PublicHosts,
        stop: CancellationToken,
    ) -> Result<Self, InvalidName> {
        let group = |of: Service| GroupId::try_from(format!("{prefix}{}", of.name()).as_str());
        let groups = [
            group(Service::Payments)?,
            group(Service::Inventories)?,
            group(Service::Notifications)?,
        ];
        let (topics, connections) = (Topics::with_prefix(prefix)?, open_files::capacity());
        Ok(Self { clock, ids, topics, hosts, stop, connections, groups })
    }

    /// The outbox entries of a service.
    pub fn announcer(&self, service: Service) -> Announcer {
        Announcer::new(service, self.topics.clone(), Arc::clone(&self.clock))
    }

    /// The three consumers of the shop: their group and the topic they read.
    pub fn subscription(&self, consumer: Consumer) -> (GroupId, Topic) {
        let [payments, inventories, notifications] = &self.groups;
        let (group, topic) = match consumer {
            Consumer::Payments => (payments, &self.topics.stock),
            Consumer::Inventories => (inventories, &self.topics.inventories),
            Consumer::Notifications => (notifications, &self.topics.notifications),
        };
        (group.clone(), topic.clone())
    }
}

/// Who consumes with a group. Logs reads without one, so that every instance sees every line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consumer {
    /// Settles payments.
    Payments,
    /// Keeps stock.
    Inventories,
    /// Writes lines.
    Notifications,
}
