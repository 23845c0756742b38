//! What `deploy/local/up` starts, and `ctl` controls.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::http;
use crate::patience::until;
use crate::{Ports, environment};

/// From the first process to the last that is ready.
const START_TIME: Duration = Duration::from_mins(1);
/// What is shown of the log if a test fails.
const SHOWN_LINES: usize = 80;

/// Runs its argument and stops it when standard input ends, however this process ends. The exit code is
/// the argument's.
const UNTIL_STDIN_ENDS: &str = r#"exec 3<&0
"$1" </dev/null 3<&- & up=$!
{ cat <&3 >/dev/null; kill -TERM $up; } 2>/dev/null & exec 3<&-
wait $up"#;

/// Variables of the caller that would change what is started.
const NOT_INHERITED: [&str; 16] = [
    "CONSOLE",
    "INVENTORIES",
    "JWT_SECRET",
    "KAFKA_BROKERS",
    "KAFKA_DATA",
    "KAFKA_GROUP_PROTOCOL",
    "KAFKA_PORT",
    "LISTEN_HOST",
    "LOGS",
    "MONGODB_URI",
    "NOTIFICATIONS",
    "PAYMENTS",
    "STORE",
    "TOPIC_PARTITIONS",
    "TOPIC_PREFIX",
    "USERS",
];

/// Processes of one `up`.
pub(crate) struct Topology {
    data: TempDir,
    up: Child,
}

impl Topology {
    /// Starts everything and waits until it is ready.
    pub(crate) fn start(ports: Ports, variables: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut up = Command::new("sh");
        up.args(["-c", UNTIL_STDIN_ENDS, "up"]).arg(script("up"));
        for name in NOT_INHERITED {
            up.env_remove(name);
        }
        up.envs(variables.iter().copied())
            .env("BIN_DIR", environment::programs())
            .env("LOCAL_DATA", data.path())
            .env("PORT_OFFSET", ports.offset.to_string())
            // It is for the tests to say when it took too long, while there is something to look at.
            .env("START_SECONDS", "3600")
            .env("UP_QUIET", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        let mut topology = Self { data, up: up.spawn().unwrap() };
        until("the topology is ready", START_TIME, || {
            if let Some(code) = topology.up.try_wait().unwrap() {
                panic!("up: {code}");
            }
            topology.try_ctl(&["wait", "5"])
        });
        topology
    }

    /// `ctl` with these arguments, which must succeed.
    #[track_caller]
    pub(crate) fn ctl(&self, arguments: &[&str]) -> String {
        self.try_ctl(arguments).unwrap_or_else(|said| panic!("ctl {arguments:?}: {said}"))
    }

    fn try_ctl(&self, arguments: &[&str]) -> Result<String, String> {
        let mut ctl = Command::new(script("ctl"));
        ctl.args(arguments).env("LOCAL_DATA", self.data.path());
        let output = ctl.output().unwrap();
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(said(&output.stdout)) } else { Err(said(&output.stderr)) }
    }

    /// Stops everything; each program must have ended as it should.
    pub(crate) fn stop(mut self) {
        let code = self.end();
        assert_eq!(code, Some(0), "a program did not stop cleanly; {}", self.log());
    }

    fn end(&mut self) -> Option<i32> {
        drop(self.up.stdin.take());
        self.up.wait().unwrap().code()
    }

    /// The last of what everything said.
    fn log(&self) -> String {
        let Ok(file) = std::fs::File::open(self.data.path().join("up.log")) else {
            return "no log".to_owned();
        };
        let lines: Vec<_> = BufReader::new(file).lines().map_while(Result::ok).collect();
        lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
    }
}

impl Topology {
    /// What every process says of itself.
    fn conditions(&self) -> String {
        let Ok(text) = self.try_ctl(&["ps", "--json"]) else {
            return "nothing runs".to_owned();
        };
        let all: Vec<Value> = serde_json::from_str(&text).unwrap_or_default();
        let one = |process: &Value| {
            let (name, state) = (&process["name"], &process["state"]);
            let port = process["ports"][0].as_u64().and_then(|port| u16::try_from(port).ok());
            let is_service = name.as_str().is_some_and(|name| name.contains("service"));
            let port = port.filter(|_| is_service && state == "running");
            let ready = port.map(|port| http::get(port, "/health/ready"));
            format!("{name} {state} {ready:?}")
        };
        all.iter().map(one).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Topology {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.conditions());
        }
        self.end();
        if std::thread::panicking() {
            eprintln!("the last of the log:\n{}", self.log());
        }
    }
}

fn script(name: &str) -> PathBuf {
    environment::root().join("deploy/local").join(name)
}
