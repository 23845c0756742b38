//! What other producers wrote: every compression, transactions, repeated headers, tombstones.
//! `TEST_KAFKA_TOOL` names a program that runs Kafka's own tools, as `deploy/local/kafka/tool` does.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/corner.rs"]
mod corner;
#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/server.rs"]
mod server;

use std::io::Write as _;
use std::process::Stdio;

use comptoir_domain::topic::Offset;
use comptoir_kafka::Settings;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use corner::Corner;

/// Runs one of Kafka's tools; false where there are none.
#[expect(clippy::disallowed_methods, reason = "a test program has no other configuration")]
async fn run_tool(arguments: &[&str], input: &str) -> bool {
    let Some(tool) = std::env::var("TEST_KAFKA_TOOL").ok().filter(|value| !value.is_empty()) else {
        let _ = writeln!(std::io::stderr(), "does not apply: TEST_KAFKA_TOOL is not set");
        return false;
    };
    let mut command = Command::new(tool);
    command.args(arguments).args(["--bootstrap-server", &server::broker()]);
    let mut running = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = running.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    assert!(running.wait().await.unwrap().success(), "{arguments:?}");
    true
}

async fn corner() -> Corner {
    Corner::open(Settings::new([server::broker()]), "foreign").await
}

/// Makes records of 100 bytes in batches of several.
async fn perf(corner: &Corner, records: &str, more: &[&str]) -> bool {
    let topic = corner.topic.as_str();
    let mut arguments = vec!["producer-perf-test", "--topic", topic, "--num-records", records];
    arguments.extend(["--record-size", "100", "--throughput", "-1"]);
    arguments.extend(more);
    run_tool(&arguments, "").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_compression_is_read() {
    let corner = corner().await;
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let property = format!("compression.type={codec}");
        if !perf(&corner, "500", &["--command-property", &property]).await {
            return;
        }
    }
    let read = corner.read_all().await;
    assert!(read.iter().map(|stored| stored.offset).eq((0..2_500).map(Offset)));
    for stored in read {
        assert_eq!(stored.record.value.unwrap().len(), 100, "at {}", stored.offset);
    }
}

/// The end of each transaction takes an offset of its own, which no reader sees.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn markers_of_transactions_are_passed_over() {
    let corner = corner().await;
    let id = format!("transactions-{}", server::suffix());
    let transactions = ["--transactional-id", &id, "--transaction-duration-ms", "1"];
    if !perf(&corner, "300", &transactions).await {
        return;
    }
    let read = corner.read_all().await;
    assert_eq!(read.len(), 300);
    assert!(read.is_sorted_by(|a, b| a.offset < b.offset));
    let next = corner.next().await.unwrap();
    assert!(next > read[299].offset.next(), "a marker is behind the last record: {next}");
    // At the marker there is nothing, and no error.
    corner.publish("k", "behind").await.unwrap();
    assert_eq!(corner.read_all().await.len(), 301);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeated_headers_and_tombstones_are_read() {
    let corner = corner().await;
    let properties = "parse.headers=true,parse.key=true,null.marker=NULL";
    let mut arguments = vec!["console-producer", "--topic", corner.topic.as_str()];
    for property in properties.split(',') {
        arguments.extend(["--reader-property", property]);
    }
    if !run_tool(&arguments, "a:1,b:2,a:3\tk\tv\nNULL\tk\tNULL\n").await {
        return;
    }
    let read = corner.read_all().await;
    let [full, tombstone] = &read[..] else { panic!("{read:?}") };
    let headers: Vec<_> =
        full.record.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(headers, [("a", &b"1"[..]), ("b", b"2"), ("a", b"3")]);
    assert_eq!(full.record.value.as_deref(), Some(&b"v"[..]));
    assert_eq!(tombstone.record.key.as_deref(), Some(&b"k"[..]));
    assert_eq!((&tombstone.record.value, &*tombstone.record.headers), (&None, &[][..]));
}
