//! What `apply` answers to each command, told as scripts. See `support/script.rs` for the language.

#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod adoption;
mod audit;
mod host;
mod inventory;
mod membership;
mod moves;
mod network;
mod pool;
mod refusals;
mod session;
mod settings;
mod timeline;
mod topology;

use expect_test::Expect;

/// Runs a script on an empty state and compares the transcript.
fn check(script: &str, expected: Expect) {
    expected.assert_eq(&support::transcript(script));
}
