//! A round of joining: who is in it, who gets what.

use std::collections::BTreeSet;
use std::sync::Arc;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::{JoinGroupResponse, SyncGroupResponse};
use tokio::time::Instant;

use super::{COUNT_AGAIN, Classic, Phase};
use crate::membership::assignor::{Assignor, Counts, Subscriber};
use crate::membership::{Change, wire};

impl Classic {
    pub(super) fn joined(&mut self, answer: JoinGroupResponse, now: Instant) {
        if answer.member_id.is_empty() || answer.generation_id < 0 {
            // Nothing to go on with: by these it would take itself for a member that nobody knows.
            let (group, generation) = (&self.terms.group, answer.generation_id);
            tracing::warn!(group, generation, "let in as nobody, or into no generation");
            return self.retry(now);
        }
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
        if answer.leader != answer.member_id {
            self.phase = Phase::Syncing;
            return;
        }
        let members = answer.members.into_iter().map(|member| {
            let described = wire::subscriber(&member.metadata).unwrap_or_else(|error| {
                let group = &self.terms.group;
                tracing::warn!(
                    group,
                    %error,
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
        self.counts = None;
        self.count();
        // A static leader that comes back leaves the assignment as it is, and goes on looking for new
        // partitions (KIP-814): those that are there now are what it compares with.
        if answer.skip_assignment {
            self.phase = Phase::Syncing;
        } else {
            self.phase = Phase::Counting;
            self.due = now + self.terms.heartbeat_interval;
        }
    }

    pub(super) fn is_leading(&self) -> bool {
        !self.roster.is_empty()
    }

    /// Has the partitions counted of what any member of the round reads.
    pub(super) fn count(&mut self) {
        let topics: BTreeSet<_> = self.roster.iter().flat_map(|member| &member.topics).collect();
        let topics = topics.into_iter().map(Arc::clone).collect();
        self.changes.push(Change::Count(self.generation, topics));
    }

    /// Starts another round if there are other partitions than those that were assigned.
    pub(super) fn compare(&mut self, counts: Option<Counts>, now: Instant) {
        let has_changed = matches!((&counts, &self.counts), (Some(now), Some(then)) if now != then);
        if has_changed && self.phase == Phase::Stable {
            return self.rejoin(now);
        }
        self.counts = self.counts.take().or(counts);
        if self.phase == Phase::Stable {
            self.count_again = Some(now + COUNT_AGAIN);
        }
    }

    pub(super) fn assign(&mut self, counts: Counts, now: Instant) {
        let Some(assignor) = self.assignor else { return };
        let shares = assignor.assign(&self.roster, &counts);
        let encode = |(member, share)| (member, wire::assignment(&share));
        self.shares = shares.into_iter().map(encode).collect();
        self.counts = Some(counts);
        self.phase = Phase::Syncing;
        self.due = now;
    }

    pub(super) fn synced(&mut self, answer: &SyncGroupResponse, now: Instant) {
        let target = match wire::assigned(&answer.assignment) {
            Ok(target) => target,
            Err(error) => {
                let group = &self.terms.group;
                tracing::error!(group, %error, "the leader's assignment cannot be read");
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
