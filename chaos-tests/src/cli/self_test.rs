//! `asterism-chaos self-test`: each breakage must be caught, and is told with its seed, its oracle and how long it took.

use std::{
    io::{self, Write as _},
    time::Instant,
};

use asterism_chaos::sim::{Breakage, Options, run};
use clap::Args;

#[derive(Args)]
pub struct SelfTestArguments {
    /// How many seeds each breakage is given.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
}

/// Whether every breakage was caught.
pub fn self_test(arguments: &SelfTestArguments) -> anyhow::Result<bool> {
    std::panic::set_hook(Box::new(|_| {}));
    let mut out = io::stdout().lock();
    let mut are_all_caught = true;
    writeln!(out, "| broken | caught by | seed | after |\n|---|---|---|---|")?;
    for broken in Breakage::ALL {
        let options = Options { broken: Some(*broken), ..Options::default() };
        let began = Instant::now();
        let caught = (1..=arguments.seeds).find_map(|seed| Some((seed, run(seed, &options).violation?)));
        let took = began.elapsed().as_secs_f64();
        match caught {
            Some((seed, found)) => writeln!(out, "| `{broken}` | {} | {seed} | {took:.2} s |", found.oracle)?,
            None => {
                are_all_caught = false;
                writeln!(out, "| `{broken}` | NOTHING in {} seeds | | {took:.2} s |", arguments.seeds)?;
            }
        }
    }
    Ok(are_all_caught)
}
