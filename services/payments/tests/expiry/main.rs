//! Reservations run out: whoever is away, dies, comes twice or has another time, each payment expires at
//! most once and its stock comes back. With the consumers and relays that the services run, on the
//! memory platform, in a time that only tests move.
#![expect(clippy::unwrap_used, reason = "the helpers of tests, where a panic is the report")]

mod absence;
mod instances;
mod times;
mod world;
