use super::foreign::java;
use super::*;

const PRODUCER: i64 = 9;

/// A batch of one record in a transaction of a producer.
fn inside(base: i64, producer: i64, value: &str) -> Bytes {
    changed(&stored(base, &values(&[value])), |batch| {
        batch[22] |= 0b1_0000;
        batch[43..51].copy_from_slice(&producer.to_be_bytes());
    })
}

fn moved(batch: &Bytes, base: i64) -> Bytes {
    changed(batch, |batch| batch[..8].copy_from_slice(&base.to_be_bytes()))
}

fn aborted(first_offset: i64) -> Vec<Aborted> {
    vec![Aborted { producer: PRODUCER, first_offset }]
}

#[test]
fn a_marker_is_no_record_but_reading_goes_on_behind_it() {
    let decoded = read(all(&[java!("transactional"), java!("commit")]), 2);
    assert_eq!((shown(&decoded), decoded.next), (vec![(2, "in")], 4));
    assert_eq!(read(java!("commit"), 3), Decoded { records: vec![], next: 4 });
}

#[test]
fn what_was_given_up_is_left_out() {
    let bytes = all(&[java!("transactional"), java!("abort")]);
    let decoded = decode(bytes.clone(), 2, aborted(2), LIMIT).unwrap();
    assert_eq!(decoded, Decoded { records: vec![], next: 4 });
    // Who reads uncommitted records is told of no aborted transactions.
    assert_eq!(shown(&read(bytes, 2)), vec![(2, "in")]);
}

#[test]
fn only_the_producer_and_the_transaction_that_gave_up_are_concerned() {
    let bytes = all(&[
        inside(0, PRODUCER, "before"),
        moved(&java!("commit"), 1),
        inside(2, PRODUCER, "given up"),
        inside(3, 8, "someone else"),
        stored(4, &values(&["without"])),
        moved(&java!("abort"), 5),
        inside(6, PRODUCER, "after"),
    ]);
    let decoded = decode(bytes, 0, aborted(2), LIMIT).unwrap();
    let kept = vec![(0, "before"), (3, "someone else"), (4, "without"), (6, "after")];
    assert_eq!((shown(&decoded), decoded.next), (kept, 7));
}

#[test]
fn a_transaction_that_began_before_the_answer_is_known_by_its_producer() {
    let bytes = all(&[inside(20, PRODUCER, "rest"), moved(&java!("abort"), 21)]);
    let decoded = decode(bytes, 20, aborted(3), LIMIT).unwrap();
    assert_eq!(decoded, Decoded { records: vec![], next: 22 });
}
