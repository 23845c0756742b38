//! Order per key: an event stands behind what led to it, on every topic that has both, and so do the
//! lines.

use std::collections::BTreeMap;

use super::told::{OnTopic, Told};
use crate::words::{brief, kind};

/// Kinds of one payment that come in this order wherever they stand on one topic.
const ORDERS: [[&str; 2]; 8] = [
    ["payment.requested", "payment.confirmed"],
    ["payment.requested", "payment.rejected"],
    ["payment.requested", "payment.expired"],
    ["payment.confirmed", "payment.refunded"],
    ["stock.reserved", "stock.released"],
    ["payment.requested", "stock.reserved"],
    ["stock.reserved", "payment.confirmed"],
    ["payment.refunded", "stock.released"],
];

pub(super) fn check(told: &Told) -> Vec<String> {
    let mut broken = Vec::new();
    let topics = [
        ("notifications", &told.notifications),
        ("inventories", &told.inventories),
        ("stock", &told.stock),
    ];
    for (name, on_topic) in topics {
        broken.extend(kinds_in_order(name, on_topic));
        broken.extend(causes_first(name, on_topic));
    }
    broken.extend(lines_in_order(told));
    broken
}

fn kinds_in_order(name: &str, on_topic: &OnTopic) -> Vec<String> {
    let mut places = BTreeMap::new();
    for occurrence in on_topic.values() {
        let subject = occurrence.envelope.subject.clone().unwrap_or_default();
        places.insert((subject, kind(occurrence.envelope.kind())), occurrence.place);
    }
    let mut broken = Vec::new();
    for (subject, event) in places.keys() {
        for [first, then] in ORDERS.iter().filter(|[_, then]| then == event) {
            let before = places.get(&(subject.clone(), *first));
            if before.is_some_and(|before| *before > places[&(subject.clone(), *event)]) {
                let subject = brief(subject);
                broken.push(format!(
                    "order per key: on {name}, {then} of {subject} is before {first}"
                ));
            }
        }
    }
    broken
}

fn causes_first(name: &str, on_topic: &OnTopic) -> Vec<String> {
    let late = on_topic.values().filter(|occurrence| {
        let cause = occurrence.envelope.causation.as_ref();
        let cause = cause.and_then(|cause| on_topic.get(cause.as_str()));
        cause.is_some_and(|cause| {
            // Of another key it may be in another partition, and then there is no order.
            cause.place.0 == occurrence.place.0 && cause.place > occurrence.place
        })
    });
    let broken = late.map(|occurrence| {
        let what = crate::words::event(&occurrence.envelope);
        format!("order per key: on {name}, {what} is before what led to it")
    });
    broken.collect()
}

/// The lines of two events of one key stand as the events do.
fn lines_in_order(told: &Told) -> Vec<String> {
    let mut of_key: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let lines: BTreeMap<_, _> = told
        .logs
        .values()
        .filter_map(|line| Some((line.envelope.causation.as_ref()?.to_string(), line.place)))
        .collect();
    for (id, event) in &told.notifications {
        if let Some(line) = lines.get(id) {
            let key = event.envelope.subject.clone();
            of_key.entry(key).or_default().push((event.place, *line));
        }
    }
    let mut broken = Vec::new();
    for (key, mut places) in of_key {
        places.sort_unstable();
        if !places.is_sorted_by_key(|(_, line)| *line) {
            let key = key.as_ref().map(brief).unwrap_or_default();
            broken.push(format!("order per key: the lines of {key} stand in another order"));
        }
    }
    broken
}
