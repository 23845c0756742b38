//! A data folder is one program's at a time, whatever state that program is in.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

#[path = "support/program.rs"]
mod program;
#[path = "support/starts.rs"]
mod starts;

use std::path::Path;
use std::process::Child;
use std::time::Duration;

use comptoir_stage::http;
use comptoir_stage::patience::pause;
use program::Program;
use starts::{begin, ended, refused};
use tempfile::tempdir;

const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
const LOOKS: usize = 1_500;
/// What a start takes at most until it has ended, where it does.
const ENDED_WITHIN: Duration = Duration::from_secs(30);

fn is_refused(data: &Path) {
    let said = refused(data, ENDED_WITHIN);
    assert!(said.contains("is in use by another process"), "{said}");
}

fn pay(program: &Program) -> String {
    let paid = http::post(program.port("payments"), "/pay", "").unwrap();
    assert_eq!(paid.status, 202, "{}", paid.body);
    paid.json()["id"].as_str().unwrap().to_owned()
}

fn is_settled(program: &Program, id: &str) {
    let settled = program.get("payments", &format!("/payments/{id}?wait=30")).json();
    assert_eq!(settled["status"], "confirmed");
}

#[test]
fn a_second_start_is_refused_and_the_first_one_goes_on() {
    let data = tempdir().unwrap();
    let first = Program::start(data.path());
    let before = pay(&first);
    for _ in 0..3 {
        is_refused(data.path());
    }
    let after = pay(&first);
    for id in [&before, &after] {
        is_settled(&first, id);
    }
    first.signal("TERM");
    assert!(first.wait().success());
}

/// Several at once: one of them starts, and says so; the others say that it has.
#[test]
fn of_many_that_start_at_once_one_does() {
    let data = tempdir().unwrap();
    for _ in 0..3 {
        let mut starting: Vec<_> = (0..4).map(|_| begin(data.path())).collect();
        let left = |starting: &mut Vec<Child>| {
            starting.iter_mut().filter_map(|it| it.try_wait().unwrap()).count()
        };
        let refused = (0..LOOKS).any(|_| {
            pause(BETWEEN_LOOKS);
            left(&mut starting) == 3
        });
        assert!(refused, "{} of 4 have ended", left(&mut starting));
        for mut child in starting {
            if child.try_wait().unwrap().is_none() {
                child.kill().unwrap();
                child.wait().unwrap();
                continue;
            }
            let (status, said) = ended(child, ENDED_WITHIN);
            assert_eq!(status.code(), Some(2), "{said}");
            assert!(said.contains("is in use by another process"), "{said}");
        }
    }
}

/// The system gives the folder back at the moment of the death, also in the middle of a start.
#[test]
fn a_killed_program_leaves_the_folder_free_at_once() {
    let data = tempdir().unwrap();
    let mut ids = Vec::new();
    for round in 0..6_u64 {
        let mut starting = begin(data.path());
        pause(Duration::from_millis(round * 10));
        starting.kill().unwrap();
        starting.wait().unwrap();
        let program = Program::start(data.path());
        ids.push(pay(&program));
        program.kill();
    }
    let program = Program::start(data.path());
    for id in &ids {
        is_settled(&program, id);
    }
    program.kill();
}

/// While it stops, it still has the folder; once it has ended, it has not.
#[test]
fn a_program_that_stops_gives_the_folder_back_at_its_end() {
    let data = tempdir().unwrap();
    let first = Program::start(data.path());
    let id = pay(&first);
    first.signal("TERM");
    let second = begin(data.path());
    assert!(first.wait().success());
    // It came too early, or just in time.
    pause(Duration::from_millis(300));
    let mut second = second;
    if second.try_wait().unwrap().is_some() {
        let (status, said) = ended(second, ENDED_WITHIN);
        assert_eq!(status.code(), Some(2), "{said}");
    } else {
        second.kill().unwrap();
        second.wait().unwrap();
    }
    let third = Program::start(data.path());
    is_settled(&third, &id);
    third.kill();
}
