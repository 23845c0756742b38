//! The payments service: takes payments, drives the checkout, settles and expires.

mod routes;
mod sweeper;
mod waiting;
mod watched;

use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::app::expire_payments::ExpirePayments;
use comptoir_domain::app::find_payment::FindPayment;
use comptoir_domain::app::forget_answers::ForgetAnswers;
use comptoir_domain::app::refund_payment::RefundPayment;
use comptoir_domain::app::request_payment::RequestPayment;
use comptoir_domain::app::settle_payments::SettlePayments;
use comptoir_domain::envelope::Service;
use comptoir_domain::port::platform::Platform;
use comptoir_domain::port::security::Tokens;
use comptoir_http::Readiness;
use comptoir_runtime::consume;
use comptoir_runtime::context::{Consumer, Context};
use comptoir_runtime::dependencies::Dependencies;
use comptoir_runtime::edge::{App, Door};
use comptoir_runtime::idempotency::{self, InFlight};
use comptoir_runtime::log_probe;
use comptoir_runtime::relay::Relay;
use comptoir_runtime::supervise::Tasks;
use tokio::net::TcpListener;

use crate::routes::Payments;
use crate::waiting::WaitingRoom;
use crate::watched::Watched;

/// What payments are taken on.
#[derive(Debug)]
pub struct Terms {
    /// Checks tokens.
    pub tokens: Arc<dyn Tokens>,
    /// How long a payment may stay pending.
    pub expires_after: Duration,
}

/// Starts the service on `listener`.
pub fn serve<P: Platform>(
    tasks: &mut Tasks,
    context: &Context,
    platform: &P,
    terms: Terms,
    listener: TcpListener,
) -> Readiness {
    start(tasks, context, platform, terms).serve(tasks, "payments", listener, context)
}

/// Starts all of the service but its socket.
pub fn start<P: Platform>(tasks: &mut Tasks, context: &Context, platform: &P, terms: Terms) -> App {
    let readiness = Readiness::default();
    let dependencies = Dependencies::log_is_covered::<P>(readiness.clone());
    log_probe::start(tasks, "payments log probe", platform, &dependencies, context);
    let room = Arc::new(WaitingRoom::default());
    let payments = Watched::new(platform.payments(), Arc::clone(&room));
    let announcer = context.announcer(Service::Payments);

    let settle = SettlePayments::new(payments.clone(), announcer.clone());
    let subscription = context.subscription(Consumer::Payments);
    let consumer =
        consume::Consumer::new(platform, subscription, settle, &dependencies, context.clone());
    tasks.work("payments consumer", consumer.run());

    let expire = ExpirePayments::new(payments.clone(), announcer.clone());
    tasks.work("payments expiry", sweeper::run(expire, context.stop.clone()));
    tasks.work(
        "payments waiting room",
        waiting::run(room.clone(), payments.clone(), context.stop.clone()),
    );

    let forget = ForgetAnswers::new(payments.clone(), Arc::clone(&context.clock));
    tasks.work("payments answers", idempotency::sweep(forget, context.stop.clone()));

    let ids = Arc::clone(&context.ids);
    let service = Arc::new(Payments {
        request: RequestPayment::new(payments.clone(), ids, announcer.clone(), terms.expires_after),
        find: FindPayment::new(payments.clone()),
        refund: RefundPayment::new(payments.clone(), announcer),
        room,
        in_flight: InFlight::default(),
        door: Door::new(terms.tokens, context.clone()),
        context: context.clone(),
    });
    let relay =
        Relay::<_, _, P::Codec>::new(payments, platform.publisher(), dependencies, context.clone());
    tasks.relay("payments relay", |flush| relay.run(flush));
    App::new(routes::resources(&service), readiness, context)
}
