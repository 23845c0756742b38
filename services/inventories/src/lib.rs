//! The inventories service: keeps stock for payments, and shows it.

mod routes;
mod seed;

use std::sync::Arc;

use comptoir_domain::app::forget_answers::ForgetAnswers;
use comptoir_domain::app::keep_stock::KeepStock;
use comptoir_domain::app::receive_stock::ReceiveStock;
use comptoir_domain::envelope::Service;
use comptoir_domain::port::platform::Platform;
use comptoir_http::Readiness;
use comptoir_runtime::consume;
use comptoir_runtime::context::{Consumer, Context};
use comptoir_runtime::dependencies::Dependencies;
use comptoir_runtime::edge::App;
use comptoir_runtime::idempotency::{self, InFlight};
use comptoir_runtime::log_probe;
use comptoir_runtime::relay::Relay;
use comptoir_runtime::supervise::Tasks;
use tokio::net::TcpListener;

use crate::routes::Inventories;

/// Starts the service on `listener`.
pub fn serve<P: Platform>(
    tasks: &mut Tasks,
    context: &Context,
    platform: &P,
    listener: TcpListener,
) -> Readiness {
    start(tasks, context, platform).serve(tasks, "inventories", listener, context)
}

/// Starts all of the service but its socket.
pub fn start<P: Platform>(tasks: &mut Tasks, context: &Context, platform: &P) -> App {
    let readiness = Readiness::default();
    let dependencies = Dependencies::log_and_store_are_needed::<P>(readiness.clone());
    log_probe::start(tasks, "inventories log probe", platform, &dependencies, context);
    let stock = platform.stock();
    let announcer = context.announcer(Service::Inventories);

    let keep = KeepStock::new(stock.clone(), announcer);
    let subscription = context.subscription(Consumer::Inventories);
    let consumer =
        consume::Consumer::new(platform, subscription, keep, &dependencies, context.clone());
    let receive = ReceiveStock::new(stock.clone());
    let (seeding, seeded) = (receive.clone(), context.clone());
    // Stock is there before the first command is carried out.
    tasks.work("inventories consumer", async move {
        seed::run(&seeding, &seeded).await;
        consumer.run().await
    });

    let forget = ForgetAnswers::new(stock.clone(), Arc::clone(&context.clock));
    tasks.work("inventories answers", idempotency::sweep(forget, context.stop.clone()));

    let service = Arc::new(Inventories {
        stock: stock.clone(),
        receive,
        in_flight: InFlight::default(),
        clock: Arc::clone(&context.clock),
    });
    let relay =
        Relay::<_, _, P::Codec>::new(stock, platform.publisher(), dependencies, context.clone());
    tasks.relay("inventories relay", |flush| relay.run(flush));
    App::new(routes::resources(&service), readiness, context)
}
