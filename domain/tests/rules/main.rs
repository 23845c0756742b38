//! The rules of the shop, from the outside: what every state does with everything that can happen
//! to it, and what each event looks like to those who read it.
#![expect(clippy::unwrap_used, reason = "the helpers of tests, where a panic is the report")]

mod balance;
mod checkout;
mod dead_letters;
mod envelopes;
mod lines;
mod payments;
mod routing;
mod saga;
mod sample;
