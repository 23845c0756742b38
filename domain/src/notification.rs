//! Notifications: what a person is told about an event.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::envelope::{Envelope, Payload};
use crate::event::{Event, PaymentTerms, StockMoved, StockRefused};
use crate::id::UserId;
use crate::log_entry::{FieldValue, Level};
use crate::user::Username;

/// The sentence, its urgency and its facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// How much it matters.
    pub level: Level,
    /// One sentence for a person.
    pub message: String,
    /// The facts behind it, by name.
    pub fields: BTreeMap<String, FieldValue>,
}

/// The longest foreign text that a message repeats, in characters.
const MAX_FOREIGN_CHARS: usize = 128;

impl Notification {
    /// What there is to say about an event: a pure function, so that a repeat says the same.
    pub fn about(envelope: &Envelope) -> Self {
        match &envelope.payload {
            Payload::Known(event) => Self::about_event(event),
            Payload::Foreign { kind } => {
                let kind = shortened(kind);
                let mut fields = BTreeMap::new();
                if let Some(subject) = &envelope.subject {
                    fields.insert("subject".to_owned(), FieldValue::Text(shortened(subject)));
                }
                let source = shortened(&envelope.source);
                let message = format!("Event {kind} from {source}");
                Self { level: Level::Info, message, fields }
            }
        }
    }

    fn about_event(event: &Event) -> Self {
        use Level::{Info, Warn};
        match event {
            Event::UserRegistered(e) => {
                Self::of_user(e.user, &e.username, "registered successfully")
            }
            Event::UserLoggedIn(e) => Self::of_user(e.user, &e.username, "logged in"),
            Event::PaymentRequested(terms) => {
                let what = format!("requested: {} × {}", terms.quantity.pieces(), terms.sku);
                Self::of_payment(Info, terms, &what)
            }
            Event::PaymentConfirmed(terms) => Self::of_payment(Info, terms, "confirmed"),
            Event::PaymentRejected(e) => {
                Self::of_payment(Warn, &e.terms, "rejected").because(e.reason)
            }
            Event::PaymentExpired(terms) => Self::of_payment(Warn, terms, "expired"),
            Event::PaymentRefunded(terms) => Self::of_payment(Info, terms, "refunded"),
            Event::StockReserved(moved) => Self::of_stock(Info, moved, "reserved"),
            Event::StockRejected(e) => Self::of_stock(Warn, &e.asked, "rejected").because(e.reason),
            Event::StockReleased(moved) => Self::of_stock(Info, moved, "released"),
            Event::LogWritten(entry) => Self::new(entry.level, entry.message.clone(), []),
        }
    }

    fn of_user(user: UserId, username: &Username, what: &str) -> Self {
        let fields = [text("user_id", user), text("username", username)];
        Self::new(Level::Info, format!("User {username} {what}"), fields)
    }

    fn of_payment(level: Level, terms: &PaymentTerms, what: &str) -> Self {
        let money = terms.money;
        let mut fields = vec![
            text("payment_id", terms.payment),
            text("sku", &terms.sku),
            number("quantity", terms.quantity.pieces().into()),
            // At most 10¹², far below what fits.
            number("amount", money.amount.minor_units().cast_signed()),
            text("currency", money.currency),
        ];
        fields.extend(terms.user.map(|user| text("user_id", user)));
        Self::new(level, format!("Payment {} {what}", terms.payment), fields)
    }

    fn of_stock(level: Level, moved: &StockMoved, what: &str) -> Self {
        let StockMoved { payment, sku, quantity } = moved;
        let pieces = quantity.pieces();
        let message = format!("Stock {what} for payment {payment}: {pieces} × {sku}");
        let fields =
            [text("payment_id", payment), text("sku", sku), number("quantity", pieces.into())];
        Self::new(level, message, fields)
    }

    /// The same with the reason for a refusal.
    fn because(mut self, reason: StockRefused) -> Self {
        let reason = reason.as_str();
        self.message = format!("{}: {reason}", self.message);
        self.fields.extend([text("reason", reason)]);
        self
    }

    fn new(
        level: Level,
        message: String,
        fields: impl IntoIterator<Item = (String, FieldValue)>,
    ) -> Self {
        Self { level, message, fields: fields.into_iter().collect() }
    }
}

fn text(name: &str, value: impl Display) -> (String, FieldValue) {
    (name.to_owned(), FieldValue::Text(format!("{value}")))
}

fn number(name: &str, value: i64) -> (String, FieldValue) {
    (name.to_owned(), FieldValue::Integer(value))
}

/// A text of somebody else's, short enough to stand in a line.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_FOREIGN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
