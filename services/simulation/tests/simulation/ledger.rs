//! What customers asked for, and what they were told.

use std::sync::Mutex;

use crate::http::Answer;
use crate::world::lock;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ask {
    Register {
        name: String,
    },
    /// With the right password, or a wrong one.
    LogIn {
        name: String,
        right: bool,
    },
    Pay {
        quantity: u64,
    },
    Refund {
        payment: String,
    },
    Receive {
        sku: &'static str,
        quantity: u64,
    },
    Show {
        payment: String,
    },
}

impl Ask {
    pub(crate) const fn route(&self) -> &'static str {
        match self {
            Self::Register { .. } => "POST /register",
            Self::LogIn { .. } => "POST /login",
            Self::Pay { .. } => "POST /pay",
            Self::Refund { .. } => "POST /payments/{id}/refund",
            Self::Receive { .. } => "POST /stock/{sku}/receipts",
            Self::Show { .. } => "GET /payments/{id}",
        }
    }

    /// The statuses that a correct shop may answer with.
    pub(crate) const fn allowed(&self) -> &'static [u16] {
        match self {
            Self::Register { .. } => &[201, 409, 503],
            Self::LogIn { right: false, .. } => &[401, 503],
            Self::Pay { quantity: 0 } => &[422],
            Self::Pay { .. } => &[202, 503],
            Self::Refund { .. } => &[202, 409, 503],
            Self::Receive { .. } => &[201, 503],
            Self::LogIn { right: true, .. } | Self::Show { .. } => &[200, 503],
        }
    }
}

/// A request with its answer.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Of the trace that all it led to belongs to: 32 hexadecimal digits.
    pub(crate) trace: String,
    pub(crate) ask: Ask,
    pub(crate) answer: Answer,
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

    pub(crate) fn note(&self, trace: String, ask: Ask, answer: Answer) {
        let mut pages = lock(&self.0);
        if let (Ask::Register { name }, Some(_)) = (&ask, answer.ok(201)) {
            pages.names.push(name.clone());
        }
        pages.asked.push(Asked { trace, ask, answer });
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
}
