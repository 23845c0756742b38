//! One program, started without `up`: before there are servers, or with a configuration that is wrong.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::environment;
use crate::http::{self, Answer};
use crate::patience::until;

/// The most that an end may take before the test fails.
const END_TIME: Duration = Duration::from_secs(20);

/// A running program.
pub struct Program {
    pub name: &'static str,
    pub port: u16,
    child: Child,
    stderr: NamedTempFile,
    _stdout: BufReader<ChildStdout>,
}

impl Program {
    /// The command line of a program, its port left to the system.
    pub fn command(name: &str) -> Command {
        let mut command = Command::new(environment::programs().join(name));
        let service = name.trim_end_matches("-service").to_uppercase();
        command.env_clear().env(format!("{service}_PORT"), "0").stdin(Stdio::null());
        command
    }

    /// Starts, and reads from its first line where it listens.
    pub fn start(name: &'static str, variables: &[(&str, &str)]) -> Self {
        let stderr = NamedTempFile::new().unwrap();
        let mut command = Self::command(name);
        command.envs(variables.iter().copied());
        let shown = File::options().append(true).open(stderr.path()).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(shown).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let port = line.trim().rsplit(':').next().and_then(|port| port.parse().ok());
        let port = port.unwrap_or_else(|| panic!("{name} says {line:?}"));
        Self { name, port, child, stderr, _stdout: stdout }
    }

    pub fn get(&self, path: &str) -> Answer {
        http::get(self.port, path).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    pub fn post(&self, path: &str, form: &str) -> Answer {
        http::post(self.port, path, form).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// Asks it to stop.
    pub fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// Waits for the end.
    pub fn wait(&mut self) -> ExitStatus {
        let (name, child) = (self.name, &mut self.child);
        until(&format!("{name} ends"), END_TIME, || child.try_wait().unwrap().ok_or("it runs"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let mut said = String::new();
            let _ = self.stderr.read_to_string(&mut said);
            eprintln!("{} said:\n{said}", self.name);
        }
    }
}
