//! `GET /health/live` and `GET /health/ready`. Neither looks at `Host` or `Origin`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde::Serialize;
use tokio::sync::watch;

use crate::resource::{Resource, path, with};
use crate::{Problem, Request, Response, headers, reply};

/// What a service can say of something that it leans on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It is there.
    Up,
    /// It is away, but the service does its work all the same, as an outbox does without a broker.
    Degraded,
    /// It is away, and the service cannot work without it.
    Missing,
}

/// What a service needs and how it is; clones share one state. Whoever watches a dependency sets
/// it, `/health/ready` tells it.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<watch::Sender<BTreeMap<String, Condition>>>);

impl Readiness {
    /// Records the condition of one dependency, named as operators know it, as in `kafka`.
    pub fn set(&self, name: &str, condition: Condition) {
        self.0.send_if_modified(|all| all.insert(name.to_owned(), condition) != Some(condition));
    }

    /// As [`Readiness::set`] with [`Condition::Up`].
    pub fn set_up(&self, name: &str) {
        self.set(name, Condition::Up);
    }

    /// As [`Readiness::set`] with [`Condition::Degraded`].
    pub fn set_degraded(&self, name: &str) {
        self.set(name, Condition::Degraded);
    }

    /// As [`Readiness::set`] with [`Condition::Missing`].
    pub fn set_missing(&self, name: &str) {
        self.set(name, Condition::Missing);
    }

    /// Whether nothing is missing.
    pub fn is_ready(&self) -> bool {
        self.named(Condition::Missing).is_empty()
    }

    /// Waits until nothing is missing or degraded.
    pub async fn all_up(&self) {
        let up = |all: &BTreeMap<_, Condition>| all.values().all(|now| *now == Condition::Up);
        // Fails only without a sender, and `self` is one.
        let _ = self.0.subscribe().wait_for(up).await;
    }

    /// The dependencies in a condition, sorted.
    pub fn named(&self, condition: Condition) -> Vec<String> {
        let all = self.0.borrow();
        all.iter().filter(|(_, now)| **now == condition).map(|(name, _)| name.clone()).collect()
    }
}

/// `/health/live` (200 as long as the process answers) and `/health/ready`: 200
/// `{"status":"ready","degraded"?:[…]}`, or 503 with `Retry-After`: the problem `/problems/unready`
/// with the members `"missing":[…]` and `"degraded"?:[…]`.
pub fn resources(readiness: &Readiness) -> [Resource; 2] {
    [path("/health/live").get(live), path("/health/ready").get(with(readiness, ready))]
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    degraded: Vec<String>,
}

async fn live(_: Request) -> Response {
    let body = Health { status: "live", degraded: Vec::new() };
    headers::no_store(reply::json(StatusCode::OK, &body))
}

async fn ready(readiness: Readiness, _: Request) -> Response {
    let missing = readiness.named(Condition::Missing);
    let degraded = readiness.named(Condition::Degraded);
    headers::no_store(if missing.is_empty() {
        reply::json(StatusCode::OK, &Health { status: "ready", degraded })
    } else {
        unready(&missing, &degraded).into_response()
    })
}

fn unready(missing: &[String], degraded: &[String]) -> Problem {
    let problem = Problem::unavailable(Duration::from_secs(1))
        .with_kind("unready", "The service cannot do its work")
        .with_hint(format!(
            "Bring back {}; the service then recovers by itself.",
            missing.join(", ")
        ))
        .with_member("missing", missing);
    if degraded.is_empty() { problem } else { problem.with_member("degraded", degraded) }
}
