//! The frame around a program: configuration, one port, topics, the service, and a clean end.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use comptoir_domain::port::BoxError;
use comptoir_domain::port::platform::Log as _;
use comptoir_domain::port::world::Clock;
use comptoir_http::{BindError, Readiness, bind};
use comptoir_kafka::Kafka;
use comptoir_runtime::config::Problems;
use comptoir_runtime::context::Context;
use comptoir_runtime::program::{self, Signals, StartFailure};
use comptoir_runtime::stop_times;
use comptoir_runtime::supervise::Tasks;
use comptoir_runtime::telemetry;
use comptoir_runtime::world::{RandomIds, SystemClock};
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::config::ClusterArgs;
use crate::{health, topics};

/// What a service is started with.
#[derive(Debug)]
pub struct Stage<'a> {
    /// Owns its tasks.
    pub tasks: &'a mut Tasks,
    /// Its surroundings.
    pub context: &'a Context,
    /// The log.
    pub kafka: Kafka,
    /// Its port.
    pub listener: TcpListener,
}

/// A program: what its command line says, and the service that it starts.
pub trait Program: clap::Parser {
    /// Its name.
    const NAME: &'static str;
    /// The flag of its port.
    const PORT_FLAG: &'static str;
    /// What it is started with beside [`Stage`].
    type Settings: Send;

    /// The flags that every program takes.
    fn cluster(&self) -> &ClusterArgs;

    /// Its port, checked; what is wrong is noted.
    fn port(&self, problems: &mut Problems) -> u16;

    /// Its own flags, checked; `None` only if anything is wrong, which must be noted. `prefix` comes
    /// before names.
    fn settings(&self, problems: &mut Problems, prefix: &str) -> Option<Self::Settings>;

    /// Starts the service.
    ///
    /// # Errors
    /// What keeps it from starting.
    fn start(settings: Self::Settings, stage: Stage<'_>) -> Result<Readiness, StartFailure>;
}

/// Runs the program to its end.
pub fn main<P: Program>() -> Result<ExitCode, BoxError> {
    program::run(P::NAME, run::<P>())
}

/// True after a clean stop.
async fn run<P: Program>() -> Result<bool, StartFailure> {
    let args = P::parse();
    let mut problems = Problems::default();
    let cluster = args.cluster().check(&mut problems);
    let prefix = cluster.common.topic_prefix.clone();
    let port = args.port(&mut problems);
    if args.cluster().check_health {
        return Ok(health::is_ready(&cluster.common.listen_host, port).await);
    }
    let settings = args.settings(&mut problems, &prefix);
    let settings = problems.or(settings)?.expect("what keeps it from having settings is noted");
    let common = cluster.common;
    let began = Instant::now();
    let mut signals = Signals::listen().map_err(|error| StartFailure::because(&error))?;
    telemetry::start(common.log);
    let listener = listen::<P>(&common.listen_host, port).await?;
    let address = listener.local_addr().map_err(|error| StartFailure::because(&error))?;

    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (ids, stop) = (Arc::new(RandomIds), CancellationToken::new());
    let context = Context::new(&prefix, clock, ids, common.public_hosts, stop.clone())
        .map_err(|error| StartFailure::because(&error))?;
    let mut tasks = Tasks::new(stop);
    let kafka = Kafka::new(cluster.kafka);
    tasks.work("topics", topics::create(kafka.admin(), common.topic_partitions, context.clone()));
    let stage = Stage { tasks: &mut tasks, context: &context, kafka: kafka.clone(), listener };
    let readiness = P::start(settings, stage)?;
    say(&format!("{} {}: http://{address}", P::NAME, env!("CARGO_PKG_VERSION")));
    tasks.work("readiness", async move {
        let up = context.stop.run_until_cancelled(readiness.all_up()).await.is_some();
        // At the end nobody watches any more, and what nobody watches counts as up.
        if up && !context.stop.is_cancelled() {
            say(&format!("{}: ready after {} ms", P::NAME, began.elapsed().as_millis()));
            context.stop.cancelled().await;
        }
        Ok(())
    });
    let clean = tasks.run(async || signals.next().await).await;
    // Whoever leaves a group by now has done so; the rest is courtesy.
    let _ = timeout(stop_times::CLOSE, kafka.close()).await;
    Ok(clean)
}

async fn listen<P: Program>(host: &str, port: u16) -> Result<TcpListener, StartFailure> {
    bind(host, port).await.map_err(|error| match error {
        BindError::InUse { .. } => {
            let other = port.saturating_add(100);
            let flag = P::PORT_FLAG;
            StartFailure(vec![format!("{error}. Free it, or choose another: --{flag} {other}")])
        }
        error @ BindError::Refused { .. } => StartFailure::because(&error),
    })
}

/// One line on standard output. Whoever closed that does not want it.
fn say(line: &str) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}
