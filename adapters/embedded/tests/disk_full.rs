//! A disk that is full for a while: writes say so, reads go on, and nobody has to start anything
//! again.
//!
//! A limit on the size of files stands for the full disk. It is set from outside, by `prlimit` of
//! util-linux; where that is missing, the test says so and passes.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/folder.rs"]
mod folder;

use std::path::Path;
use std::process::Command;

use comptoir_domain::port::bus::BusError;
use comptoir_embedded::Embedded;
use tempfile::tempdir;
use tokio::time::timeout;

use folder::{PATIENCE, fill, numbers, open, open_with_topic, publish, values};

const CHILD: &str = "EMBEDDED_DISK_FULL_CHILD";
const NAME: &str = "a_full_disk_is_survived_without_a_restart";

/// Limits how far this process may write into a file; says whether that could be done.
fn limit_files_to(bytes: &str) -> bool {
    let limit = Command::new("prlimit")
        .args(["--pid", &std::process::id().to_string()])
        .arg(format!("--fsize={bytes}:unlimited"))
        .status();
    limit.is_ok_and(|status| status.success())
}

async fn until_refused(embedded: &Embedded) -> BusError {
    loop {
        if let Err(error) = publish(embedded, vec![b'x'; 100_000]).await {
            return error;
        }
    }
}

async fn until_taken(embedded: &Embedded) {
    while let Err(error) = publish(embedded, "after").await {
        assert!(matches!(error, BusError::Unavailable(_)), "{error:?}");
        tokio::task::yield_now().await;
    }
}

async fn fill_the_disk(dir: &Path) {
    let embedded = open_with_topic(dir, 1).await;
    fill(&embedded, 10).await;
    assert!(limit_files_to("2000000"));
    let refused = timeout(PATIENCE, until_refused(&embedded)).await.unwrap();
    assert!(matches!(refused, BusError::Unavailable(_)), "{refused:?}");
    let again = publish(&embedded, vec![b'x'; 100_000]).await;
    assert!(matches!(again, Err(BusError::Unavailable(_))), "{again:?}");
    assert!(limit_files_to("unlimited"));
    timeout(PATIENCE, until_taken(&embedded)).await.unwrap();
    let found = values(&embedded, 0).await;
    assert_eq!(found[..10], numbers(0..10));
    assert_eq!(found.last().unwrap(), "after");
    embedded.close().await;
    let embedded = open(dir).await;
    assert_eq!(values(&embedded, 0).await, found);
    embedded.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_survived_without_a_restart() {
    #[expect(clippy::disallowed_methods, reason = "how the test tells its child what to do")]
    let child = std::env::var_os(CHILD);
    if child.is_some() {
        return fill_the_disk(tempdir().unwrap().path()).await;
    }
    if !limit_files_to("unlimited") {
        eprintln!("skipped: there is no prlimit");
        return;
    }
    // Ignored signals stay ignored, and without its signal the limit is an error like any other.
    let status = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(CHILD, "1")
        .status();
    assert!(status.unwrap().success());
}
