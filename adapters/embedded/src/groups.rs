//! Consumer groups inside the process: who is in which, who owns what, and what is committed.
//!
//! Membership is in memory only, for no member outlives the process. Committed offsets are durable;
//! the image here follows them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use comptoir_domain::group::{Group, MemberId, Notice, Notices};
use comptoir_domain::port::bus::{GroupInfo, GroupState, MemberInfo};
use comptoir_domain::topic::{GroupId, Offset, Topic, TopicPartition};
use tokio::sync::Notify;

use crate::error::{Failure, Malformed};
use crate::keyspaces::{self, Db, Space};
use crate::log::Log;
use crate::sync::lock;

mod committer;
mod member;

pub use committer::GroupCommitter;
pub use member::{Joiner, Member};

/// Every group that has members or committed offsets.
#[derive(Default)]
pub(crate) struct Groups(Mutex<BTreeMap<GroupId, Known>>);

#[derive(Default)]
struct Known {
    group: Group,
    committed: BTreeMap<TopicPartition, Offset>,
    mailboxes: BTreeMap<MemberId, Arc<Mailbox>>,
}

/// What a member has not been told yet.
#[derive(Default)]
pub(crate) struct Mailbox {
    notices: Mutex<VecDeque<Notice>>,
    /// Rung for a notice, a commit in the group, and a record in a partition that the member owns.
    pub(crate) bell: Arc<Notify>,
}

impl Mailbox {
    pub(crate) fn take(&self) -> Option<Notice> {
        lock(&self.notices).pop_front()
    }
}

impl Known {
    fn tell(&self, notices: Notices) {
        for (id, notice) in notices {
            // Who is gone needs no notice.
            if let Some(mailbox) = self.mailboxes.get(&id) {
                lock(&mailbox.notices).push_back(notice);
                mailbox.bell.notify_one();
            }
        }
    }

    /// What the group reads next of a partition whose log starts at `start`, if it reads it at all.
    fn next(&self, at: &TopicPartition, start: Offset) -> Option<Offset> {
        let reads = || self.group.members().any(|(_, owned)| owned.contains(at));
        // A group that never committed is at the start.
        let next = self.committed.get(at).copied().or_else(|| reads().then_some(start))?;
        Some(next.max(start))
    }

    fn describe(&self, id: &GroupId) -> GroupInfo {
        let member = |(id, partitions): (MemberId, Vec<TopicPartition>)| MemberInfo {
            id: format!("member-{}", id.0),
            host: "in this process".to_owned(),
            partitions,
        };
        let members: Vec<_> = self.group.members().map(member).collect();
        let state = if members.is_empty() {
            GroupState::Empty
        } else if self.group.is_settled() {
            GroupState::Stable
        } else {
            GroupState::Rebalancing
        };
        GroupInfo {
            group: id.clone(),
            state,
            members,
            committed: self.committed.iter().map(|(at, next)| (at.clone(), *next)).collect(),
        }
    }
}

impl Groups {
    fn with<T>(&self, id: &GroupId, body: impl FnOnce(&mut Known) -> T) -> T {
        let mut groups = lock(&self.0);
        if let Some(known) = groups.get_mut(id) {
            return body(known);
        }
        body(groups.entry(id.clone()).or_default())
    }

    /// Takes a member in.
    fn join(&self, id: &GroupId, topics: &[(Topic, u32)]) -> (MemberId, Arc<Mailbox>) {
        self.with(id, |known| {
            let (member, notices) = known.group.join(topics);
            let mailbox = Arc::<Mailbox>::default();
            known.mailboxes.insert(member, Arc::clone(&mailbox));
            known.tell(notices);
            (member, mailbox)
        })
    }

    fn release(&self, id: &GroupId, member: MemberId, partitions: &[TopicPartition]) {
        self.with(id, |known| {
            let notices = known.group.release(member, partitions);
            known.tell(notices);
        });
    }

    fn leave(&self, id: &GroupId, member: MemberId) {
        self.with(id, |known| {
            known.mailboxes.remove(&member);
            let notices = known.group.leave(member);
            known.tell(notices);
        });
    }

    /// Throws a member out that is gone without a word.
    fn expel(&self, id: &GroupId, member: MemberId) {
        self.with(id, |known| {
            known.mailboxes.remove(&member);
            let notices = known.group.expel(member);
            known.tell(notices);
        });
    }

    fn is_settled(&self, id: &GroupId) -> bool {
        self.with(id, |known| known.group.is_settled())
    }

    fn committed(&self, id: &GroupId, at: &TopicPartition) -> Option<Offset> {
        self.with(id, |known| known.committed.get(at).copied())
    }

    /// Whether the member may commit all of these.
    fn owns_all(
        &self,
        id: &GroupId,
        member: MemberId,
        offsets: &[(TopicPartition, Offset)],
    ) -> bool {
        self.with(id, |known| offsets.iter().all(|(at, _)| known.group.owns(member, at)))
    }

    /// These offsets are durable.
    fn set_committed(&self, id: &GroupId, offsets: Vec<(TopicPartition, Offset)>) {
        self.with(id, |known| {
            known.committed.extend(offsets);
            for mailbox in known.mailboxes.values() {
                mailbox.bell.notify_one();
            }
        });
    }

    /// Wakes every member, so that it sees that the database is closed.
    pub(crate) fn wake_all(&self) {
        for mailbox in lock(&self.0).values().flat_map(|known| known.mailboxes.values()) {
            mailbox.bell.notify_one();
        }
    }

    /// Every group, by name.
    pub(crate) fn describe(&self) -> Vec<GroupInfo> {
        lock(&self.0).iter().map(|(id, known)| known.describe(id)).collect()
    }

    /// Warns of what retention took from groups before they read it.
    pub(crate) fn warn_of_unread(&self, at: &TopicPartition, from: Offset, to: Offset) {
        for (group, records) in self.unread(at, from, to) {
            tracing::warn!(
                group = group.as_str(),
                topic = at.topic.as_str(),
                partition = at.partition.0,
                records,
                "retention removed records that the group has not read"
            );
        }
    }

    /// The first offset that some group which reads the partition, whose log starts at `start`, has not
    /// read.
    pub(crate) fn first_unread(&self, at: &TopicPartition, start: Offset) -> Option<Offset> {
        lock(&self.0).values().filter_map(|known| known.next(at, start)).min()
    }

    /// The groups that read the partition and have not read all of these offsets, and how many.
    fn unread(&self, at: &TopicPartition, from: Offset, to: Offset) -> Vec<(GroupId, u64)> {
        let unread = |(id, known): (&GroupId, &Known)| {
            let next = known.next(at, from)?;
            let records = to.0.saturating_sub(next.max(from).0);
            (records > 0).then(|| (id.clone(), records))
        };
        lock(&self.0).iter().filter_map(unread).collect()
    }

    /// Takes over the committed offsets that the database holds.
    pub(crate) fn load(&self, db: &Db, log: &Log) -> Result<(), Failure> {
        const WHAT: &str = "a committed offset";
        let partitions = log.by_id();
        for row in db.space(Space::Groups).iter() {
            let (key, value) = row.into_inner()?;
            let (partition, group) = keyspaces::parse_committed_key(&key)?;
            let group = GroupId::try_from(group);
            let group = group.map_err(|_| Malformed::new(WHAT, "its group cannot be read"))?;
            let log = partitions.get(&partition);
            let log = log.ok_or_else(|| Malformed::new(WHAT, "its partition is unknown"))?;
            let next = Offset(keyspaces::parse_u64(&value, WHAT)?);
            self.with(&group, |known| known.committed.insert(log.at.clone(), next));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use comptoir_domain::topic::Partition;

    use super::*;

    #[test]
    fn what_retention_takes_from_a_group_is_counted() {
        let topic = Topic::try_from("t").unwrap();
        let at = TopicPartition { topic: topic.clone(), partition: Partition(0) };
        let groups = Groups::default();
        let id = |name: &str| GroupId::try_from(name).unwrap();
        for (name, committed) in [("behind", 3), ("within", 7), ("ahead", 12)] {
            groups.set_committed(&id(name), vec![(at.clone(), Offset(committed))]);
        }
        groups.join(&id("new"), &[(topic, 1)]);
        groups.join(&id("elsewhere"), &[]);
        let unread = groups.unread(&at, Offset(5), Offset(10));
        assert_eq!(unread, [(id("behind"), 5), (id("new"), 5), (id("within"), 3)]);
    }
}
