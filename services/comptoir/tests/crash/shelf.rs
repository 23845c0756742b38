//! The account of one program, by its own console.

use std::time::Duration;

use comptoir_stage::books::{Books, articles, wrong_payments, wrong_users};
use comptoir_stage::kafka::Event;
use comptoir_stage::patience::{now, pause};
use comptoir_stage::shoppers::Visit;
use comptoir_stage::{Account, shown_lines};
use serde_json::Value;

use crate::program::Program;

/// What is under way has this long.
const SETTLE_TIME: Duration = Duration::from_mins(1);
const BETWEEN_READINGS: Duration = Duration::from_millis(200);
/// Users that are asked for by name: each costs a hash.
const ASKED_FOR: usize = 20;

/// Waits until the books balance; what they say.
#[track_caller]
pub(crate) fn check(program: &Program, visit: &Visit) -> String {
    let began = now();
    loop {
        let books = read(program);
        let mut problems = books.problems(&visit.asked);
        if !problems.is_empty() && began.elapsed() < SETTLE_TIME {
            pause(BETWEEN_READINGS);
            continue;
        }
        problems.extend(wrong_payments(program.port("payments"), &books, visit));
        problems.extend(wrong_users(program.port("users"), &books, &visit.asked, ASKED_FOR));
        assert_eq!(problems, [], "{} problems", problems.len());
        return books.account.to_string();
    }
}

fn read(program: &Program) -> Books {
    let ids = |topic| events(program, topic).into_iter().map(|event| event.id).collect();
    let shown = shown_lines(|path| program.get("logs", path));
    Books {
        account: Account::new(events(program, "notifications"), events(program, "logs"), shown),
        inventories: ids("inventories"),
        stock: ids("stock"),
        articles: articles(&program.get("inventories", "/stock")),
    }
}

/// Every event of a topic.
fn events(program: &Program, topic: &str) -> Vec<Event> {
    let first = format!("/api/v1/topics/{topic}/messages?mode=EARLIEST&limit=500");
    let mut path = first.clone();
    let mut events = Vec::new();
    loop {
        let mut page = program.get("console", &path).json();
        let Value::Array(messages) = page["messages"].take() else { panic!("no page: {page}") };
        events.extend(messages.iter().map(|message| {
            assert_eq!(message["truncated"], false, "{message}");
            Event::parse(message["value"].as_str().unwrap())
        }));
        let Some(next) = page["next"].as_str() else { return events };
        path = format!("{first}&cursor={next}");
    }
}
