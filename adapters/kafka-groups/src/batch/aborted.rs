//! Which batches belong to transactions that were given up ([KIP-98]).
//!
//! [KIP-98]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-98+-+Exactly+Once+Delivery+and+Transactional+Messaging

use std::collections::HashSet;

use bytes::{Buf as _, Bytes};

use super::header::{CONTROL, Header, TRANSACTIONAL};

const ABORT: i16 = 0;

/// A transaction that was given up, as a fetch answer lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aborted {
    /// Whose.
    pub producer: i64,
    /// Where it began.
    pub first_offset: i64,
}

/// Follows the batches of an answer and says which were given up.
#[derive(Debug)]
pub(super) struct AbortedNow {
    /// Last to begin first.
    to_come: Vec<Aborted>,
    producers: HashSet<i64>,
}

impl AbortedNow {
    pub(super) fn new(mut aborted: Vec<Aborted>) -> Self {
        aborted.sort_unstable_by_key(|aborted| std::cmp::Reverse(aborted.first_offset));
        Self { to_come: aborted, producers: HashSet::new() }
    }

    /// Whether the batch's records were given up. Batches are shown in their order.
    pub(super) fn covers(&mut self, batch: &Header) -> bool {
        while let Some(begun) = self.to_come.pop_if(|next| next.first_offset <= batch.last_offset) {
            self.producers.insert(begun.producer);
        }
        batch.is(TRANSACTIONAL) && !batch.is(CONTROL) && self.producers.contains(&batch.producer)
    }

    /// Takes note of the end of a transaction. `key` is that of a control record: version and kind.
    pub(super) fn ends(&mut self, batch: &Header, key: Option<Bytes>) {
        if let Some(mut key) = key.filter(|key| key.len() >= 4) {
            key.advance(2);
            if key.get_i16() == ABORT {
                self.producers.remove(&batch.producer);
            }
        }
    }
}
