//! `logs-service`.

use std::process::ExitCode;

use clap::Parser;
use comptoir_cluster::config::ClusterArgs;
use comptoir_cluster::program::{self, Program, Stage};
use comptoir_domain::port::BoxError;
use comptoir_http::Readiness;
use comptoir_logs::Ports;
use comptoir_runtime::config::{
    ConsolePort, InventoriesPort, LogsPort, PaymentsPort, Problems, UsersPort,
};
use comptoir_runtime::program::StartFailure;

/// Streams the log lines over WebSocket and serves the live page. The other ports are where the page
/// finds the other services.
#[derive(Debug, Parser)]
#[command(name = "logs-service", version)]
struct Args {
    #[command(flatten)]
    port: LogsPort,
    #[command(flatten)]
    users: UsersPort,
    #[command(flatten)]
    payments: PaymentsPort,
    #[command(flatten)]
    inventories: InventoriesPort,
    #[command(flatten)]
    console: ConsolePort,
    #[command(flatten)]
    cluster: ClusterArgs,
}

impl Program for Args {
    const NAME: &'static str = "logs-service";
    const PORT_FLAG: &'static str = "logs-port";
    type Settings = Ports;

    fn cluster(&self) -> &ClusterArgs {
        &self.cluster
    }

    fn port(&self, problems: &mut Problems) -> u16 {
        self.port.check(problems)
    }

    fn settings(&self, problems: &mut Problems, _: &str) -> Option<Ports> {
        Some(Ports {
            users: self.users.check(problems),
            payments: self.payments.check(problems),
            inventories: self.inventories.check(problems),
            console: self.console.check(problems),
        })
    }

    fn start(ports: Ports, stage: Stage<'_>) -> Result<Readiness, StartFailure> {
        let Stage { tasks, context, kafka, listener } = stage;
        Ok(comptoir_logs::serve(tasks, context, &kafka, ports, listener))
    }
}

fn main() -> Result<ExitCode, BoxError> {
    program::main::<Args>()
}
