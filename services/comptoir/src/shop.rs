//! Puts the shop together, runs it, and takes it apart again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser as _;
use comptoir_auth::{HasherSettings, JwtTokens, Pbkdf2Hasher, Secret};
use comptoir_domain::port::bus::LogAdmin as _;
use comptoir_domain::port::platform::Log as _;
use comptoir_domain::port::security::Tokens;
use comptoir_domain::port::world::Clock;
use comptoir_embedded::{Embedded, OpenError, Options};
use comptoir_http::{BindError, Readiness, bind};
use comptoir_logs::Ports as PagePorts;
use comptoir_payments::Terms;
use comptoir_runtime::context::Context;
use comptoir_runtime::program::{Signals, StartFailure};
use comptoir_runtime::stop_times;
use comptoir_runtime::supervise::Tasks;
use comptoir_runtime::telemetry;
use comptoir_runtime::world::{RandomIds, SystemClock};
use comptoir_users::Security;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::banner::{self, Banner};
use crate::config::{Args, Config, Ports};
use crate::secret;

/// Runs the program, or what it is told to do instead: true after a clean stop, or if that is done.
pub(crate) async fn run() -> Result<bool, StartFailure> {
    let mut args = Args::parse();
    if let Some(command) = args.command.take() {
        return command.run(args.console_port()?).await;
    }
    let config = args.check()?;
    let began = Instant::now();
    let mut signals = Signals::listen().map_err(|error| StartFailure::because(&error))?;
    let starting = start(config, began);
    let (tasks, embedded) = tokio::select! {
        biased;
        () = signals.next() => return Ok(true),
        started = starting => started?,
    };
    let clean = tasks
        .run(async || {
            signals.next().await;
            banner::stopping();
        })
        .await;
    // Whatever was answered is on disk already: a folder that takes longer to close is no crash.
    let was_let = tokio::select! {
        _ = timeout(stop_times::CLOSE, embedded.close()) => true,
        () = signals.next() => false,
    };
    Ok(clean && was_let)
}

async fn start(config: Config, began: Instant) -> Result<(Tasks, Embedded), StartFailure> {
    telemetry::start(config.common.log);
    // Ports first: they are what a second start trips over, and cost nothing to give back.
    let (listeners, ports) = Listeners::bind(&config.common.listen_host, config.ports).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let embedded = open(&config.data_dir, Arc::clone(&clock)).await?;
    let secret = match config.jwt_secret {
        Some(secret) => secret,
        None => secret::of_folder(&config.data_dir)?,
    };
    let (prefix, hosts) = (&config.common.topic_prefix, config.common.public_hosts);
    let (ids, stop) = (Arc::new(RandomIds), CancellationToken::new());
    let context = Context::new(prefix, clock, ids, hosts, stop.clone())
        .map_err(|error| StartFailure::because(&error))?;
    let topics = context.topics.all();
    let created = embedded.admin().create_topics(&topics, config.common.topic_partitions).await;
    created.map_err(|error| StartFailure::because(&error))?;

    let services = Services {
        context,
        embedded: embedded.clone(),
        secret,
        expires_after: config.expires_after,
    };
    let mut tasks = Tasks::new(stop);
    let readiness = services.serve(&mut tasks, listeners, ports)?;
    let banner = async move {
        let ready = async {
            for service in readiness {
                service.all_up().await;
            }
        };
        if services.context.stop.run_until_cancelled(ready).await.is_none() {
            return Ok(());
        }
        let recovered = services.embedded.recovered();
        let host = services.context.hosts.names().next().unwrap_or("localhost").to_owned();
        let (data_dir, took) = (&*config.data_dir, began.elapsed());
        Banner { ports, host: &host, data_dir, recovered, took }.print();
        services.context.stop.cancelled().await;
        Ok(())
    };
    tasks.work("banner", banner);
    Ok((tasks, embedded))
}

/// Opening reads the whole journal, so it stays off the async workers.
async fn open(folder: &Path, clock: Arc<dyn Clock>) -> Result<Embedded, StartFailure> {
    let folder: PathBuf = folder.to_owned();
    let opening =
        tokio::task::spawn_blocking(move || Embedded::open(&folder, Options::default(), clock));
    let opened: Result<Embedded, OpenError> =
        opening.await.map_err(|error| StartFailure::because(&error))?;
    opened.map_err(|error| StartFailure::because(&error))
}

/// Bound, not served yet.
struct Listeners {
    logs: TcpListener,
    users: TcpListener,
    payments: TcpListener,
    inventories: TcpListener,
    notifications: TcpListener,
    console: TcpListener,
}

impl Listeners {
    /// Binds all ports or none; also gives them, since port 0 is chosen by the system.
    async fn bind(host: &str, wanted: Ports) -> Result<(Self, Ports), StartFailure> {
        let mut failures = Vec::new();
        let mut bound = Vec::new();
        for (flag, port) in [
            ("logs-port", wanted.logs),
            ("users-port", wanted.users),
            ("payments-port", wanted.payments),
            ("inventories-port", wanted.inventories),
            ("notifications-port", wanted.notifications),
            ("console-port", wanted.console),
        ] {
            match bind(host, port).await {
                Ok(listener) => bound.push(listener),
                Err(error @ BindError::InUse { .. }) => failures.push(hinted(&error, flag, port)),
                // What is wrong with the address is wrong with it on every port.
                Err(error) => return Err(StartFailure::because(&error)),
            }
        }
        let Ok([logs, users, payments, inventories, notifications, console]) =
            <[TcpListener; 6]>::try_from(bound)
        else {
            return Err(StartFailure(failures));
        };
        let all = Self { logs, users, payments, inventories, notifications, console };
        let ports = all.ports().map_err(|error| StartFailure::because(&error))?;
        Ok((all, ports))
    }

    fn ports(&self) -> std::io::Result<Ports> {
        let port = |listener: &TcpListener| listener.local_addr().map(|address| address.port());
        Ok(Ports {
            logs: port(&self.logs)?,
            users: port(&self.users)?,
            payments: port(&self.payments)?,
            inventories: port(&self.inventories)?,
            notifications: port(&self.notifications)?,
            console: port(&self.console)?,
        })
    }
}

fn hinted(error: &BindError, flag: &str, port: u16) -> String {
    format!("{error}. Free it, or choose another: --{flag} {}", port.saturating_add(100))
}

struct Services {
    context: Context,
    embedded: Embedded,
    secret: Secret,
    expires_after: Duration,
}

impl Services {
    /// Starts all services; gives what each says of itself.
    fn serve(
        &self,
        tasks: &mut Tasks,
        listeners: Listeners,
        ports: Ports,
    ) -> Result<[Readiness; 6], StartFailure> {
        let Self { context, embedded, .. } = self;
        let hasher = Pbkdf2Hasher::start(HasherSettings::default());
        let hasher = Arc::new(hasher.map_err(|error| StartFailure::because(&error))?);
        let tokens: Arc<dyn Tokens> = Arc::new(JwtTokens::new(&self.secret));
        let security = Security { hasher, tokens: Arc::clone(&tokens) };
        let terms = Terms { tokens, expires_after: self.expires_after };
        let Ports { users, payments, inventories, console, .. } = ports;
        let page = PagePorts { users, payments, inventories, console };
        Ok([
            comptoir_users::serve(tasks, context, embedded, security, listeners.users),
            comptoir_payments::serve(tasks, context, embedded, terms, listeners.payments),
            comptoir_inventories::serve(tasks, context, embedded, listeners.inventories),
            comptoir_notifications::serve(tasks, context, embedded, listeners.notifications),
            comptoir_logs::serve(tasks, context, embedded, page, listeners.logs),
            comptoir_console::serve(tasks, context, embedded, ports.logs, listeners.console),
        ])
    }
}
