//! First answers to requests that carried an idempotency key.

pub mod payments;
pub mod receipts;

use std::time::Duration;

use comptoir_domain::idempotency::{FirstAnswer, IdempotencyKey};
use comptoir_domain::port::store::StoreError;
use comptoir_domain::time::Timestamp;

use crate::builders::THEN;

const FAR: Timestamp = Timestamp::from_millis(i64::MAX);

fn key(n: u8) -> IdempotencyKey {
    let mut digest = [0xa5; 32];
    digest[31] = n;
    IdempotencyKey(digest)
}

fn after(secs: u64) -> Timestamp {
    THEN.plus(Duration::from_secs(secs))
}

/// An answer under the `n`th key, given that many seconds after everything began.
pub(super) fn an_answer(n: u8) -> FirstAnswer {
    let answer = format!("answer {n}").into_bytes();
    FirstAnswer { key: key(n), request: [n; 32], answer, at: after(n.into()) }
}

fn is_answered<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Duplicate { field: "idempotency key" }))
}
