//! Finds out where newly assigned partitions are read from.

use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use tokio::time::timeout;

use super::GroupSettings;
use super::pause::Pauses;
use super::shelf::{Place, Shelf, Start};
use crate::cluster::Cluster;
use crate::error::{KafkaError, Result};
use crate::membership::Standing;
use crate::offsets::{self, Identity};

pub(super) struct Starter {
    pub(super) cluster: Cluster,
    pub(super) settings: Arc<GroupSettings>,
    pub(super) shelf: Arc<Shelf>,
}

impl Starter {
    /// Asks for what the group committed until the answer is there, or the partitions are gone. An
    /// error never means that nothing was committed: taking it so would skip or repeat records.
    pub(super) async fn run(self, places: Vec<Place>) -> Result<()> {
        let mut standing = self.shelf.standing();
        let mut pauses = Pauses::new();
        loop {
            let lacking = self.shelf.without_start(&places);
            if lacking.is_empty() {
                return Ok(());
            }
            let now = standing.borrow_and_update().clone();
            let asked = if now.is_firm { Some(self.ask(&now, &lacking).await) } else { None };
            match asked {
                Some(Ok(())) => return Ok(()),
                Some(Err(error)) if !is_passing(&error) => return Err(error),
                Some(Err(error)) => {
                    tracing::debug!(
                        group = self.settings.group,
                        ?error,
                        "asking again for offsets"
                    );
                    if matches!(error.refusal(), Some(ResponseError::NotCoordinator)) {
                        self.cluster.forget_coordinator(&self.settings.group);
                    }
                }
                None => {}
            }
            // A new epoch is what most of the refusals wait for.
            let _ = timeout(pauses.next(), standing.changed()).await;
        }
    }

    async fn ask(&self, now: &Standing, places: &[Place]) -> Result<()> {
        let partitions: Vec<_> = places.iter().map(|(at, _)| at.clone()).collect();
        let who = Identity {
            group: &self.settings.group,
            member: &now.member,
            epoch: now.epoch,
            instance: self.settings.instance_id.as_deref(),
        };
        let settings = self.cluster.settings();
        let longest: Duration = settings.request_timeout * 2 + settings.connect_timeout;
        let asking = async {
            let mut lease = self.cluster.lease_coordinator(&self.settings.group).await?;
            offsets::committed(&mut lease, who, &partitions).await
        };
        let committed =
            timeout(longest, asking).await.map_err(KafkaError::unavailable).flatten()?;
        for place in places {
            let start = committed.get(&place.0).copied().flatten();
            self.shelf.start(place, start.map_or(Start::Earliest, Start::At));
        }
        Ok(())
    }
}

fn is_passing(error: &KafkaError) -> bool {
    use ResponseError::{
        FencedMemberEpoch, GroupIdNotFound, IllegalGeneration, RebalanceInProgress,
        StaleMemberEpoch, UnknownMemberId, UnknownServerError,
    };
    let is_of_the_moment = matches!(
        error.refusal(),
        Some(
            StaleMemberEpoch
                | UnknownMemberId
                | FencedMemberEpoch
                | IllegalGeneration
                | RebalanceInProgress
                | GroupIdNotFound
                | UnknownServerError
        )
    );
    // An answer that came garbled is asked for again: the membership has no use without it.
    let can_help = matches!(error, KafkaError::UnknownTopic { .. } | KafkaError::Corrupt(_));
    is_of_the_moment || can_help || error.is_retriable()
}
