//! How long a stop may take, and each part of it.
//!
//! ```text
//! signal ─▶ WORK: HTTP answers what is in flight (DRAIN)          ─▶ FLUSH ─▶ CLOSE    together STOP
//!                 consumers finish (FINISH), then leave (LEAVE)      relays   the log
//! ```
//!
//! A limit is made of those inside it and a margin: none is cut off by the one around it while it
//! still keeps to its own. So a stop is clean even if every server is silent. These are limits, not
//! waits: with servers that answer, all of it takes milliseconds.

use std::time::Duration;

/// For what lies around a limit: a machine that is busy, the writing of an answer.
const MARGIN: Duration = Duration::from_secs(1);

/// Signals within so much of the first are the same request: coreutils' `timeout` sends one to the
/// program and one to its group.
pub const ONE_REQUEST: Duration = Duration::from_millis(250);
/// After how long a store gives a call up. Programs set their stores to it.
pub const STORE_CALL: Duration = Duration::from_secs(5);
/// HTTP: a request in flight has its answer, even if that is the 503 of a store that is silent. (A
/// password that waits longer than this for its turn is cut off.)
pub const DRAIN: Duration = STORE_CALL.saturating_add(MARGIN);
/// Batches in hand after a revocation or a stop. Not made of [`STORE_CALL`]: the next member waits
/// for a revoked partition, and what is given up is not committed, so it is delivered again.
pub const FINISH: Duration = Duration::from_secs(3);
/// Leaving a group. A broker that hears nothing notices the absence all the same.
pub const LEAVE: Duration = Duration::from_millis(500);
/// All tasks but the relays.
pub const WORK: Duration = longer(DRAIN, FINISH.saturating_add(LEAVE)).saturating_add(MARGIN);
/// A relay, twice: for what is in hand, and then for what is waiting. What it does not finish is in
/// the outbox, where the next start finds it.
pub const LAST_WORK: Duration = Duration::from_millis(450);
/// The relays, which publish what the others still store while they stop.
pub const FLUSH: Duration = LAST_WORK.saturating_mul(2).saturating_add(Duration::from_millis(100));
/// Closing the log. What was acknowledged is safe, whatever it does.
pub const CLOSE: Duration = Duration::from_secs(1);
/// All of it. Whoever stops a program waits longer than this before killing it: 15 s in
/// `deploy/compose.yaml`, `deploy/local/topology/supervisor.py` and what `deploy/README.md` says of
/// Kubernetes.
pub const STOP: Duration = WORK.saturating_add(FLUSH).saturating_add(CLOSE);

const fn longer(one: Duration, other: Duration) -> Duration {
    if one.as_nanos() > other.as_nanos() { one } else { other }
}
