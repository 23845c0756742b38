//! Balanced over all topics, sticky, and cooperative: a partition that moves is given to nobody
//! until its owner has come back without it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{Assignment, Counts, Subscriber, empty, partitions};
use crate::topic::TopicPartition;

pub(super) fn assign(subscribers: &[Subscriber], counts: &Counts) -> Assignment {
    let mut plan = Plan::new(subscribers, counts);
    plan.keep_claims();
    plan.give_out();
    while plan.even_out() {}
    withhold(plan.shares, subscribers)
}

struct Plan<'a> {
    members: BTreeMap<&'a str, &'a Subscriber>,
    counts: &'a Counts,
    shares: Assignment,
}

impl<'a> Plan<'a> {
    fn new(subscribers: &'a [Subscriber], counts: &'a Counts) -> Self {
        let members = subscribers.iter().map(|member| (member.member.as_str(), member)).collect();
        Self { members, counts, shares: empty(subscribers) }
    }

    fn may_have(&self, member: &str, at: &TopicPartition) -> bool {
        self.members.get(member).is_some_and(|member| member.topics.contains(&at.topic))
    }

    fn share(&mut self, member: &str) -> &mut BTreeSet<TopicPartition> {
        self.shares.entry(member.to_owned()).or_default()
    }

    /// Of two claims to one partition, the one of the later generation counts; of two from the
    /// same, neither.
    fn keep_claims(&mut self) {
        let mut claims: BTreeMap<&TopicPartition, (i32, Option<&str>)> = BTreeMap::new();
        for (id, member) in &self.members {
            for at in &member.owned {
                let is_there = self
                    .counts
                    .get(&at.topic)
                    .is_some_and(|count| (0..*count).contains(&at.partition));
                if !is_there || !member.topics.contains(&at.topic) {
                    continue;
                }
                let claim = claims.entry(at).or_insert((i32::MIN, None));
                if member.generation > claim.0 {
                    *claim = (member.generation, Some(*id));
                } else if member.generation == claim.0 {
                    claim.1 = None;
                }
            }
        }
        for (at, (_, member)) in claims {
            if let Some(member) = member {
                self.shares.entry(member.to_owned()).or_default().insert(at.clone());
            }
        }
    }

    /// What nobody has goes to whoever has least; what the fewest may have goes first.
    fn give_out(&mut self) {
        let owned: BTreeSet<_> = self.shares.values().flatten().cloned().collect();
        let all = self.counts.iter().flat_map(|(topic, count)| partitions(topic, *count));
        let mut free: Vec<_> = all
            .filter(|at| !owned.contains(at))
            .map(|at| (self.members.keys().filter(|id| self.may_have(id, &at)).count(), at))
            .collect();
        free.sort();
        let mut loads: BTreeSet<(usize, &str)> =
            self.members.keys().map(|id| (self.shares[*id].len(), *id)).collect();
        for (_, at) in free {
            let taker = loads.iter().find(|(_, id)| self.may_have(id, &at)).copied();
            if let Some((load, id)) = taker {
                self.share(id).insert(at);
                loads.remove(&(load, id));
                loads.insert((load + 1, id));
            }
        }
    }

    /// Moves one partition from a member that has at least two more than one that may have it;
    /// whether there was one.
    fn even_out(&mut self) -> bool {
        let mut loads: Vec<_> =
            self.shares.iter().map(|(id, share)| (share.len(), id.as_str())).collect();
        loads.sort_unstable();
        for &(most, from) in loads.iter().rev() {
            for &(least, to) in loads.iter().take_while(|(least, _)| least + 2 <= most) {
                debug_assert!(least < most);
                // What was not its own before moves without anybody's giving it up.
                let owned = &self.members[from].owned;
                let movable = self.shares[from].iter().filter(|at| self.may_have(to, at));
                let moved = movable.min_by_key(|at| (owned.contains(*at), Reverse(*at))).cloned();
                if let Some(at) = moved {
                    let (from, to) = (from.to_owned(), to.to_owned());
                    self.share(&from).remove(&at);
                    self.share(&to).insert(at);
                    return true;
                }
            }
        }
        false
    }
}

fn withhold(mut shares: Assignment, subscribers: &[Subscriber]) -> Assignment {
    let mut claimed: BTreeMap<&TopicPartition, Vec<&str>> = BTreeMap::new();
    for member in subscribers {
        for at in &member.owned {
            claimed.entry(at).or_default().push(&member.member);
        }
    }
    for (id, share) in &mut shares {
        share.retain(|at| {
            claimed.get(at).is_none_or(|claimants| claimants.iter().all(|claimant| claimant == id))
        });
    }
    shares
}
