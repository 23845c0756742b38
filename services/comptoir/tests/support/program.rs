//! The real program as a child process, on ports of its own choice.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;

/// The most that any answer may take.
const ANSWER_TIME: Duration = Duration::from_secs(40);

/// How often, and how long between, it is looked whether a program has ended.
const END_LOOKS: usize = 1_000;
const END_PAUSE: Duration = Duration::from_millis(20);

/// A running program.
pub(crate) struct Program {
    child: Child,
    ports: HashMap<&'static str, u16>,
    _stdout: BufReader<ChildStdout>,
}

/// An answer over HTTP.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }
}

/// The program's command line, every port left to the system.
pub(crate) fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_comptoir"));
    command.env_clear().env("DATA_DIR", data).stdin(Stdio::null());
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
        let ports = read_ports(&mut stdout);
        Self { child, ports, _stdout: stdout }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn port(&self, service: &str) -> u16 {
        self.ports[service]
    }

    pub(crate) fn get(&self, service: &str, path: &str) -> Answer {
        request(self.port(service), "GET", path, None).unwrap()
    }

    pub(crate) fn post(&self, service: &str, path: &str, form: &str) -> Answer {
        request(self.port(service), "POST", path, Some(form)).unwrap()
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
        for _ in 0..END_LOOKS {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            pause(END_PAUSE);
        }
        panic!("it does not end");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // A test that failed leaves nothing running; after a clean end there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lets time pass for another process.
#[expect(clippy::disallowed_methods, reason = "the time of a process is real time")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
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

/// One request on a connection of its own. An error means that nobody knows what became of it.
pub(crate) fn request(
    port: u16,
    method: &str,
    path: &str,
    form: Option<&str>,
) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(ANSWER_TIME))?;
    let body = form.unwrap_or_default();
    let kind =
        if body.is_empty() { "" } else { "content-type: application/x-www-form-urlencoded\r\n" };
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{kind}content-length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) =
        answer.split_once("\r\n\r\n").ok_or_else(|| std::io::Error::other("cut short"))?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other("no status"))?;
    let declared = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok()
    });
    if declared.is_some_and(|declared| declared != body.len()) {
        return Err(std::io::Error::other("cut short"));
    }
    Ok(Answer { status, body: body.to_owned() })
}
