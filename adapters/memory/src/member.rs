//! Members of consumer groups.

use comptoir_domain::port::bus::{BusError, Committer, ConsumerGroups, GroupEvent, GroupMember};
use comptoir_domain::topic::{GroupId, Offset, Topic, TopicPartition};

use crate::groups::{GroupState, SeatId};
use crate::log::{LogState, MemoryLog};
use crate::script::Call;

#[derive(Debug, Clone)]
struct Place {
    log: MemoryLog,
    group: GroupId,
    seat: SeatId,
}

impl Place {
    fn change<T>(&self, change: impl FnOnce(&mut GroupState, SeatId) -> T) -> Option<T> {
        let mut state = self.log.state();
        let group = state.groups.get_mut(&self.group);
        let changed = group.map(|group| change(group, self.seat));
        drop(state);
        self.log.wake_all();
        changed
    }
}

/// A member. Dropped, it is thrown out at once.
#[derive(Debug)]
pub struct MemoryMember(Place);

/// Commits offsets for a member.
#[derive(Debug, Clone)]
pub struct MemoryCommitter(Place);

impl MemoryLog {
    pub(crate) fn expel_member(&self, group: &GroupId) -> bool {
        let mut state = self.state();
        let group = state.groups.get_mut(group);
        let expelled = group.is_some_and(GroupState::expel_longest_serving);
        drop(state);
        self.wake_all();
        expelled
    }

    pub(crate) fn set_group_back(&self, group: &GroupId) -> bool {
        let mut state = self.state();
        let group = state.groups.get_mut(group);
        let is_set_back = group.is_some_and(|group| group.set_back(self.script()));
        drop(state);
        self.wake_all();
        is_set_back
    }

    fn take_seat(&self, group: &GroupId, topics: &[Topic]) -> Result<MemoryMember, BusError> {
        self.script().bus_answers()?;
        let mut state = self.state();
        let counted = |topic: &Topic| Ok((topic.clone(), state.records.partition_count(topic)?));
        let topics = topics.iter().map(counted).collect::<Result<_, BusError>>()?;
        let seat = state.groups.entry(group.clone()).or_default().join(topics);
        drop(state);
        self.wake_all();
        Ok(MemoryMember(Place { log: self.clone(), group: group.clone(), seat }))
    }
}

impl ConsumerGroups for MemoryLog {
    type Member = MemoryMember;
    type Committer = MemoryCommitter;

    async fn join(
        &self,
        group: &GroupId,
        topics: &[Topic],
    ) -> Result<(MemoryMember, MemoryCommitter), BusError> {
        self.script().take_turns().await;
        let member = self.take_seat(group, topics)?;
        self.script().take_turns().await;
        let committer = MemoryCommitter(member.0.clone());
        Ok((member, committer))
    }
}

impl MemoryMember {
    fn try_next(&self) -> Result<Option<GroupEvent>, BusError> {
        let Place { log, group, seat } = &self.0;
        log.script().bus_answers()?;
        let LogState { records, groups } = &mut *log.state();
        let Some(group) = groups.get_mut(group) else {
            return Ok(None);
        };
        if group.rejoin(*seat) {
            log.wake_all();
        }
        group.next(*seat, records, log.script())
    }
}

impl GroupMember for MemoryMember {
    async fn next(&mut self) -> Result<GroupEvent, BusError> {
        self.0.log.script().take_turns().await;
        loop {
            let changed = self.0.log.changed();
            if let Some(event) = self.try_next()? {
                return Ok(event);
            }
            changed.await;
        }
    }

    async fn release(&mut self, partitions: &[TopicPartition]) -> Result<(), BusError> {
        self.0.log.script().take_turns().await;
        self.0.log.script().bus_answers()?;
        self.0.change(|group, seat| group.release(seat, partitions));
        self.0.log.script().take_turns().await;
        Ok(())
    }

    fn is_settled(&self) -> bool {
        let state = self.0.log.state();
        state.groups.get(&self.0.group).is_some_and(GroupState::is_settled)
    }

    async fn leave(self) -> Result<(), BusError> {
        self.0.log.script().take_turns().await;
        // If the log is away it notices the absence all the same.
        let answers = self.0.log.script().bus_answers();
        drop(self);
        answers
    }
}

impl Drop for MemoryMember {
    fn drop(&mut self) {
        self.0.change(GroupState::leave);
    }
}

impl Committer for MemoryCommitter {
    async fn commit(&self, offsets: &[(TopicPartition, Offset)]) -> Result<(), BusError> {
        self.0.log.script().take_turns().await;
        let fault = self.0.log.script().bus_call(Call::Commit)?;
        let committed = self.0.change(|group, seat| group.commit(seat, offsets));
        self.0.log.script().take_turns().await;
        match fault {
            None => committed.unwrap_or(Err(BusError::Fenced)),
            Some(fault) => Err(BusError::Unavailable(fault.cause())),
        }
    }
}
