//! What breaks when a test asks for it, and only then.
#![expect(clippy::unwrap_used, reason = "a test's panic is its report")]

use comptoir_domain::payment::Payment;
use comptoir_domain::port::bus::{
    BusError, Committer, ConsumerGroups, GroupEvent, GroupMember, LogAdmin, LogReader, Publisher,
};
use comptoir_domain::port::platform::{Log, Stores as _};
use comptoir_domain::port::store::{
    Outbox, PaymentRepository, Save, StockRepository, StockWrite, StoreError, UserRepository,
    Version, Versioned,
};
use comptoir_domain::record::{Outgoing, Record};
use comptoir_domain::time::Timestamp;
use comptoir_domain::topic::{GroupId, Offset, Topic, TopicPartition};
use comptoir_memory::{Happened, Memory, MemoryCommitter, MemoryMember, Odds};
use comptoir_testkit::{PATIENCE, a_payment, a_user, an_article, an_envelope, quiet, within};

fn topic() -> Topic {
    Topic::try_from("t").unwrap()
}

fn group() -> GroupId {
    GroupId::try_from("g").unwrap()
}

async fn memory(partitions: u32) -> Memory {
    let memory = Memory::new();
    memory.admin().create_topics(&[topic()], partitions).await.unwrap();
    memory
}

async fn publish(memory: &Memory, count: u8) -> Result<usize, BusError> {
    let outgoing = |n: u8| Outgoing {
        topic: topic(),
        record: Record { key: Some(vec![n]), ..Record::default() },
    };
    let records = (0..count).map(outgoing).collect();
    memory.publisher().publish(records).await.map(|places| places.len())
}

async fn appended(memory: &Memory) -> u64 {
    let bounds = memory.reader().bounds(&topic()).await.unwrap();
    bounds.iter().map(|bounds| bounds.next.0).sum()
}

async fn join(memory: &Memory) -> (MemoryMember, MemoryCommitter) {
    memory.groups().join(&group(), &[topic()]).await.unwrap()
}

async fn batch(member: &mut MemoryMember) -> (TopicPartition, Vec<Offset>) {
    match within(PATIENCE, "a batch", member.next()).await.unwrap() {
        GroupEvent::Records { at, batch } => (at, batch.iter().map(|r| r.offset).collect()),
        other => panic!("instead of a batch there was {other:?}"),
    }
}

fn new(payment: &Payment) -> Save<Payment> {
    Save {
        state: payment.clone(),
        expected: Version::NEW,
        outbox: vec![an_envelope().waiting_for(&["t"])],
        answer: None,
    }
}

async fn stored(memory: &Memory, payments: &[Payment]) -> usize {
    let ids: Vec<_> = payments.iter().map(|payment| payment.id).collect();
    memory.payments().load(&ids).await.unwrap().iter().flatten().count()
}

#[tokio::test]
async fn publishes_fail_tear_and_lose_their_answers_in_the_order_planned() {
    let memory = memory(3).await;
    memory.faults().fail_next_publishes(1);
    memory.faults().tear_next_publishes(1);
    memory.faults().lose_next_publish_answers(1);
    for expected in [0, 2, 6] {
        let answer = publish(&memory, 4).await;
        assert!(matches!(answer, Err(BusError::Unavailable(_))), "got {answer:?}");
        assert_eq!(appended(&memory).await, expected);
    }
    assert_eq!(publish(&memory, 4).await.unwrap(), 4);
}

#[tokio::test]
async fn saves_fail_tear_conflict_and_lose_their_answers() {
    let memory = Memory::new();
    let payments: Vec<_> = (0..4).map(|_| a_payment().build()).collect();
    let writes = || payments.iter().map(new).collect::<Vec<_>>();
    memory.faults().fail_next_saves(1);
    memory.faults().conflict_next_saves(1);
    memory.faults().tear_next_saves(1);
    memory.faults().lose_next_save_answers(1);
    let repository = memory.payments();
    assert!(repository.save(writes()).await.is_err());
    assert_eq!(stored(&memory, &payments).await, 0);
    let answers = repository.save(writes()).await.unwrap();
    assert!(answers.iter().all(|answer| matches!(answer, Err(StoreError::Conflict))));
    assert_eq!((answers.len(), stored(&memory, &payments).await), (4, 0));
    assert!(repository.save(writes()).await.is_err());
    assert_eq!(stored(&memory, &payments).await, 2);
    assert!(repository.save(writes()).await.is_err());
    assert_eq!(stored(&memory, &payments).await, 4);
    quiet("nobody knows of those saves", repository.nudged()).await;
    let left = repository.leftovers(Timestamp::from_millis(i64::MAX), 10).await;
    assert_eq!(left.unwrap().len(), 4, "the sweep finds them");
}

#[tokio::test]
async fn every_repository_has_its_faults() {
    let memory = Memory::new();
    let (user, article) = (a_user().build(), an_article().build());
    memory.faults().conflict_next_saves(1);
    let refused = memory.users().register(&user, vec![]).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "got {refused:?}");
    assert_eq!(memory.users().find(user.id).await.unwrap(), None);
    memory.faults().conflict_next_saves(1);
    memory.faults().lose_next_save_answers(1);
    let write = || StockWrite {
        article: Some(Versioned { state: article.clone(), version: Version::NEW }),
        reservations: vec![],
        answer: None,
    };
    let refused = memory.stock().apply(write()).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "got {refused:?}");
    let lost = memory.stock().apply(write()).await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "got {lost:?}");
    assert_eq!(memory.stock().articles().await.unwrap(), [article]);
}

#[tokio::test]
async fn what_is_away_comes_back_as_it_was() {
    let memory = memory(1).await;
    let (mut member, commits) = join(&memory).await;
    memory.faults().set_bus_away(true);
    memory.faults().set_store_away(true);
    assert!(publish(&memory, 1).await.is_err());
    assert!(member.next().await.is_err());
    assert!(commits.commit(&[]).await.is_err());
    assert!(memory.admin().topics().await.is_err());
    assert!(memory.payments().load(&[]).await.is_err());
    assert!(memory.users().announce(vec![]).await.is_err());
    memory.faults().set_bus_away(false);
    memory.faults().set_store_away(false);
    publish(&memory, 1).await.unwrap();
    assert_eq!(batch(&mut member).await.1, [Offset(0)]);
}

#[tokio::test]
async fn a_waiting_member_notices_that_the_log_is_away() {
    let memory = memory(1).await;
    let (mut member, _commits) = join(&memory).await;
    let faults = memory.faults();
    let away = async {
        tokio::task::yield_now().await;
        faults.set_bus_away(true);
    };
    let (event, ()) = tokio::join!(within(PATIENCE, "an error", member.next()), away);
    assert!(event.is_err(), "got {event:?}");
}

#[tokio::test]
async fn all_is_well_after_a_calm_and_what_went_wrong_was_counted() {
    let memory = memory(1).await;
    memory.faults().tear_next_publishes(1);
    memory.faults().lose_next_publish_answers(2);
    for _ in 0..2 {
        assert!(publish(&memory, 2).await.is_err());
    }
    memory.faults().set_bus_away(true);
    memory.faults().set_store_away(true);
    memory.faults().set_store_silent(true);
    memory.faults().set_odds(Odds { fail: 1_000, ..Odds::default() });
    memory.faults().duplicate_next_batches(1);
    memory.faults().calm();
    publish(&memory, 1).await.unwrap();
    within(PATIENCE, "the store", memory.users().announce(vec![])).await.unwrap();
    let expected = Happened { torn: 1, lost_answers: 1, ..Happened::default() };
    assert_eq!(memory.faults().happened(), expected);
    assert_eq!(memory.all_records(&topic())[0].1.len(), 1 + 2 + 1);
}

#[tokio::test]
async fn a_duplicated_batch_comes_again_after_its_commit() {
    let memory = memory(1).await;
    memory.faults().duplicate_next_batches(1);
    publish(&memory, 1).await.unwrap();
    let (mut member, commits) = join(&memory).await;
    for _ in 0..2 {
        let (at, offsets) = batch(&mut member).await;
        assert_eq!(offsets, [Offset(0)]);
        commits.commit(&[(at, Offset(1))]).await.unwrap();
    }
    quiet("it came twice and no more", member.next()).await;
}

#[tokio::test]
async fn commits_fail_or_lose_their_answers() {
    let memory = memory(1).await;
    publish(&memory, 1).await.unwrap();
    memory.faults().fail_next_commits(1);
    memory.faults().lose_next_commit_answers(1);
    let (mut member, commits) = join(&memory).await;
    let (at, _) = batch(&mut member).await;
    for committed in [0, 1] {
        assert!(commits.commit(&[(at.clone(), Offset(1))]).await.is_err());
        let groups = memory.admin().groups().await.unwrap();
        assert_eq!(groups[0].committed.len(), committed);
    }
}

#[tokio::test]
async fn an_expulsion_lets_the_others_take_over() {
    let memory = memory(2).await;
    assert!(!memory.faults().expel_member(&group()), "there is no such group");
    let (mut one, _commits) = join(&memory).await;
    let (mut other, _other_commits) = join(&memory).await;
    assert!(memory.faults().expel_member(&group()));
    publish(&memory, 40).await.unwrap();
    batch(&mut other).await;
    batch(&mut other).await;
    let mut told = Vec::new();
    while !matches!(told.last(), Some(GroupEvent::Lost(_))) {
        told.push(within(PATIENCE, "the loss", one.next()).await.unwrap());
    }
    // Back again, it gets its share, which the other must give up first.
    let give_up = async {
        loop {
            if let GroupEvent::Revoking(partitions) = other.next().await.unwrap() {
                return other.release(&partitions).await.unwrap();
            }
        }
    };
    let ((), _) = tokio::join!(give_up, batch(&mut one));
}

#[tokio::test]
async fn a_group_that_is_set_back_gets_old_records_again() {
    let memory = memory(1).await;
    assert!(!memory.faults().set_group_back(&group()), "there is no such group");
    publish(&memory, 40).await.unwrap();
    let (mut member, commits) = join(&memory).await;
    let mut next = Offset::ZERO;
    while next < Offset(40) {
        let (at, offsets) = batch(&mut member).await;
        next = offsets.last().unwrap().next();
        commits.commit(&[(at, next)]).await.unwrap();
    }
    assert!(memory.faults().set_group_back(&group()));
    let lost = within(PATIENCE, "the loss", member.next()).await.unwrap();
    assert!(matches!(lost, GroupEvent::Lost(_)));
    let (_, again) = batch(&mut member).await;
    assert!(again[0] < next, "{again:?}");
}

/// The same seed gives the same answers, another seed others.
#[tokio::test]
async fn chance_follows_the_seed() {
    let history = async |seed: u64| {
        let memory = Memory::seeded(seed);
        memory.admin().create_topics(&[topic()], 3).await.unwrap();
        memory.faults().set_odds(Odds { fail: 200, lose_answer: 100, ..Odds::default() });
        let mut answers = Vec::new();
        for _ in 0..100 {
            answers.push(publish(&memory, 1).await.is_ok());
        }
        memory.faults().set_odds(Odds::default());
        publish(&memory, 1).await.unwrap();
        answers
    };
    let once = history(7).await;
    assert!(once.contains(&true) && once.contains(&false));
    assert_eq!(history(7).await, once);
    assert_ne!(history(8).await, once);
}

/// Nobody can rely on which partition comes first.
#[tokio::test]
async fn partitions_come_in_changing_order() {
    let mut orders = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let memory = Memory::seeded(seed);
        memory.admin().create_topics(&[topic()], 3).await.unwrap();
        publish(&memory, 60).await.unwrap();
        let (mut member, _commits) = join(&memory).await;
        let mut order = Vec::new();
        for _ in 0..3 {
            order.push(batch(&mut member).await.0.partition);
        }
        orders.insert(order);
    }
    assert!(orders.len() > 3, "{orders:?}");
}
