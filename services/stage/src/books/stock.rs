//! Stock balances, and what is sold is what was confirmed.

use std::collections::HashMap;

use super::{Article, Books, Story};
use crate::asked::{Asked, Outcome, What};
use crate::problem::Problem;

pub(super) fn check(
    books: &Books,
    asked: &[Asked],
    stories: &HashMap<&str, Story>,
    problems: &mut Vec<Problem>,
) {
    let mut confirmed: HashMap<&str, u64> = HashMap::new();
    for story in stories.values().filter(|story| story.status == "confirmed") {
        *confirmed.entry(&story.sku).or_default() += story.quantity;
    }
    for (sku, article) in &books.articles {
        let Article { received, available, held, sold } = *article;
        let expected = confirmed.remove(sku.as_str()).unwrap_or_default();
        if received != available + held + sold || held != 0 {
            problems.push(Problem::Wrong(format!("{sku} does not balance: {article:?}")));
        }
        if sold < expected {
            problems
                .push(Problem::Lost(format!("{} sales of {sku}: {article:?}", expected - sold)));
        } else if sold > expected {
            problems
                .push(Problem::Doubled(format!("{} sales of {sku}: {article:?}", sold - expected)));
        }
    }
    for (sku, pieces) in confirmed {
        problems.push(Problem::Lost(format!("article {sku}, of which {pieces} are sold")));
    }
    for request in asked {
        check_receipt(books, request, problems);
    }
}

/// An article that only this request receives has what it says, or there is none.
fn check_receipt(books: &Books, request: &Asked, problems: &mut Vec<Problem>) {
    let What::Receive { sku, quantity } = &request.what else { return };
    let received = books.articles.get(sku).map_or(0, |article| article.received);
    let times = received / quantity;
    if !received.is_multiple_of(*quantity) {
        problems.push(Problem::Wrong(format!("{received} pieces of {sku}, after {request:?}")));
    } else if times > 1 || (times > 0 && request.outcome == Outcome::Refused) {
        problems.push(Problem::Doubled(format!("{received} pieces of {sku}, after {request:?}")));
    } else if times == 0 && matches!(request.outcome, Outcome::Done(_)) {
        problems.push(Problem::Lost(format!("the receipt of {sku}: {request:?}")));
    }
}
