//! What clients asked, and what they know of it.

/// A request, whether it was repeated or not. Its events are part of a trace of their own.
#[derive(Debug, Clone)]
pub struct Asked {
    pub trace: String,
    pub what: What,
    pub outcome: Outcome,
    /// How often it was sent; more than once only under the same `Idempotency-Key`.
    pub sent: usize,
}

/// What for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Register {
        username: String,
    },
    Login,
    Pay,
    Refund {
        payment: String,
    },
    /// Receives an article that nobody else receives.
    Receive {
        sku: String,
        quantity: u64,
    },
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done, with the id of what was made, if the answer has one.
    Done(Option<String>),
    /// Refused: nothing has happened.
    Refused,
    /// Nobody knows: it has happened wholly, or not at all.
    Unknown,
}

impl What {
    /// The name for tables.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Register { .. } => "register",
            Self::Login => "login",
            Self::Pay => "pay",
            Self::Refund { .. } => "refund",
            Self::Receive { .. } => "receive",
        }
    }
}
