//! Consumer groups.

use std::fmt::Write as _;

use comptoir_domain::port::bus::{BusError, Committer, ConsumerGroups, GroupEvent, GroupMember};
use comptoir_domain::record::StoredRecord;
use comptoir_domain::topic::{GroupId, Offset, Topic, TopicPartition};

use super::Gated;
use crate::life::Life;
use crate::tally::Counted;
use crate::words;

/// A member behind the life of its process.
#[derive(Debug)]
pub(crate) struct GatedMember<M> {
    inner: M,
    life: Life,
    group: GroupId,
    /// Told by the log, but not handed on: a future that is dropped loses nothing.
    told: Option<Result<GroupEvent, BusError>>,
}

impl<G: ConsumerGroups> ConsumerGroups for Gated<G> {
    type Member = GatedMember<G::Member>;
    type Committer = Gated<G::Committer>;

    async fn join(
        &self,
        group: &GroupId,
        topics: &[Topic],
    ) -> Result<(Self::Member, Self::Committer), BusError> {
        let joined = self.life.call("joining", self.inner.join(group, topics)).await;
        self.life.tell(format_args!("joins {group}: {}", words::outcome(&joined)));
        let (inner, committer) = joined?;
        let life = self.life.clone();
        let member = GatedMember { inner, life: life.clone(), group: group.clone(), told: None };
        Ok((member, Gated { inner: committer, life }))
    }
}

impl<M: GroupMember> GroupMember for GatedMember<M> {
    async fn next(&mut self) -> Result<GroupEvent, BusError> {
        if self.told.is_none() {
            let next = self.life.alive(self.inner.next()).await;
            self.tell(&next);
            self.told = Some(next);
        }
        self.life.step("after", "a delivery").await;
        self.told.take().expect("it was put there above")
    }

    async fn release(&mut self, partitions: &[TopicPartition]) -> Result<(), BusError> {
        self.life.tell(format_args!("releases {}", list(partitions)));
        self.life.call("a release", self.inner.release(partitions)).await
    }

    fn is_settled(&self) -> bool {
        self.inner.is_settled()
    }

    async fn leave(self) -> Result<(), BusError> {
        self.life.tell(format_args!("leaves {}", self.group));
        self.life.call("leaving", self.inner.leave()).await
    }
}

impl<M> GatedMember<M> {
    fn tell(&self, next: &Result<GroupEvent, BusError>) {
        match next {
            Ok(GroupEvent::Records { at, batch }) => {
                let what = self.life.words(|| records(batch));
                self.life.tell(format_args!("gets {at}{what}"));
                if let [first, .., last] | [first @ last] = batch.as_slice() {
                    let range = [first.offset, last.offset.next()];
                    self.life.world().deliver(&self.group, at, range);
                }
            }
            Ok(GroupEvent::Revoking(partitions)) => {
                self.life.world().count(Counted::Rebalances);
                self.life.tell(format_args!("must give up {}", list(partitions)));
            }
            Ok(GroupEvent::Lost(partitions)) => {
                self.life.world().count(Counted::Rebalances);
                self.life.tell(format_args!("lost {}", list(partitions)));
            }
            Err(_) => self.life.tell(format_args!("hears from the log: {}", words::outcome(next))),
        }
    }
}

impl<C: Committer> Committer for Gated<C> {
    async fn commit(&self, offsets: &[(TopicPartition, Offset)]) -> Result<(), BusError> {
        let committed = self.life.call("a commit", async {
            let committed = self.inner.commit(offsets).await;
            let what = self.life.words(|| {
                let each = offsets.iter().map(|(at, next)| format!("{at} up to {next}"));
                each.collect::<Vec<_>>().join(", ")
            });
            self.life.tell(format_args!("commits {what}: {}", words::outcome(&committed)));
            committed
        });
        committed.await
    }
}

fn list(partitions: &[TopicPartition]) -> String {
    let names = partitions.iter().map(ToString::to_string);
    names.collect::<Vec<_>>().join(", ")
}

fn records(batch: &[StoredRecord]) -> String {
    let mut text = String::new();
    for stored in batch {
        // Writing to a string never fails.
        let _ = write!(text, " {}: {},", stored.offset, words::record(&stored.record));
    }
    text
}
