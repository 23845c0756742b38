//! Notifications: what a person is told about an event.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::envelope::{Envelope, Payload};
use crate::event::{Event, PaymentTerms, StockMoved};
use crate::log_entry::{FieldValue, Level};

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
                Self {
                    level: Level::Info,
                    message,
                    fields,
                }
            }
        }
    }

    fn about_event(event: &Event) -> Self {
        use Level::{Info, Warn};
        match event {
            Event::UserRegistered(e) => {
                let message = format!("User {} registered successfully", e.username);
                Self::new(
                    Info,
                    message,
                    [text("user_id", e.user), text("username", &e.username)],
                )
            }
            Event::UserLoggedIn(e) => {
                let message = format!("User {} logged in", e.username);
                Self::new(
                    Info,
                    message,
                    [text("user_id", e.user), text("username", &e.username)],
                )
            }
            Event::PaymentRequested(terms) => {
                let (pieces, sku) = (terms.quantity.pieces(), &terms.sku);
                let message = format!("Payment {} requested: {pieces} × {sku}", terms.payment);
                Self::new(Info, message, of_payment(terms))
            }
            Event::PaymentConfirmed(terms) => {
                let message = format!("Payment {} confirmed", terms.payment);
                Self::new(Info, message, of_payment(terms))
            }
            Event::PaymentRejected(e) => {
                let reason = e.reason.as_str();
                let message = format!("Payment {} rejected: {reason}", e.terms.payment);
                let fields = of_payment(&e.terms)
                    .into_iter()
                    .chain([text("reason", reason)]);
                Self::new(Warn, message, fields)
            }
            Event::PaymentExpired(terms) => {
                let message = format!("Payment {} expired", terms.payment);
                Self::new(Warn, message, of_payment(terms))
            }
            Event::PaymentRefunded(terms) => {
                let message = format!("Payment {} refunded", terms.payment);
                Self::new(Info, message, of_payment(terms))
            }
            Event::StockReserved(moved) => {
                Self::new(Info, stock_message("reserved", moved), of_stock(moved))
            }
            Event::StockRejected(e) => {
                let reason = e.reason.as_str();
                let message = format!("{}: {reason}", stock_message("rejected", &e.asked));
                let fields = of_stock(&e.asked)
                    .into_iter()
                    .chain([text("reason", reason)]);
                Self::new(Warn, message, fields)
            }
            Event::StockReleased(moved) => {
                Self::new(Info, stock_message("released", moved), of_stock(moved))
            }
            Event::LogWritten(entry) => Self::new(entry.level, entry.message.clone(), []),
        }
    }

    fn new(
        level: Level,
        message: String,
        fields: impl IntoIterator<Item = (String, FieldValue)>,
    ) -> Self {
        Self {
            level,
            message,
            fields: fields.into_iter().collect(),
        }
    }
}

fn stock_message(what: &str, moved: &StockMoved) -> String {
    let StockMoved {
        payment,
        sku,
        quantity,
    } = moved;
    format!(
        "Stock {what} for payment {payment}: {} × {sku}",
        quantity.pieces()
    )
}

fn of_payment(terms: &PaymentTerms) -> Vec<(String, FieldValue)> {
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
    fields
}

fn of_stock(moved: &StockMoved) -> Vec<(String, FieldValue)> {
    vec![
        text("payment_id", moved.payment),
        text("sku", &moved.sku),
        number("quantity", moved.quantity.pieces().into()),
    ]
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
