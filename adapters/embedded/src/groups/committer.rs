//! Committing offsets.

use std::sync::Arc;

use comptoir_domain::group::MemberId;
use comptoir_domain::port::bus::{BusError, Committer};
use comptoir_domain::topic::{GroupId, Offset, TopicPartition};

use crate::embedded::Core;
use crate::keyspaces::{self, Space};
use crate::writer::Transaction;

/// Commits for one member of a group.
#[derive(Clone)]
pub struct GroupCommitter {
    pub(super) core: Arc<Core>,
    pub(super) group: GroupId,
    pub(super) member: MemberId,
}

impl Committer for GroupCommitter {
    async fn commit(&self, offsets: &[(TopicPartition, Offset)]) -> Result<(), BusError> {
        if offsets.is_empty() {
            return Ok(());
        }
        let (group, member) = (self.group.clone(), self.member);
        let (shared, offsets) = (Arc::clone(&self.core.shared), offsets.to_vec());
        let commit = move |tx: &mut Transaction<'_>| {
            // Asked here and not before: commits of one partition take effect in the order of the
            // writer, so an owner of before never writes over the next one's.
            if !shared.groups.owns_all(&group, member, &offsets) {
                return Err(BusError::Fenced);
            }
            for (at, next) in &offsets {
                let id = shared.log.partition(at)?.id;
                let key = keyspaces::committed_key(id, group.as_str());
                tx.put(Space::Groups, key, next.0.to_be_bytes());
            }
            tx.after(move |shared| shared.groups.set_committed(&group, offsets));
            Ok(())
        };
        self.core.write(0, commit).await
    }
}
