//! What the cluster knows.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::VersionRange;
use uuid::Uuid;

use super::group::Group;
use super::topics::{Partition, Topic};

/// A broker of the cluster.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) id: i32,
    pub(crate) port: u16,
    pub(crate) frozen: bool,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) nodes: Vec<Node>,
    pub(crate) topics: BTreeMap<String, Topic>,
    /// Topics that metadata does not show, though assignments name them.
    pub(crate) hidden: BTreeSet<String>,
    pub(crate) groups: BTreeMap<String, Group>,
    /// The coordinators that are not the first broker.
    pub(crate) coordinators: BTreeMap<String, i32>,
    /// Versions advertised instead of the codecs' own; none: the API is not there.
    pub(crate) versions: BTreeMap<i16, Option<VersionRange>>,
    /// Refuse epoch 0 of a member that is known at a higher one, as brokers without KAFKA-19233.
    pub(crate) no_rejoin: bool,
    /// User and password, if connections must authenticate.
    pub(crate) login: Option<(String, String)>,
    made: u128,
}

impl State {
    pub(crate) fn add_node(&mut self, port: u16) -> i32 {
        let id = i32::try_from(self.nodes.len()).unwrap() + 1;
        self.nodes.push(Node { id, port, frozen: false });
        id
    }

    /// A new id: the same ones in each run.
    pub(crate) fn new_id(&mut self) -> Uuid {
        self.made += 1;
        Uuid::from_u128((0xfa_4e << 64) + self.made)
    }

    pub(crate) fn add_topic(&mut self, name: &str, partitions: usize) -> Uuid {
        let id = self.new_id();
        let leader = self.nodes[0].id;
        let partitions = (0..partitions).map(|_| Partition::new(leader)).collect();
        self.topics.insert(name.to_owned(), Topic { id, partitions });
        id
    }

    /// Deletes a topic, and what groups committed for it.
    pub(crate) fn remove_topic(&mut self, name: &str) -> Option<Topic> {
        for group in self.groups.values_mut() {
            group.offsets.retain(|(topic, _), _| topic != name);
        }
        self.topics.remove(name)
    }

    pub(crate) fn topic_by_id(&self, id: Uuid) -> Option<(&String, &Topic)> {
        self.topics.iter().find(|(_, topic)| topic.id == id)
    }

    pub(crate) fn coordinator(&self, group: &str) -> &Node {
        let id = self.coordinators.get(group).copied().unwrap_or(1);
        self.nodes.iter().find(|node| node.id == id).unwrap()
    }

    /// The group, if the broker coordinates it.
    pub(crate) fn group(&mut self, node: i32, name: &str) -> Result<&mut Group, ResponseError> {
        if self.coordinator(name).id != node {
            return Err(ResponseError::NotCoordinator);
        }
        Ok(self.groups.entry(name.to_owned()).or_default())
    }

    /// The partition, if the broker leads it.
    pub(crate) fn partition(
        &mut self,
        node: i32,
        topic: &str,
        partition: i32,
    ) -> Result<&mut Partition, ResponseError> {
        let index = usize::try_from(partition).map_err(|_| ResponseError::InvalidPartitions)?;
        let found = self.topics.get_mut(topic).and_then(|topic| topic.partitions.get_mut(index));
        match found {
            None => Err(ResponseError::UnknownTopicOrPartition),
            Some(partition) if partition.leader != node => Err(ResponseError::NotLeaderOrFollower),
            Some(partition) => Ok(partition),
        }
    }

    pub(crate) fn versions(&self, key: ApiKey, own: VersionRange) -> Option<VersionRange> {
        self.versions.get(&(key as i16)).copied().unwrap_or(Some(own))
    }
}
