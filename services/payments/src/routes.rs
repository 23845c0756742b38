//! `POST /pay`, `GET /payments/{id}`, `POST /payments/{id}/refund`.

use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::app::find_payment::{FindPayment, UnknownPayment};
use comptoir_domain::app::refund_payment::{RefundPayment, RefundRefused};
use comptoir_domain::app::request_payment::RequestPayment;
use comptoir_domain::envelope::Cause;
use comptoir_domain::id::{PaymentId, UserId};
use comptoir_domain::money::{Amount, Currency, Money};
use comptoir_domain::payment::{NotRefundable, Order, Payment, PaymentStatus};
use comptoir_domain::port::store::PaymentRepository;
use comptoir_domain::stock::{Quantity, Sku};
use comptoir_http::resource::{path, with};
use comptoir_http::{
    Answer, Fields, Problem, Request, Resource, Response, StatusCode, header, headers, reply,
};
use comptoir_runtime::context::Context;
use comptoir_runtime::edge::{self, Door};
use comptoir_runtime::idempotency::{self, Asked, InFlight};
use serde::Serialize;
use tokio::time::timeout;

use crate::waiting::WaitingRoom;

/// What a payment is for when its request does not say.
const DEFAULT_SKU: &str = "coffee-mug";
/// Minor units for one piece when the request names no amount.
const DEFAULT_PRICE: u64 = 1_999;
/// The longest wait that `?wait=` may ask for, in seconds.
const MAX_WAIT: i64 = 30;

/// What the routes use.
pub(crate) struct Payments<P> {
    pub(crate) request: RequestPayment<P>,
    pub(crate) find: FindPayment<P>,
    pub(crate) refund: RefundPayment<P>,
    pub(crate) room: Arc<WaitingRoom>,
    pub(crate) in_flight: InFlight,
    pub(crate) door: Door,
    pub(crate) context: Context,
}

#[derive(Serialize)]
struct PaymentAnswer<'a> {
    id: String,
    status: &'static str,
    sku: &'a str,
    quantity: u32,
    amount: u64,
    currency: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

pub(crate) fn resources<P: PaymentRepository>(payments: &Arc<Payments<P>>) -> [Resource; 3] {
    [
        path("/pay").post(with(payments, pay)),
        path("/payments/{id}").get(with(payments, show)),
        path("/payments/{id}/refund").post(with(payments, refund)),
    ]
}

async fn pay<P: PaymentRepository>(
    payments: Arc<Payments<P>>,
    mut request: Request,
) -> Result<Response, Problem> {
    let caller = payments.door.caller(&request)?;
    let fields = request.fields().await?;
    let order = read_order(fields, caller.map(|claims| claims.user))?;
    let cause = edge::cause(&request, &payments.context);
    if let Some(key) = request.idempotency_key()? {
        return payments.pay_once(order, &cause, key).await;
    }
    let payment = payments.request.run(order, &cause).await;
    let payment = payment.map_err(|error| edge::problem(error, |never| match never {}))?;
    Ok(accepted(&payment).into_response()?)
}

impl<P: PaymentRepository> Payments<P> {
    /// Pays, unless that was done before under the same key.
    async fn pay_once(&self, order: Order, cause: &Cause, key: &str) -> Result<Response, Problem> {
        let Order { owner, sku, quantity, money } = &order;
        let (quantity, amount) = (quantity.pieces(), money.amount.minor_units());
        let (quantity, amount) = (quantity.to_string(), amount.to_string());
        let currency = money.currency.to_string();
        let under_way = self.in_flight.begin(&Asked {
            caller: *owner,
            route: &["/pay"],
            key,
            fields: &[sku.as_str(), &quantity, &amount, &currency],
        })?;
        let write_down = |payment: &Payment| accepted(payment).encode();
        let request = under_way.repeatable(self.context.clock.now(), &write_down);
        let answered = self.request.run_once(order, cause, &request).await;
        let answered = answered.map_err(|error| edge::problem(error, idempotency::key_reused))?;
        idempotency::response(answered, accepted)
    }
}

/// Reads what is paid for; a field that is left out takes its default.
fn read_order(mut fields: Fields, owner: Option<UserId>) -> Result<Order, Problem> {
    let sku = fields.text("sku").unwrap_or_else(|| DEFAULT_SKU.to_owned());
    let sku = fields.convert("sku", Some(sku), Sku::try_from);
    let quantity = fields.integer("quantity").unwrap_or(1);
    let quantity = fields.convert("quantity", Some(quantity), |pieces| {
        Quantity::to_order(u64::try_from(pieces).unwrap_or(0))
    });
    let pieces = quantity.map_or(1, |quantity| u64::from(quantity.pieces()));
    let amount = match fields.integer("amount") {
        Some(amount) => u64::try_from(amount).unwrap_or(0),
        None => DEFAULT_PRICE * pieces,
    };
    let amount = fields.convert("amount", Some(amount), Amount::try_from);
    let currency = fields.text("currency").unwrap_or_else(|| Currency::EUR.to_string());
    let currency = fields.convert("currency", Some(currency), |code| code.parse::<Currency>());
    let (sku, quantity, amount, currency) = fields.complete((sku, quantity, amount, currency))?;
    Ok(Order { owner, sku, quantity, money: Money { amount, currency } })
}

async fn show<P: PaymentRepository>(
    payments: Arc<Payments<P>>,
    request: Request,
) -> Result<Response, Problem> {
    let viewer = payments.door.caller(&request)?.map(|claims| claims.user);
    let mut query = request.query()?;
    let wait = query.integer_in("wait", 0..=MAX_WAIT);
    query.check()?;
    let id = payment_id(&request)?;
    let wait = Duration::from_secs(wait.unwrap_or(0).unsigned_abs());
    let payment = payments.settled(id, viewer, wait).await?;
    Ok(headers::no_store(reply::json(StatusCode::OK, &answer(&payment))))
}

impl<P: PaymentRepository> Payments<P> {
    /// The payment once it is not pending any more, or as it is when the wait is over, the service
    /// stops or nobody else may wait.
    async fn settled(
        &self,
        id: PaymentId,
        viewer: Option<UserId>,
        wait: Duration,
    ) -> Result<Payment, Problem> {
        let place = if wait.is_zero() { None } else { self.room.enter(id) };
        let Some(place) = place else {
            return self.now(id, viewer).await;
        };
        let settled = place.settled();
        let payment = self.now(id, viewer).await?;
        if payment.status != PaymentStatus::Pending {
            return Ok(payment);
        }
        let waited = self.context.stop.run_until_cancelled(timeout(wait, settled)).await;
        match waited {
            Some(Ok(())) => self.now(id, viewer).await,
            Some(Err(_)) | None => Ok(payment),
        }
    }

    async fn now(&self, id: PaymentId, viewer: Option<UserId>) -> Result<Payment, Problem> {
        let found = self.find.run(id, viewer).await;
        found.map_err(|error| edge::problem(error, unknown))
    }
}

async fn refund<P: PaymentRepository>(
    payments: Arc<Payments<P>>,
    request: Request,
) -> Result<Response, Problem> {
    let viewer = payments.door.caller(&request)?.map(|claims| claims.user);
    let id = payment_id(&request)?;
    let cause = edge::cause(&request, &payments.context);
    let refunded = payments.refund.run(id, viewer, &cause).await;
    let payment = refunded.map_err(|error| edge::problem(error, refused))?;
    Ok(accepted(&payment).into_response()?)
}

/// A text that is no id names no payment.
fn payment_id(request: &Request) -> Result<PaymentId, Problem> {
    request.param("id").parse().map_err(|_| unknown(UnknownPayment))
}

fn accepted(payment: &Payment) -> Answer {
    Answer::json(StatusCode::ACCEPTED, &answer(payment))
        .with_header(&header::LOCATION, format!("/payments/{}", payment.id))
        .with_header(&header::CACHE_CONTROL, "no-store")
}

fn answer(payment: &Payment) -> PaymentAnswer<'_> {
    let reason = match payment.status {
        PaymentStatus::Rejected(reason) => Some(reason.as_str()),
        PaymentStatus::Pending
        | PaymentStatus::Confirmed
        | PaymentStatus::Expired
        | PaymentStatus::Refunded => None,
    };
    PaymentAnswer {
        id: payment.id.to_string(),
        status: status_word(payment.status),
        sku: payment.order.sku.as_str(),
        quantity: payment.order.quantity.pieces(),
        amount: payment.order.money.amount.minor_units(),
        currency: payment.order.money.currency.to_string(),
        reason,
    }
}

fn status_word(status: PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::Pending => "pending",
        PaymentStatus::Confirmed => "confirmed",
        PaymentStatus::Rejected(_) => "rejected",
        PaymentStatus::Expired => "expired",
        PaymentStatus::Refunded => "refunded",
    }
}

fn unknown(UnknownPayment: UnknownPayment) -> Problem {
    Problem::not_found()
        .with_kind("payment-not-found", "There is no such payment")
        .with_hint("Check the id; a payment made with a login is shown to that user's token only.")
}

fn refused(refusal: RefundRefused) -> Problem {
    match refusal {
        RefundRefused::Unknown(refusal) => unknown(refusal),
        RefundRefused::NotRefundable(NotRefundable { status }) => Problem::conflict(
            "payment-not-refundable",
            "Only a confirmed payment can be refunded",
            "Ask for the payment's status: GET /payments/{id}.",
        )
        .with_detail(format!("the payment is {}", status_word(status))),
    }
}
