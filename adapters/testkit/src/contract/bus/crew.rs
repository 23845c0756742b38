//! Members of one group, all awaited by one test.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use comptoir_domain::port::bus::{BusError, Committer, GroupEvent, GroupMember};
use comptoir_domain::record::StoredRecord;
use comptoir_domain::topic::TopicPartition;
use tokio::time::timeout;

use super::desk::value;
use crate::wait::within;

/// A record, and which of the crew got it.
pub(super) struct Got {
    pub(super) member: usize,
    pub(super) at: TopicPartition,
    pub(super) record: StoredRecord,
}

pub(super) struct Crew<M, C> {
    members: BTreeMap<usize, (M, C)>,
    joined: usize,
    patience: Duration,
    pub(super) got: Vec<Got>,
}

/// Some of what is waited for, such as being settled, is no event of any member.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

type Next<'a> = Pin<Box<dyn Future<Output = Result<GroupEvent, BusError>> + Send + 'a>>;

impl<M: GroupMember, C: Committer> Crew<M, C> {
    pub(super) fn new(patience: Duration) -> Self {
        Self { members: BTreeMap::new(), joined: 0, patience, got: Vec::new() }
    }

    pub(super) fn add(&mut self, member: (M, C)) -> usize {
        let number = self.joined;
        self.joined += 1;
        self.members.insert(number, member);
        number
    }

    /// Takes a member out of the crew, still a member of its group.
    pub(super) fn take(&mut self, number: usize) -> (M, C) {
        self.members.remove(&number).unwrap()
    }

    pub(super) fn is_settled(&self) -> bool {
        self.members.values().all(|(member, _)| member.is_settled())
    }

    /// The first event that any member gets. The others' waits are dropped, so whatever a dropped
    /// `next` loses is missing at the end of the test.
    async fn any_event(&mut self) -> (usize, GroupEvent) {
        let mut waits: Vec<(usize, Next<'_>)> = Vec::new();
        for (number, (member, _)) in &mut self.members {
            waits.push((*number, Box::pin(member.next())));
        }
        poll_fn(|cx| {
            for (number, next) in &mut waits {
                if let Poll::Ready(event) = next.as_mut().poll(cx) {
                    return Poll::Ready((*number, event.unwrap()));
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Does as a good member does: takes records down and commits them, releases what is revoked.
    async fn answer(&mut self, number: usize, event: GroupEvent) {
        let (member, commits) = self.members.get_mut(&number).unwrap();
        match event {
            GroupEvent::Records { at, batch } => {
                let next = batch.last().unwrap().offset.next();
                commits.commit(&[(at.clone(), next)]).await.unwrap();
                self.got.extend(batch.into_iter().map(|record| Got {
                    member: number,
                    at: at.clone(),
                    record,
                }));
            }
            GroupEvent::Revoking(partitions) => member.release(&partitions).await.unwrap(),
            GroupEvent::Lost(_) => {}
        }
    }

    /// Works until something is so.
    pub(super) async fn work_until(
        &mut self,
        what: &str,
        is_so: impl Fn(&Self) -> bool + Send + Sync,
    ) {
        let patience = self.patience;
        let waiting = async {
            while !is_so(self) {
                if let Ok((number, event)) = timeout(LOOK_AGAIN, self.any_event()).await {
                    self.answer(number, event).await;
                }
            }
        };
        within(patience, what, waiting).await;
    }

    pub(super) async fn work_until_got(&mut self, count: usize) {
        let what = format!("{count} records");
        self.work_until(&what, |crew| crew.got.len() >= count).await;
    }

    /// What was got of a partition, in the order in which it came, whoever got it.
    pub(super) fn values_of(&self, at: &TopicPartition) -> Vec<String> {
        let of = self.got.iter().filter(|got| got.at == *at);
        of.map(|got| value(&got.record)).collect()
    }

    /// Which members got something of a partition.
    pub(super) fn readers_of(&self, at: &TopicPartition) -> Vec<usize> {
        let of = self.got.iter().filter(|got| got.at == *at);
        let mut members: Vec<_> = of.map(|got| got.member).collect();
        members.sort_unstable();
        members.dedup();
        members
    }
}
