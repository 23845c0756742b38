//! Stock's half of the checkout: every reservation, every command.

use comptoir_domain::checkout::StockCommand::{self, PutBack, Release, Reserve, Sell};
use comptoir_domain::checkout::{StockStep, decide};
use comptoir_domain::event::{Event, StockMoved, StockRefused, StockRejected};
use comptoir_domain::stock::ReservationStatus::{self, Held, Rejected, Released, Sold};
use comptoir_domain::stock::{Reservation, StockRefusal};

use crate::sample::{article, counters, every_event, payment_id, pieces, sku, terms};

/// What is told about a step, without the pieces that are the same in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Reserved,
    Refused(StockRefused),
    GaveBack,
}
use Told::{GaveBack, Nothing, Refused, Reserved};

/// Two pieces of the article that all commands here are about.
fn moved() -> StockMoved {
    StockMoved { payment: payment_id(1), sku: sku("coffee-mug"), quantity: pieces(2) }
}

fn reservation(status: ReservationStatus) -> Reservation {
    let StockMoved { payment, sku, quantity } = moved();
    Reservation { payment, sku, quantity, status }
}

fn event(told: Told) -> Option<Event> {
    match told {
        Nothing => None,
        Reserved => Some(Event::StockReserved(moved())),
        Refused(reason) => Some(Event::StockRejected(StockRejected { asked: moved(), reason })),
        GaveBack => Some(Event::StockReleased(moved())),
    }
}

/// Known before, command, counters before; known after (`None`: as before), counters after, told.
type Case =
    (Option<ReservationStatus>, StockCommand, [u64; 3], Option<ReservationStatus>, [u64; 3], Told);

const SHELF: [u64; 3] = [5, 4, 3];

const CASES: [Case; 22] = [
    // The first command.
    (None, Reserve, SHELF, Some(Held), [3, 6, 3], Reserved),
    (None, Reserve, [2, 4, 3], Some(Held), [0, 6, 3], Reserved),
    (None, Reserve, [1, 4, 3], Some(Rejected), [1, 4, 3], Refused(StockRefused::OutOfStock)),
    (None, Sell, SHELF, None, SHELF, Nothing),
    (None, Release, SHELF, Some(Released), SHELF, Nothing),
    (None, PutBack, SHELF, Some(Released), SHELF, Nothing),
    // Pieces are set aside.
    (Some(Held), Reserve, SHELF, None, SHELF, Nothing),
    (Some(Held), Sell, SHELF, Some(Sold), [5, 2, 5], Nothing),
    (Some(Held), Release, SHELF, Some(Released), [7, 2, 3], GaveBack),
    (Some(Held), PutBack, SHELF, Some(Released), [7, 2, 3], GaveBack),
    // The payment was confirmed.
    (Some(Sold), Reserve, SHELF, None, SHELF, Nothing),
    (Some(Sold), Sell, SHELF, None, SHELF, Nothing),
    (Some(Sold), Release, SHELF, None, SHELF, Nothing),
    (Some(Sold), PutBack, SHELF, Some(Released), [7, 4, 1], GaveBack),
    // All is over.
    (Some(Released), Reserve, SHELF, None, SHELF, Nothing),
    (Some(Released), Sell, SHELF, None, SHELF, Nothing),
    (Some(Released), Release, SHELF, None, SHELF, Nothing),
    (Some(Released), PutBack, SHELF, None, SHELF, Nothing),
    (Some(Rejected), Reserve, SHELF, None, SHELF, Nothing),
    (Some(Rejected), Sell, SHELF, None, SHELF, Nothing),
    (Some(Rejected), Release, SHELF, None, SHELF, Nothing),
    (Some(Rejected), PutBack, SHELF, None, SHELF, Nothing),
];

#[test]
fn every_command_has_its_answer_in_every_state() {
    for (known, command, before, after, expected, told) in CASES {
        let case = format!("{known:?} {command:?} {before:?}");
        let mut article = article("coffee-mug", before);
        let known = known.map(reservation);
        let step = decide(command, &terms(), known.as_ref(), Some(&mut article)).unwrap();
        let answer = StockStep { reservation: after.map(reservation), event: event(told) };
        assert_eq!(step, answer, "{case}");
        assert_eq!(counters(&article), expected, "{case}");
    }
}

#[test]
fn the_table_has_every_state_and_command() {
    let states = [None, Some(Held), Some(Sold), Some(Released), Some(Rejected)];
    for (known, command) in states
        .into_iter()
        .flat_map(|known| [Reserve, Sell, Release, PutBack].map(|command| (known, command)))
    {
        let listed = |case: &Case| (case.0, case.1) == (known, command);
        assert!(CASES.iter().any(listed), "{known:?} {command:?}");
    }
}

#[test]
fn an_article_that_nobody_received_is_unknown() {
    let step = decide(Reserve, &terms(), None, None).unwrap();
    let answer = StockStep {
        reservation: Some(reservation(Rejected)),
        event: event(Refused(StockRefused::UnknownSku)),
    };
    assert_eq!(step, answer);
    for (command, after) in [(Sell, None), (Release, Some(Released)), (PutBack, Some(Released))] {
        let step = decide(command, &terms(), None, None).unwrap();
        assert_eq!(step.reservation, after.map(reservation), "{command:?}");
        assert_eq!(step.event, None, "{command:?}");
    }
}

#[test]
fn counters_that_contradict_a_reservation_are_refused_and_stay() {
    let held = reservation(Held);
    for command in [Sell, Release, PutBack] {
        let mut short = article("coffee-mug", [5, 1, 0]);
        let step = decide(command, &terms(), Some(&held), Some(&mut short));
        assert_eq!(step, Err(StockRefusal::Unbalanced), "{command:?}");
        assert_eq!(counters(&short), [5, 1, 0], "{command:?}");
        let none = decide(command, &terms(), Some(&held), None);
        assert_eq!(none, Err(StockRefusal::Unbalanced), "{command:?}");
    }
}

#[test]
fn a_payment_holds_one_article_only() {
    let other = Reservation { sku: sku("tea-pot"), ..reservation(Held) };
    let mut shelf = article("coffee-mug", SHELF);
    for command in [Reserve, Sell, Release, PutBack] {
        let step = decide(command, &terms(), Some(&other), Some(&mut shelf));
        assert_eq!(step, Err(StockRefusal::OtherArticle), "{command:?}");
    }
    assert_eq!(counters(&shelf), SHELF);
}

#[test]
fn what_was_set_aside_goes_back_whatever_a_later_command_says() {
    let mut shelf = article("coffee-mug", SHELF);
    let mut terms = terms();
    terms.quantity = pieces(4);
    let held = reservation(Held);
    let step = decide(Release, &terms, Some(&held), Some(&mut shelf)).unwrap();
    assert_eq!(step.event, event(GaveBack));
    assert_eq!(counters(&shelf), [7, 2, 3]);
}

#[test]
fn four_events_of_payments_are_commands() {
    for event in every_event() {
        let expected = match event.kind() {
            "comptoir.payment.requested.v1" => Some(Reserve),
            "comptoir.payment.confirmed.v1" => Some(Sell),
            "comptoir.payment.expired.v1" => Some(Release),
            "comptoir.payment.refunded.v1" => Some(PutBack),
            _ => None,
        };
        let command = StockCommand::of(&event).map(|(command, about)| {
            assert_eq!(*about, terms());
            command
        });
        assert_eq!(command, expected, "{}", event.kind());
    }
}
