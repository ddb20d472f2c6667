//! Scenarios: promises as files, run on laboratories of their own, repeated, and shown as tables and plots.
//!
//! A file says what a laboratory consists of, what happens in it, and what is promised of that ([`parse`]: the language).
//! [`run`] takes it through once, between standing witnesses: probes between all pairs of VMs and a broadcast of every VM
//! each 50 ms. [`Results`] holds all runs. `tests/scenarios.rs` runs each file once, `asterism-lab scenario` as often as asked.

mod callers;
mod cursor;
mod outcome;
mod parse;
mod plot;
mod results;
mod roles;
mod run;
mod stage;
mod steer;
mod table;
mod tally;
mod words;

pub use outcome::Measured;
pub use parse::parse;
pub use plot::plots;
pub use results::{Figure, Limits, Results, Series, Spread};
pub use run::{RunOptions, run};
pub use table::table;
pub use tally::Heard;
pub use words::Scenario;
