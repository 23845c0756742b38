//! What each request must have led to: its events are those of its trace.

use super::payments::{REFUNDED, RELEASED, REQUESTED};
use super::{Books, by};
use crate::asked::{Asked, Outcome, What};
use crate::kafka::Event;
use crate::problem::Problem;

const REGISTERED: &str = "comptoir.user.registered.v1";
const LOGGED_IN: &str = "comptoir.user.logged_in.v1";

pub(super) fn check(books: &Books, asked: &[Asked], problems: &mut Vec<Problem>) {
    let traces = by(books.account.events.values(), |event| &event.trace);
    for request in asked {
        // What a receipt does is seen in the stock alone.
        let kinds: &[&str] = match &request.what {
            What::Register { .. } => &[REGISTERED],
            What::Login => &[LOGGED_IN],
            What::Pay => &[REQUESTED],
            What::Refund { .. } => &[REFUNDED, RELEASED],
            What::Receive { .. } => continue,
        };
        let events = traces.get(request.trace.as_str()).map_or(&[][..], Vec::as_slice);
        let counts = kinds.iter().map(|kind| events.iter().filter(|e| e.kind == *kind).count());
        check_counts(request, &counts.collect::<Vec<_>>(), problems);
        check_subject(request, kinds[0], events, problems);
    }
}

/// How often the request happened must fit its answer, however often it was sent: one that is sent again
/// carries its key.  `counts` is the number of its events of each
/// kind.
fn check_counts(request: &Asked, counts: &[usize], problems: &mut Vec<Problem>) {
    let happened = counts[0];
    let told = || format!("{request:?} happened {counts:?} times");
    let (least, most) = match request.outcome {
        Outcome::Done(_) => (1, 1),
        Outcome::Refused => (0, 0),
        Outcome::Unknown => (0, 1),
    };
    if happened < least || counts.iter().any(|count| *count != happened) {
        problems.push(Problem::Lost(told()));
    } else if happened > most {
        problems.push(Problem::Doubled(told()));
    }
}

/// The id in the answer must be the one that the event is about.
fn check_subject(request: &Asked, kind: &str, events: &[&Event], problems: &mut Vec<Problem>) {
    let id = match (&request.what, &request.outcome) {
        (What::Refund { payment }, Outcome::Done(_)) => payment,
        (_, Outcome::Done(Some(id))) => id,
        _ => return,
    };
    if !events.iter().any(|event| event.kind == kind && event.subject == *id) {
        problems.push(Problem::Lost(format!("{kind} of {id}, which {} was told", request.trace)));
    }
}
