//! The frame of a program: read the configuration, start, run, and end with the right exit code.

use std::future::Future;
use std::io;
use std::process::ExitCode;

use comptoir_domain::port::BoxError;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::causes::with_causes;
use crate::open_files;

/// Why a program did not start. Told in one line each; the exit code is 2 and nothing was started.
#[derive(Debug)]
pub struct StartFailure(pub Vec<String>);

impl StartFailure {
    /// One error and what caused it, as one line.
    pub fn because(error: &(dyn std::error::Error + 'static)) -> Self {
        Self(vec![with_causes(error)])
    }
}

impl From<Vec<String>> for StartFailure {
    fn from(lines: Vec<String>) -> Self {
        Self(lines)
    }
}

/// A bad configuration, or a port or data folder in use.
const EXIT_NOT_STARTED: u8 = 2;

/// Runs a program: `Ok(true)` is a clean stop (0), `Ok(false)` a crash (1).
pub fn run(
    name: &str,
    program: impl Future<Output = Result<bool, StartFailure>>,
) -> Result<ExitCode, BoxError> {
    open_files::raise_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(program);
    // Blocking reads that still run hold nothing that matters.
    runtime.shutdown_background();
    Ok(match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(StartFailure(lines)) => {
            for line in lines {
                eprintln!("{name}: {line}");
            }
            ExitCode::from(EXIT_NOT_STARTED)
        }
    })
}

/// SIGTERM and SIGINT (Ctrl-C), from the moment that it listens.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes the signals over; none ends the process any more.
    pub fn listen() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { terminate, interrupt })
    }

    /// Waits for the next of either.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
