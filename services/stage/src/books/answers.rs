//! What the services answer afterwards, and what followers were sent, must be what the topics tell.

use std::collections::HashSet;
use std::thread;

use super::{Books, Story, stories};
use crate::asked::{Asked, Outcome, What};
use crate::http::{Request, post, send};
use crate::problem::Problem;
use crate::shoppers::Visit;

/// Requests at the same time.
const READERS: usize = 4;

/// Every payment must be what the topics tell of it, and none pending; a user's is asked for with the
/// user's token.
pub fn wrong_payments(port: u16, books: &Books, visit: &Visit) -> Vec<Problem> {
    let all = stories(books.account.events.values(), &mut Vec::new());
    let all: Vec<_> = all.iter().collect();
    let wrong = |(payment, story): &(&&str, &Story)| {
        let token = story.user.as_ref().and_then(|user| visit.tokens.get(user));
        let status = status(port, payment, token);
        let told = format!("payment {payment} is {status:?}, and {} on the topics", story.status);
        (status.as_deref() != Some(story.status)).then_some(Problem::Wrong(told))
    };
    let share = all.len().div_ceil(READERS).max(1);
    thread::scope(|scope| {
        let parts = all.chunks(share);
        let parts: Vec<_> = parts
            .map(|part| scope.spawn(move || part.iter().filter_map(wrong).collect::<Vec<_>>()))
            .collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    })
}

/// Where a payment stands, if it is shown.
fn status(port: u16, payment: &str, token: Option<&String>) -> Option<String> {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let header = bearer.as_deref().map(|bearer| ("authorization", bearer));
    let path = format!("/payments/{payment}");
    let request = Request { method: "GET", path: &path, headers: header.as_slice(), form: "" };
    let answer = send(port, request).unwrap();
    (answer.status == 200).then(|| answer.json()["status"].as_str().unwrap().to_owned())
}

/// A name must be taken if its user was announced, and free if not. So many are asked for, those first of
/// whom nobody knew.
pub fn wrong_users(port: u16, books: &Books, asked: &[Asked], most: usize) -> Vec<Problem> {
    let events = books.account.events.values();
    let announced: HashSet<_> =
        events.filter_map(|event| event.data["username"].as_str()).collect();
    let names = asked.iter().filter_map(|asked| match &asked.what {
        What::Register { username } => Some((asked.outcome != Outcome::Unknown, username)),
        _ => None,
    });
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    let wrong = |(_, name): (bool, &String)| {
        let form = format!("username={name}&password=secret");
        let status = post(port, "/register", &form).unwrap().status;
        let expected = if announced.contains(name.as_str()) { 409 } else { 201 };
        let told = format!("{name} is answered {status}, not {expected}");
        (status != expected).then_some(Problem::Lost(told))
    };
    names.into_iter().take(most).filter_map(wrong).collect()
}

/// A follower of the live stream must have seen every line once.
pub fn unfollowed(books: &Books, seen: &[String]) -> Vec<Problem> {
    let mut missing = books.account.line_ids();
    let mut problems = Vec::new();
    for line in seen {
        if !missing.remove(line.as_str()) {
            problems.push(Problem::Doubled(format!("line {line}, to a follower")));
        }
    }
    problems
        .extend(missing.iter().map(|line| Problem::Lost(format!("line {line}, to a follower"))));
    problems
}
