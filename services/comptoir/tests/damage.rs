//! A data folder that was damaged is refused in one line that names the file, and left as it is.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

#[path = "support/program.rs"]
mod program;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use comptoir_stage::http;
use comptoir_stage::patience::pause;
use comptoir_testkit::files::contents;
use program::{Program, command};
use tempfile::tempdir;

const LOOKS: usize = 600;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

fn refused(data: &Path) -> String {
    let mut command = command(data);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let has_ended = (0..LOOKS).any(|_| {
        pause(BETWEEN_LOOKS);
        child.try_wait().unwrap().is_some()
    });
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(has_ended, "it does not end: {said}");
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

#[test]
fn damage_is_named_and_nothing_is_changed() {
    let data = tempdir().unwrap();
    let program = Program::start(data.path());
    let paid = http::post(program.port("payments"), "/pay", "").unwrap().json();
    let id = paid["id"].as_str().unwrap();
    let settled = program.get("payments", &format!("/payments/{id}?wait=30")).json();
    assert_eq!(settled["status"], "confirmed");
    program.signal("TERM");
    assert!(program.wait().success());

    let journal = data.path().join("database/0.jnl");
    let whole = fs::read(&journal).unwrap();
    let magic = whole.windows(4).enumerate().filter(|(_, bytes)| bytes == b"FJL\x03");
    let ends: Vec<_> = magic.map(|(at, _)| at + 4).collect();
    let mut flipped = whole.clone();
    flipped[ends[ends.len() / 2] + 20] ^= 4;
    let cut = whole[..ends[ends.len() - 2]].to_vec();
    for damaged in [flipped, cut] {
        fs::write(&journal, damaged).unwrap();
        let before = contents(data.path());
        let said = refused(data.path());
        assert!(said.contains("is damaged") && said.contains("0.jnl"), "{said}");
        assert!(contents(data.path()) == before, "something was changed");
    }
    fs::write(&journal, whole).unwrap();
    let current = data.path().join("database/keyspaces/2/current");
    let kept = fs::read(&current).unwrap();
    fs::remove_file(&current).unwrap();
    let said = refused(data.path());
    assert!(said.contains("keyspaces/2/current is missing"), "{said}");
    fs::write(&current, kept).unwrap();
    let program = Program::start(data.path());
    let payment = program.get("payments", &format!("/payments/{id}")).json();
    assert_eq!(payment["status"], "confirmed", "once the damage is undone, all is there");
    program.kill();
}
