//! What customers were told is so: a 2xx happened, and once; a refusal did not; of what was not
//! answered either all happened or nothing.

use std::collections::BTreeSet;

use comptoir_domain::payment::{Payment, PaymentStatus};
use comptoir_memory::Memory;

use super::told::Told;
use crate::ask::Ask;
use crate::ledger::Asked;
use crate::words::{brief, kind};

pub(super) fn check(
    asked: &[Asked],
    payments: &[Payment],
    memory: &Memory,
    told: &Told,
) -> Vec<String> {
    let mut broken = Vec::new();
    for request in asked {
        broken.extend(is_kept(request, payments, memory, told));
    }
    broken.extend(users_are_announced(memory, told));
    broken.extend(refunds_are_asked_for(asked, payments));
    broken
}

/// One request, its answer, and the events of its trace.
fn is_kept(
    Asked { trace, ask, key, answer }: &Asked,
    payments: &[Payment],
    memory: &Memory,
    told: &Told,
) -> Option<String> {
    let of_trace = told.events().filter(|(_, envelope)| envelope.trace.trace_id() == *trace);
    let kinds: Vec<_> = of_trace.map(|(event, _)| kind(event.kind())).collect();
    let count = |wanted: &str| kinds.iter().filter(|kind| **kind == wanted).count();
    let id = |status| answer.ok(status).and_then(|body| body["id"].as_str()).map(str::to_owned);
    let payment = |id: &str| payments.iter().find(|payment| payment.id.to_string() == id);
    let kept = match ask {
        Ask::Register { .. } => match id(201) {
            Some(id) => {
                let users = memory.all_users();
                count("user.registered") == 1 && users.iter().any(|user| user.id.to_string() == id)
            }
            None => count("user.registered") <= usize::from(answer.is_open()),
        },
        Ask::LogIn { .. } => match answer.ok(200) {
            Some(_) => count("user.logged_in") == 1,
            None => count("user.logged_in") <= usize::from(answer.is_open()),
        },
        Ask::Pay { .. } => {
            let made = payments.iter().filter(|p| p.origin.trace.trace_id() == *trace).count();
            // All or nothing: the event is there if, and only if, the payment is.
            let whole = count("payment.requested") == made;
            let fits = match id(202) {
                // It may have been made by an earlier request with the same key.
                Some(id) => (made == 1 || made == 0 && key.is_some()) && payment(&id).is_some(),
                None => made <= usize::from(answer.is_open()),
            };
            whole && fits
        }
        Ask::Refund { payment: id } => match answer.ok(202) {
            Some(_) => payment(id).is_some_and(|p| p.status == PaymentStatus::Refunded),
            None => count("payment.refunded") <= usize::from(answer.is_open()),
        },
        Ask::Show { payment: id, .. } => {
            let shown = answer.ok(200).map(|body| body["status"].as_str().unwrap_or_default());
            let ended = payment(id).map(|payment| payment.status);
            kinds.is_empty() && shown.is_none_or(|shown| leads_to(shown, ended))
        }
        Ask::Receive { .. } => kinds.is_empty(),
    };
    (!kept).then(|| {
        format!(
            "what a customer was told is so: request {} ({ask:?}) was answered {}, and its events \
             are [{}]",
            brief(trace),
            answer.word(),
            kinds.join(", ")
        )
    })
}

/// Whether a payment that was shown in one state may have ended in the other.
fn leads_to(shown: &str, ended: Option<PaymentStatus>) -> bool {
    match ended {
        None => false,
        Some(PaymentStatus::Pending) => shown == "pending",
        Some(PaymentStatus::Confirmed) => ["pending", "confirmed"].contains(&shown),
        Some(PaymentStatus::Rejected(_)) => ["pending", "rejected"].contains(&shown),
        Some(PaymentStatus::Expired) => ["pending", "expired"].contains(&shown),
        Some(PaymentStatus::Refunded) => ["pending", "confirmed", "refunded"].contains(&shown),
    }
}

/// A user and the event about it are stored together, and no two have the same name.
fn users_are_announced(memory: &Memory, told: &Told) -> Vec<String> {
    let mut broken = Vec::new();
    let mut names = BTreeSet::new();
    for user in memory.all_users() {
        let id = user.id.to_string();
        let about = told.about(&id).filter(|(event, _)| kind(event.kind()) == "user.registered");
        let announced = about.count();
        if announced != 1 {
            let name = &user.username;
            broken.push(format!("every user is announced once: {name} was {announced} times"));
        }
        if !names.insert(user.username.key()) {
            broken.push(format!("names are unique: {} is not", user.username));
        }
    }
    broken
}

fn refunds_are_asked_for(asked: &[Asked], payments: &[Payment]) -> Vec<String> {
    let refunded = payments.iter().filter(|p| p.status == PaymentStatus::Refunded);
    let ids = refunded.map(|payment| payment.id.to_string());
    let was_asked = |id: &String| {
        asked.iter().any(|Asked { ask, answer, .. }| {
            let about = matches!(ask, Ask::Refund { payment } if payment == id);
            about && (answer.is_open() || answer.ok(202).is_some())
        })
    };
    let unasked = ids.filter(|id| !was_asked(id));
    unasked.map(|id| format!("nothing happens unasked: {} was refunded", brief(&id))).collect()
}
