//! The protocol simulation: the real openraft and our stores of log, state and snapshots, in virtual time.
//!
//! What is simulated is what they stand on: a network that delays, loses, reorders and repeats, whole and one-way; disks that
//! forget what was not synced, take their time, and fail; machines that lose power. One seed gives a whole run, and the same
//! seed the same run, byte for byte. Faults come in the first phase, while clients write and read; in the second all is
//! mended, and within `PATIENCE` a write must be accepted and all replicas be equal.
//!
//! Not simulated: gRPC and TLS between replicas, RocksDB (its own conformance and crash tests stand in `asterism-raft`), and
//! `Replica`, which is bound to tokio: what a client may believe of an error is modelled as `Replica::propose` tells it.

mod client;
mod disk;
mod faults;
mod history;
mod network;
mod node;
mod options;
mod witness;
mod world;

pub use faults::{Fault, FaultKind};
pub use options::{Breakage, Options, Report, Violation};

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use openraft::AsyncRuntime as _;
use openraft_rt_sim::SimRuntime;

use crate::sim::Dice;

/// The types of a replica in virtual time.
type Types = asterism_raft::parts::Types<SimRuntime>;
/// openraft, with all of its types.
type Raft = openraft::Raft<Types, asterism_raft::parts::StateMachine>;

/// How long faults come.
const FIRST_PHASE: Duration = Duration::from_secs(20);
/// How soon after the last fault all must be well. A snapshot that was lost on its way is sent again after some seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// The faults of a run.
pub fn plan_of(seed: u64, options: &Options) -> Vec<Fault> {
    let all = faults::plan(&mut Dice::of(seed, "faults"), options.replicas_of(seed), FIRST_PHASE);
    let is_kept = |place: usize| options.only.as_ref().is_none_or(|only| only.contains(&place));
    all.into_iter().enumerate().filter(|(place, _)| is_kept(*place)).map(|(_, fault)| fault).collect()
}

/// Runs one seed. A panic of the code under test is a violation like any other.
pub fn run(seed: u64, options: &Options) -> Report {
    let plan = plan_of(seed, options);
    let witness = std::sync::Arc::new(witness::Witness::new(options.is_traced));
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let mut runtime = SimRuntime::with_seed(seed);
        runtime.block_on(world::play(seed, options, &plan, &witness));
    }));
    if let Err(panic) = ended {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        witness.judge("panic", Err(text.unwrap_or_else(|| "of something that is no text".to_owned())));
    }
    witness.report(seed, plan)
}
