//! One member of a group: what it owns, and what it is delivered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::group::{MemberId, Notice};
use comptoir_domain::port::BoxError;
use comptoir_domain::port::bus::{BusError, ConsumerGroups, GroupEvent, GroupMember, ReadLimit};
use comptoir_domain::topic::{GroupId, Offset, Topic, TopicPartition};
use thiserror::Error;

use super::{GroupCommitter, Mailbox};
use crate::embedded::Core;
use crate::error::Failure;
use crate::log::{PartitionLog, fetch};

/// The largest batch.
const BATCH: ReadLimit = ReadLimit { records: 500, bytes: 1 << 20, wait: Duration::ZERO };

/// Joins consumer groups.
#[derive(Clone)]
pub struct Joiner(pub(crate) Arc<Core>);

impl ConsumerGroups for Joiner {
    type Member = Member;
    type Committer = GroupCommitter;

    async fn join(
        &self,
        group: &GroupId,
        topics: &[Topic],
    ) -> Result<(Member, GroupCommitter), BusError> {
        let shared = &self.0.shared;
        // A member of a closed database would wait for ever.
        shared.db().map_err(BusError::from)?;
        let counted = |name: &Topic| {
            let count = shared.log.topic(name)?.partition_count();
            Ok((name.clone(), count))
        };
        let topics: Vec<_> = topics.iter().map(counted).collect::<Result<_, BusError>>()?;
        let (id, mailbox) = shared.groups.join(group, &topics);
        let member = Member {
            core: Arc::clone(&self.0),
            group: group.clone(),
            id,
            mailbox,
            held: BTreeMap::new(),
            last: None,
        };
        let committer =
            GroupCommitter { core: Arc::clone(&self.0), group: group.clone(), member: id };
        Ok((member, committer))
    }
}

/// A partition that the member owns.
struct Held {
    log: Arc<PartitionLog>,
    /// The next offset to deliver; `None` starts at the earliest.
    next: Option<Offset>,
    /// Whether what was delivered is still to be committed, up to `next`.
    is_waiting: bool,
    is_revoked: bool,
    /// Whether what comes next cannot be read. To pass over it would be to lose it, as long as it is
    /// there.
    is_damaged: bool,
}

/// A partition that is held because what comes next in it cannot be read.
#[derive(Debug, Error)]
#[error("{at} is held from offset {from} on")]
struct Damaged {
    at: TopicPartition,
    from: Offset,
    source: BoxError,
}

/// One member of a consumer group. Dropped without leaving, it is thrown out at once.
pub struct Member {
    core: Arc<Core>,
    group: GroupId,
    id: MemberId,
    mailbox: Arc<Mailbox>,
    held: BTreeMap<TopicPartition, Held>,
    /// The partition that was delivered last; the next batch is looked for behind it.
    last: Option<TopicPartition>,
}

impl GroupMember for Member {
    async fn next(&mut self) -> Result<GroupEvent, BusError> {
        loop {
            while let Some(notice) = self.mailbox.take() {
                if let Some(event) = self.heed(notice) {
                    return Ok(event);
                }
            }
            let Some((log, from)) = self.next_batch() else {
                if self.core.shared.queue.is_closed() {
                    return Err(Failure::Closed.into());
                }
                self.mailbox.bell.notified().await;
                continue;
            };
            let batch = match fetch(&self.core.shared, &log, from, BATCH).await {
                Ok(batch) => batch,
                // Retention was faster; the next round begins where it left the log.
                Err(BusError::OutOfRange { .. }) => continue,
                Err(BusError::Corrupt(source)) => {
                    if let Some(held) = self.held.get_mut(&log.at) {
                        held.next = Some(from);
                        held.is_damaged = true;
                    }
                    let damaged = Damaged { at: log.at.clone(), from, source };
                    return Err(BusError::Corrupt(damaged.into()));
                }
                Err(error) => return Err(error),
            };
            // Nothing is awaited from here on, so a dropped future loses no batch.
            if let (Some(last), Some(held)) = (batch.last(), self.held.get_mut(&log.at)) {
                held.next = Some(last.offset.next());
                held.is_waiting = true;
                self.last = Some(log.at.clone());
                return Ok(GroupEvent::Records { at: log.at.clone(), batch });
            }
        }
    }

    async fn release(&mut self, partitions: &[TopicPartition]) -> Result<(), BusError> {
        for at in partitions {
            if self.held.get(at).is_some_and(|held| held.is_revoked) {
                self.let_go(at);
            }
        }
        self.core.shared.groups.release(&self.group, self.id, partitions);
        Ok(())
    }

    fn is_settled(&self) -> bool {
        self.core.shared.groups.is_settled(&self.group)
    }

    async fn leave(self) -> Result<(), BusError> {
        self.core.shared.groups.leave(&self.group, self.id);
        Ok(())
    }
}

impl Member {
    fn heed(&mut self, notice: Notice) -> Option<GroupEvent> {
        match notice {
            Notice::Assigned(partitions) => {
                for at in partitions {
                    self.take_over(at);
                }
                None
            }
            Notice::Revoking(partitions) => {
                for at in &partitions {
                    if let Some(held) = self.held.get_mut(at) {
                        held.is_revoked = true;
                    }
                }
                Some(GroupEvent::Revoking(partitions))
            }
            Notice::Lost(partitions) => {
                for at in &partitions {
                    self.let_go(at);
                }
                Some(GroupEvent::Lost(partitions))
            }
        }
    }

    fn take_over(&mut self, at: TopicPartition) {
        // The group only assigns partitions of topics that it was shown when its members joined.
        let Ok(log) = self.core.shared.log.partition(&at) else {
            return;
        };
        log.follow(&self.mailbox.bell);
        let held = Held {
            log,
            next: self.core.shared.groups.committed(&self.group, &at),
            is_waiting: false,
            is_revoked: false,
            is_damaged: false,
        };
        self.held.insert(at, held);
    }

    fn let_go(&mut self, at: &TopicPartition) {
        if let Some(held) = self.held.remove(at) {
            held.log.unfollow(&self.mailbox.bell);
        }
    }

    /// The next partition in turn that has something to deliver, and from where.
    fn next_batch(&mut self) -> Option<(Arc<PartitionLog>, Offset)> {
        let groups = &self.core.shared.groups;
        for (at, held) in &mut self.held {
            if held.is_waiting {
                let committed = groups.committed(&self.group, at);
                held.is_waiting = committed < held.next;
                held.next = held.next.max(committed);
            }
            held.skip_removed(&self.group);
        }
        let last = self.last.as_ref();
        let is_behind = |at: &TopicPartition| last.is_some_and(|last| at > last);
        let (behind, before): (Vec<_>, Vec<_>) =
            self.held.iter().partition(|(at, _)| is_behind(at));
        let mut in_turn = behind.into_iter().chain(before);
        in_turn.find_map(|(_, held)| held.ready())
    }
}

impl Held {
    /// If retention took what comes next, goes on at the earliest record that is left.
    fn skip_removed(&mut self, group: &GroupId) {
        let earliest = Offset(self.log.extent().start);
        let Some(next) = self.next.filter(|next| *next < earliest) else {
            return;
        };
        if !self.is_waiting {
            tracing::warn!(
                group = group.as_str(),
                topic = self.log.at.topic.as_str(),
                partition = self.log.at.partition.0,
                records = earliest.0 - next.0,
                "the group goes on behind records that were removed before it read them"
            );
            self.next = Some(earliest);
            self.is_damaged = false;
        }
    }

    fn ready(&self) -> Option<(Arc<PartitionLog>, Offset)> {
        let extent = self.log.extent();
        let from = self.next.unwrap_or(Offset(extent.start));
        let is_free = !self.is_revoked && !self.is_waiting && !self.is_damaged;
        let is_ready = is_free && from.0 < extent.next;
        is_ready.then(|| (Arc::clone(&self.log), from))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        for held in self.held.values() {
            held.log.unfollow(&self.mailbox.bell);
        }
        // After leaving there is nobody left to throw out.
        self.core.shared.groups.expel(&self.group, self.id);
    }
}
