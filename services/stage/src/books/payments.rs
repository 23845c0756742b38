//! The events of a payment make one of a few stories.

use std::collections::HashMap;

use super::by;
use crate::kafka::Event;
use crate::problem::Problem;

pub(super) const REQUESTED: &str = "comptoir.payment.requested.v1";
pub(super) const CONFIRMED: &str = "comptoir.payment.confirmed.v1";
pub(super) const PAYMENT_REJECTED: &str = "comptoir.payment.rejected.v1";
pub(super) const EXPIRED: &str = "comptoir.payment.expired.v1";
pub(super) const REFUNDED: &str = "comptoir.payment.refunded.v1";
pub(super) const RESERVED: &str = "comptoir.stock.reserved.v1";
pub(super) const STOCK_REJECTED: &str = "comptoir.stock.rejected.v1";
pub(super) const RELEASED: &str = "comptoir.stock.released.v1";

/// Where a payment ends, and the events of one that ended there.
const ENDS: [(&str, &[&str]); 6] = [
    ("confirmed", &[REQUESTED, RESERVED, CONFIRMED]),
    ("refunded", &[REQUESTED, RESERVED, CONFIRMED, REFUNDED, RELEASED]),
    ("rejected", &[REQUESTED, STOCK_REJECTED, PAYMENT_REJECTED]),
    // The answer came too late, and the pieces went back.
    ("expired", &[REQUESTED, RESERVED, EXPIRED, RELEASED]),
    ("expired", &[REQUESTED, STOCK_REJECTED, EXPIRED]),
    // The expiry overtook the request.
    ("expired", &[REQUESTED, EXPIRED]),
];

/// What the topics tell of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// Its status, as the service must have it, too.
    pub status: &'static str,
    /// Whose it is.
    pub user: Option<String>,
    pub sku: String,
    pub quantity: u64,
}

/// The story of each payment by its id. Whatever makes none is a problem.
pub fn stories<'a>(
    events: impl Iterator<Item = &'a Event>,
    problems: &mut Vec<Problem>,
) -> HashMap<&'a str, Story> {
    let of_payments = events.filter(|event| !event.kind.starts_with("comptoir.user."));
    let mut stories = HashMap::new();
    for (payment, events) in by(of_payments, |event| &event.subject) {
        match story(&events) {
            Ok(story) => {
                stories.insert(payment, story);
            }
            Err(problem) => problems.push(problem(payment)),
        }
    }
    stories
}

fn story(events: &[&Event]) -> Result<Story, impl Fn(&str) -> Problem + use<>> {
    let mut kinds: Vec<_> = events.iter().map(|event| event.kind.clone()).collect();
    kinds.sort_unstable();
    let end = ENDS.iter().find(|(_, expected)| {
        kinds.len() == expected.len() && expected.iter().all(|kind| kinds.iter().any(|k| k == kind))
    });
    let request = events.iter().find(|event| event.kind == REQUESTED);
    if let (Some((status, _)), Some(request)) = (end, request) {
        return Ok(Story {
            status,
            user: request.data["user_id"].as_str().map(str::to_owned),
            sku: request.data["sku"].as_str().unwrap_or_default().to_owned(),
            quantity: request.data["quantity"].as_u64().unwrap_or_default(),
        });
    }
    let doubled = kinds.windows(2).any(|pair| pair[0] == pair[1]);
    Err(move |payment: &str| {
        let text = format!("payment {payment} has {kinds:?}");
        if doubled { Problem::Doubled(text) } else { Problem::Lost(text) }
    })
}
