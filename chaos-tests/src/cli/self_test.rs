//! `asterism-chaos self-test`: each breakage must be caught, and is told with its seed, its oracle and how long it took.

use std::{
    io::{self, Write as _},
    time::Instant,
};

use asterism_chaos::{protocol, sim};
use clap::Args;

#[derive(Args)]
pub struct SelfTestArguments {
    /// How many seeds each breakage is given.
    #[arg(long, default_value_t = 400)]
    seeds: u64,
}

/// Whether every breakage was caught.
pub fn self_test(arguments: &SelfTestArguments) -> anyhow::Result<bool> {
    std::panic::set_hook(Box::new(|_| {}));
    let mut out = io::stdout().lock();
    let mut are_all_caught = true;
    writeln!(out, "| broken | caught by | seed | after |\n|---|---|---|---|")?;
    let mut judge = |broken: String, run: &dyn Fn(u64) -> Option<String>| -> io::Result<()> {
        let began = Instant::now();
        let caught = (1..=arguments.seeds).find_map(|seed| Some((seed, run(seed)?)));
        let took = began.elapsed().as_secs_f64();
        are_all_caught &= caught.is_some();
        match caught {
            Some((seed, oracle)) => writeln!(out, "| `{broken}` | {oracle} | {seed} | {took:.2} s |"),
            None => writeln!(out, "| `{broken}` | NOTHING in {} seeds | | {took:.2} s |", arguments.seeds),
        }
    };
    for broken in sim::Breakage::ALL {
        let faults = broken.faults();
        let options = sim::Options { broken: Some(*broken), faults, ..sim::Options::default() };
        judge(broken.to_string(), &|seed| Some(sim::run(seed, &options).violation?.oracle.to_string()))?;
    }
    for broken in protocol::Breakage::ALL {
        let options = protocol::Options { broken: Some(*broken), ..protocol::Options::default() };
        judge(format!("protocol: {broken}"), &|seed| {
            Some(protocol::run(seed, &options).violation?.oracle.to_owned())
        })?;
    }
    Ok(are_all_caught)
}
