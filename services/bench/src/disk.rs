use std::{
    fs,
    io::{self, Write},
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use tokio::time::Instant;

use crate::{
    error::BenchError,
    histogram::{Histogram, RESOLUTION},
    pay::seconds,
    table::{Cell, Report, Table},
};

/// A run ends early when it has written this much, so that it cannot fill the disk.
const MOST_BYTES: u64 = 1 << 30;

/// What the disk alone can do: appends to one file with an fdatasync per batch.
///
/// One thread appends BATCH records of BYTES bytes with one write, calls fdatasync and begins
/// again. The baseline for every durable log on the same folder.
#[derive(Debug, Args)]
pub struct Disk {
    /// Folder to write into; on the disk to be measured, so not a tmpfs
    #[arg(long)]
    pub dir: PathBuf,
    /// Size of a record, in bytes
    #[arg(long, default_value = "300")]
    pub bytes: NonZeroU32,
    /// Records per fdatasync; several sizes are measured one after another
    #[arg(long, value_delimiter = ',', default_value = "1,16,64")]
    pub batch: Vec<NonZeroU32>,
    /// Time per batch size, in seconds (less if 1 GiB is written first)
    #[arg(long, value_parser = seconds, default_value = "3")]
    pub seconds: Duration,
}

#[derive(Debug)]
pub struct Figures {
    pub bytes: NonZeroU32,
    pub batch: NonZeroU32,
    pub elapsed: Duration,
    /// One latency per batch: the write and its fdatasync.
    pub latency: Histogram,
}

impl Figures {
    pub fn batches(&self) -> u64 {
        self.latency.count()
    }

    pub fn records(&self) -> u64 {
        self.batches() * u64::from(self.batch.get())
    }
}

/// Appends and syncs for `duration`. Blocks; the file is removed at the end.
pub fn raw_append(
    dir: &Path,
    bytes: NonZeroU32,
    batch: NonZeroU32,
    duration: Duration,
) -> io::Result<Figures> {
    let mut file = tempfile::Builder::new().prefix("raw-append-").tempfile_in(dir)?;
    let size = u64::from(bytes.get()) * u64::from(batch.get());
    if size > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a batch is larger than 1 GiB"));
    }
    let records = vec![0x5a; usize::try_from(size).map_err(io::Error::other)?];
    // The new file's entry is made durable first, so that no batch pays for it.
    fs::File::open(dir)?.sync_all()?;
    let mut latency = Histogram::default();
    let begin = Instant::now();
    let mut last = begin;
    while last - begin < duration && latency.count() * size < MOST_BYTES {
        file.write_all(&records)?;
        file.as_file().sync_data()?;
        let now = Instant::now();
        latency.record(now - last);
        last = now;
    }
    file.close()?;
    Ok(Figures { bytes, batch, elapsed: last - begin, latency })
}

pub fn run(disk: &Disk) -> Result<Report, BenchError> {
    let mut report = Report::new(format!(
        "Raw append to {}, {} bytes a record, fdatasync per batch, 1 thread",
        disk.dir.display(),
        disk.bytes
    ));
    let columns = ["records/batch", "batches/s", "records/s", "n", "p50 us", "p99 us", "max us"];
    let mut table = Table::new("disk", &columns);
    for &batch in &disk.batch {
        let figures = raw_append(&disk.dir, disk.bytes, batch, disk.seconds)
            .map_err(|source| BenchError::File { path: disk.dir.clone(), source })?;
        table.row([
            Cell::from(u64::from(batch.get())),
            Cell::per_second(figures.batches(), figures.elapsed),
            Cell::per_second(figures.records(), figures.elapsed),
            Cell::from(figures.batches()),
            Cell::us(figures.latency.per_mille(500)),
            Cell::us(figures.latency.per_mille(990)),
            Cell::us(figures.latency.max()),
        ]);
    }
    report.tables.push(table);
    report.notes.push(format!("Times are per batch, write and fdatasync; {RESOLUTION}."));
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appends_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let [bytes, batch] = [300, 16].map(|n| NonZeroU32::new(n).unwrap());
        let figures = raw_append(dir.path(), bytes, batch, Duration::from_millis(20)).unwrap();
        assert!(figures.batches() > 0);
        assert_eq!(figures.records(), figures.batches() * 16);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
