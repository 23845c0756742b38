//! `kcat`: reads a topic from its beginning to its end, and produces.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde::Deserialize;

/// A record as `kcat -J` shows it.
#[derive(Debug, Clone, Deserialize)]
pub struct Record {
    pub partition: u32,
    pub offset: u64,
    /// Names and values in turn.
    #[serde(default)]
    headers: Vec<Option<String>>,
    pub key: Option<String>,
    #[serde(rename = "payload")]
    pub value: Option<String>,
}

impl Record {
    pub fn header(&self, name: &str) -> Option<&str> {
        let pair = self.headers.chunks(2).find(|pair| pair[0].as_deref() == Some(name))?;
        pair.get(1)?.as_deref()
    }
}

/// Kills what hangs.
fn kcat(brokers: &str, topic: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args(["60", "kcat", "-q", "-b", brokers, "-t", topic]);
    command
}

/// Every record of a topic.
#[track_caller]
pub fn read_all(brokers: &str, topic: &str) -> Vec<Record> {
    let output = kcat(brokers, topic).args(["-C", "-J", "-e", "-o", "beginning"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kcat reads {topic}: {said}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Puts records with these keys and values on a topic, all with these headers.
#[track_caller]
pub fn produce(
    brokers: &str,
    topic: &str,
    partition: Option<u32>,
    headers: &[&str],
    records: &[(&str, &str)],
) {
    let mut command = kcat(brokers, topic);
    command.args(["-P", "-K", "\\t", "-X", "topic.acks=all"]);
    if let Some(partition) = partition {
        command.args(["-p", &partition.to_string()]);
    }
    for header in headers {
        command.args(["-H", header]);
    }
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    for (key, value) in records {
        writeln!(input, "{key}\t{value}").unwrap();
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kcat writes to {topic}: {said}");
}
