//! First answers to requests that carried an idempotency key, each in one row, written with what its
//! request changed. A second row stands for its time, so that old ones are found.
//!
//! | bytes | what                         |
//! |-------|------------------------------|
//! | 1     | version of this format: 1    |
//! | 32    | digest of what was asked     |
//! | 8     | when it was asked, i64       |
//! | rest  | the answer                   |
//!
//! Numbers are little-endian.

use std::sync::Arc;

use comptoir_domain::idempotency::{Digest, FirstAnswer, IdempotencyKey};
use comptoir_domain::port::store::{FirstAnswers, StoreError};
use comptoir_domain::time::Timestamp;
use fjall::Slice;

use super::Repository;
use crate::bytes::Rest;
use crate::error::{Failure, Malformed};
use crate::keyspaces::{self, Db, Space};
use crate::outbox::{Collection, Floor};
use crate::writer::Transaction;

const ANSWER: u8 = b'k';
const TIME: u8 = b't';

const VERSION: u8 = 1;
const WHAT: &str = "an answer";

fn answer_key(of: Collection, key: IdempotencyKey) -> Slice {
    [&[ANSWER, of], key.0.as_slice()].concat().into()
}

fn time_key(of: Collection, time: Timestamp, key: Digest) -> Slice {
    [&[TIME, of], keyspaces::time_bytes(time).as_slice(), &key].concat().into()
}

fn parse_time_key(row: &[u8]) -> Result<(Timestamp, IdempotencyKey), Malformed> {
    let wrong = || Malformed::new("the time of an answer", "it cannot be read");
    let (time, key) = row.get(2..).and_then(|row| row.split_first_chunk()).ok_or_else(wrong)?;
    let key = Digest::try_from(key).map_err(|_| wrong())?;
    Ok((keyspaces::parse_time(*time), IdempotencyKey(key)))
}

/// An answer on its way, with all that could be made of it beforehand.
pub(super) struct Encoded {
    key: IdempotencyKey,
    at: Timestamp,
    row: Slice,
}

impl Encoded {
    pub(super) fn new(answer: &FirstAnswer) -> Self {
        let FirstAnswer { key, request, answer, at } = answer;
        let at_bytes = at.as_millis().to_le_bytes();
        let row = [&[VERSION], request.as_slice(), &at_bytes, answer].concat();
        Self { key: *key, at: *at, row: row.into() }
    }

    /// How much it adds to a write.
    pub(super) fn len(&self) -> usize {
        self.row.len()
    }

    /// Whether there is none under its key.
    pub(super) fn check(&self, tx: &Transaction<'_>, of: Collection) -> Result<(), StoreError> {
        match tx.get(Space::State, &answer_key(of, self.key))? {
            Some(_) => Err(StoreError::ANSWERED),
            None => Ok(()),
        }
    }

    pub(super) fn keep(self, tx: &mut Transaction<'_>, of: Collection) {
        tx.put(Space::State, answer_key(of, self.key), self.row);
        tx.put(Space::State, time_key(of, self.at, self.key.0), Slice::default());
        tx.after(move |shared| shared.waiting(of).answers.lower(self.at));
    }
}

fn decode(key: IdempotencyKey, row: &[u8]) -> Result<FirstAnswer, Malformed> {
    let mut rest = Rest::new(row, WHAT);
    rest.version(VERSION)?;
    let request = rest.array()?;
    let at = Timestamp::from_millis(i64::from_le_bytes(rest.array()?));
    Ok(FirstAnswer { key, request, at, answer: rest.take(rest.len())?.to_vec() })
}

pub(super) fn find(
    db: &Db,
    of: Collection,
    key: IdempotencyKey,
) -> Result<Option<FirstAnswer>, Failure> {
    let row = db.get(Space::State, &answer_key(of, key))?;
    Ok(row.map(|row| decode(key, &row)).transpose()?)
}

/// The keys of answers before that time, oldest first.
fn old(
    db: &Db,
    floor: &Floor,
    of: Collection,
    (before, limit): (Timestamp, usize),
) -> Result<Vec<(Timestamp, IdempotencyKey)>, Failure> {
    let mut scan = floor.scan();
    let first = time_key(of, scan.from(), Digest::default());
    let end = time_key(of, before.max(scan.from()), Digest::default());
    let mut found = Vec::new();
    for row in db.space(Space::State).range(first..end) {
        let (time, key) = parse_time_key(&row.key()?)?;
        scan.reach(time);
        if found.len() >= limit {
            return Ok(found);
        }
        found.push((time, key));
    }
    scan.reach(before);
    Ok(found)
}

impl<const OF: Collection> FirstAnswers for Repository<OF> {
    async fn forget_answers(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let shared = Arc::clone(&self.0.shared);
        let find = move |db: &Db| old(db, &shared.waiting(OF).answers, OF, (before, limit));
        let found = self.0.read(find).await?;
        let count = found.len();
        if count == 0 {
            return Ok(0);
        }
        // An answer does not change, so what was found is still so.
        let forget = move |tx: &mut Transaction<'_>| {
            for (time, key) in found {
                tx.remove(Space::State, answer_key(OF, key));
                tx.remove(Space::State, time_key(OF, time, key.0));
            }
            Ok(count)
        };
        self.0.write(0, forget).await.map_err(|failure: Failure| failure.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: IdempotencyKey = IdempotencyKey([7; 32]);

    proptest! {
        #[test]
        fn every_answer_comes_back(
            request in any::<Digest>(),
            at in any::<i64>(),
            answer in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let at = Timestamp::from_millis(at);
            let answer = FirstAnswer { key: KEY, request, answer, at };
            prop_assert_eq!(decode(KEY, &Encoded::new(&answer).row), Ok(answer));
            let key = time_key(2, at, request);
            prop_assert_eq!(parse_time_key(&key), Ok((at, IdempotencyKey(request))));
        }

        #[test]
        fn any_bytes_give_an_answer_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = decode(KEY, &bytes);
            let _ = parse_time_key(&bytes);
        }
    }
}
