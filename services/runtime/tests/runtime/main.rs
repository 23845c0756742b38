//! The consumer runtime, the relay and the supervision, on the memory platform and in a time that
//! passes only while everybody waits.
#![expect(clippy::unwrap_used, reason = "the helpers of tests, where a panic is the report")]

mod answers;
mod backoff;
mod consuming;
mod damaged;
mod dead_letters;
mod handover;
mod log_probe;
mod members;
mod office;
mod readiness;
mod recorder;
mod relaying;
mod silent;
mod splitting;
mod stopping;
mod supervising;
mod unreadable;
mod world;
