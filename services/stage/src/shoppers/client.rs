//! One client, and each thing that it can ask.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use super::Site;
use super::visit::{Answered, Visit};
use crate::Chance;
use crate::asked::{Asked, Outcome, What};
use crate::http::{Answer, Request, send};
use crate::patience::{now, pause};

/// The article of which there is enough, and the one of which there is not.
const PLENTY: &str = "coffee-mug";
const SCARCE: &str = "signed-print";
/// Payments that wait for a refund; one in so many is given back.
const REMEMBERED: usize = 50;
const REFUNDED: u64 = 6;
/// Pieces of an article that is received.
const EDITION: u64 = 20;

pub(super) struct Client {
    site: Site,
    chance: Chance,
    /// Begins its traces, keys and names: 24 hexadecimal digits.
    name: String,
    before_repeat: Duration,
    turn: u32,
    user: Option<User>,
    token: Option<String>,
    /// Payments that were accepted, each with the token that it was paid with.
    paid: VecDeque<(String, Option<String>)>,
    visit: Visit,
}

/// Who shops.
struct User {
    id: String,
    username: String,
}

/// A request to be sent.
struct Order<'a> {
    service: &'static str,
    path: &'a str,
    form: &'a str,
    token: Option<&'a str>,
    /// It carries a key, and is sent once more if nobody knows what became of it.
    has_key: bool,
}

impl Client {
    pub(super) fn new(site: Site, chance: Chance, name: String, before_repeat: Duration) -> Self {
        Self {
            site,
            chance,
            name,
            before_repeat,
            turn: 0,
            user: None,
            token: None,
            paid: VecDeque::new(),
            visit: Visit::default(),
        }
    }

    pub(super) fn visit(mut self) -> Visit {
        self.visit.end();
        self.visit
    }

    /// Registers a new user.
    pub(super) fn register(&mut self) {
        let username = format!("{}-{}", self.name, self.turn);
        let form = format!("username={username}&password=secret");
        let order = Order {
            service: "users-service",
            path: "/register",
            form: &form,
            token: None,
            has_key: false,
        };
        let what = What::Register { username: username.clone() };
        self.token = None;
        let registered = self.ask(what, &order).and_then(|answer| id_of(&answer));
        self.user = registered.map(|id| User { id, username });
    }

    /// Logs in, if there is a user.
    pub(super) fn log_in(&mut self) {
        let Some(User { id, username }) = self.user.take() else { return };
        let form = format!("username={username}&password=secret");
        let order = Order {
            service: "users-service",
            path: "/login",
            form: &form,
            token: None,
            has_key: false,
        };
        let Some(answer) = self.ask(What::Login, &order) else { return };
        let token = answer.json()["token"].as_str().map(str::to_owned);
        self.visit.tokens.extend(token.clone().map(|token| (id, token)));
        self.token = token;
    }

    /// Pays for something: often a mug, sometimes what there is little of.
    pub(super) fn pay(&mut self, edition: Option<&str>) {
        let sku = match self.chance.within(0, 20) {
            0 => SCARCE,
            1..5 => edition.unwrap_or(PLENTY),
            _ => PLENTY,
        };
        let form = format!("sku={sku}&quantity={}", self.chance.within(1, 4));
        let token = self.token.clone().filter(|_| self.chance.once_in(2));
        let order = Order {
            service: "payments-service",
            path: "/pay",
            form: &form,
            token: token.as_deref(),
            has_key: true,
        };
        let Some(answer) = self.ask(What::Pay, &order) else { return };
        if let (Some(id), true) = (id_of(&answer), self.paid.len() < REMEMBERED) {
            self.paid.push_back((id, token));
        }
    }

    /// Gives the oldest payment that it remembers back, or forgets it.
    pub(super) fn refund_some(&mut self) {
        if self.paid.len() < REMEMBERED {
            return;
        }
        let Some((payment, token)) = self.paid.pop_front() else { return };
        if !self.chance.once_in(REFUNDED) {
            return;
        }
        let path = format!("/payments/{payment}/refund");
        let order = Order {
            service: "payments-service",
            path: &path,
            form: "",
            token: token.as_deref(),
            has_key: false,
        };
        self.ask(What::Refund { payment }, &order);
    }

    /// Receives an article that there never was; its name.
    pub(super) fn receive(&mut self) -> String {
        let sku = format!("edition-{}-{}", &self.name[..8], self.turn);
        let (path, form) = (format!("/stock/{sku}/receipts"), format!("quantity={EDITION}"));
        let order = Order {
            service: "inventories-service",
            path: &path,
            form: &form,
            token: None,
            has_key: true,
        };
        self.ask(What::Receive { sku: sku.clone(), quantity: EDITION }, &order);
        sku
    }

    /// Asks, and remembers what came of it; the answer, if it is done.
    fn ask(&mut self, what: What, order: &Order<'_>) -> Option<Answer> {
        self.turn += 1;
        let trace = format!("{}{:08x}", self.name, self.turn);
        let most = if order.has_key { 2 } else { 1 };
        let (mut sent, mut outcome) = (0, None);
        loop {
            let began = now();
            let answer = self.send(&trace, order);
            let answered = sort(&answer);
            self.visit.note(what.name(), answered, began);
            sent += usize::from(answered != Answered::Nobody);
            outcome = outcome_of(outcome, answered, answer.as_ref().ok());
            let is_unknown = matches!(answered, Answered::Unavailable | Answered::Cut);
            if is_unknown && sent < most {
                pause(self.before_repeat);
                continue;
            }
            // Where nobody listened, nothing was asked.
            self.visit.asked.extend(outcome.map(|outcome| Asked { trace, what, outcome, sent }));
            return answer.ok().filter(|_| answered == Answered::Done);
        }
    }

    /// Sends it to one of the instances, to another one where nobody listens.
    fn send(&mut self, trace: &str, order: &Order<'_>) -> io::Result<Answer> {
        let traceparent = format!("00-{trace}-00f067aa0ba902b7-01");
        let bearer = order.token.map(|token| format!("Bearer {token}"));
        let mut headers = vec![("traceparent", traceparent.as_str())];
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        headers.extend(order.has_key.then_some(("idempotency-key", trace)));
        let request =
            Request { method: "POST", path: order.path, headers: &headers, form: order.form };
        let mut ports = (self.site)(order.service);
        self.chance.shuffle(&mut ports);
        let mut answer = Err(io::Error::from(io::ErrorKind::ConnectionRefused));
        for port in ports {
            answer = send(port, request);
            if sort(&answer) != Answered::Nobody {
                break;
            }
        }
        answer
    }
}

fn sort(answer: &io::Result<Answer>) -> Answered {
    match answer {
        Ok(answer) => match answer.status {
            200..300 => Answered::Done,
            500.. => Answered::Unavailable,
            _ => Answered::Refused,
        },
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Answered::Nobody,
        Err(_) => Answered::Cut,
    }
}

/// What is known after one answer more.
fn outcome_of(
    before: Option<Outcome>,
    answered: Answered,
    answer: Option<&Answer>,
) -> Option<Outcome> {
    match answered {
        Answered::Done => Some(Outcome::Done(answer.and_then(id_of))),
        Answered::Unavailable | Answered::Cut => Some(Outcome::Unknown),
        // That the second is refused says nothing of the first.
        Answered::Refused => before.or(Some(Outcome::Refused)),
        Answered::Nobody => before,
    }
}

/// The id in an answer, if it has one.
fn id_of(answer: &Answer) -> Option<String> {
    serde_json::from_str::<serde_json::Value>(&answer.body).ok()?["id"].as_str().map(str::to_owned)
}
