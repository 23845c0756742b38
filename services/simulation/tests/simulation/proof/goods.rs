//! An article has received what the answers say, and any of what was not answered.

use std::collections::{BTreeMap, BTreeSet};

use comptoir_memory::Memory;

use crate::ask::{Ask, Key};
use crate::ledger::Asked;

/// What inventories puts on the shelves at its first start, of what customers ask for. An article that
/// a customer received first is left as it is.
const SEEDED: [(&str, u64); 2] = [("coffee-mug", 1_000_000), ("signed-print", 3)];

/// The requests behind one receipt: several only under one key.
struct Receipt<'a> {
    sku: &'static str,
    tries: Vec<(u64, &'a Asked)>,
}

pub(super) fn check(asked: &[Asked], memory: &Memory) -> Vec<String> {
    let receipts = receipts(asked);
    let mut sums: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for (sku, pieces) in SEEDED {
        sums.insert(sku, [0, pieces].into());
    }
    for receipt in &receipts {
        let possible = sums.entry(receipt.sku).or_insert_with(|| [0].into());
        let pieces = receipt.pieces();
        *possible = possible.iter().flat_map(|sum| pieces.iter().map(move |p| sum + p)).collect();
    }
    let (articles, _) = memory.all_stock();
    let wrong = articles.iter().filter_map(|article| {
        let possible = sums.get(article.sku().as_str())?;
        let received = article.received();
        (!possible.contains(&received)).then(|| {
            format!("goods are received as answered: {received} pieces of {}", article.sku())
        })
    });
    wrong.chain(told_twice(&receipts)).collect()
}

fn receipts(asked: &[Asked]) -> Vec<Receipt<'_>> {
    let mut receipts: Vec<Receipt<'_>> = Vec::new();
    let mut by_key: BTreeMap<&Key, usize> = BTreeMap::new();
    for request in asked {
        let Ask::Receive { sku, quantity } = request.ask else {
            continue;
        };
        let next = receipts.len();
        let at = request.key.as_ref().map_or(next, |key| *by_key.entry(key).or_insert(next));
        if at == next {
            receipts.push(Receipt { sku, tries: Vec::new() });
        }
        receipts[at].tries.push((quantity, request));
    }
    receipts
}

impl Receipt<'_> {
    /// How many pieces came with it: one of these.
    fn pieces(&self) -> BTreeSet<u64> {
        if let Some((_, pieces)) = self.told() {
            return [pieces].into();
        }
        let open = self.tries.iter().filter(|(_, asked)| asked.answer.is_open());
        open.map(|(pieces, _)| *pieces).chain([0]).collect()
    }

    /// What was received in all by then, this receipt included, and its pieces.
    fn told(&self) -> Option<(u64, u64)> {
        self.tries.iter().find_map(|(pieces, asked)| {
            let body = asked.answer.ok(201)?;
            Some((body["received"].as_u64()?, *pieces))
        })
    }
}

/// Two receipts cannot have brought the same pieces.
fn told_twice(receipts: &[Receipt<'_>]) -> Option<String> {
    let told = |receipt: &Receipt<'_>| Some((receipt.sku, receipt.told()?));
    let mut told: Vec<_> = receipts.iter().filter_map(told).collect();
    told.sort_unstable();
    let mut pairs = told.iter().zip(told.iter().skip(1));
    let (_, (sku, (received, pieces))) =
        pairs.find(|((sku, (before, _)), (same, (after, pieces)))| {
            sku == same && before + pieces > *after
        })?;
    Some(format!(
        "goods are received as answered: {pieces} pieces of {sku}, {received} in all, were told to \
         others as well"
    ))
}
