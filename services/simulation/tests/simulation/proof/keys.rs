//! Under one idempotency key there is one request, one effect and one answer.

use std::collections::BTreeMap;

use comptoir_domain::payment::Payment;

use crate::ask::{Ask, Key};
use crate::http::{Answer, Reply};
use crate::ledger::Asked;
use crate::words::brief;

/// The requests under one key, with what came of them.
struct Tries<'a> {
    asked: Vec<&'a Asked>,
    /// Payments that these requests made, each with the request that did.
    made: Vec<(&'a Payment, &'a Asked)>,
}

pub(super) fn check(asked: &[Asked], payments: &[Payment]) -> Vec<String> {
    let all = by_key(asked, payments);
    let wrong = all.iter().filter_map(|(key, tries)| Some((key, tries.what_is_wrong()?)));
    wrong.map(|(key, what)| format!("a key is good for one request: {key:?}: {what}")).collect()
}

/// How many answers were surely those to an earlier request. Of a receipt nobody can tell which of
/// its requests brought the pieces, so the first answer to it does not count.
pub(crate) fn given_again(asked: &[Asked], payments: &[Payment]) -> usize {
    let again = |tries: &Tries<'_>| match tries.made.first() {
        Some((_, maker)) => tries.done().filter(|(asked, _)| asked.trace != maker.trace).count(),
        None => tries.done().skip(1).count(),
    };
    by_key(asked, payments).values().map(again).sum()
}

fn by_key<'a>(asked: &'a [Asked], payments: &'a [Payment]) -> BTreeMap<&'a Key, Tries<'a>> {
    let by_trace: BTreeMap<_, _> =
        payments.iter().map(|payment| (payment.origin.trace.trace_id(), payment)).collect();
    let mut all: BTreeMap<_, Tries<'_>> = BTreeMap::new();
    for request in asked {
        let Some(key) = &request.key else {
            continue;
        };
        let none = || Tries { asked: Vec::new(), made: Vec::new() };
        let tries = all.entry(key).or_insert_with(none);
        tries.asked.push(request);
        let made = by_trace.get(request.trace.as_str());
        tries.made.extend(made.map(|payment| (*payment, request)));
    }
    all
}

impl Tries<'_> {
    /// Those that were answered with a 2xx.
    fn done(&self) -> impl Iterator<Item = (&Asked, &Reply)> {
        self.asked.iter().filter_map(|asked| Some((*asked, asked.answer.done()?)))
    }

    fn what_is_wrong(&self) -> Option<String> {
        if let [(one, _), (other, _), ..] = self.made.as_slice() {
            return Some(format!("payments {} and {} were made", brief(&one.id), brief(&other.id)));
        }
        if let Some((first, answer)) = self.done().next() {
            let mut others =
                self.done().filter(|other| other.1 != answer || other.0.ask != first.ask);
            if let Some((other, _)) = others.next() {
                let (one, other) = (brief(&first.trace), brief(&other.trace));
                return Some(format!("requests {one} and {other} were answered differently"));
            }
            if matches!(first.ask, Ask::Pay { .. }) && !self.is_told_of(first, answer) {
                return Some(format!(
                    "request {} was told of another payment",
                    brief(&first.trace)
                ));
            }
        }
        let refused = self.asked.iter().find(|asked| !self.may_be_refused(asked))?;
        let (trace, word) = (brief(&refused.trace), refused.answer.word());
        Some(format!("request {trace} was refused with {word} for nothing"))
    }

    /// Whether the payment that there is was asked for by this request, and is told by the answer.
    fn is_told_of(&self, asked: &Asked, Reply { location, json, .. }: &Reply) -> bool {
        self.made.first().is_some_and(|(payment, maker)| {
            let id = payment.id.to_string();
            let place = format!("/payments/{id}");
            maker.ask == asked.ask && location.as_ref() == Some(&place) && json["id"] == id
        })
    }

    /// A 409 takes another request at the same time, a 422 one for something else that was, or may
    /// have been, carried out.
    fn may_be_refused(&self, refused: &Asked) -> bool {
        let may_be_done = |other: &Asked| {
            let made = self.made.iter().any(|(_, maker)| maker.trace == other.trace);
            made || other.answer.done().is_some()
                || (matches!(other.ask, Ask::Receive { .. }) && other.answer.is_open())
        };
        match refused.answer {
            Answer::Came(Reply { status: 409, .. }) => self.asked.len() > 1,
            Answer::Came(Reply { status: 422, .. }) => {
                self.asked.iter().any(|other| other.ask != refused.ask && may_be_done(other))
            }
            _ => true,
        }
    }
}
