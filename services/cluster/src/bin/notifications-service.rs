//! `notifications-service`.

use std::process::ExitCode;

use clap::Parser;
use comptoir_cluster::config::ClusterArgs;
use comptoir_cluster::program::{self, Program, Stage};
use comptoir_domain::port::BoxError;
use comptoir_http::Readiness;
use comptoir_runtime::config::{NotificationsPort, Problems};
use comptoir_runtime::program::StartFailure;

/// Writes one log line for every event: a worker on Kafka. Its port serves health only.
#[derive(Debug, Parser)]
#[command(name = "notifications-service", version)]
struct Args {
    #[command(flatten)]
    port: NotificationsPort,
    #[command(flatten)]
    cluster: ClusterArgs,
}

impl Program for Args {
    const NAME: &'static str = "notifications-service";
    const PORT_FLAG: &'static str = "notifications-port";
    type Settings = ();

    fn cluster(&self) -> &ClusterArgs {
        &self.cluster
    }

    fn port(&self, problems: &mut Problems) -> u16 {
        self.port.check(problems)
    }

    fn settings(&self, _: &mut Problems, _: &str) -> Option<()> {
        Some(())
    }

    fn start((): (), stage: Stage<'_>) -> Result<Readiness, StartFailure> {
        let Stage { tasks, context, kafka, listener } = stage;
        Ok(comptoir_notifications::serve(tasks, context, &kafka, listener))
    }
}

fn main() -> Result<ExitCode, BoxError> {
    program::main::<Args>()
}
