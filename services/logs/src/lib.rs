//! The logs service: streams the lines over WebSocket and serves the live page.
//!
//! One reader per partition fills a bounded [`window::Window`] of the newest lines, each encoded
//! once. Every socket is a [`follow::Follower`]: a cursor into it, and into the log where the window
//! does not reach. So the log sees one tail whatever the number of clients, and a slow client falls
//! behind alone. There is no consumer group: every instance sees every line.

mod cursor;
mod cut;
mod encode;
mod follow;
mod frames;
mod history;
mod line;
mod plain;
mod reading;
mod repeats;
mod routes;
mod stream;
mod tail;
mod talk;
mod turn;
mod window;

use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::port::platform::Log;
use comptoir_http::{Readiness, Sockets};
use comptoir_runtime::context::Context;
use comptoir_runtime::dependencies::Dependencies;
use comptoir_runtime::edge::App;
use comptoir_runtime::log_probe;
use comptoir_runtime::supervise::Tasks;
use tokio::net::TcpListener;

use crate::routes::Logs;
use crate::turn::Places;
use crate::window::Window;

/// WebSockets at a time, and at most half of all connections, since they make room for nobody; one
/// more is answered with 503.
const MAX_SOCKETS: usize = 10_000;
/// How long sockets may take to say goodbye when the service stops.
const SOCKET_GRACE: Duration = Duration::from_secs(2);

/// The ports that the live page sends its requests to.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// Users.
    pub users: u16,
    /// Payments.
    pub payments: u16,
    /// Inventories.
    pub inventories: u16,
    /// The topic console.
    pub console: u16,
}

/// Starts the service on `listener`.
pub fn serve<L: Log>(
    tasks: &mut Tasks,
    context: &Context,
    platform: &L,
    ports: Ports,
    listener: TcpListener,
) -> Readiness {
    let readiness = Readiness::default();
    let dependencies = Dependencies::log_is_needed::<L>(readiness.clone());
    log_probe::start(tasks, "logs log probe", platform, &dependencies, context);
    let window = Arc::new(Window::default());
    let tail = tail::Tail::<L>::new(platform, Arc::clone(&window), dependencies, context.clone());
    tasks.work("logs tail", tail.run());

    let most = MAX_SOCKETS.min(context.connections.limit() / 2);
    let sockets = Sockets::new(most, context.stop.clone());
    let service = Arc::new(Logs::<L> {
        window,
        reader: platform.reader(),
        places: Places::default(),
        sockets: sockets.clone(),
        ports,
        boot: context.ids.uuid(),
        context: context.clone(),
    });
    let stop = context.stop.clone();
    tasks.work("logs sockets", async move {
        stop.cancelled().await;
        sockets.drain(SOCKET_GRACE).await;
        Ok(())
    });
    App::new(routes::resources(&service), readiness, context)
        .serve(tasks, "logs", listener, context)
}
