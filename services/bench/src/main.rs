use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use comptoir_bench::{
    disk,
    error::{BenchError, one_line},
    line, load, memory, pay, rate, start,
    table::{Format, Report},
};

/// Measures a running Comptoir, or anything with the same routes, over HTTP/1.1 and WebSocket.
///
/// Exit codes: 0 measured; 1 measured, with failures that the report names, or broken off;
/// 2 not measured: a bad flag, or a server that cannot be reached.
#[derive(Debug, Parser)]
#[command(name = "comptoir-bench", version)]
struct Cli {
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    measure: Measure,
}

#[derive(Debug, Args)]
struct Output {
    /// Print Markdown tables
    #[arg(long, global = true, conflicts_with = "json")]
    markdown: bool,
    /// Print one line of JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Measure {
    Pay(pay::Pay),
    Line(line::Line),
    Rate(rate::Rate),
    Start(start::Start),
    Memory(memory::Memory),
    Load(load::Load),
    Disk(disk::Disk),
}

impl Output {
    fn format(&self) -> Format {
        match (self.markdown, self.json) {
            (true, _) => Format::Markdown,
            (_, true) => Format::Json,
            _ => Format::Text,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match measure(&cli.measure).await {
        Ok(report) => match report.print(cli.output.format()) {
            Ok(()) => ExitCode::from(u8::from(!report.problems.is_empty())),
            Err(error) => failed(&error, 1),
        },
        Err(error) => failed(&error, error.exit_code()),
    }
}

async fn measure(measure: &Measure) -> Result<Report, BenchError> {
    match measure {
        Measure::Pay(pay) => pay::run(pay).await,
        Measure::Line(line) => line::run(line).await,
        Measure::Rate(rate) => rate::run(rate).await,
        Measure::Start(start) => start::run(start).await,
        Measure::Memory(memory) => memory::run(memory),
        Measure::Load(load) => load::run(load).await,
        Measure::Disk(disk) => disk::run(disk),
    }
}

fn failed(error: &dyn std::error::Error, code: u8) -> ExitCode {
    eprintln!("comptoir-bench: {}", one_line(error));
    ExitCode::from(code)
}
