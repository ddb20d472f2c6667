//! What the replicated state weighs, stored and in memory.

use asterism_model::{NetworkState, encode_state};
use asterism_planner::{Graces, plan};

use crate::setup;

const NETWORKS: usize = 1000;
const HOSTS: usize = 512;

pub fn report() {
    println!("state of {NETWORKS} networks over {HOSTS} hosts in {} pools (bytes)", setup::POOLS);
    println!("{:>22} {:>12} {:>12} {:>10} {:>10}", "", "stored", "resident", "stored/1", "resident/1");
    let nothing = Weight { stored: stored(&NetworkState::default()), resident: resident() };
    let mut state = setup::hosts(HOSTS);
    let hosts = Weight { stored: stored(&state), resident: resident() };
    row("hosts", HOSTS, &nothing, &hosts);
    setup::add_networks(&mut state, NETWORKS);
    // The plan is freed before the resident size is read; what the allocator keeps of it counts as the state's.
    let choices = plan(&state, &setup::all_able(&state), &Graces::default(), setup::NOW);
    setup::adopt(&mut state, &choices);
    drop(choices);
    // A copy is the honest size: nothing but the state is allocated in between.
    let before = resident();
    let copy = state.clone();
    let networks =
        Weight { stored: stored(&state), resident: hosts.resident + resident().saturating_sub(before) };
    row("networks and choices", NETWORKS, &hosts, &networks);
    drop(copy);
}

struct Weight {
    stored: usize,
    resident: usize,
}

fn row(what: &str, count: usize, before: &Weight, after: &Weight) {
    let stored = after.stored - before.stored;
    let resident = after.resident.saturating_sub(before.resident);
    println!("{what:>22} {stored:>12} {resident:>12} {:>10} {:>10}", stored / count, resident / count);
}

fn stored(state: &NetworkState) -> usize {
    encode_state(state).len()
}

/// `VmRSS` (proc(5)).
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<usize>().ok());
    kib.unwrap_or(0) * 1024
}
