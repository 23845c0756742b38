//! `console-service`.

use std::process::ExitCode;

use clap::Parser;
use comptoir_cluster::config::ClusterArgs;
use comptoir_cluster::program::{self, Program, Stage};
use comptoir_console::cli::Command;
use comptoir_domain::port::BoxError;
use comptoir_http::Readiness;
use comptoir_runtime::config::{ConsolePort, LogsPort, Problems};
use comptoir_runtime::program::{self as runtime, StartFailure};

/// The topic console: topics, records, groups and their lag. It links to the live page on the other
/// port.
#[derive(Debug, Parser)]
#[command(name = "console-service", version)]
struct Args {
    /// What to do instead of running.
    #[command(subcommand)]
    command: Option<Command>,
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

impl Args {
    /// Does a command; false if it could not be done in whole.
    async fn ask(&self, command: Command) -> Result<bool, StartFailure> {
        let mut problems = Problems::default();
        let port = self.port.check(&mut problems);
        command.run(problems.or(port)?).await
    }
}

fn main() -> Result<ExitCode, BoxError> {
    let args = Args::parse();
    match &args.command {
        None => program::main::<Args>(),
        Some(command) => runtime::run(Args::NAME, args.ask(command.clone())),
    }
}
