//! Who may depend on whom. The house is only as tidy as this table.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::process::Command;

use serde_json::Value;

/// What each crate of ours may depend on of ours, outside of its tests.
const ALLOWED: &[(&str, &[&str])] = &[
    ("comptoir-domain", &[]),
    ("comptoir-wire", &["comptoir-domain"]),
    ("comptoir-memory", &["comptoir-domain", "comptoir-wire"]),
    ("comptoir-embedded", &["comptoir-domain", "comptoir-wire"]),
    ("kafka-groups", &[]),
    ("comptoir-kafka", &["comptoir-domain", "comptoir-wire", "kafka-groups"]),
    ("comptoir-mongodb", &["comptoir-domain", "comptoir-wire", "openssl"]),
    // Stand-ins for what the MongoDB driver asks for.
    ("openssl", &[]),
    ("tokio-openssl", &["openssl"]),
    ("comptoir-auth", &["comptoir-domain"]),
    ("comptoir-http", &[]),
    ("comptoir-testkit", &["comptoir-domain"]),
    ("comptoir-runtime", &["comptoir-domain", "comptoir-http"]),
    ("comptoir-users", SERVICE),
    ("comptoir-payments", SERVICE),
    ("comptoir-inventories", SERVICE),
    ("comptoir-notifications", SERVICE),
    ("comptoir-logs", PAGE),
    ("comptoir-console", PAGE),
    ("comptoir-pages", &[]),
    ("comptoir-bench", &[]),
    // Tests only, which may use everybody.
    ("comptoir-simulation", &[]),
    // Only tests and what is run like one may know of the stage.
    ("comptoir-stage", &[]),
    ("comptoir-chaos", &["comptoir-stage"]),
    (
        "comptoir-cluster",
        &[
            "comptoir-auth",
            "comptoir-console",
            "comptoir-domain",
            "comptoir-http",
            "comptoir-inventories",
            "comptoir-kafka",
            "comptoir-logs",
            "comptoir-mongodb",
            "comptoir-notifications",
            "comptoir-payments",
            "comptoir-runtime",
            "comptoir-users",
        ],
    ),
    (
        "comptoir",
        &[
            "comptoir-auth",
            "comptoir-console",
            "comptoir-domain",
            "comptoir-embedded",
            "comptoir-http",
            "comptoir-inventories",
            "comptoir-logs",
            "comptoir-notifications",
            "comptoir-payments",
            "comptoir-runtime",
            "comptoir-users",
        ],
    ),
];

const SERVICE: &[&str] = &["comptoir-domain", "comptoir-http", "comptoir-runtime"];
const PAGE: &[&str] = &["comptoir-domain", "comptoir-http", "comptoir-pages", "comptoir-runtime"];

/// All that the domain may use of others. Of `futures` it is a lock that waits without a runtime.
const DOMAIN_LIBRARIES: &[&str] = &["futures", "thiserror", "uuid"];

/// `(crate, dependency)`, without those of tests.
fn edges() -> Vec<(String, String)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut edges = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            if dependency["kind"] != "dev" {
                edges.push((name.to_owned(), dependency["name"].as_str().unwrap().to_owned()));
            }
        }
        edges.push((name.to_owned(), String::new()));
    }
    edges
}

#[test]
fn nobody_depends_on_whom_it_should_not_know() {
    for (from, to) in edges() {
        let row = ALLOWED.iter().find(|(name, _)| *name == from);
        let (_, allowed) = row.unwrap_or_else(|| panic!("{from} is not in the table"));
        let ours = ALLOWED.iter().any(|(name, _)| *name == to);
        assert!(!ours || allowed.contains(&to.as_str()), "{from} must not depend on {to}");
    }
}

#[test]
fn the_domain_is_pure() {
    for (_, to) in edges().iter().filter(|(from, _)| from == "comptoir-domain") {
        let pure = to.is_empty() || DOMAIN_LIBRARIES.contains(&to.as_str());
        assert!(pure, "the domain must not depend on {to}");
    }
}
