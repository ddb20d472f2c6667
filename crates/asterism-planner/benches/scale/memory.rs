//! What the replicated state weighs, stored and in memory.

use asterism_model::{NetworkState, Resilience, encode_state};
use asterism_planner::{Graces, plan};

use crate::setup;

const NETWORKS: usize = 1000;
const HOSTS: usize = 512;

/// The resident size is that of so many copies: what the allocator had left over from before fills up with the first.
const COPIES: usize = 16;

pub fn report() {
    println!(
        "state of {NETWORKS} dual networks over {HOSTS} hosts in {} pools (bytes; with its events)",
        setup::POOLS
    );
    println!("{:>22} {:>12} {:>12} {:>10} {:>10}", "", "stored", "resident", "stored/1", "resident/1");
    let nothing = Weight::of(&NetworkState::default());
    let mut state = setup::hosts(HOSTS);
    let hosts = Weight::of(&state);
    row("hosts", HOSTS, &nothing, &hosts);
    setup::add_networks(&mut state, NETWORKS, Resilience::Dual);
    let choices = plan(&state, &setup::all_able(&state), &Graces::default(), setup::NOW);
    setup::adopt(&mut state, &choices);
    drop(choices);
    row("networks and choices", NETWORKS, &hosts, &Weight::of(&state));
}

struct Weight {
    stored: usize,
    resident: usize,
}

impl Weight {
    fn of(state: &NetworkState) -> Self {
        let stored = encode_state(state).len();
        let before = resident();
        let copies: Vec<NetworkState> = vec![state.clone(); COPIES];
        let resident = resident().saturating_sub(before) / COPIES;
        drop(copies);
        Self { stored, resident }
    }
}

fn row(what: &str, count: usize, before: &Weight, after: &Weight) {
    let stored = after.stored - before.stored;
    let resident = after.resident.saturating_sub(before.resident);
    println!("{what:>22} {stored:>12} {resident:>12} {:>10} {:>10}", stored / count, resident / count);
}

/// `VmRSS` (proc(5)).
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<usize>().ok());
    kib.unwrap_or(0) * 1024
}
