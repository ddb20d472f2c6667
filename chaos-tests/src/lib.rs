//! The chaos harness: breaks everything, checks every promise, reproduces any failure from its seed.
//!
//! [`sim`] is the model simulation: the real state, planner and reconciler in a world of virtual time, where consensus is
//! modelled as what it promises and everything around may fail. [`oracle`] holds what must be true of any such world, one
//! promise a file. The harness has no part in the product, and the product has no part made for it.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod oracle;
pub mod protocol;
pub mod sim;

/// Hosts that are only their OVSDB, shared with the planner's own tests.
#[allow(dead_code, clippy::unwrap_used)]
#[path = "../../crates/asterism-planner/tests/support/host.rs"]
mod fake_host;

/// A pool's XAPI in a few maps, likewise.
#[allow(dead_code, clippy::unwrap_used)]
#[path = "../../crates/asterism-planner/tests/support/pool.rs"]
mod fake_pool;
