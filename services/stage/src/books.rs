//! The books of a shop: what was asked, the topics, the lines, the payments and the stock must tell one
//! story.
//!
//! All that is checked is checked by id. A request carries a trace of its own, so its events are found
//! whether it was answered or not.

mod answers;
mod payments;
mod requests;
mod stock;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde_json::Value;

use crate::asked::Asked;
use crate::http::Answer;
use crate::kafka::{Event, read_all};
use crate::problem::Problem;
use crate::{Account, Shop};
pub use answers::{unfollowed, wrong_payments, wrong_users};
pub use payments::{Story, stories};

/// What can be seen of a shop.
#[derive(Debug, Default)]
pub struct Books {
    pub account: Account,
    /// The ids of the events on the other topics.
    pub inventories: HashSet<String>,
    pub stock: HashSet<String>,
    /// The articles by their names.
    pub articles: HashMap<String, Article>,
}

/// An article's counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Article {
    pub received: u64,
    pub available: u64,
    pub held: u64,
    pub sold: u64,
}

impl Books {
    /// Reads all of it: `kcat` the topics, HTTP the lines and the stock.
    #[track_caller]
    pub fn read(shop: &Shop) -> Self {
        let ids = |topic| {
            let records = read_all(shop.brokers(), &shop.named(topic));
            records.iter().map(|record| Event::of(record).id).collect()
        };
        let answer = shop.get("inventories-service", "/stock");
        Self {
            account: Account::read(shop),
            inventories: ids("inventories"),
            stock: ids("stock"),
            articles: articles(&answer),
        }
    }

    /// Everything that is wrong, in order.
    pub fn problems(&self, asked: &[Asked]) -> Vec<Problem> {
        let mut problems = self.account.problems();
        self.check_topics(&mut problems);
        let stories = stories(self.account.events.values(), &mut problems);
        requests::check(self, asked, &mut problems);
        stock::check(self, asked, &stories, &mut problems);
        problems.sort();
        problems
    }

    /// An event is on every topic that its kind is routed to, and nothing else is.
    fn check_topics(&self, problems: &mut Vec<Problem>) {
        for (topic, ids) in [("inventories", &self.inventories), ("stock", &self.stock)] {
            let events = self.account.events.values();
            let expected = events.filter(|event| is_routed(&event.kind, topic));
            let expected: HashSet<_> = expected.map(|event| &event.id).collect();
            let missing = expected.iter().filter(|id| !ids.contains(**id));
            problems.extend(missing.map(|id| Problem::Lost(format!("event {id} on {topic}"))));
            let stray = ids.iter().filter(|id| !expected.contains(id));
            problems
                .extend(stray.map(|id| Problem::Lost(format!("event {id} of {topic}, elsewhere"))));
        }
    }
}

/// The articles in an answer to `GET /stock`.
pub fn articles(answer: &Answer) -> HashMap<String, Article> {
    let Value::Array(all) = answer.json() else { panic!("no articles: {answer:?}") };
    let named = |article: Value| {
        let name = article["sku"].as_str().unwrap().to_owned();
        (name, serde_json::from_value(article).unwrap())
    };
    all.into_iter().map(named).collect()
}

/// Whether events of a kind go to a topic beside `notifications`, which has all of them.
fn is_routed(kind: &str, topic: &str) -> bool {
    match topic {
        "inventories" => {
            kind.starts_with("comptoir.payment.") && kind != payments::PAYMENT_REJECTED
        }
        _ => kind.starts_with("comptoir.stock."),
    }
}

/// Events by what `key` gives.
fn by<'a>(
    events: impl Iterator<Item = &'a Event>,
    key: impl Fn(&'a Event) -> &'a str,
) -> HashMap<&'a str, Vec<&'a Event>> {
    let mut groups: HashMap<_, Vec<_>> = HashMap::new();
    for event in events {
        groups.entry(key(event)).or_default().push(event);
    }
    groups
}
