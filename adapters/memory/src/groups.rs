//! Consumer groups: the domain's state machine, with committed offsets and what each member has
//! under way.

use std::collections::{BTreeMap, VecDeque};

use comptoir_domain::group::{Group, MemberId, Notice, Notices};
use comptoir_domain::port::bus::{
    BusError, GroupEvent, GroupInfo, GroupState as State, MemberInfo,
};
use comptoir_domain::topic::{GroupId, Offset, Topic, TopicPartition};

use crate::records::Records;
use crate::script::Script;

/// A member's place in its group. It outlives an expulsion, after which the group knows the member
/// by another id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SeatId(u64);

/// The most records in one batch.
const LARGEST_BATCH: usize = 500;

#[derive(Debug, Clone, Copy)]
struct Batch {
    first: Offset,
    next: Offset,
    comes_again: bool,
}

/// How far a member has read a partition that it owns.
#[derive(Debug, Clone, Copy)]
struct Progress {
    next: Offset,
    under_way: Option<Batch>,
    revoking: bool,
}

#[derive(Debug)]
struct Seat {
    /// `None` between an expulsion and joining again.
    member: Option<MemberId>,
    topics: Vec<(Topic, u32)>,
    told: VecDeque<GroupEvent>,
    owned: BTreeMap<TopicPartition, Progress>,
}

/// One group.
#[derive(Debug, Default)]
pub(crate) struct GroupState {
    machine: Group,
    committed: BTreeMap<TopicPartition, Offset>,
    seats: BTreeMap<SeatId, Seat>,
    seated: u64,
}

impl GroupState {
    pub(crate) fn join(&mut self, topics: Vec<(Topic, u32)>) -> SeatId {
        self.seated += 1;
        let id = SeatId(self.seated);
        let seat = Seat { member: None, topics, told: VecDeque::new(), owned: BTreeMap::new() };
        self.seats.insert(id, seat);
        self.take_seat(id);
        id
    }

    fn take_seat(&mut self, id: SeatId) {
        if let Some(seat) = self.seats.get_mut(&id) {
            let (member, notices) = self.machine.join(&seat.topics);
            seat.member = Some(member);
            self.tell(notices);
        }
    }

    /// Lets a member that was thrown out, and was told, join again. True if it did.
    pub(crate) fn rejoin(&mut self, id: SeatId) -> bool {
        let seat = self.seats.get(&id);
        let out = seat.is_some_and(|seat| seat.member.is_none() && seat.told.is_empty());
        if out {
            self.take_seat(id);
        }
        out
    }

    /// The next event for a member, if there is one now.
    pub(crate) fn next(
        &mut self,
        id: SeatId,
        records: &Records,
        script: &Script,
    ) -> Result<Option<GroupEvent>, BusError> {
        let Some(seat) = self.seats.get_mut(&id) else {
            return Ok(None);
        };
        match seat.told.pop_front() {
            Some(told) => Ok(Some(told)),
            None => seat.next_batch(records, script),
        }
    }

    pub(crate) fn release(&mut self, id: SeatId, partitions: &[TopicPartition]) {
        let Some((seat, member)) = self.member(id) else {
            return;
        };
        for at in partitions {
            if seat.owned.get(at).is_some_and(|progress| progress.revoking) {
                seat.owned.remove(at);
            }
        }
        let notices = self.machine.release(member, partitions);
        self.tell(notices);
    }

    pub(crate) fn leave(&mut self, id: SeatId) {
        let seat = self.seats.remove(&id);
        if let Some(member) = seat.and_then(|seat| seat.member) {
            let notices = self.machine.leave(member);
            self.tell(notices);
        }
    }

    pub(crate) fn expel_longest_serving(&mut self) -> bool {
        let Some((member, _)) = self.machine.members().next() else {
            return false;
        };
        let notices = self.machine.expel(member);
        self.tell(notices);
        true
    }

    /// Throws out the longest-serving member, after the commits of all but the first so many offsets
    /// of its partitions were lost.
    pub(crate) fn set_back(&mut self, script: &Script) -> bool {
        let Some((_, partitions)) = self.machine.members().next() else {
            return false;
        };
        for at in &partitions {
            if let Some(next) = self.committed.get_mut(at) {
                let offsets = usize::try_from(next.0).unwrap_or(usize::MAX);
                *next = Offset(script.below(offsets.saturating_add(1)) as u64);
            }
        }
        self.expel_longest_serving()
    }

    pub(crate) fn commit(
        &mut self,
        id: SeatId,
        offsets: &[(TopicPartition, Offset)],
    ) -> Result<(), BusError> {
        let member = self.seats.get(&id).and_then(|seat| seat.member);
        let member = member.ok_or(BusError::Fenced)?;
        if !offsets.iter().all(|(at, _)| self.machine.owns(member, at)) {
            return Err(BusError::Fenced);
        }
        for (at, next) in offsets {
            self.committed.insert(at.clone(), *next);
            let progress = self.seats.get_mut(&id).and_then(|s| s.owned.get_mut(at));
            if let Some(progress) = progress {
                progress.finish(*next);
            }
        }
        Ok(())
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.machine.is_settled()
    }

    pub(crate) fn info(&self, group: &GroupId) -> GroupInfo {
        let members = self.machine.members().map(|(id, partitions)| MemberInfo {
            id: format!("member-{}", id.0),
            host: "memory".to_owned(),
            partitions,
        });
        let members: Vec<_> = members.collect();
        let state = if members.is_empty() {
            State::Empty
        } else if self.is_settled() {
            State::Stable
        } else {
            State::Rebalancing
        };
        let committed = self.committed.iter().map(|(at, next)| (at.clone(), *next));
        GroupInfo { group: group.clone(), state, members, committed: committed.collect() }
    }

    fn member(&mut self, id: SeatId) -> Option<(&mut Seat, MemberId)> {
        let seat = self.seats.get_mut(&id)?;
        let member = seat.member?;
        Some((seat, member))
    }

    fn tell(&mut self, notices: Notices) {
        for (member, notice) in notices {
            let seats = &mut self.seats;
            let Some(seat) = seats.values_mut().find(|s| s.member == Some(member)) else {
                continue;
            };
            match notice {
                Notice::Assigned(partitions) => seat.begin(partitions, &self.committed),
                Notice::Revoking(partitions) => seat.finish_with(partitions),
                Notice::Lost(partitions) => seat.lose(partitions),
            }
        }
    }
}

impl Seat {
    fn begin(&mut self, gained: Vec<TopicPartition>, committed: &BTreeMap<TopicPartition, Offset>) {
        for at in gained {
            let progress = Progress {
                next: committed.get(&at).copied().unwrap_or(Offset::ZERO),
                under_way: None,
                revoking: false,
            };
            self.owned.insert(at, progress);
        }
    }

    fn finish_with(&mut self, partitions: Vec<TopicPartition>) {
        for at in &partitions {
            if let Some(progress) = self.owned.get_mut(at) {
                progress.revoking = true;
            }
        }
        self.told.push_back(GroupEvent::Revoking(partitions));
    }

    fn lose(&mut self, partitions: Vec<TopicPartition>) {
        self.member = None;
        self.owned.clear();
        if !partitions.is_empty() {
            self.told.push_back(GroupEvent::Lost(partitions));
        }
    }

    /// A batch of any of the partitions that have one, so that nobody relies on an order.
    fn next_batch(
        &mut self,
        records: &Records,
        script: &Script,
    ) -> Result<Option<GroupEvent>, BusError> {
        let mut ready = Vec::new();
        for (at, progress) in &mut self.owned {
            progress.next = records.first_at_or_after(at, progress.next);
            let free = progress.under_way.is_none() && !progress.revoking;
            if free && !records.read(at, progress.next, 1, 0)?.is_empty() {
                ready.push((at, progress));
            }
        }
        if ready.is_empty() {
            return Ok(None);
        }
        let (at, progress) = ready.swap_remove(script.below(ready.len()));
        let most = (1 << script.below(10)).min(LARGEST_BATCH);
        let batch = records.read(at, progress.next, most, usize::MAX)?;
        let first = progress.next;
        progress.next = Offset(first.0 + batch.len() as u64);
        progress.under_way =
            Some(Batch { first, next: progress.next, comes_again: script.duplicates() });
        let at = at.clone();
        Ok(Some(GroupEvent::Records { at, batch }))
    }
}

impl Progress {
    fn finish(&mut self, committed: Offset) {
        if let Some(batch) = self.under_way.filter(|batch| committed >= batch.next) {
            self.under_way = None;
            if batch.comes_again {
                self.next = batch.first;
            }
        }
    }
}
