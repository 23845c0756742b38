//! The real program as a child process, on ports of its own choice.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use comptoir_stage::environment::variable;
use comptoir_stage::http::{self, Answer};
use comptoir_stage::patience::until;

/// The most that a start may take before the test fails, on a machine that is busy with others.
const START_TIME: Duration = Duration::from_secs(20);
/// The same for an end.
const END_TIME: Duration = Duration::from_secs(20);

/// A running program.
pub(crate) struct Program {
    child: Child,
    ports: HashMap<&'static str, u16>,
    _stdout: BufReader<ChildStdout>,
}

/// The program's command line, every port left to the system.
pub(crate) fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_comptoir"));
    command.env_clear().env("DATA_DIR", data).stdin(Stdio::null());
    command.envs(variable("RUST_LOG").map(|level| ("RUST_LOG", level)));
    for service in ["LOGS", "USERS", "PAYMENTS", "INVENTORIES", "NOTIFICATIONS", "CONSOLE"] {
        command.env(format!("{service}_PORT"), "0");
    }
    command
}

impl Program {
    /// Starts and waits for the banner.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_by(&mut command(data))
    }

    /// The same by a command line of the caller's.
    pub(crate) fn start_by(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let (told, banner) = channel();
        // Ends with the program at the latest.
        thread::spawn(move || told.send((read_ports(&mut stdout), stdout)));
        let Ok((ports, stdout)) = banner.recv_timeout(START_TIME) else {
            let _ = child.kill();
            panic!("not ready within {START_TIME:?}: {:?}", child.wait());
        };
        Self { child, ports, _stdout: stdout }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn port(&self, service: &str) -> u16 {
        self.ports[service]
    }

    pub(crate) fn get(&self, service: &str, path: &str) -> Answer {
        http::get(self.port(service), path).unwrap()
    }

    /// Kills with -9.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal, as in `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let signal = format!("-{name}");
        assert!(Command::new("kill").args([&signal, &pid]).status().unwrap().success());
    }

    /// Waits for the end, which comes within seconds or the test fails.
    pub(crate) fn wait(mut self) -> ExitStatus {
        let child = &mut self.child;
        until("it ends", END_TIME, || child.try_wait().unwrap().ok_or("it runs"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // A test that failed leaves nothing running; after a clean end there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the banner to its last line that names a port.
fn read_ports(banner: &mut impl BufRead) -> HashMap<&'static str, u16> {
    let mut ports = HashMap::new();
    let mut line = String::new();
    while !line.contains("/pay") {
        line.clear();
        assert!(banner.read_line(&mut line).unwrap() > 0, "it ended before it was ready");
        for (word, service) in [
            ("Live page", "logs"),
            ("Topics", "console"),
            ("Users", "users"),
            ("Payments", "payments"),
            ("Stock", "inventories"),
        ] {
            if line.trim_start().starts_with(word) {
                ports.insert(service, port_in(&line));
            }
        }
    }
    ports
}

fn port_in(line: &str) -> u16 {
    let (_, rest) = line.split_once("localhost:").unwrap();
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}
