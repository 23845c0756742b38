//! Identities. Users and payments are UUIDs; an event's id is any text, because events of others are read too.

use std::fmt;

use thiserror::Error;
use uuid::Uuid;

/// A text that is not the id it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a valid id")]
pub struct InvalidId;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that the `Ids` port made.
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The UUID itself.
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            /// Takes the hyphenated form only, so that one id has one spelling in paths and keys.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let id = Uuid::try_parse(text).map_err(|_| InvalidId)?;
                if id.hyphenated().to_string() == text { Ok(Self(id)) } else { Err(InvalidId) }
            }
        }
    };
}

uuid_id! {
    /// A user's identity.
    UserId
}
uuid_id! {
    /// A payment's identity; also the identity of its stock reservation.
    PaymentId
}

/// An event's identity: the CloudEvents `id`, 1 to 512 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(String);

impl EventId {
    /// The longest id that is taken, in bytes.
    pub const MAX_BYTES: usize = 512;

    /// Wraps a fresh UUID.
    pub fn new(id: Uuid) -> Self {
        Self(id.hyphenated().to_string())
    }

    /// The id of what follows from this event: the same cause and kind always give the same id
    /// (UUID version 5, RFC 9562 §5.5), so that a redelivery repeats an event and never makes another.
    #[must_use]
    pub fn derive(&self, kind: &str) -> Self {
        Self::new(Uuid::new_v5(&self.as_namespace(), kind.as_bytes()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// 16 bytes that stand for this id: the UUID that it is, or one made from its text.
    pub fn as_namespace(&self) -> Uuid {
        Uuid::try_parse(&self.0)
            .unwrap_or_else(|_| Uuid::new_v5(&Uuid::NAMESPACE_OID, self.0.as_bytes()))
    }
}

impl TryFrom<String> for EventId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        if (1..=Self::MAX_BYTES).contains(&text.len()) { Ok(Self(text)) } else { Err(InvalidId) }
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_id_depends_on_cause_and_kind_alone() {
        let cause = EventId::try_from("order-17".to_owned()).unwrap();
        assert_eq!(cause.derive("a"), cause.derive("a"));
        assert_ne!(cause.derive("a"), cause.derive("b"));
        assert_ne!(cause.derive("a"), cause.derive("a").derive("a"));
    }

    #[test]
    fn only_the_hyphenated_spelling_is_an_id() {
        let text = "0192d3a4-0000-7000-8000-000000000001";
        assert_eq!(text.parse::<PaymentId>().unwrap().to_string(), text);
        for wrong in
            ["", "0192d3a4000070008000000000000001", "0192D3A4-0000-7000-8000-000000000001", "x"]
        {
            assert_eq!(wrong.parse::<PaymentId>(), Err(InvalidId), "{wrong}");
        }
    }

    #[test]
    fn an_event_id_is_neither_empty_nor_endless() {
        assert_eq!(EventId::try_from(String::new()), Err(InvalidId));
        assert_eq!(EventId::try_from("x".repeat(513)), Err(InvalidId));
        assert!(EventId::try_from("x".repeat(512)).is_ok());
    }
}
