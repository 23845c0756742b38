//! Waiting for what another process does: real time, a deadline, and no sleep that hopes.

use std::fmt::Debug;
use std::io::Write as _;
use std::time::{Duration, Instant};

const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Looks until there is something to see. A look that sees nothing yet says what it sees instead.
#[track_caller]
pub fn until<T, W: Debug>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Result<T, W>,
) -> T {
    let began = now();
    loop {
        match look() {
            Ok(seen) => return seen,
            Err(instead) => {
                assert!(began.elapsed() < limit, "{what}: not within {limit:?}, but {instead:?}");
            }
        }
        pause(BETWEEN_LOOKS);
    }
}

/// [`until`] for what is true or not.
#[track_caller]
pub fn until_true(what: &str, limit: Duration, mut look: impl FnMut() -> bool) {
    until(what, limit, || look().then_some(()).ok_or("not yet"));
}

/// The time of processes.
#[expect(clippy::disallowed_methods, reason = "the time of a process is real time")]
pub fn now() -> Instant {
    Instant::now()
}

/// Lets time pass for another process, or between two requests of a paced client.
#[expect(clippy::disallowed_methods, reason = "the time of a process is real time")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Says something on standard output, whatever the test harness captures.
pub fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "  {line}").unwrap();
    out.flush().unwrap();
}
