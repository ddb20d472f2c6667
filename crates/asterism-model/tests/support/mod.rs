//! Tools for tests of the model and of what builds upon it: a script language for commands, a rendering for eyes, and
//! generators for properties.
//!
//! No part of the product. Another crate's tests take it in with
//! `#[path = "../../asterism-model/tests/support/mod.rs"] mod support;`, which costs no crate and leaves no test code
//! behind a feature of the model; they need `serde_json` and `proptest`.

// Each test program uses a part of it.
#![allow(dead_code, unused_imports, clippy::unwrap_used)]

pub mod adoption;
pub mod generate;
pub mod render;
pub mod run;
pub mod script;
pub mod xapi;

pub use run::{World, transcript};
