//! A data folder that was damaged is refused in one line that names the file, and left as it is.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

#[path = "support/program.rs"]
mod program;
#[path = "support/starts.rs"]
mod starts;

use std::fs;
use std::time::Duration;

use comptoir_stage::http;
use comptoir_testkit::files::contents;
use program::Program;
use starts::refused;
use tempfile::tempdir;

/// What a start takes at most until it is refused.
const REFUSED_WITHIN: Duration = Duration::from_secs(30);

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
        let said = refused(data.path(), REFUSED_WITHIN);
        assert!(said.contains("is damaged") && said.contains("0.jnl"), "{said}");
        assert!(contents(data.path()) == before, "something was changed");
    }
    fs::write(&journal, whole).unwrap();
    let current = data.path().join("database/keyspaces/2/current");
    let kept = fs::read(&current).unwrap();
    fs::remove_file(&current).unwrap();
    let said = refused(data.path(), REFUSED_WITHIN);
    assert!(said.contains("keyspaces/2/current is missing"), "{said}");
    fs::write(&current, kept).unwrap();
    let program = Program::start(data.path());
    let payment = program.get("payments", &format!("/payments/{id}")).json();
    assert_eq!(payment["status"], "confirmed", "once the damage is undone, all is there");
    program.kill();
}
