use serde_json::json;

use super::payments::{
    CONFIRMED, EXPIRED, PAYMENT_REJECTED, REFUNDED, RELEASED, REQUESTED, RESERVED, STOCK_REJECTED,
};
use super::{Article, Books, is_routed, unfollowed};
use crate::Account;
use crate::asked::{Asked, Outcome, What};
use crate::kafka::{Event, event};
use crate::problem::Problem;

const REGISTERED: &str = "comptoir.user.registered.v1";

/// Books of these events, each with its line and on its topics, and so many mugs sold.
fn books(events: &[Event], sold: u64) -> Books {
    let line = |event: &Event| Event {
        id: format!("line of {}", event.id),
        cause: Some(event.id.clone()),
        data: json!({ "id": format!("line of {}", event.id) }),
        ..event.clone()
    };
    let lines: Vec<_> = events.iter().map(line).collect();
    let shown = lines.iter().map(|line| line.id.clone()).collect();
    let routed = |topic: &str| {
        let routed = events.iter().filter(|event| is_routed(&event.kind, topic));
        routed.map(|event| event.id.clone()).collect()
    };
    let mugs = Article { received: 10, available: 10 - sold, held: 0, sold };
    Books {
        inventories: routed("inventories"),
        stock: routed("stock"),
        account: Account::new(events.to_vec(), lines, shown),
        articles: [("mug".to_owned(), mugs)].into(),
    }
}

/// A payment of two mugs with these events.
fn payment(id: &str, kinds: &[&str]) -> Vec<Event> {
    let one = |(n, kind): (usize, &&str)| Event {
        data: json!({ "sku": "mug", "quantity": 2 }),
        ..event(&format!("{id}-{n}"), kind, id)
    };
    kinds.iter().enumerate().map(one).collect()
}

fn confirmed(id: &str) -> Vec<Event> {
    payment(id, &[REQUESTED, RESERVED, CONFIRMED])
}

fn asked(what: What, subject: &str, outcome: Outcome) -> Asked {
    Asked { trace: format!("trace of {subject}"), what, outcome, sent: 1 }
}

fn done(id: &str) -> Outcome {
    Outcome::Done(Some(id.to_owned()))
}

#[test]
fn a_payment_that_was_acknowledged_and_confirmed_balances() {
    let asked = [asked(What::Pay, "p", done("p"))];
    assert_eq!(books(&confirmed("p"), 2).problems(&asked), []);
}

#[test]
fn every_end_of_a_payment_is_a_story() {
    let ends: [(&[&str], u64); 5] = [
        (&[REQUESTED, RESERVED, CONFIRMED, REFUNDED, RELEASED], 0),
        (&[REQUESTED, STOCK_REJECTED, PAYMENT_REJECTED], 0),
        (&[REQUESTED, EXPIRED], 0),
        (&[REQUESTED, STOCK_REJECTED, EXPIRED], 0),
        (&[REQUESTED, RESERVED, EXPIRED, RELEASED], 0),
    ];
    for (kinds, sold) in ends {
        assert_eq!(books(&payment("p", kinds), sold).problems(&[]), [], "{kinds:?}");
    }
}

#[test]
fn an_acknowledged_request_without_its_event_is_lost() {
    let made = [
        (What::Pay, done("p")),
        (What::Register { username: "u".to_owned() }, done("u")),
        (What::Login, Outcome::Done(None)),
        (What::Refund { payment: "p".to_owned() }, Outcome::Done(None)),
    ];
    for (what, outcome) in made {
        let problems = books(&[], 0).problems(&[asked(what, "p", outcome)]);
        assert!(matches!(problems.first(), Some(Problem::Lost(_))), "{problems:?}");
    }
}

#[test]
fn an_unknown_request_has_happened_or_not() {
    let unknown = [asked(What::Pay, "p", Outcome::Unknown)];
    assert_eq!(books(&[], 0).problems(&unknown), []);
    assert_eq!(books(&confirmed("p"), 2).problems(&unknown), []);
}

#[test]
fn but_wholly() {
    for kinds in [&[REQUESTED][..], &[REQUESTED, RESERVED], &[RESERVED, CONFIRMED]] {
        let problems = books(&payment("p", kinds), 0).problems(&[]);
        assert!(matches!(&problems[..], [Problem::Lost(_)]), "{problems:?}");
    }
    let refund = What::Refund { payment: "q".to_owned() };
    let half = [event("e", REFUNDED, "q")];
    let problems = books(&half, 0).problems(&[asked(refund, "q", Outcome::Unknown)]);
    assert!(problems.iter().any(|p| matches!(p, Problem::Lost(what) if what.contains("[1, 0]"))));
}

#[test]
fn a_refused_request_must_not_have_happened() {
    let problems = books(&confirmed("p"), 2).problems(&[asked(What::Pay, "p", Outcome::Refused)]);
    assert!(matches!(&problems[..], [Problem::Doubled(_)]), "{problems:?}");
}

#[test]
fn two_payments_of_one_key_are_a_double() {
    let mut events = [confirmed("p"), confirmed("q")].concat();
    for event in &mut events {
        event.trace = "trace of p".to_owned();
    }
    let twice = [Asked { sent: 2, ..asked(What::Pay, "p", done("p")) }];
    let problems = books(&events, 4).problems(&twice);
    assert!(matches!(&problems[..], [Problem::Doubled(_)]), "{problems:?}");
}

#[test]
fn another_id_than_the_answer_s_is_a_loss() {
    let problems = books(&confirmed("p"), 2).problems(&[asked(What::Pay, "p", done("q"))]);
    assert!(matches!(&problems[..], [Problem::Lost(_)]), "{problems:?}");
}

#[test]
fn an_event_that_is_told_twice_under_two_ids_is_a_double() {
    let twice = payment("p", &[REQUESTED, RESERVED, CONFIRMED, CONFIRMED]);
    let problems = books(&twice, 0).problems(&[]);
    assert!(matches!(&problems[..], [Problem::Doubled(_)]), "{problems:?}");
    let users = [event("e", REGISTERED, "u"), event("f", REGISTERED, "u")];
    let register = What::Register { username: "u".to_owned() };
    let problems = books(&users, 0).problems(&[asked(register, "u", done("u"))]);
    assert!(matches!(&problems[..], [Problem::Doubled(_)]), "{problems:?}");
}

#[test]
fn an_event_must_be_on_all_of_its_topics() {
    let mut books = books(&confirmed("p"), 2);
    assert!(books.inventories.remove("p-0") && books.stock.remove("p-1"));
    books.stock.insert("stray".to_owned());
    let problems = books.problems(&[]);
    assert!(matches!(&problems[..], [Problem::Lost(_), Problem::Lost(_), Problem::Lost(_)]));
}

#[test]
fn stock_must_balance_and_have_sold_what_was_confirmed() {
    let lost = books(&confirmed("p"), 0).problems(&[]);
    assert!(matches!(&lost[..], [Problem::Lost(_)]), "{lost:?}");
    let doubled = books(&confirmed("p"), 4).problems(&[]);
    assert!(matches!(&doubled[..], [Problem::Doubled(_)]), "{doubled:?}");
    for (available, held) in [(7, 0), (6, 2)] {
        let mut books = books(&confirmed("p"), 2);
        let mugs = Article { received: 10, available, held, sold: 2 };
        books.articles.insert("mug".to_owned(), mugs);
        let wrong = books.problems(&[]);
        assert!(matches!(&wrong[..], [Problem::Wrong(_)]), "{wrong:?}");
    }
}

#[test]
fn a_receipt_is_counted_once() {
    let receipt = |outcome, sent| {
        let what = What::Receive { sku: "print".to_owned(), quantity: 5 };
        [Asked { sent, ..asked(what, "print", outcome) }]
    };
    let with = |received: u64| {
        let mut books = books(&[], 0);
        if received > 0 {
            let prints = Article { received, available: received, held: 0, sold: 0 };
            books.articles.insert("print".to_owned(), prints);
        }
        books
    };
    assert_eq!(with(5).problems(&receipt(Outcome::Done(None), 2)), []);
    assert_eq!(with(0).problems(&receipt(Outcome::Unknown, 2)), []);
    assert_eq!(with(5).problems(&receipt(Outcome::Unknown, 2)), []);
    let lost = with(0).problems(&receipt(Outcome::Done(None), 1));
    assert!(matches!(&lost[..], [Problem::Lost(_)]), "{lost:?}");
    let doubled = with(10).problems(&receipt(Outcome::Done(None), 2));
    assert!(matches!(&doubled[..], [Problem::Doubled(_)]), "{doubled:?}");
    let wrong = with(7).problems(&receipt(Outcome::Done(None), 1));
    assert!(matches!(&wrong[..], [Problem::Wrong(_)]), "{wrong:?}");
}

#[test]
fn a_follower_must_see_each_line_once() {
    let books = books(&[event("e", REGISTERED, "u")], 0);
    let line = || "line of e".to_owned();
    assert_eq!(unfollowed(&books, &[line()]), []);
    let lost = unfollowed(&books, &[]);
    assert!(matches!(&lost[..], [Problem::Lost(_)]), "{lost:?}");
    let doubled = unfollowed(&books, &[line(), line()]);
    assert!(matches!(&doubled[..], [Problem::Doubled(_)]), "{doubled:?}");
}
