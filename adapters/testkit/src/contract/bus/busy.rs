//! A group whose members come and go all the time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use comptoir_domain::port::bus::{
    BusError, Committer, ConsumerGroups, GroupEvent, GroupMember, Publisher,
};
use comptoir_domain::record::Outgoing;
use comptoir_domain::topic::{GroupId, Topic, TopicPartition};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::desk::desk;
use crate::contract::{BusHarness, Log};
use crate::wait::within;

const PARTITIONS: u32 = 4;
/// Records on each partition.
const EACH: u64 = 200;

/// From one offset to another.
type Span = (u64, u64);

/// What was committed, by partition.
#[derive(Default)]
struct Committed {
    spans: Mutex<BTreeMap<TopicPartition, Vec<Span>>>,
    more: Notify,
}

impl Committed {
    fn add(&self, at: TopicPartition, span: Span) {
        let mut spans = self.spans.lock().unwrap();
        spans.entry(at).or_default().push(span);
        self.more.notify_one();
    }

    fn count(&self) -> u64 {
        let spans = self.spans.lock().unwrap();
        spans.values().flatten().map(|(from, to)| to - from).sum()
    }
}

/// Joins again and again: commits so many batches, then goes, every other time without a word.
async fn work<G: ConsumerGroups>(
    groups: G,
    (group, topic): (GroupId, Topic),
    committed: Arc<Committed>,
    batches: usize,
) {
    for turn in 0.. {
        let topics = std::slice::from_ref(&topic);
        let (mut member, commits) = groups.join(&group, topics).await.unwrap();
        let mut left = batches;
        while left > 0 {
            match member.next().await.unwrap() {
                GroupEvent::Revoking(partitions) => member.release(&partitions).await.unwrap(),
                GroupEvent::Lost(_) => {}
                GroupEvent::Records { at, batch } => {
                    left -= 1;
                    let (from, to) = (batch[0].offset, batch.last().unwrap().offset.next());
                    match commits.commit(&[(at.clone(), to)]).await {
                        Ok(()) => committed.add(at, (from.0, to.0)),
                        Err(BusError::Fenced) => {}
                        Err(other) => panic!("got {other:?}"),
                    }
                }
            }
        }
        if turn % 2 == 0 {
            member.leave().await.unwrap();
        }
    }
}

/// Whoever comes and goes, in the end every record was committed exactly once: a partition has one
/// owner at a time, and the next one starts where the last one ended.
pub async fn a_busy_group_commits_everything_once(h: &impl BusHarness) {
    let desk = desk(h, PARTITIONS).await;
    let committed = Arc::<Committed>::default();
    let mut tasks = JoinSet::new();
    for batches in [3, 5, 7] {
        let (groups, committed) = (desk.log.groups(), Arc::clone(&committed));
        let place = (desk.group.clone(), desk.topic.clone());
        tasks.spawn(work(groups, place, committed, batches));
    }
    let publisher = desk.log.publisher();
    let all = async {
        for _ in 0..EACH {
            for partition in 0..PARTITIONS {
                let topic = desk.topic.clone();
                let record = desk.record_on(partition, "v");
                publisher.publish(vec![Outgoing { topic, record }]).await.unwrap();
            }
        }
        while committed.count() < u64::from(PARTITIONS) * EACH {
            committed.more.notified().await;
        }
    };
    within(desk.patience, "everything to be committed", async {
        tokio::select! {
            () = all => {}
            Some(ended) = tasks.join_next() => panic!("a member ended: {ended:?}"),
        }
    })
    .await;
    tasks.shutdown().await;
    for (at, spans) in &mut *committed.spans.lock().unwrap() {
        spans.sort_unstable();
        let mut next = 0;
        for (from, to) in spans {
            assert_eq!(*from, next, "of {at}");
            next = *to;
        }
        assert_eq!(next, EACH, "of {at}");
    }
}
