//! Starts of the program that may come to an end by themselves.

use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use comptoir_stage::patience::{now, pause};

use crate::program::command;

const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Starts it, its errors kept.
pub(crate) fn begin(data: &Path) -> Child {
    command(data).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// What became of a start, and what it said. One that has not ended by then is killed, and the test
/// fails.
#[track_caller]
pub(crate) fn ended(mut child: Child, within: Duration) -> (ExitStatus, String) {
    let began = now();
    let has_ended = loop {
        let has_ended = child.try_wait().unwrap().is_some();
        if has_ended || began.elapsed() > within {
            break has_ended;
        }
        pause(BETWEEN_LOOKS);
    };
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(has_ended, "it does not end: {said}");
    (output.status, said)
}

/// It does not start; the one line that says why.
#[track_caller]
pub(crate) fn refused(data: &Path, within: Duration) -> String {
    let (status, said) = ended(begin(data), within);
    assert_eq!(status.code(), Some(2), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}
