//! Tools for tests of the planner: hosts that are only their OVSDB, and a world of them around real reconcilers.
//!
//! States and commands come from the model's own tools, taken in by path.

// Each test program uses a part of it.
#![allow(dead_code, unused_imports, clippy::unwrap_used)]

pub mod host;
pub mod leader;
#[path = "../../../asterism-model/tests/support/mod.rs"]
pub mod model;
pub mod observed;
pub mod oracle;
pub mod pool;
pub mod world;

pub use host::FakeHost;
pub use world::{Delivery, World};
