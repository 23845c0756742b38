//! The notifications service: writes one log line for every event.

use comptoir_domain::app::notify::Notify;
use comptoir_domain::port::platform::Log;
use comptoir_http::Readiness;
use comptoir_runtime::consume;
use comptoir_runtime::context::{Consumer, Context};
use comptoir_runtime::dependencies::Dependencies;
use comptoir_runtime::edge::App;
use comptoir_runtime::log_probe;
use comptoir_runtime::supervise::Tasks;
use tokio::net::TcpListener;

/// Starts the service; `listener` is for health.
pub fn serve<L: Log>(
    tasks: &mut Tasks,
    context: &Context,
    platform: &L,
    listener: TcpListener,
) -> Readiness {
    start(tasks, context, platform).serve(tasks, "notifications", listener, context)
}

/// Starts all of the service but its socket.
pub fn start<L: Log>(tasks: &mut Tasks, context: &Context, platform: &L) -> App {
    let readiness = Readiness::default();
    let dependencies = Dependencies::log_is_needed::<L>(readiness.clone());
    log_probe::start(tasks, "notifications log probe", platform, &dependencies, context);
    let logs = context.topics.logs.clone();
    let notify = Notify::<_, L::Codec>::new(platform.publisher(), logs);
    let subscription = context.subscription(Consumer::Notifications);
    let consumer =
        consume::Consumer::new(platform, subscription, notify, &dependencies, context.clone());
    tasks.work("notifications consumer", consumer.run());
    App::new([], readiness, context)
}
