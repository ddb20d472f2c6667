//! The model simulation: one seed gives a whole run, and the same seed the same run, byte for byte.
//!
//! In its first phase a plan of faults is carried out while operators work, and safety is judged at every step; in the second
//! everything is mended, and it must come to rest as it shall be.

pub mod broken;
pub mod consensus;
mod dice;
pub mod fabric;
pub mod faults;
mod heal;
mod inject;
pub mod machine;
pub mod office;
pub mod operator;
mod options;
mod pools;
mod queue;
pub mod replica;
pub mod session;
mod shrink;
mod time;
mod trace;
pub mod world;

pub use broken::Breakage;
pub use dice::Dice;
pub use faults::{Fault, FaultKind};
pub use options::{Options, Report, Tally, Violation};
pub use shrink::shrink;
pub use time::Time;
pub use trace::Trace;

use std::panic::{AssertUnwindSafe, catch_unwind};

use world::{FIRST_PHASE, World};

/// The faults of a run, those that are left out included.
pub fn plan_of(seed: u64, options: &Options) -> Vec<Fault> {
    faults::plan(seed, &options.kinds(), Time(FIRST_PHASE.0 - 1_000_000))
}

/// Runs one seed. A panic of the code under test is a violation like any other.
pub fn run(seed: u64, options: &Options) -> Report {
    let mut plan = plan_of(seed, options);
    if let Some(only) = &options.only {
        plan = plan
            .into_iter()
            .enumerate()
            .filter(|(place, _)| only.contains(place))
            .map(|(_, fault)| fault)
            .collect();
    }
    let mut world = World::new(seed, options, plan.clone());
    let ended = catch_unwind(AssertUnwindSafe(|| world.run()));
    if let Err(panic) = ended {
        let what = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_else(|| "of something that is no text".to_owned());
        world.judge("panic", Err(what));
    }
    let healing = world.healing.as_ref();
    let healed_after_ms = healing
        .and_then(|healing| Some(healing.done_at?.since(healing.since).as_millis()))
        .and_then(|millis| u64::try_from(millis).ok());
    let digest = asterism_model::stored::digest(world.consensus.state());
    world.trace.note(world.now, format_args!("end {digest}"));
    Report {
        seed,
        digest: world.trace.digest(),
        events: world.events(),
        healed_after_ms,
        plan,
        violation: world.violation().cloned(),
        tally: world.tally,
        lines: world.trace.take_lines(),
    }
}
