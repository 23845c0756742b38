use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use clap::Args;
use http::Method;
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use crate::{
    error::BenchError,
    http::{Address, Client},
    memory,
    pay::seconds,
    table::{Cell, Report, Table},
};

const POLL_EVERY: Duration = Duration::from_millis(5);

/// Cold start: from starting the program on an empty data folder until every port is ready.
///
/// Each run sets `DATA_DIR` to a fresh folder and the ports of --ports in the environment, asks
/// GET /health/ready of each port every 5 ms until all answer 200, then sends SIGTERM and waits
/// for the exit. Times are in milliseconds, memory in MiB.
#[derive(Debug, Args)]
pub struct Start {
    /// Program to start
    #[arg(long, value_name = "PATH")]
    pub program: PathBuf,
    /// How many times
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub runs: u16,
    /// Ports to set and to wait for, each as VARIABLE=PORT
    #[arg(
        long,
        value_name = "VARIABLE=PORT",
        value_delimiter = ',',
        value_parser = port,
        default_value = "LOGS_PORT=3000,USERS_PORT=3001,PAYMENTS_PORT=3002,\
                         INVENTORIES_PORT=3003,NOTIFICATIONS_PORT=3004,CONSOLE_PORT=8080"
    )]
    pub ports: Vec<(String, u16)>,
    /// Folder for the fresh data folders; by default the system's, which may be a tmpfs
    #[arg(long, value_name = "PATH")]
    pub data_in: Option<PathBuf>,
    /// Longest wait for ready, and then for the exit, in seconds
    #[arg(long, value_parser = seconds, default_value = "60")]
    pub deadline: Duration,
    /// Show what the program writes
    #[arg(long)]
    pub output: bool,
    /// Arguments for the program
    #[arg(last = true)]
    pub args: Vec<String>,
}

fn port(text: &str) -> Result<(String, u16), String> {
    let parsed = text.split_once('=').and_then(|(name, port)| Some((name, port.parse().ok()?)));
    match parsed {
        Some((name, port @ 1..)) if !name.is_empty() => Ok((name.to_owned(), port)),
        _ => Err("not of the form VARIABLE=PORT".to_owned()),
    }
}

struct Cold {
    ready: Duration,
    exit: Duration,
    status: ExitStatus,
    resident: memory::Resident,
}

pub async fn run(start: &Start) -> Result<Report, BenchError> {
    let mut colds = Vec::new();
    for _ in 0..start.runs {
        colds.push(cold(start).await?);
    }
    Ok(report(start, &colds))
}

async fn cold(start: &Start) -> Result<Cold, BenchError> {
    for (name, port) in &start.ports {
        if Address::local(*port).dial().await.is_ok() {
            let problem = format!("port {port} ({name}) is already in use");
            return Err(BenchError::Unusable(problem));
        }
    }
    let data = data_folder(start.data_in.as_deref())?;
    let begin = Instant::now();
    let mut child = spawn(start, data.path())?;
    let ready = tokio::select! {
        ended = child.wait() => return Err(died(start, ended)),
        ready = timeout(start.deadline, all_ready(&start.ports)) => ready,
    };
    let Ok(()) = ready else {
        let what = "not every port was ready".to_owned();
        return Err(BenchError::TooLate { what, limit: start.deadline });
    };
    let ready = begin.elapsed();
    let pid = child.id().ok_or_else(|| BenchError::Unusable("the program is gone".to_owned()))?;
    let resident = memory::of(pid)?;
    let (exit, status) = stop(&mut child, pid, start).await?;
    Ok(Cold { ready, exit, status, resident })
}

fn data_folder(parent: Option<&Path>) -> Result<TempDir, BenchError> {
    let parent = parent.map_or_else(std::env::temp_dir, Path::to_path_buf);
    let folder = tempfile::Builder::new().prefix("comptoir-bench-").tempdir_in(&parent);
    folder.map_err(|source| BenchError::File { path: parent, source })
}

fn spawn(start: &Start, data: &Path) -> Result<Child, BenchError> {
    let output = || {
        if start.output { Stdio::inherit() } else { Stdio::null() }
    };
    Command::new(&start.program)
        .args(&start.args)
        .env("DATA_DIR", data)
        .envs(start.ports.iter().map(|(name, port)| (name, port.to_string())))
        .stdin(Stdio::null())
        .stdout(output())
        .stderr(output())
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| BenchError::Program { program: start.program.clone(), source })
}

fn died(start: &Start, ended: std::io::Result<ExitStatus>) -> BenchError {
    match ended {
        Ok(status) => BenchError::Died(status),
        Err(source) => BenchError::Program { program: start.program.clone(), source },
    }
}

/// One port after the other: a port stays ready, so the last one found ready was last or already was.
async fn all_ready(ports: &[(String, u16)]) {
    let mut polls = interval(POLL_EVERY);
    polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for (_, port) in ports {
        let mut client = Client::new(Address::local(*port));
        loop {
            let answer = client.send(Method::GET, "/health/ready").await;
            if answer.is_ok_and(|answer| answer.status.is_success()) {
                break;
            }
            polls.tick().await;
        }
    }
}

async fn stop(
    child: &mut Child,
    pid: u32,
    start: &Start,
) -> Result<(Duration, ExitStatus), BenchError> {
    let begin = Instant::now();
    let kill = Command::new("kill").args(["-TERM", &pid.to_string()]).status().await;
    if !kill.is_ok_and(|status| status.success()) {
        return Err(BenchError::Unusable(format!("cannot send SIGTERM to process {pid}")));
    }
    let ended = timeout(start.deadline, child.wait()).await.map_err(|_| BenchError::TooLate {
        what: "the program did not end after SIGTERM".to_owned(),
        limit: start.deadline,
    })?;
    let status = ended.map_err(|lost| died(start, Err(lost)))?;
    Ok((begin.elapsed(), status))
}

fn report(start: &Start, colds: &[Cold]) -> Report {
    let mut report = Report::new(format!(
        "Cold start of {} on an empty data folder, until {} ports are ready",
        start.program.display(),
        start.ports.len()
    ));
    let mut table =
        Table::new("start", &["run", "ready ms", "exit ms", "VmRSS MiB when ready", "exit"]);
    for (number, cold) in (1_u64..).zip(colds) {
        table.row([
            Cell::from(number),
            Cell::ms(cold.ready),
            Cell::ms(cold.exit),
            memory::mib(cold.resident.now_kib),
            Cell::Text(cold.status.to_string()),
        ]);
        if !cold.status.success() {
            report.problems.push(format!("run {number} ended with {}", cold.status));
        }
    }
    table.row([
        Cell::from("median"),
        Cell::ms(median(colds, |cold| cold.ready)),
        Cell::ms(median(colds, |cold| cold.exit)),
        median(colds, |cold| cold.resident.now_kib).map_or(Cell::Missing, memory::mib),
        Cell::Missing,
    ]);
    report.tables.push(table);
    report.notes.push(format!(
        "Readiness is asked for every {} ms, so ready is at most that much too high; the median \
         of an even number of runs is the lower one.",
        POLL_EVERY.as_millis()
    ));
    report
}

fn median<T: Ord>(colds: &[Cold], figure: impl Fn(&Cold) -> T) -> Option<T> {
    let mut figures: Vec<T> = colds.iter().map(figure).collect();
    figures.sort_unstable();
    let middle = figures.len().checked_sub(1)? / 2;
    Some(figures.swap_remove(middle))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_named() {
        assert_eq!(port("LOGS_PORT=3000"), Ok(("LOGS_PORT".to_owned(), 3000)));
        for wrong in ["3000", "=3000", "LOGS_PORT=", "LOGS_PORT=0", "LOGS_PORT=70000"] {
            assert!(port(wrong).is_err(), "{wrong} was taken");
        }
    }
}
