use std::{fs, path::PathBuf};

use clap::Args;

use crate::{
    error::BenchError,
    table::{Cell, Report, Table},
};

/// Resident memory of a running process, in MiB.
///
/// Reads /proc/PID/status: `VmRSS` is resident now, `VmHWM` the most it ever was.
#[derive(Debug, Args)]
pub struct Memory {
    /// Process id
    #[arg(long)]
    pub pid: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resident {
    pub now_kib: u32,
    pub peak_kib: u32,
}

pub fn of(pid: u32) -> Result<Resident, BenchError> {
    let path = PathBuf::from(format!("/proc/{pid}/status"));
    let status = fs::read_to_string(&path)
        .map_err(|source| BenchError::File { path: path.clone(), source })?;
    parse(&status)
        .ok_or_else(|| BenchError::Unusable(format!("{} names no resident memory", path.display())))
}

fn parse(status: &str) -> Option<Resident> {
    let kib = |name: &str| {
        let rest = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        rest.trim().strip_suffix(" kB")?.trim().parse().ok()
    };
    Some(Resident { now_kib: kib("VmRSS")?, peak_kib: kib("VmHWM")? })
}

pub fn mib(kib: u32) -> Cell {
    Cell::Number(f64::from(kib) / 1024.0)
}

pub fn run(memory: &Memory) -> Result<Report, BenchError> {
    let resident = of(memory.pid)?;
    let mut report = Report::new(format!("Memory of process {}", memory.pid));
    let mut table = Table::new("memory", &["VmRSS MiB", "VmHWM MiB"]);
    table.row([mib(resident.now_kib), mib(resident.peak_kib)]);
    report.tables.push(table);
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_is_read_in_kib() {
        let status = "Name:\tx\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\nRssAnon:\t 1 kB\n";
        assert_eq!(parse(status), Some(Resident { now_kib: 10_240, peak_kib: 20_480 }));
        assert_eq!(parse("Name:\tkthreadd\n"), None);
    }
}
