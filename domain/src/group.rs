//! Consumer groups as a state machine without clock or I/O: who owns which partition, and who may
//! commit. The logs that run inside one process (memory, embedded) share it.
//!
//! Assignment is balanced per topic and sticky. Rebalancing is cooperative, as in Kafka's KIP-429 and
//! KIP-848: a partition is first revoked from its owner, who finishes, commits and releases it; only
//! then does it go to the next.

use std::collections::{BTreeMap, BTreeSet};

use crate::topic::{Partition, Topic, TopicPartition};

/// A member of one group, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemberId(pub u64);

/// What a change means for one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// It owns these from now on.
    Assigned(Vec<TopicPartition>),
    /// It must finish with these and release them.
    Revoking(Vec<TopicPartition>),
    /// These are not its own any more.
    Lost(Vec<TopicPartition>),
}

/// Notices by member, in the order in which they happened.
pub type Notices = Vec<(MemberId, Notice)>;

#[derive(Debug, Default)]
struct Membership {
    topics: BTreeSet<Topic>,
    owned: BTreeSet<TopicPartition>,
    /// Part of `owned`: told to release, not released yet.
    revoking: BTreeSet<TopicPartition>,
}

impl Membership {
    fn keeps(&self, topic: &Topic) -> usize {
        self.owned.difference(&self.revoking).filter(|at| at.topic == *topic).count()
    }
}

/// One group.
#[derive(Debug, Default)]
pub struct Group {
    joined: u64,
    members: BTreeMap<MemberId, Membership>,
    partitions: BTreeMap<Topic, u32>,
}

impl Group {
    /// Takes a member in. `topics` are what it reads, with their partition counts.
    pub fn join(&mut self, topics: &[(Topic, u32)]) -> (MemberId, Notices) {
        self.joined += 1;
        let id = MemberId(self.joined);
        self.partitions.extend(topics.iter().cloned());
        let topics = topics.iter().map(|(topic, _)| topic.clone()).collect();
        self.members.insert(id, Membership { topics, ..Membership::default() });
        (id, self.rebalance())
    }

    /// A member gives up what was revoked from it. What it does not own is passed over.
    pub fn release(&mut self, id: MemberId, partitions: &[TopicPartition]) -> Notices {
        if let Some(member) = self.members.get_mut(&id) {
            for at in partitions {
                if member.revoking.remove(at) {
                    member.owned.remove(at);
                }
            }
        }
        self.rebalance()
    }

    /// A member is gone; what it owned goes to the others.
    pub fn leave(&mut self, id: MemberId) -> Notices {
        if self.members.remove(&id).is_some() { self.rebalance() } else { Vec::new() }
    }

    /// Throws a member out that may not know it yet: it loses everything and may commit nothing.
    pub fn expel(&mut self, id: MemberId) -> Notices {
        let Some(member) = self.members.remove(&id) else {
            return Vec::new();
        };
        let mut notices = vec![(id, Notice::Lost(member.owned.into_iter().collect()))];
        notices.extend(self.rebalance());
        notices
    }

    /// Whether the member may commit for the partition: it owns it, if only until it releases it.
    pub fn owns(&self, id: MemberId, at: &TopicPartition) -> bool {
        self.members.get(&id).is_some_and(|member| member.owned.contains(at))
    }

    /// Whether every partition that somebody reads has an owner who keeps it.
    pub fn is_settled(&self) -> bool {
        let owned: usize = self.members.values().map(|member| member.owned.len()).sum();
        let read: BTreeSet<_> = self.members.values().flat_map(|member| &member.topics).collect();
        let wanted: usize = read.iter().map(|topic| self.count_of(topic)).sum();
        owned == wanted && self.members.values().all(|member| member.revoking.is_empty())
    }

    /// The members and what they own.
    pub fn members(&self) -> impl Iterator<Item = (MemberId, Vec<TopicPartition>)> + '_ {
        self.members.iter().map(|(id, member)| (*id, member.owned.iter().cloned().collect()))
    }

    fn count_of(&self, topic: &Topic) -> usize {
        self.partitions.get(topic).map_or(0, |&count| count as usize)
    }

    fn rebalance(&mut self) -> Notices {
        let topics: Vec<Topic> = self.partitions.keys().cloned().collect();
        topics.iter().flat_map(|topic| self.rebalance_topic(topic)).collect()
    }

    fn rebalance_topic(&mut self, topic: &Topic) -> Notices {
        let quotas = self.quotas(topic);
        let mut notices = self.revoke_surplus(topic, &quotas);
        notices.extend(self.assign_free(topic, &quotas));
        notices
    }

    /// How many partitions each reader of the topic should have. Those who have most now get the
    /// odd ones, so that the fewest move.
    fn quotas(&self, topic: &Topic) -> Vec<(MemberId, usize)> {
        let readers = self.members.iter().filter(|(_, member)| member.topics.contains(topic));
        let mut readers: Vec<_> = readers.map(|(id, member)| (*id, member.keeps(topic))).collect();
        if readers.is_empty() {
            return Vec::new();
        }
        readers.sort_by_key(|&(id, keeps)| (std::cmp::Reverse(keeps), id));
        let (base, odd) =
            (self.count_of(topic) / readers.len(), self.count_of(topic) % readers.len());
        let quota = |(at, (id, _)): (usize, (MemberId, usize))| (id, base + usize::from(at < odd));
        readers.into_iter().enumerate().map(quota).collect()
    }

    fn revoke_surplus(&mut self, topic: &Topic, quotas: &[(MemberId, usize)]) -> Notices {
        let mut notices = Vec::new();
        for &(id, quota) in quotas {
            let Some(member) = self.members.get_mut(&id) else {
                continue;
            };
            let kept = member.owned.difference(&member.revoking).filter(|at| at.topic == *topic);
            let surplus: Vec<_> = kept.skip(quota).cloned().collect();
            if !surplus.is_empty() {
                member.revoking.extend(surplus.iter().cloned());
                notices.push((id, Notice::Revoking(surplus)));
            }
        }
        notices
    }

    fn assign_free(&mut self, topic: &Topic, quotas: &[(MemberId, usize)]) -> Notices {
        let count = self.partitions.get(topic).copied().unwrap_or(0);
        let all =
            (0..count).map(|n| TopicPartition { topic: topic.clone(), partition: Partition(n) });
        let free = |at: &TopicPartition| !self.members.values().any(|m| m.owned.contains(at));
        let mut free = all.filter(free).collect::<Vec<_>>().into_iter();
        let mut notices = Vec::new();
        for &(id, quota) in quotas {
            let Some(member) = self.members.get_mut(&id) else {
                continue;
            };
            let room = quota.saturating_sub(member.keeps(topic));
            let gained: Vec<_> = free.by_ref().take(room).collect();
            if !gained.is_empty() {
                member.owned.extend(gained.iter().cloned());
                notices.push((id, Notice::Assigned(gained)));
            }
        }
        notices
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn topic() -> Topic {
        Topic::try_from("t").unwrap()
    }

    fn at(partition: u32) -> TopicPartition {
        TopicPartition { topic: topic(), partition: Partition(partition) }
    }

    #[test]
    fn the_first_member_gets_everything() {
        let mut group = Group::default();
        let (id, notices) = group.join(&[(topic(), 3)]);
        assert_eq!(notices, [(id, Notice::Assigned(vec![at(0), at(1), at(2)]))]);
        assert!(group.is_settled());
    }

    #[test]
    fn the_second_member_waits_until_the_first_releases() {
        let mut group = Group::default();
        let (one, _) = group.join(&[(topic(), 3)]);
        let (two, notices) = group.join(&[(topic(), 3)]);
        assert_eq!(notices, [(one, Notice::Revoking(vec![at(2)]))]);
        assert!(group.owns(one, &at(2)), "it may still commit what it finishes");
        assert!(!group.is_settled());
        let notices = group.release(one, &[at(2)]);
        assert_eq!(notices, [(two, Notice::Assigned(vec![at(2)]))]);
        assert!(!group.owns(one, &at(2)));
        assert!(group.is_settled());
    }

    #[test]
    fn an_expelled_member_loses_all_at_once() {
        let mut group = Group::default();
        let (one, _) = group.join(&[(topic(), 2)]);
        let (two, _) = group.join(&[(topic(), 2)]);
        let notices = group.expel(one);
        assert_eq!(notices[0], (one, Notice::Lost(vec![at(0), at(1)])));
        assert_eq!(notices[1], (two, Notice::Assigned(vec![at(0), at(1)])));
        assert!(!group.owns(one, &at(0)));
    }

    #[test]
    fn only_what_is_revoked_can_be_released() {
        let mut group = Group::default();
        let (one, _) = group.join(&[(topic(), 1)]);
        assert_eq!(group.release(one, &[at(0)]), []);
        assert!(group.owns(one, &at(0)));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Join,
        Leave(usize),
        Expel(usize),
        ReleaseAll(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            Just(Step::Join),
            (0..8_usize).prop_map(Step::Leave),
            (0..8_usize).prop_map(Step::Expel),
            (0..8_usize).prop_map(Step::ReleaseAll),
        ];
        prop::collection::vec(step, 1..40)
    }

    proptest! {
        /// Never two owners; and once everyone released what was asked for, it is balanced.
        #[test]
        fn partitions_have_one_owner_and_end_balanced(steps in steps(), count in 1..7_u32) {
            let mut group = Group::default();
            let mut revoked: BTreeMap<MemberId, Vec<TopicPartition>> = BTreeMap::new();
            let pick = |group: &Group, n: usize| {
                let ids: Vec<_> = group.members.keys().copied().collect();
                (!ids.is_empty()).then(|| ids[n % ids.len()])
            };
            for step in steps {
                let notices = match step {
                    Step::Join => group.join(&[(topic(), count)]).1,
                    Step::Leave(n) => pick(&group, n).map_or(vec![], |id| group.leave(id)),
                    Step::Expel(n) => pick(&group, n).map_or(vec![], |id| group.expel(id)),
                    Step::ReleaseAll(n) => pick(&group, n).map_or(vec![], |id| {
                        let given = revoked.remove(&id).unwrap_or_default();
                        group.release(id, &given)
                    }),
                };
                collect(&mut revoked, notices);
                let owned: Vec<_> = group.members().flat_map(|(_, owned)| owned).collect();
                let distinct: BTreeSet<_> = owned.iter().collect();
                prop_assert_eq!(owned.len(), distinct.len());
            }
            while let Some((id, given)) = revoked.pop_first() {
                let notices = group.release(id, &given);
                collect(&mut revoked, notices);
            }
            let shares: Vec<_> = group.members().map(|(_, owned)| owned.len()).collect();
            if let (Some(least), Some(most)) = (shares.iter().min(), shares.iter().max()) {
                prop_assert!(most - least <= 1, "{shares:?}");
                prop_assert_eq!(shares.iter().sum::<usize>(), count as usize);
                prop_assert!(group.is_settled());
            }
        }
    }

    fn collect(revoked: &mut BTreeMap<MemberId, Vec<TopicPartition>>, notices: Notices) {
        for (id, notice) in notices {
            if let Notice::Revoking(partitions) = notice {
                revoked.entry(id).or_default().extend(partitions);
            }
        }
    }
}
