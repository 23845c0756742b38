//! A group: who is in it by either protocol, and its offsets.

use std::collections::BTreeMap;

use kafka_protocol::ResponseError;

use super::classic::ClassicGroup;
use super::consumer::ConsumerGroup;

#[derive(Default)]
pub(crate) struct Group {
    pub(crate) members: Members,
    /// The offsets committed, by topic and partition.
    pub(crate) offsets: BTreeMap<(String, i32), i64>,
}

#[derive(Default)]
pub(crate) enum Members {
    #[default]
    Nobody,
    Consumer(ConsumerGroup),
    Classic(ClassicGroup),
}

/// As whom offsets are committed or fetched.
pub(crate) struct Committer<'a> {
    pub(crate) member: &'a str,
    /// Generation or member epoch; negative without a membership.
    pub(crate) epoch: i32,
    pub(crate) instance: Option<&'a str>,
}

impl Group {
    /// The KIP-848 group, which an empty one becomes.
    pub(crate) fn consumer(&mut self) -> Result<&mut ConsumerGroup, ResponseError> {
        if self.is_empty() && !matches!(self.members, Members::Consumer(_)) {
            self.members = Members::Consumer(ConsumerGroup::default());
        }
        match &mut self.members {
            Members::Consumer(group) => Ok(group),
            _ => Err(ResponseError::GroupIdNotFound),
        }
    }

    /// The classic group, which an empty one becomes.
    pub(crate) fn classic(&mut self) -> Result<&mut ClassicGroup, ResponseError> {
        if self.is_empty() && !matches!(self.members, Members::Classic(_)) {
            self.members = Members::Classic(ClassicGroup::default());
        }
        match &mut self.members {
            Members::Classic(group) => Ok(group),
            _ => Err(ResponseError::InconsistentGroupProtocol),
        }
    }

    fn is_empty(&self) -> bool {
        match &self.members {
            Members::Nobody => true,
            Members::Consumer(group) => group.members.is_empty(),
            Members::Classic(group) => group.members.is_empty(),
        }
    }

    /// Whether offsets may be committed so.
    pub(crate) fn admit(&self, committer: &Committer<'_>) -> Result<(), ResponseError> {
        if committer.epoch < 0 && self.is_empty() {
            return Ok(());
        }
        match &self.members {
            Members::Nobody => Err(ResponseError::UnknownMemberId),
            Members::Consumer(group) => group.admit(committer),
            Members::Classic(group) => group.admit(committer),
        }
    }
}
