//! Kafka's Java console consumer as a member of a group.

use std::collections::HashSet;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::NamedTempFile;

use super::tools::tool;
use crate::patience::until;

/// How long a member that is told to leave may take.
const LEAVE_TIME: Duration = Duration::from_secs(20);

/// A running consumer, and all that it has read.
pub struct JavaMember {
    child: Child,
    output: NamedTempFile,
}

impl JavaMember {
    /// Joins, with these settings of a consumer; it commits often.
    pub fn join(brokers: &str, group: &str, topic: &str, settings: &[&str]) -> Self {
        let output = NamedTempFile::new().unwrap();
        let mut command = tool(brokers, "console-consumer");
        // It ends by itself should nobody be left to end it.
        command.args(["--group", group, "--topic", topic, "--from-beginning"]);
        command.args(["--timeout-ms", "120000"]);
        for setting in settings.iter().chain(&["auto.commit.interval.ms=500"]) {
            command.args(["--command-property", setting]);
        }
        command.stdout(output.reopen().unwrap()).stderr(Stdio::null());
        Self { child: command.spawn().unwrap(), output }
    }

    /// The ids of the events that it has read, those of the last line that is whole included.
    pub fn read(&self) -> HashSet<String> {
        let text = std::fs::read_to_string(self.output.path()).unwrap();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let id = |line: &str| {
            let event: Value = serde_json::from_str(line).unwrap();
            event["id"].as_str().unwrap().to_owned()
        };
        whole.lines().map(id).collect()
    }

    /// Leaves as a well-behaved member does.
    pub fn leave(&mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let child = &mut self.child;
        until("the Java consumer leaves", LEAVE_TIME, || {
            child.try_wait().unwrap().ok_or("it runs")
        });
    }

    /// Dies without a word.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for JavaMember {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
