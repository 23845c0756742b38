//! A disk that is full for a while: writes say so, reads go on, and nobody has to start anything
//! again.
//!
//! In one test a limit on the size of files stands for the full disk. It is set from outside, by `prlimit` of
//! util-linux; where that is missing, the test says so and passes.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "shared by all tests, and none needs all of it")]
#[path = "support/folder.rs"]
mod folder;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use comptoir_domain::port::bus::{BusError, LogReader as _};
use comptoir_domain::port::platform::Log as _;
use comptoir_domain::topic::Offset;
use comptoir_embedded::Embedded;
use tempfile::{TempDir, tempdir};
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

/// A small file system of its own. `None`, and a word about it, where none can be mounted; a failure
/// where `TEST_REQUIRE` names `tmpfs`.
fn mount(options: &str) -> Option<Mounted> {
    let dir = tempdir().unwrap();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(dir.path()).stderr(Stdio::null());
    if mount.status().is_ok_and(|status| status.success()) {
        return Some(Mounted(dir));
    }
    #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
    let required = std::env::var("TEST_REQUIRE").unwrap_or_default();
    let is_required = required.split(',').any(|it| it == "tmpfs");
    assert!(!is_required, "TEST_REQUIRE lists tmpfs, but none can be mounted");
    eprintln!("skipped: no tmpfs can be mounted here");
    None
}

struct Mounted(TempDir);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// Publishes until it is refused, which must come before `most` records; gives how many were taken.
async fn fill_up(embedded: &Embedded, most: u64) -> u64 {
    for taken in 0..most {
        if publish(embedded, vec![b'x'; 100_000]).await.is_err() {
            return taken;
        }
    }
    panic!("the disk is not full");
}

/// What is full only stops the threads that write tables; the next write finds that out.
async fn is_survived(mounted: &Mounted, fill: impl Fn(&Path), free: impl Fn(&Path)) {
    let (data, filler) = (mounted.0.path().join("data"), mounted.0.path().join("filler"));
    let embedded = open_with_topic(&data, 1).await;
    fill(&filler);
    let taken = fill_up(&embedded, 2_000).await;
    assert!(taken > 300, "{taken} records are too few for a table");
    let read = || async {
        let bounds = embedded.reader().bounds(&folder::topic()).await.unwrap()[0];
        let last = folder::values_from(&embedded, 0, Offset(bounds.next.0 - 1)).await;
        (bounds.next.0, last)
    };
    for _ in 0..20 {
        let (next, last) = read().await;
        assert_eq!((next, last[0].len()), (taken, 100_000), "it is read as it was");
        assert!(publish(&embedded, "x").await.is_err());
    }
    free(&filler);
    timeout(PATIENCE, until_taken(&embedded)).await.unwrap();
    let (next, last) = read().await;
    // What was refused may have been written all the same.
    assert!((taken + 1..=taken + 2).contains(&next), "{next} of {taken}");
    assert_eq!(last, ["after"]);
    embedded.close().await;
    open(&data).await.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_too_full_for_a_table_is_survived() {
    let Some(mounted) = mount("size=100m") else {
        return;
    };
    let fill = |filler: &Path| {
        let mut file = File::create(filler).unwrap();
        for _ in 0..40 {
            file.write_all(&vec![1; 1 << 20]).unwrap();
        }
    };
    is_survived(&mounted, fill, |filler| fs::remove_file(filler).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_without_room_for_another_file_is_survived() {
    let Some(mounted) = mount("size=500m,nr_inodes=100") else {
        return;
    };
    let fill = |filler: &Path| {
        fs::create_dir(filler).unwrap();
        let made = (0..).take_while(|n| File::create(filler.join(n.to_string())).is_ok());
        assert!(made.count() > 0);
    };
    is_survived(&mounted, fill, |filler| fs::remove_dir_all(filler).unwrap()).await;
}
