//! The coordinator of a KIP-848 group: member epochs, revocation before assignment, fencing.
//!
//! The order of the checks is that of Kafka's `GroupMetadataManager`; the next assignment is computed
//! as its `CurrentAssignmentBuilder` does.

mod assign;

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::ResponseError;
use uuid::Uuid;

use super::group::Committer;

/// Topic ids and partitions.
pub(crate) type Share = BTreeSet<(Uuid, i32)>;

/// The topics that there are: name, id, partitions.
pub(crate) type Catalogue = Vec<(String, Uuid, usize)>;

const LEAVING: i32 = -1;
/// A static member that is away and keeps its partitions.
pub(crate) const AWAY: i32 = -2;

#[derive(Default)]
pub(crate) struct ConsumerGroup {
    pub(crate) epoch: i32,
    pub(crate) members: BTreeMap<String, Member>,
    /// The topics that the targets are made of.
    known: Catalogue,
}

#[derive(Clone, Default)]
pub(crate) struct Member {
    pub(crate) instance: Option<String>,
    pub(crate) client: String,
    pub(crate) epoch: i32,
    previous_epoch: i32,
    pub(crate) topics: Vec<String>,
    pub(crate) assigned: Share,
    /// Taken away, but the member has not said that it let go.
    pub(crate) revoking: Share,
    pub(crate) target: Share,
}

/// A heartbeat, as far as the coordinator reads it.
#[derive(Default)]
pub(crate) struct Beat {
    pub(crate) member: String,
    pub(crate) epoch: i32,
    pub(crate) instance: Option<String>,
    pub(crate) client: String,
    pub(crate) topics: Option<Vec<String>>,
    pub(crate) owned: Option<Share>,
    /// Whether every field is there, as after joining or an error.
    pub(crate) full: bool,
}

/// What a heartbeat brings.
pub(crate) struct Answer {
    pub(crate) epoch: i32,
    /// Only if it changed, or if everything was sent.
    pub(crate) assignment: Option<Share>,
}

impl ConsumerGroup {
    pub(crate) fn heartbeat(
        &mut self,
        beat: &Beat,
        catalogue: &Catalogue,
        no_rejoin: bool,
    ) -> Result<Answer, ResponseError> {
        if beat.epoch < AWAY {
            return Err(ResponseError::InvalidRequest);
        }
        if beat.epoch < 0 {
            return self.leave(beat);
        }
        let before = self.member(beat, no_rejoin)?;
        let mut member = before.clone();
        if let Some(topics) = &beat.topics {
            member.topics.clone_from(topics);
        }
        if let Some(instance) = &beat.instance {
            member.instance = Some(instance.clone());
        }
        member.client.clone_from(&beat.client);
        let new = !self.members.contains_key(&beat.member);
        let subscribed = new || member.topics != before.topics;
        self.members.insert(beat.member.clone(), member);
        self.retarget(catalogue, subscribed);
        let after = self.reconcile(&beat.member, beat.owned.as_ref());
        let changed = after.assigned != before.assigned;
        let assignment = (changed || beat.full || beat.epoch == 0).then(|| after.assigned.clone());
        Ok(Answer { epoch: after.epoch, assignment })
    }

    /// The member that beats: known, new, or a static one that is back under a new id.
    fn member(&mut self, beat: &Beat, no_rejoin: bool) -> Result<Member, ResponseError> {
        if let Some(instance) = &beat.instance {
            let holder = self.members.iter().find(|(_, is)| is.instance.as_ref() == Some(instance));
            match holder.map(|(id, is)| (id.clone(), is.epoch)) {
                Some((id, _)) if id == beat.member => {}
                Some((id, AWAY)) if beat.epoch == 0 => {
                    let held = self.members.remove(&id).unwrap();
                    let back = Member { epoch: 0, previous_epoch: 0, ..held };
                    self.members.insert(beat.member.clone(), back.clone());
                    return Ok(back);
                }
                Some(_) if beat.epoch == 0 => return Err(ResponseError::UnreleasedInstanceId),
                Some(_) => return Err(ResponseError::FencedInstanceId),
                None => {}
            }
        }
        let Some(member) = self.members.get(&beat.member) else {
            let joins = beat.epoch == 0;
            return joins.then(Member::default).ok_or(ResponseError::UnknownMemberId);
        };
        let rejoins = beat.epoch == 0 && !no_rejoin;
        let missed_answer = beat.epoch == member.previous_epoch
            && beat.owned.as_ref().is_some_and(|owned| owned.is_subset(&member.assigned));
        if beat.epoch == member.epoch || rejoins || missed_answer {
            return Ok(member.clone());
        }
        Err(ResponseError::FencedMemberEpoch)
    }

    fn leave(&mut self, beat: &Beat) -> Result<Answer, ResponseError> {
        let member = self.members.get_mut(&beat.member).ok_or(ResponseError::UnknownMemberId)?;
        if member.instance != beat.instance {
            return Err(ResponseError::FencedInstanceId);
        }
        if beat.epoch == LEAVING {
            self.remove(&beat.member);
        } else {
            member.epoch = AWAY;
            member.revoking.clear();
        }
        Ok(Answer { epoch: beat.epoch, assignment: None })
    }

    /// The member left or was not heard of in time.
    pub(crate) fn remove(&mut self, member: &str) {
        if self.members.remove(member).is_some() {
            let known = std::mem::take(&mut self.known);
            self.retarget(&known, true);
        }
    }

    pub(crate) fn admit(&self, committer: &Committer<'_>) -> Result<(), ResponseError> {
        let member = self.members.get(committer.member).ok_or(ResponseError::UnknownMemberId)?;
        if member.epoch == committer.epoch { Ok(()) } else { Err(ResponseError::StaleMemberEpoch) }
    }

    /// The state's name in `ConsumerGroupDescribe`.
    pub(crate) fn phase(&self) -> &'static str {
        let settled = |is: &Member| is.assigned == is.target && is.revoking.is_empty();
        match self
            .members
            .values()
            .all(|is| is.epoch == AWAY || settled(is) && is.epoch == self.epoch)
        {
            _ if self.members.is_empty() => "Empty",
            true => "Stable",
            false => "Reconciling",
        }
    }
}
