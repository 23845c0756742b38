//! The coordinator of a classic group: everyone joins, the leader assigns, everyone syncs.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use kafka_protocol::ResponseError;

use super::group::Committer;

#[derive(Default)]
pub(crate) struct ClassicGroup {
    pub(crate) generation: i32,
    pub(crate) phase: Phase,
    pub(crate) protocol: String,
    pub(crate) leader: String,
    pub(crate) members: BTreeMap<String, Member>,
    /// Ids handed out with which nobody has joined yet (KIP-394).
    invited: BTreeSet<String>,
    /// Ids of static members that a new one has replaced.
    replaced: BTreeSet<String>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Members are joining.
    #[default]
    Preparing,
    /// All have joined; the leader's assignment is awaited.
    Completing,
    Stable,
}

#[derive(Clone, Default)]
pub(crate) struct Member {
    pub(crate) instance: Option<String>,
    pub(crate) client: String,
    pub(crate) protocols: Vec<(String, Bytes)>,
    pub(crate) assignment: Bytes,
    /// Waits for the others to join.
    joining: bool,
}

/// Who joins.
pub(crate) struct Joiner {
    pub(crate) id: String,
    pub(crate) instance: Option<String>,
    pub(crate) client: String,
    pub(crate) protocols: Vec<(String, Bytes)>,
    /// Whether a new member must come back with the id it is given (from version 4 on).
    pub(crate) needs_id: bool,
}

impl ClassicGroup {
    /// Lets a member in, and returns the id under which it then waits for [`Self::joined`].
    pub(crate) fn join(
        &mut self,
        mut joiner: Joiner,
        new_id: String,
    ) -> Result<String, (ResponseError, String)> {
        let protocols = &joiner.protocols;
        let common = |is: &Member| {
            is.protocols.iter().any(|(name, _)| protocols.iter().any(|(other, _)| name == other))
        };
        if !self.members.values().all(common) || protocols.is_empty() {
            return Err((ResponseError::InconsistentGroupProtocol, joiner.id));
        }
        if joiner.id.is_empty() {
            joiner.id = new_id;
            if let Some(old) = self.holder(joiner.instance.as_deref()) {
                return Ok(self.replace(&old, joiner));
            }
            if joiner.needs_id && joiner.instance.is_none() {
                self.invited.insert(joiner.id.clone());
                return Err((ResponseError::MemberIdRequired, joiner.id));
            }
        } else if let Err(error) = self.check(&joiner.id, joiner.instance.as_deref())
            && !self.invited.remove(&joiner.id)
        {
            return Err((error, joiner.id));
        }
        let id = joiner.id.clone();
        let known = self.members.get(&id);
        let same = known.is_some_and(|is| is.protocols == joiner.protocols);
        let rebalance = match self.phase {
            Phase::Preparing => true,
            Phase::Completing => !same,
            Phase::Stable => !same || self.leader == id,
        };
        let member = self.members.entry(id.clone()).or_default();
        member.instance = joiner.instance;
        member.client = joiner.client;
        member.protocols = joiner.protocols;
        if rebalance {
            self.prepare();
            self.members.get_mut(&id).unwrap().joining = true;
            self.complete();
        }
        Ok(id)
    }

    /// A static member comes back under a new id: it keeps its assignment, and nobody else notices
    /// as long as the group's assignor stays the same.
    fn replace(&mut self, old: &str, joiner: Joiner) -> String {
        let mut member = self.members.remove(old).unwrap();
        self.replaced.insert(old.to_owned());
        let id = joiner.id;
        if self.leader == old {
            self.leader.clone_from(&id);
        }
        // What it owned, which is in its description, does not matter: only the assignor's name.
        let knows = joiner.protocols.iter().any(|(name, _)| *name == self.protocol);
        let same = self.phase == Phase::Stable && knows;
        member.protocols = joiner.protocols;
        member.client = joiner.client;
        self.members.insert(id.clone(), member);
        if !same {
            self.prepare();
            self.members.get_mut(&id).unwrap().joining = true;
            self.complete();
        }
        id
    }

    fn holder(&self, instance: Option<&str>) -> Option<String> {
        let instance = instance?;
        let holder = self.members.iter().find(|(_, is)| is.instance.as_deref() == Some(instance));
        holder.map(|(id, _)| id.clone())
    }

    /// Whether the round in which the member joined is over.
    pub(crate) fn joined(&self, id: &str) -> Option<Result<(), ResponseError>> {
        match self.members.get(id) {
            None => Some(Err(self.check(id, None).unwrap_err())),
            Some(member) if member.joining => None,
            Some(_) => Some(Ok(())),
        }
    }

    /// Takes the leader's assignments.
    pub(crate) fn sync(
        &mut self,
        id: &str,
        generation: i32,
        assignments: impl IntoIterator<Item = (String, Bytes)>,
    ) {
        let expected = self.phase == Phase::Completing && self.generation == generation;
        if !expected || self.leader != id {
            return;
        }
        for (member, assignment) in assignments {
            if let Some(member) = self.members.get_mut(&member) {
                member.assignment = assignment;
            }
        }
        self.phase = Phase::Stable;
    }

    /// The assignment of a member of this generation, once there is one.
    pub(crate) fn synced(&self, id: &str, generation: i32) -> Option<Result<Bytes, ResponseError>> {
        if let Err(error) = self.check(id, None) {
            return Some(Err(error));
        }
        match self.phase {
            _ if self.generation != generation => Some(Err(ResponseError::IllegalGeneration)),
            Phase::Preparing => Some(Err(ResponseError::RebalanceInProgress)),
            Phase::Completing => None,
            Phase::Stable => Some(Ok(self.members[id].assignment.clone())),
        }
    }

    pub(crate) fn heartbeat(
        &self,
        id: &str,
        generation: i32,
        instance: Option<&str>,
    ) -> Result<(), ResponseError> {
        self.check(id, instance)?;
        match self.phase {
            _ if self.generation != generation => Err(ResponseError::IllegalGeneration),
            Phase::Preparing => Err(ResponseError::RebalanceInProgress),
            Phase::Completing | Phase::Stable => Ok(()),
        }
    }

    pub(crate) fn admit(&self, committer: &Committer<'_>) -> Result<(), ResponseError> {
        self.check(committer.member, committer.instance)?;
        match self.phase {
            _ if self.generation != committer.epoch => Err(ResponseError::IllegalGeneration),
            Phase::Completing => Err(ResponseError::RebalanceInProgress),
            Phase::Preparing | Phase::Stable => Ok(()),
        }
    }

    pub(crate) fn check(&self, id: &str, instance: Option<&str>) -> Result<(), ResponseError> {
        let taken = self.holder(instance).is_some_and(|holder| holder != id);
        if taken || self.replaced.contains(id) {
            return Err(ResponseError::FencedInstanceId);
        }
        if !self.members.contains_key(id) {
            return Err(ResponseError::UnknownMemberId);
        }
        Ok(())
    }

    /// A member left, or its session ended.
    pub(crate) fn leave(&mut self, id: &str, instance: Option<&str>) -> Result<(), ResponseError> {
        let id = match self.holder(instance) {
            Some(holder) if id.is_empty() => holder,
            _ => id.to_owned(),
        };
        if self.invited.remove(&id) {
            return Ok(());
        }
        self.check(&id, instance)?;
        self.members.remove(&id);
        self.prepare();
        self.complete();
        Ok(())
    }

    /// The rebalance time-out: who has not joined again is out.
    pub(crate) fn drop_absent(&mut self) {
        if self.phase == Phase::Preparing {
            self.members.retain(|_, member| member.joining);
            self.complete();
        }
    }

    fn prepare(&mut self) {
        if self.phase != Phase::Preparing {
            self.phase = Phase::Preparing;
            for member in self.members.values_mut() {
                member.joining = false;
            }
        }
    }

    fn complete(&mut self) {
        if self.members.is_empty() || !self.members.values().all(|member| member.joining) {
            return;
        }
        self.generation += 1;
        self.phase = Phase::Completing;
        if !self.members.contains_key(&self.leader) {
            self.leader = self.members.keys().next().unwrap().clone();
        }
        let all = |name: &str| {
            self.members.values().all(|is| is.protocols.iter().any(|(other, _)| other == name))
        };
        let offered = &self.members[&self.leader].protocols;
        self.protocol =
            offered.iter().map(|(name, _)| name).find(|name| all(name)).unwrap().clone();
        for member in self.members.values_mut() {
            member.joining = false;
            member.assignment = Bytes::new();
        }
    }

    /// The state's name in `DescribeGroups`.
    pub(crate) fn phase_name(&self) -> &'static str {
        match self.phase {
            _ if self.members.is_empty() => "Empty",
            Phase::Preparing => "PreparingRebalance",
            Phase::Completing => "CompletingRebalance",
            Phase::Stable => "Stable",
        }
    }
}
