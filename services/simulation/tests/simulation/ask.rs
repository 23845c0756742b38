//! What customers ask for, and how it is sent.

use crate::http::Call;
use crate::shop::Kind;

/// What is asked for.
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
        sku: &'static str,
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
        wait: u32,
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

    /// Who answers.
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Register { .. } | Self::LogIn { .. } => Kind::Users,
            Self::Pay { .. } | Self::Refund { .. } | Self::Show { .. } => Kind::Payments,
            Self::Receive { .. } => Kind::Inventories,
        }
    }

    /// The statuses that a correct shop may answer with, where no key is sent.
    pub(crate) const fn allowed(&self) -> &'static [u16] {
        match self {
            Self::Register { .. } => &[201, 409, 503],
            Self::LogIn { right: false, .. } => &[401, 503],
            Self::Pay { quantity: 0, .. } => &[422],
            Self::Pay { .. } => &[202, 503],
            Self::Refund { .. } => &[202, 409, 503],
            Self::Receive { .. } => &[201, 503],
            Self::LogIn { right: true, .. } | Self::Show { .. } => &[200, 503],
        }
    }

    /// The same with other pieces, if there is such a thing.
    #[must_use]
    pub(crate) fn with_one_more(mut self) -> Self {
        if let Self::Pay { quantity, .. } | Self::Receive { quantity, .. } = &mut self {
            *quantity += 1;
        }
        self
    }

    /// Whether it is another request if another user asks.
    pub(crate) const fn is_of_a_caller(&self) -> bool {
        matches!(self, Self::Pay { .. })
    }

    fn path(&self) -> String {
        match self {
            Self::Register { .. } => "/register".to_owned(),
            Self::LogIn { .. } => "/login".to_owned(),
            Self::Pay { .. } => "/pay".to_owned(),
            Self::Refund { payment } => format!("/payments/{payment}/refund"),
            Self::Receive { sku, .. } => format!("/stock/{sku}/receipts"),
            Self::Show { payment, wait } => format!("/payments/{payment}?wait={wait}"),
        }
    }

    fn call(&self) -> Call {
        let path = self.path();
        match self {
            Self::Register { name } => {
                Call::post(path, &[("username", name), ("password", "secret")])
            }
            Self::LogIn { name, right } => {
                let password = if *right { "secret" } else { "guessed" };
                Call::post(path, &[("username", name), ("password", password)])
            }
            Self::Pay { sku, quantity } => {
                Call::post(path, &[("sku", sku), ("quantity", &quantity.to_string())])
            }
            Self::Refund { .. } => Call::post(path, &[]),
            Self::Receive { quantity, .. } => {
                Call::post(path, &[("quantity", &quantity.to_string())])
            }
            Self::Show { .. } => Call::get(path),
        }
    }
}

/// What makes a request one that may be sent again: those that agree in all three are the same one,
/// or should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    text: String,
    token: Option<String>,
    path: String,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) ask: Ask,
    pub(crate) token: Option<String>,
    /// The text of its key, if it carries one.
    pub(crate) key: Option<String>,
}

impl Request {
    pub(crate) fn new(ask: Ask, token: Option<String>) -> Self {
        Self { ask, token, key: None }
    }

    pub(crate) fn key(&self) -> Option<Key> {
        let text = self.key.clone()?;
        Some(Key { text, token: self.token.clone(), path: self.ask.path() })
    }

    pub(crate) fn call(&self) -> Call {
        let mut call = self.ask.call();
        if let Some(token) = &self.token {
            call = call.header("authorization", format!("Bearer {token}"));
        }
        if let Some(key) = &self.key {
            call = call.header("idempotency-key", key.clone());
        }
        call
    }
}
