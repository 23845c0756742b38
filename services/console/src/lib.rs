//! The topic console: topics, records and groups of the log to look at, and dead letters to put back.

mod browse;
pub mod cli;
mod dead_letters;
mod message;
mod overview;
mod query;
mod routes;
mod shared;

use std::sync::Arc;

use comptoir_domain::port::platform::Log;
use comptoir_http::Readiness;
use comptoir_runtime::context::Context;
use comptoir_runtime::dependencies::Dependencies;
use comptoir_runtime::edge::App;
use comptoir_runtime::log_probe;
use comptoir_runtime::supervise::Tasks;
use tokio::net::TcpListener;

use crate::dead_letters::DeadLetters;
use crate::routes::Console;

/// Starts the console on `listener`. It links to the live page on `live_port`.
pub fn serve<L: Log>(
    tasks: &mut Tasks,
    context: &Context,
    platform: &L,
    live_port: u16,
    listener: TcpListener,
) -> Readiness {
    let readiness = Readiness::default();
    let dependencies = Dependencies::log_is_needed::<L>(readiness.clone());
    log_probe::start(tasks, "console log probe", platform, &dependencies, context);
    let service = Arc::new(Console::<L>::new(platform, live_port, context.clone()));
    let letters = Arc::new(DeadLetters::<L>::new(platform, context.clone()));
    let resources = routes::resources(&service).into_iter();
    let resources = resources.chain(dead_letters::resources(&letters));
    App::new(resources, readiness, context).serve(tasks, "console", listener, context)
}
