//! Who gets which partition, and when.

use super::{AWAY, Catalogue, ConsumerGroup, Member, Share};

impl ConsumerGroup {
    /// Computes new targets if a subscription or a topic changed.
    pub(super) fn retarget(&mut self, catalogue: &Catalogue, subscribed: bool) {
        if !subscribed && self.known == *catalogue {
            return;
        }
        self.known.clone_from(catalogue);
        self.epoch += 1;
        let old = self.members.values_mut().map(|member| std::mem::take(&mut member.target));
        let old: Vec<Share> = old.collect();
        for (name, id, partitions) in catalogue {
            let interested: Vec<usize> = (0..)
                .zip(self.members.values())
                .filter(|(_, is)| is.topics.contains(name))
                .map(|(at, _)| at)
                .collect();
            if interested.is_empty() {
                continue;
            }
            let total = i32::try_from(*partitions).unwrap();
            let most = partitions.div_ceil(interested.len());
            let mut shares: Vec<Share> = vec![Share::new(); old.len()];
            let mut free = Vec::new();
            for partition in (0..total).map(|index| (*id, index)) {
                let holder = interested.iter().find(|&&at| old[at].contains(&partition));
                match holder.filter(|&&at| shares[at].len() < most) {
                    Some(&at) => _ = shares[at].insert(partition),
                    None => free.push(partition),
                }
            }
            for partition in free {
                let least = interested.iter().min_by_key(|&&at| shares[at].len()).unwrap();
                shares[*least].insert(partition);
            }
            for (member, share) in self.members.values_mut().zip(shares) {
                member.target.extend(share);
            }
        }
    }

    /// Moves a member towards its target: it first lets go, then it gets what others let go.
    pub(super) fn reconcile(&mut self, id: &str, owned: Option<&Share>) -> Member {
        let held_by_others: Share = self
            .members
            .iter()
            .filter(|(other, _)| *other != id)
            .flat_map(|(_, is)| is.assigned.union(&is.revoking).copied())
            .collect();
        let epoch = self.epoch;
        let member = self.members.get_mut(id).unwrap();
        let holds = |partitions: &Share| match owned {
            Some(owned) => !owned.is_disjoint(partitions),
            None => !partitions.is_empty(),
        };
        if holds(&member.revoking) && member.epoch != AWAY {
            return member.clone();
        }
        let kept: Share = member.assigned.intersection(&member.target).copied().collect();
        let revoking: Share = member.assigned.difference(&member.target).copied().collect();
        if holds(&revoking) && member.epoch > 0 {
            member.assigned = kept;
            member.revoking = revoking;
            return member.clone();
        }
        member.revoking.clear();
        let free = member.target.difference(&held_by_others).copied();
        member.assigned = kept.into_iter().chain(free.collect::<Share>()).collect();
        if member.epoch != epoch {
            member.previous_epoch = member.epoch;
            member.epoch = epoch;
        }
        member.clone()
    }
}
