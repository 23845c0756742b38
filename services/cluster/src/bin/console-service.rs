//! `console-service`.

use std::process::ExitCode;

use clap::Parser;
use comptoir_cluster::config::ClusterArgs;
use comptoir_cluster::program::{self, Program, Stage};
use comptoir_domain::port::BoxError;
use comptoir_http::Readiness;
use comptoir_runtime::config::{ConsolePort, LogsPort, Problems};
use comptoir_runtime::program::StartFailure;

/// The topic console: topics, records, groups and their lag. It links to the live page on the other
/// port.
#[derive(Debug, Parser)]
#[command(name = "console-service", version)]
struct Args {
    #[command(flatten)]
    port: ConsolePort,
    #[command(flatten)]
    logs: LogsPort,
    #[command(flatten)]
    cluster: ClusterArgs,
}

impl Program for Args {
    const NAME: &'static str = "console-service";
    const PORT_FLAG: &'static str = "console-port";
    /// The port of the live page.
    type Settings = u16;

    fn cluster(&self) -> &ClusterArgs {
        &self.cluster
    }

    fn port(&self, problems: &mut Problems) -> u16 {
        self.port.check(problems)
    }

    fn settings(&self, problems: &mut Problems, _: &str) -> Option<u16> {
        Some(self.logs.check(problems))
    }

    fn start(live_port: u16, stage: Stage<'_>) -> Result<Readiness, StartFailure> {
        let Stage { tasks, context, kafka, listener } = stage;
        Ok(comptoir_console::serve(tasks, context, &kafka, live_port, listener))
    }
}

fn main() -> Result<ExitCode, BoxError> {
    program::main::<Args>()
}
