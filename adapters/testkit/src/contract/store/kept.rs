//! The three repositories as what they have in common: outboxes.

use std::time::Duration;

use comptoir_domain::outbox::{OutboxEntry, OutboxOwner, Pending, Published, Sequence};
use comptoir_domain::payment::Payment;
use comptoir_domain::port::store::{
    Outbox, PaymentRepository, ReservationWrite, Save, StockRepository, StockWrite, StoreError,
    UserRepository, Version, Versioned,
};
use comptoir_domain::stock::{Article, Quantity, Reservation, ReservationStatus};
use comptoir_domain::time::Timestamp;

use crate::builders::{THEN, a_payment, a_sku, a_user, an_article, an_envelope};
use crate::contract::{StoreHarness, Stores};
use crate::wait::{quiet, within};

/// Whose outbox a check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Those of users.
    Users,
    /// Those of payments.
    Payments,
    /// Those of stock.
    Stock,
}

#[derive(Clone)]
enum Repository<S: Stores> {
    Users(S::Users),
    Payments(S::Payments),
    Stock(S::Stock),
}

macro_rules! each {
    ($repository:expr, $inner:ident => $call:expr) => {
        match $repository {
            Repository::Users($inner) => $call,
            Repository::Payments($inner) => $call,
            Repository::Stock($inner) => $call,
        }
    };
}

/// One repository, and what can be done with its outboxes.
#[derive(Clone)]
pub(super) struct Shelf<S: Stores> {
    repository: Repository<S>,
    patience: Duration,
}

/// An aggregate that can be saved again and again, each time with other events.
pub(super) enum Subject {
    User,
    Payment(Payment, Version),
    Reservation(Reservation, Option<ReservationStatus>),
}

pub(super) async fn shelf<H: StoreHarness>(h: &H, kept: Kept) -> Shelf<H::Subject> {
    let stores = h.open().await;
    let repository = match kept {
        Kept::Users => Repository::Users(stores.users()),
        Kept::Payments => Repository::Payments(stores.payments()),
        Kept::Stock => Repository::Stock(stores.stock()),
    };
    Shelf { repository, patience: H::FEATURES.patience }
}

impl<S: Stores> Shelf<S> {
    /// Something new to save, and whether it can be saved more than once.
    pub(super) fn subject(&self) -> (Subject, bool) {
        let payment = a_payment().build();
        match self.repository {
            Repository::Users(_) => (Subject::User, false),
            Repository::Payments(_) => (Subject::Payment(payment, Version::NEW), true),
            Repository::Stock(_) => {
                let reservation = Reservation {
                    payment: payment.id,
                    sku: a_sku("unknown"),
                    quantity: Quantity::ONE,
                    status: ReservationStatus::Rejected,
                };
                (Subject::Reservation(reservation, None), true)
            }
        }
    }

    /// Saves it with these events.
    pub(super) async fn save(&self, subject: &mut Subject, outbox: Vec<OutboxEntry>) {
        match (&self.repository, subject) {
            (Repository::Users(users), Subject::User) => {
                users.register(&a_user().build(), outbox).await.unwrap();
            }
            (Repository::Payments(payments), Subject::Payment(payment, version)) => {
                let write =
                    Save { state: payment.clone(), expected: *version, outbox, answer: None };
                payments.save(vec![write]).await.unwrap().pop().unwrap().unwrap();
                *version = version.next();
            }
            (Repository::Stock(stock), Subject::Reservation(reservation, expected)) => {
                let write = ReservationWrite {
                    reservation: reservation.clone(),
                    expected: *expected,
                    outbox,
                };
                let write = StockWrite { article: None, reservations: vec![write], answer: None };
                stock.apply(write).await.unwrap();
                *expected = Some(reservation.status);
            }
            _ => unreachable!("a subject of another repository"),
        }
    }

    /// Saves something new with these events, and says whose they are.
    pub(super) async fn save_new(&self, outbox: Vec<OutboxEntry>) -> (Subject, OutboxOwner) {
        let (mut subject, _) = self.subject();
        self.save(&mut subject, outbox).await;
        let owners = self.nudged(1).await;
        (subject, owners[0].clone())
    }

    /// A save that the store must refuse, with events that must not be seen. Something that it is
    /// refused for must be there already.
    pub(super) async fn save_in_vain(&self, outbox: Vec<OutboxEntry>) {
        let refused = match &self.repository {
            Repository::Users(users) => {
                let taken = a_user().build();
                users.register(&taken, vec![]).await.unwrap();
                let again = a_user().named(taken.username.as_str()).build();
                users.register(&again, outbox).await
            }
            Repository::Payments(payments) => {
                let state = a_payment().build();
                let write = Save { state, expected: Version(3), outbox, answer: None };
                payments.save(vec![write]).await.unwrap().pop().unwrap()
            }
            Repository::Stock(stock) => stock.apply(in_vain(an_article().build(), outbox)).await,
        };
        let named = matches!(refused, Err(StoreError::Conflict | StoreError::Duplicate { .. }));
        assert!(named, "got {refused:?}");
    }

    /// Waits until so many owners were nudged, in as many calls as it takes.
    pub(super) async fn nudged(&self, count: usize) -> Vec<OutboxOwner> {
        let mut owners = Vec::new();
        let all = async {
            while owners.len() < count {
                owners.extend(self.next_nudge().await);
            }
        };
        within(self.patience, "nudges", all).await;
        owners
    }

    pub(super) async fn next_nudge(&self) -> Vec<OutboxOwner> {
        each!(&self.repository, outbox => outbox.nudged().await)
    }

    pub(super) async fn no_nudge(&self) {
        quiet("nobody is to be nudged", self.next_nudge()).await;
    }

    pub(super) async fn pending(&self, owners: &[OutboxOwner]) -> Vec<Pending> {
        each!(&self.repository, outbox => outbox.pending(owners).await).unwrap()
    }

    /// One owner's entries.
    pub(super) async fn entries(&self, owner: &OutboxOwner) -> Vec<(Sequence, OutboxEntry)> {
        let pending = self.pending(std::slice::from_ref(owner)).await;
        let only = pending.into_iter().map(|pending| {
            assert_eq!(pending.owner, *owner);
            pending.entries
        });
        only.flatten().collect()
    }

    /// One owner's event ids, in sequence.
    pub(super) async fn ids(&self, owner: &OutboxOwner) -> Vec<String> {
        let entries = self.entries(owner).await;
        entries.iter().map(|(_, entry)| entry.envelope.id.to_string()).collect()
    }

    pub(super) async fn clear(&self, owner: &OutboxOwner, through: Sequence) {
        let published = [Published { owner: owner.clone(), through }];
        each!(&self.repository, outbox => outbox.clear(&published).await).unwrap();
    }

    pub(super) async fn clear_all(&self, published: &[Published]) {
        each!(&self.repository, outbox => outbox.clear(published).await).unwrap();
    }

    pub(super) async fn leftovers(&self, before: Timestamp, limit: usize) -> Vec<OutboxOwner> {
        each!(&self.repository, outbox => outbox.leftovers(before, limit).await).unwrap()
    }
}

fn in_vain(state: Article, outbox: Vec<OutboxEntry>) -> StockWrite {
    let reservation = Reservation {
        payment: a_payment().build().id,
        sku: state.sku().clone(),
        quantity: Quantity::ONE,
        status: ReservationStatus::Held,
    };
    StockWrite {
        article: Some(Versioned { state, version: Version(3) }),
        reservations: vec![ReservationWrite { reservation, expected: None, outbox }],
        answer: None,
    }
}

/// Entries whose events have these ids, one after the other in time.
pub(super) fn entries(ids: &[&str]) -> Vec<OutboxEntry> {
    let entry = |(at, id): (u64, &&str)| {
        let time = THEN.plus(Duration::from_millis(at));
        an_envelope().identified(id).at(time).waiting_for(&["notifications"])
    };
    (0..).zip(ids).map(entry).collect()
}
