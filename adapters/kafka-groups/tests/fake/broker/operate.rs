//! What a test does to the cluster from outside: topics, records, groups, faults.

use bytes::Bytes;
use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::{Request, VersionRange};
use tokio::time::timeout;
use uuid::Uuid;

use super::consumer::ConsumerGroup;
use super::faults::{Fault, Rigging};
use super::group::{Group, Members};
use super::state::State;
use super::topics::{Partition, Topic};
use super::{Broker, PATIENCE, Written, batch};

impl Broker {
    /// Says what is to go wrong; see [`Rigging`].
    pub(crate) fn fault<R: Request + 'static>(&self, fault: Fault) -> Rigging<'_, R> {
        Rigging::new(&self.shared.faults, fault)
    }

    pub(crate) fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// Advertises other versions of an API; `None`: the broker does not have it.
    pub(crate) fn advertise(&self, key: ApiKey, versions: Option<(i16, i16)>) {
        let range = versions.map(|(min, max)| VersionRange { min, max });
        self.shared.with(|state| state.versions.insert(key as i16, range));
    }

    /// A broker that knows no KIP-848 group.
    pub(crate) fn classic_only(&self) {
        self.advertise(ApiKey::ConsumerGroupHeartbeat, None);
        self.advertise(ApiKey::ConsumerGroupDescribe, None);
    }

    /// Refuses epoch 0 from a member that is known at a higher one (before KAFKA-19233).
    pub(crate) fn refuse_rejoin(&self) {
        self.shared.with(|state| state.no_rejoin = true);
    }

    /// Takes only connections that authenticate so.
    pub(crate) fn require_login(&self, user: &str, password: &str) {
        self.shared.with(|state| state.login = Some((user.to_owned(), password.to_owned())));
    }

    pub(crate) fn create_topic(&self, name: &str, partitions: usize) -> Uuid {
        self.shared.with(|state| state.add_topic(name, partitions))
    }

    /// Deletes a topic and makes a new one of its name. Its committed offsets go with it, as they do
    /// in Kafka.
    pub(crate) fn recreate_topic(&self, name: &str) -> Uuid {
        self.shared.with(|state| {
            let Topic { partitions, .. } = state.remove_topic(name).unwrap();
            state.add_topic(name, partitions.len())
        })
    }

    /// Adds partitions to a topic, until it has so many.
    pub(crate) fn grow_topic(&self, name: &str, partitions: usize) {
        self.shared.with(|state| {
            let leader = state.nodes[0].id;
            let topic = state.topics.get_mut(name).unwrap();
            topic.partitions.resize_with(partitions, || Partition::new(leader));
        });
    }

    /// Shows a topic in metadata, or does not, though groups assign it.
    pub(crate) fn hide_topic(&self, name: &str, hidden: bool) {
        self.shared.with(|state| {
            if hidden {
                state.hidden.insert(name.to_owned());
            } else {
                state.hidden.remove(name);
            }
        });
    }

    pub(crate) fn lead(&self, topic: &str, partition: usize, node: i32) {
        self.partition(topic, partition, |is| is.leader = node);
    }

    /// Appends one batch of records with the same key as value; returns the first one's offset.
    pub(crate) fn write(&self, topic: &str, partition: usize, values: &[&str]) -> i64 {
        let written = values.iter().map(|&value| Written::new(value.to_owned(), value.to_owned()));
        self.append(topic, partition, &batch(&written.collect::<Vec<_>>()))
    }

    /// Where the next record goes.
    pub(crate) fn next_offset(&self, topic: &str, partition: usize) -> i64 {
        self.partition(topic, partition, |is| is.next)
    }

    /// Appends encoded batches.
    pub(crate) fn append(&self, topic: &str, partition: usize, batches: &Bytes) -> i64 {
        self.partition(topic, partition, |is| is.append(batches))
    }

    /// Deletes the records before an offset, as retention does.
    pub(crate) fn delete_before(&self, topic: &str, partition: usize, start: i64) {
        self.partition(topic, partition, |is| is.delete_before(start));
    }

    /// Loses the records from an offset on, as an unclean election does.
    pub(crate) fn truncate(&self, topic: &str, partition: usize, next: i64) {
        self.partition(topic, partition, |is| is.truncate(next));
    }

    fn partition<T>(
        &self,
        topic: &str,
        partition: usize,
        body: impl FnOnce(&mut Partition) -> T,
    ) -> T {
        self.shared
            .with(|state| body(&mut state.topics.get_mut(topic).unwrap().partitions[partition]))
    }

    /// Gives a group to another broker.
    pub(crate) fn coordinate(&self, group: &str, node: i32) {
        self.shared.with(|state| state.coordinators.insert(group.to_owned(), node));
    }

    pub(crate) fn commit(&self, group: &str, topic: &str, partition: i32, offset: i64) {
        self.group(group, |is| is.offsets.insert((topic.to_owned(), partition), offset));
    }

    pub(crate) fn committed(&self, group: &str, topic: &str, partition: i32) -> Option<i64> {
        self.group(group, |is| is.offsets.get(&(topic.to_owned(), partition)).copied())
    }

    /// Waits until an offset is committed.
    pub(crate) async fn until_committed(&self, group: &str, at: (&str, i32), offset: i64) {
        let at = (at.0.to_owned(), at.1);
        let found = |state: &mut State| {
            let offsets = &state.groups.get(group)?.offsets;
            (offsets.get(&at) == Some(&offset)).then_some(())
        };
        self.until(found).await;
    }

    /// The session of a member ends: the group goes on without it.
    pub(crate) fn expire(&self, group: &str, member: &str) {
        self.group(group, |is| match &mut is.members {
            Members::Nobody => panic!("nobody is in {group}"),
            Members::Consumer(group) => group.remove(member),
            Members::Classic(group) => group.leave(member, None).unwrap(),
        });
    }

    /// The rebalance time-out of a classic group: who has not joined again is out.
    pub(crate) fn expire_absent(&self, group: &str) {
        self.group(group, |is| is.classic().unwrap().drop_absent());
    }

    /// A coordinator that lost its memory: there are no members, the offsets are there.
    pub(crate) fn forget_members(&self, group: &str) {
        self.group(group, |is| is.members = Members::Nobody);
    }

    /// The ids of the members now, in order.
    pub(crate) fn members(&self, group: &str) -> Vec<String> {
        self.group(group, |is| member_ids(is))
    }

    /// Waits until the group has so many members.
    pub(crate) async fn until_members(&self, group: &str, count: usize) -> Vec<String> {
        self.until(|state| {
            let ids = state.groups.get(group).map(member_ids).unwrap_or_default();
            (ids.len() == count).then_some(ids)
        })
        .await
    }

    /// Raises the epoch of a KIP-848 group: each member learns it with its next heartbeat.
    pub(crate) fn raise_epoch(&self, group: &str) {
        self.group(group, |is| is.consumer().unwrap().epoch += 1);
    }

    /// Looks into a KIP-848 group.
    pub(crate) fn consumer_group<T>(
        &self,
        group: &str,
        look: impl FnOnce(&ConsumerGroup) -> T,
    ) -> T {
        self.group(group, |is| look(is.consumer().unwrap()))
    }

    fn group<T>(&self, group: &str, body: impl FnOnce(&mut Group) -> T) -> T {
        self.shared.with(|state| body(state.groups.entry(group.to_owned()).or_default()))
    }

    async fn until<T>(&self, look: impl FnMut(&mut State) -> Option<T> + Send) -> T {
        let found = timeout(PATIENCE, self.shared.until(look)).await;
        found.unwrap_or_else(|_| panic!("it did not happen"))
    }
}

fn member_ids(group: &Group) -> Vec<String> {
    match &group.members {
        Members::Nobody => Vec::new(),
        Members::Consumer(group) => group.members.keys().cloned().collect(),
        Members::Classic(group) => group.members.keys().cloned().collect(),
    }
}
