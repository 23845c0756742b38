//! What customers asked for, and what they were told.

use std::sync::Mutex;

use crate::ask::{Ask, Key, Request};
use crate::http::Answer;
use crate::world::lock;

/// A request with its answer.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Of the trace that all it led to belongs to: 32 hexadecimal digits.
    pub(crate) trace: String,
    pub(crate) ask: Ask,
    /// If it carried one.
    pub(crate) key: Option<Key>,
    pub(crate) answer: Answer,
}

impl Asked {
    /// Whether a correct shop may answer so.
    pub(crate) fn may_be_answered(&self, status: u16) -> bool {
        // Another with its key is in hand, or was another request.
        let of_keys = self.key.is_some() && [409, 422].contains(&status);
        of_keys || self.ask.allowed().contains(&status)
    }
}

/// A payment that was accepted, and the token it was made with.
#[derive(Debug, Clone)]
pub(crate) struct Accepted {
    pub(crate) id: String,
    pub(crate) token: Option<String>,
}

#[derive(Debug, Default)]
struct Pages {
    begun: u64,
    asked: Vec<Asked>,
    names: Vec<String>,
    accepted: Vec<Accepted>,
    keyed: Vec<Request>,
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Pages>);

impl Ledger {
    /// A trace that nobody else has.
    pub(crate) fn trace(&self) -> String {
        let mut pages = lock(&self.0);
        pages.begun += 1;
        format!("{:032x}", pages.begun)
    }

    pub(crate) fn note(&self, asked: Asked) {
        let mut pages = lock(&self.0);
        if let (Ask::Register { name }, Some(_)) = (&asked.ask, asked.answer.ok(201)) {
            pages.names.push(name.clone());
        }
        pages.asked.push(asked);
    }

    /// Remembers a request with a key; true if it was sent before.
    pub(crate) fn is_repeated(&self, request: &Request) -> bool {
        let mut pages = lock(&self.0);
        let is_repeated = pages.keyed.contains(request);
        if request.key.is_some() && !is_repeated {
            pages.keyed.push(request.clone());
        }
        is_repeated
    }

    pub(crate) fn accept(&self, payment: Accepted) {
        lock(&self.0).accepted.push(payment);
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        lock(&self.0).asked.clone()
    }

    /// Names that were registered.
    pub(crate) fn names(&self) -> Vec<String> {
        lock(&self.0).names.clone()
    }

    pub(crate) fn accepted(&self) -> Vec<Accepted> {
        lock(&self.0).accepted.clone()
    }

    /// Requests that were sent with a key, each once.
    pub(crate) fn keyed(&self) -> Vec<Request> {
        lock(&self.0).keyed.clone()
    }
}
