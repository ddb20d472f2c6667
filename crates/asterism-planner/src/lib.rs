//! Elections, plans, targets, diffs, and the reconciler that carries them out: pure functions and state machines.
//!
//! Nothing here waits, dials or reads a clock. [`plan`](plan::plan) turns the replicated state and the leader's
//! [`Evidence`] into choices; [`target`](target::target) and [`diff`](diff::diff) turn choices into what one host must
//! change; [`Reconciler`] decides when, takes events in and gives actions out. The shell is `asterismd`.

#![cfg_attr(test, allow(clippy::unwrap_used))]

// The tools of tests/support name the crate from outside.
#[cfg(test)]
extern crate self as asterism_planner;

pub mod adoption;
pub mod budget;
pub mod check;
pub mod diff;
pub mod drift;
pub mod elect;
pub mod evidence;
pub mod explain;
pub mod finding;
pub mod judge;
pub mod links;
pub mod members;
pub mod moves;
pub mod plan;
pub mod pools;
pub mod reconciler;
pub mod scope;
pub mod succession;
pub mod target;
#[cfg(test)]
mod testing;
pub mod tick;
pub mod verify;
pub mod vni;
pub mod whatif;

pub use budget::{BfdLoad, Budget};
pub use check::check;
pub use diff::{Conflict, Difference, diff};
pub use drift::{Drift, drift};
pub use evidence::{Evidence, Graces, HostEvidence, Path, SessionEvidence};
pub use explain::{Explanation, explain};
pub use finding::Finding;
pub use judge::{Verdict, Verdicts, judge};
pub use plan::{Plan, plan};
pub use reconciler::{Action, Event, LaneStatus, Phase, Reconciler, Settings};
pub use target::{Targets, target};
pub use tick::Tick;
pub use verify::{Verification, verify};
pub use whatif::{Delays, Forecast, Kill, whatif};
