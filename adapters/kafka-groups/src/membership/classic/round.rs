//! A round of joining: who is in it, who gets what.

use std::collections::BTreeSet;
use std::sync::Arc;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::{JoinGroupResponse, SyncGroupResponse};
use tokio::time::Instant;

use super::{COUNT_AGAIN, Classic, Phase, wire};
use crate::membership::Change;
use crate::membership::assignor::{Assignor, Counts, Subscriber};

impl Classic {
    pub(super) fn joined(&mut self, answer: JoinGroupResponse, now: Instant) {
        self.backoff.reset();
        self.heard = now;
        self.member = answer.member_id.to_string();
        self.generation = answer.generation_id;
        self.shares.clear();
        self.roster.clear();
        self.due = now;
        let name = answer.protocol_name.as_deref().unwrap_or_default();
        self.assignor = Assignor::from_name(name).filter(|found| self.assignors.contains(found));
        if self.assignor.is_none() {
            return self.fail(ResponseError::InconsistentGroupProtocol, now);
        }
        // A static leader that comes back is told to leave the assignment as it is (KIP-814).
        if answer.leader != answer.member_id || answer.skip_assignment {
            self.phase = Phase::Syncing;
            return;
        }
        let members = answer.members.into_iter().map(|member| {
            let described = wire::subscriber(member.metadata).unwrap_or_else(|error| {
                let group = &self.terms.group;
                tracing::warn!(
                    group,
                    error,
                    "a member describes itself unreadably, it gets nothing"
                );
                Subscriber::default()
            });
            Subscriber {
                member: member.member_id.to_string(),
                instance: member.group_instance_id.map(|name| name.to_string()),
                ..described
            }
        });
        self.roster = members.collect();
        self.phase = Phase::Counting;
        self.changes.push(Change::Count(self.counted_topics()));
    }

    pub(super) fn is_leading(&self) -> bool {
        !self.roster.is_empty()
    }

    /// What any member of the round reads.
    pub(super) fn counted_topics(&self) -> Vec<Arc<str>> {
        let topics: BTreeSet<_> = self.roster.iter().flat_map(|member| &member.topics).collect();
        topics.into_iter().map(Arc::clone).collect()
    }

    pub(super) fn assign(&mut self, counts: Counts, now: Instant) {
        let Some(assignor) = self.assignor else { return };
        let shares = assignor.assign(&self.roster, &counts);
        let encode = |(member, share)| (member, wire::assignment(&share));
        self.shares = shares.into_iter().map(encode).collect();
        self.counts = counts;
        self.phase = Phase::Syncing;
        self.due = now;
    }

    pub(super) fn synced(&mut self, answer: &SyncGroupResponse, now: Instant) {
        let target = match wire::assigned(answer.assignment.clone()) {
            Ok(target) => target,
            Err(error) => {
                let group = &self.terms.group;
                tracing::error!(group, error, "the leader's assignment cannot be read");
                BTreeSet::new()
            }
        };
        self.backoff.reset();
        self.shares.clear();
        self.heard = now;
        self.owned_since = self.generation;
        self.phase = Phase::Stable;
        self.due = now + self.terms.heartbeat_interval;
        self.count_again = self.is_leading().then(|| now + COUNT_AGAIN);
        self.holdings.set_target(target);
        self.revoke();
        self.gain();
        if !self.has_joined {
            self.has_joined = true;
            self.changes.push(Change::Joined);
        }
        // Released while the round went on, but claimed in it: now nobody has it.
        if self.has_strays() && !self.holdings.is_revoking() {
            self.rejoin(now);
        }
    }
}
