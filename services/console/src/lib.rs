//! The topic console: topics, records and groups of the log, to look at.

mod browse;
mod message;
mod overview;
mod query;
mod routes;

use std::sync::Arc;

use comptoir_domain::port::platform::Log;
use comptoir_http::Readiness;
use comptoir_runtime::context::Context;
use comptoir_runtime::edge;
use comptoir_runtime::supervise::Tasks;
use tokio::net::TcpListener;

use crate::routes::Console;

/// Starts the console on `listener`. It links to the live page on `live_port`.
pub fn serve<L: Log>(
    tasks: &mut Tasks,
    context: &Context,
    platform: &L,
    live_port: u16,
    listener: TcpListener,
) -> Readiness {
    // It keeps nothing and answers what it can; each answer says itself if the log is away.
    let readiness = Readiness::default();
    let service = Arc::new(Console::<L> {
        reader: platform.reader(),
        admin: platform.admin(),
        live_port,
        context: context.clone(),
    });
    edge::serve(tasks, "console", listener, routes::resources(&service), &readiness, context);
    readiness
}
