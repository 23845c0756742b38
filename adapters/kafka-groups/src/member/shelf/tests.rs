use super::*;

fn at(partition: i32) -> TopicPartition {
    TopicPartition::new("t", partition)
}

fn records(offsets: std::ops::Range<i64>) -> Vec<Record> {
    let record =
        |offset| Record { offset, timestamp: 0, key: None, value: None, headers: Vec::new() };
    offsets.map(record).collect()
}

/// A member that owns partitions, each with these batches fetched.
fn shelf(partitions: i32, batches: &[(i64, i64)]) -> (Shelf, Vec<Place>) {
    let shelf = Shelf::new();
    shelf.becomes(Life::Joined);
    let places = shelf.assign((0..partitions).map(at).collect());
    for place in &places {
        shelf.start(place, Start::Earliest);
        let batches = batches.iter().map(|(from, to)| records(*from..*to)).collect();
        assert_eq!(shelf.put(place, batches, 1), Placed::Kept);
    }
    (shelf, places)
}

/// The partition and the offsets of the next batch.
fn batch(shelf: &Shelf) -> Option<(i32, Vec<i64>)> {
    match shelf.event()? {
        Ok(Event::Records { at, batch }) => {
            Some((at.partition, batch.iter().map(|record| record.offset).collect()))
        }
        other => panic!("instead of a batch: {other:?}"),
    }
}

fn commit(shelf: &Shelf, partition: i32, offset: i64) -> Result<(), KafkaError> {
    let claims = shelf.claim(&[(at(partition), offset)])?;
    assert!(shelf.allows(&claims));
    shelf.confirm(&claims);
    Ok(())
}

#[test]
fn the_next_batch_waits_for_the_whole_commit() {
    let (shelf, _) = shelf(1, &[(0, 3), (3, 5)]);
    assert_eq!(batch(&shelf), Some((0, vec![0, 1, 2])));
    assert_eq!(batch(&shelf), None);
    commit(&shelf, 0, 2).unwrap();
    assert_eq!(batch(&shelf), None, "a part is not enough");
    commit(&shelf, 0, 3).unwrap();
    assert_eq!(batch(&shelf), Some((0, vec![3, 4])));
}

#[test]
fn partitions_take_turns() {
    let (shelf, _) = shelf(3, &[(0, 1), (1, 2)]);
    let mut turns = Vec::new();
    while let Some((partition, offsets)) = batch(&shelf) {
        commit(&shelf, partition, offsets[0] + 1).unwrap();
        turns.push(partition);
    }
    assert_eq!(turns, [0, 1, 2, 0, 1, 2]);
}

#[test]
fn what_is_committed_ahead_is_not_delivered() {
    let (shelf, places) = shelf(1, &[(0, 3), (3, 6)]);
    commit(&shelf, 0, 4).unwrap();
    assert_eq!(batch(&shelf), Some((0, vec![4, 5])));
    commit(&shelf, 0, 8).unwrap();
    shelf.put(&places[0], vec![records(6..10)], 1);
    assert_eq!(batch(&shelf), Some((0, vec![8, 9])));
}

#[test]
fn a_loss_is_told_first_then_a_revocation_then_records() {
    let (shelf, _) = shelf(3, &[(0, 1)]);
    shelf.revoke(vec![at(1)]);
    shelf.lose(vec![at(0)]);
    assert_eq!(shelf.event().unwrap().unwrap(), Event::Lost(vec![at(0)]));
    assert_eq!(shelf.event().unwrap().unwrap(), Event::Revoking(vec![at(1)]));
    assert_eq!(batch(&shelf), Some((2, vec![0])));
    assert!(shelf.event().is_none());
}

#[test]
fn what_is_lost_is_not_revoked_any_more() {
    let (shelf, _) = shelf(1, &[(0, 1)]);
    shelf.revoke(vec![at(0)]);
    shelf.lose(vec![at(0)]);
    assert_eq!(shelf.event().unwrap().unwrap(), Event::Lost(vec![at(0)]));
    assert!(shelf.event().is_none());
}

#[test]
fn a_revoked_partition_may_be_committed_until_it_is_released() {
    let (shelf, places) = shelf(1, &[(0, 1), (1, 2)]);
    assert_eq!(batch(&shelf), Some((0, vec![0])));
    shelf.revoke(vec![at(0)]);
    assert!(matches!(shelf.event(), Some(Ok(Event::Revoking(_)))));
    commit(&shelf, 0, 1).unwrap();
    assert!(shelf.event().is_none(), "nothing more of it comes");
    assert_eq!(shelf.put(&places[0], vec![records(2..3)], 1), Placed::Gone);
    shelf.release(&[at(0)]);
    assert_eq!(shelf.take_released(), [at(0)]);
    assert!(matches!(commit(&shelf, 0, 1), Err(KafkaError::Fenced)));
}

#[test]
fn only_what_is_revoked_is_released() {
    let (shelf, _) = shelf(1, &[(0, 1)]);
    shelf.release(&[at(0), at(7)]);
    assert_eq!(shelf.take_released(), []);
    commit(&shelf, 0, 1).unwrap();
}

#[test]
fn a_commit_of_one_that_is_not_owned_commits_nothing() {
    let (shelf, _) = shelf(1, &[(0, 1)]);
    let both = [(at(0), 1), (at(1), 1)];
    assert!(matches!(shelf.claim(&both), Err(KafkaError::Fenced)));
}

#[test]
fn a_commit_of_an_earlier_tenure_does_not_pass_for_one_of_today() {
    let (shelf, _) = shelf(1, &[(0, 1)]);
    assert_eq!(batch(&shelf), Some((0, vec![0])));
    let under_way = shelf.claim(&[(at(0), 1)]).unwrap();
    shelf.lose(vec![at(0)]);
    let places = shelf.assign(vec![at(0)]);
    assert!(!shelf.allows(&under_way), "it was read under the tenure before");
    assert!(matches!(commit(&shelf, 0, 1), Err(KafkaError::Fenced)), "so was this");
    assert!(matches!(shelf.event(), Some(Ok(Event::Lost(_)))));
    shelf.start(&places[0], Start::Earliest);
    shelf.put(&places[0], vec![records(0..1)], 1);
    assert_eq!(batch(&shelf), Some((0, vec![0])));
    commit(&shelf, 0, 1).unwrap();
}

#[test]
fn who_is_leaving_commits_nothing() {
    let (shelf, _) = shelf(1, &[(0, 1)]);
    let under_way = shelf.claim(&[(at(0), 1)]).unwrap();
    shelf.becomes(Life::Leaving);
    assert!(!shelf.allows(&under_way));
    assert!(matches!(commit(&shelf, 0, 1), Err(KafkaError::Fenced)));
    shelf.becomes(Life::Joined);
    assert_eq!(*shelf.life().borrow(), Life::Leaving, "life goes only forward");
}

#[tokio::test]
async fn there_is_room_until_the_limit_and_again_after_a_batch() {
    let (shelf, places) = shelf(1, &[]);
    let one = size_of::<Record>();
    assert_eq!(shelf.room(&places[0], one).await, Some(Start::Earliest));
    shelf.put(&places[0], vec![records(0..1)], 1);
    let waiting = shelf.room(&places[0], one);
    let delivery = async { batch(&shelf) };
    let (room, _) = tokio::join!(waiting, delivery);
    assert_eq!(room, Some(Start::Earliest));
    commit(&shelf, 0, 9).unwrap();
    assert_eq!(shelf.room(&places[0], one).await, Some(Start::At(9)), "it goes on there");
    shelf.lose(vec![at(0)]);
    assert_eq!(shelf.room(&places[0], one).await, None);
}

#[test]
fn another_log_ends_the_tenure_and_what_was_read_of_the_one_before() {
    let (shelf, places) = shelf(1, &[(400, 500), (500, 510)]);
    assert!(batch(&shelf).is_some());
    let under_way = shelf.claim(&[(at(0), 500)]).unwrap();
    let place = shelf.restart(&places[0], 0).unwrap();
    assert!(!shelf.allows(&under_way), "it would skip the records of the new log");
    assert!(matches!(commit(&shelf, 0, 500), Err(KafkaError::Fenced)));
    assert_eq!(shelf.put(&places[0], vec![records(510..511)], 1), Placed::Gone);
    shelf.put(&place, vec![records(0..2)], 1);
    assert_eq!(shelf.event().unwrap().unwrap(), Event::Lost(vec![at(0)]));
    assert_eq!(batch(&shelf), Some((0, vec![0, 1])));
    commit(&shelf, 0, 2).unwrap();
}

#[test]
fn another_log_is_no_loss_to_who_had_no_batch_of_the_one_before() {
    let (shelf, places) = shelf(1, &[(50, 60), (60, 70)]);
    assert!(batch(&shelf).is_some());
    commit(&shelf, 0, 60).unwrap();
    let place = shelf.restart(&places[0], 3).unwrap();
    shelf.put(&place, vec![records(3..5)], 1);
    assert_eq!(batch(&shelf), Some((0, vec![3, 4])));
    shelf.revoke(vec![at(0)]);
    assert_eq!(shelf.restart(&place, 0), None, "it is to be released, not read");
}

#[test]
fn a_gap_in_the_log_takes_nothing_from_what_was_read_before_it() {
    let (shelf, places) = shelf(1, &[(50, 60), (60, 70)]);
    assert!(batch(&shelf).is_some());
    assert_eq!(shelf.skip(&places[0], 80, 10), Placed::Kept);
    shelf.put(&places[0], vec![records(80..81)], 1);
    commit(&shelf, 0, 60).unwrap();
    assert_eq!(batch(&shelf), Some((0, (60..70).collect())));
    commit(&shelf, 0, 70).unwrap();
    assert_eq!((batch(&shelf), shelf.skipped()), (Some((0, vec![80])), 10));
}

#[tokio::test]
async fn headers_take_room_as_well() {
    let (shelf, places) = shelf(1, &[]);
    let header = (bytes::Bytes::from_static(b"ce_type"), Some(vec![0; 1_000].into()));
    let mut batch = records(0..1);
    batch[0].headers = vec![header; 10];
    shelf.put(&places[0], vec![batch], 1);
    assert_eq!(shelf.room(&places[0], 20_000).await, Some(Start::Earliest));
    let full = shelf.room(&places[0], 10_000);
    let full = tokio::time::timeout(std::time::Duration::ZERO, full).await;
    assert!(full.is_err(), "{full:?}");
}

#[test]
fn settled_is_what_was_so_without_a_change_since() {
    let (shelf, _) = shelf(2, &[]);
    let seen = shelf.unsettled_at().unwrap();
    shelf.revoke(vec![at(0)]);
    shelf.settle(seen);
    assert!(!shelf.is_settled(), "it changed meanwhile");
    shelf.settle(shelf.unsettled_at().unwrap());
    assert!(!shelf.is_settled(), "something is to be released");
    shelf.release(&[at(0)]);
    shelf.settle(shelf.unsettled_at().unwrap());
    assert!(shelf.is_settled());
    assert_eq!(shelf.unsettled_at(), None);
    shelf.stands(Standing { epoch: 7, ..Standing::default() });
    assert!(!shelf.is_settled(), "a new epoch is a change");
}

#[test]
fn a_failure_is_told_once_and_the_end_ever_after() {
    let (shelf, _) = shelf(0, &[]);
    shelf.fail(KafkaError::Fenced);
    assert!(matches!(shelf.event(), Some(Err(KafkaError::Fenced))));
    assert!(shelf.event().is_none());
    shelf.becomes(Life::Ended);
    for _ in 0..2 {
        assert!(matches!(shelf.event(), Some(Err(KafkaError::Unavailable(_)))));
    }
}

#[test]
fn what_arrives_while_a_batch_is_under_way_is_one_batch() {
    let (shelf, places) = shelf(1, &[(0, 1)]);
    assert_eq!(batch(&shelf), Some((0, vec![0])));
    for offset in 1..8 {
        shelf.put(&places[0], vec![records(offset..offset + 1)], 5);
    }
    commit(&shelf, 0, 1).unwrap();
    assert_eq!(batch(&shelf), Some((0, vec![1, 2, 3, 4, 5])));
    commit(&shelf, 0, 6).unwrap();
    assert_eq!(batch(&shelf), Some((0, vec![6, 7])));
}
