//! Kafka's own command line tools, by `deploy/local/kafka/tool`.

use std::collections::HashMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::environment::root;

/// What one row of `kafka-consumer-groups --describe` says.
#[derive(Debug, Clone)]
pub struct GroupRow(HashMap<String, String>);

impl GroupRow {
    /// A column by its title, as in `CURRENT-OFFSET`.
    #[track_caller]
    pub fn column(&self, title: &str) -> &str {
        self.0.get(title).unwrap_or_else(|| panic!("no {title} in {self:?}"))
    }

    /// A column that is a number; `None` for `-`.
    pub fn number(&self, title: &str) -> Option<u64> {
        self.column(title).parse().ok()
    }
}

/// A tool's command line. The JVM is told to start fast rather than to run fast.
pub(crate) fn tool(brokers: &str, name: &str) -> Command {
    let mut command = Command::new(root().join("deploy/local/kafka/tool"));
    command
        .arg(name)
        .env("KAFKA_BROKERS", brokers)
        .env("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        .stdin(Stdio::null());
    command
}

/// What `kafka-console-consumer` reads of a topic: so many records, as `headers`, `key` and `value` with
/// tabs between.
#[track_caller]
pub fn console_consumer(brokers: &str, topic: &str, count: usize) -> Vec<[String; 3]> {
    let mut command = tool(brokers, "console-consumer");
    command.args(["--topic", topic, "--from-beginning", "--timeout-ms", "20000"]);
    command.args(["--max-messages", &count.to_string()]);
    for property in ["print.headers=true", "print.key=true"] {
        command.args(["--formatter-property", property]);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    let fields = |line: &str| {
        let fields: Vec<_> = line.splitn(3, '\t').map(str::to_owned).collect();
        fields.try_into().unwrap_or_else(|line| panic!("{line:?}"))
    };
    text.lines().map(fields).collect()
}

/// Puts values without key and headers on a topic, as `kafka-console-producer` does.
#[track_caller]
pub fn console_producer(brokers: &str, topic: &str, values: &[&str]) {
    let mut command = tool(brokers, "console-producer");
    command.args(["--topic", topic]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    for value in values {
        writeln!(input, "{value}").unwrap();
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// `kafka-consumer-groups --describe` of one group: a row for each partition.
#[track_caller]
pub fn describe_group(brokers: &str, group: &str) -> Vec<GroupRow> {
    let output =
        tool(brokers, "consumer-groups").args(["--describe", "--group", group]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text} {said}");
    let mut rows = text.lines().map(str::split_whitespace);
    let Some(titles) = rows.find(|row| row.clone().next() == Some("GROUP")) else {
        return Vec::new();
    };
    let named = |row: std::str::SplitWhitespace| {
        GroupRow(titles.clone().map(str::to_owned).zip(row.map(str::to_owned)).collect())
    };
    rows.map(named).filter(|row| row.0.contains_key("LAG")).collect()
}
