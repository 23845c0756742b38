//! The account after the last fault: waits until the books balance, then looks at every id.

use std::time::Duration;

use comptoir_stage::books::{Books, wrong_payments};
use comptoir_stage::patience::{now, pause};
use comptoir_stage::problem::Problem;
use comptoir_stage::shoppers::Visit;
use comptoir_stage::{GROUPS, USERS_TOPICS};

use crate::town::Town;

/// What is under way may take as long as it needs, if only something happens at least so often.
const SILENCE: Duration = Duration::from_mins(1);
const BETWEEN_READINGS: Duration = Duration::from_millis(500);
/// Leftovers in an outbox are swept after five seconds: by then a late double would have come.
const AFTERWARDS: Duration = Duration::from_secs(7);

/// What was found.
pub(crate) struct Ledger {
    pub(crate) books: Books,
    pub(crate) problems: Vec<Problem>,
    /// From the last fault until everything was done.
    pub(crate) settled_after: Duration,
}

/// Reads the books until nothing is wrong with them, or nothing happens any more; then once more, in case
/// that something is done again.
pub(crate) fn settle(town: &Town, visit: &Visit) -> Ledger {
    let since = now();
    town.is_whole();
    let read = || {
        let books = Books::read(&town.shop);
        let problems = books.problems(&visit.asked);
        (books, problems)
    };
    let (mut events, mut last_news) = (0, since);
    loop {
        let (books, problems) = read();
        let settled_after = since.elapsed();
        if books.account.events.len() > events {
            (events, last_news) = (books.account.events.len(), now());
        }
        if problems.is_empty() || last_news.elapsed() > SILENCE {
            pause(AFTERWARDS);
            let (books, mut problems) = read();
            let port = town.shop.port("payments-service");
            problems.extend(wrong_payments(port, &books, visit));
            problems.extend(dead_letters(town));
            problems.extend(lag(town));
            return Ledger { books, problems, settled_after };
        }
        pause(BETWEEN_READINGS);
    }
}

/// Nothing may have been given up.
fn dead_letters(town: &Town) -> Vec<Problem> {
    let letters = |topic| {
        let answer = town.console(&format!("/api/v1/topics/{topic}.dlq"));
        let records = if answer.status == 404 { 0.into() } else { answer.json()["records"].take() };
        (records != 0).then(|| Problem::Lost(format!("{records} records of {topic}, given up")))
    };
    USERS_TOPICS.into_iter().filter_map(letters).collect()
}

/// No group may have anything left to do.
fn lag(town: &Town) -> Vec<Problem> {
    let lag = |group| match town.shop.lag(&town.servers, group) {
        Some(0) => None,
        lag => Some(Problem::Wrong(format!("{group} has a lag of {lag:?}"))),
    };
    GROUPS.into_iter().filter_map(lag).collect()
}
