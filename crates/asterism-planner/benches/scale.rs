//! How planning grows with networks and hosts, what one host's death costs, and what the state weighs.
//!
//! Prints tables; medians over several runs, the machine's other work among them. Judges nothing: what is too slow is for
//! the reader to say. Every network spans all 16 pools, which is the worst case.

// What a benchmark finds is its output.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "scale/death.rs"]
mod death;
#[allow(dead_code)]
#[path = "../tests/support/host.rs"]
mod host;
#[path = "scale/leader.rs"]
mod leader;
#[path = "scale/memory.rs"]
mod memory;
#[path = "scale/plans.rs"]
mod plans;
#[path = "scale/setup.rs"]
mod setup;

use std::time::{Duration, Instant};

use asterism_model::Resilience;

fn main() {
    // First, while the process has nothing that was freed before.
    memory::report();
    for resilience in [Resilience::Single, Resilience::Dual] {
        plans::report(512, resilience);
        plans::report(64, resilience);
        death::report(resilience);
        leader::report(&[(10, 512), (100, 512), (100, 64), (1000, 64)], resilience);
    }
}

/// The median of some runs, and what the last of them gave.
fn median<T>(runs: usize, mut run: impl FnMut() -> T) -> (Duration, T) {
    let mut times = Vec::new();
    loop {
        let start = Instant::now();
        let value = run();
        times.push(start.elapsed());
        if times.len() >= runs {
            times.sort_unstable();
            return (times[times.len() / 2], value);
        }
    }
}

/// Enough runs for a median, few enough for an end.
fn runs(networks: usize) -> usize {
    match networks {
        0..=10 => 15,
        11..=100 => 7,
        _ => 3,
    }
}

/// Milliseconds, for a table's column.
fn ms(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1000.0)
}
