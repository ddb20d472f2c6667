//! `asterism-chaos sim`.

use std::{
    io::{self, Write},
    ops::RangeInclusive,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use asterism_chaos::sim::{Breakage, FaultKind, Options, Report, run, shrink};
use clap::Args;

use super::batch::{Batch, Order, run_all};

/// Which seeds are simulated, and how.
#[derive(Args)]
pub struct SimArguments {
    /// One seed.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// A range of seeds, the last one included: 1..2000.
    #[arg(long, value_parser = parse_range)]
    seeds: Option<RangeInclusive<u64>>,
    /// Seeds that nobody has chosen, for so many seconds; their numbers are printed.
    #[arg(long, value_name = "SECONDS", conflicts_with_all = ["seed", "seeds"])]
    fresh: Option<u64>,
    /// How many at a time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Which faults come up: some of the names that a wrong one lists, with commas between them, or none.
    #[arg(long, value_delimiter = ',', value_parser = parse_kinds)]
    faults: Option<Vec<Kinds>>,
    /// Which places of the plan of faults are kept: what a shrunk failure names.
    #[arg(long, value_delimiter = ',')]
    only: Option<Vec<usize>>,
    /// Controllers, 3 or 5 unless told otherwise.
    #[arg(long)]
    replicas: Option<usize>,
    /// Pools, 1 to 3 unless told otherwise.
    #[arg(long)]
    pools: Option<usize>,
    /// Hosts of each pool, 1 to 4 unless told otherwise.
    #[arg(long)]
    hosts: Option<usize>,
    /// Print all that happens in a run.
    #[arg(long)]
    trace: bool,
    /// Leave failing plans as they are.
    #[arg(long)]
    no_shrink: bool,
    /// Print the trace's digest of each seed, and nothing else.
    #[arg(long)]
    digests: bool,
    /// Break something of the harness's own fakes.
    #[arg(long = "break", hide = true)]
    broken: Option<Breakage>,
}

/// Some kinds of faults, as one word names them.
#[derive(Clone)]
struct Kinds(Option<FaultKind>);

fn parse_kinds(text: &str) -> Result<Kinds, String> {
    if text == "none" { Ok(Kinds(None)) } else { text.parse().map(|kind| Kinds(Some(kind))) }
}

pub fn parse_range(text: &str) -> Result<RangeInclusive<u64>, String> {
    let range = || {
        let (first, last) = text.split_once("..")?;
        Some(first.parse().ok()?..=last.trim_start_matches('=').parse().ok()?)
    };
    range().ok_or_else(|| format!("`{text}` is not a range of seeds: expected FIRST..LAST"))
}

impl SimArguments {
    fn options(&self) -> Options {
        let kinds = self.faults.as_ref();
        Options {
            replicas: self.replicas,
            pools: self.pools,
            hosts: self.hosts,
            faults: kinds.map(|kinds| kinds.iter().filter_map(|kinds| kinds.0).collect()),
            only: self.only.clone(),
            broken: self.broken,
            is_traced: false,
        }
    }

    /// The options that say the same again.
    fn again(&self) -> String {
        let mut words = String::new();
        let numbers = [("replicas", self.replicas), ("pools", self.pools), ("hosts", self.hosts)];
        for (option, value) in numbers.iter().filter_map(|(option, value)| Some((option, (*value)?))) {
            words.push_str(&format!(" --{option} {value}"));
        }
        if let Some(kinds) = self.faults.as_ref().filter(|kinds| kinds.iter().any(|kinds| kinds.0.is_some()))
        {
            let names: Vec<&str> =
                kinds.iter().map(|kinds| kinds.0.map_or("none", FaultKind::name)).collect();
            words.push_str(&format!(" --faults {}", names.join(",")));
        }
        if let Some(broken) = self.broken {
            words.push_str(&format!(" --break {broken}"));
        }
        words
    }
}

/// Whether all promises were kept.
pub fn sim(arguments: &SimArguments) -> anyhow::Result<bool> {
    if arguments.replicas == Some(0) || arguments.pools == Some(0) || arguments.hosts == Some(0) {
        bail!("a world needs at least one replica, one pool and one host");
    }
    // What panics is told as a violation, with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    let options = arguments.options();
    let mut out = io::stdout().lock();
    if arguments.trace {
        let seed = arguments.seed.context("--trace needs one --seed")?;
        let report = run(seed, &Options { is_traced: true, ..options });
        for line in &report.lines {
            writeln!(out, "{line}")?;
        }
        tell_run(&mut out, &report)?;
        return Ok(report.violation.is_none());
    }
    let seeds = match (arguments.seed, &arguments.seeds, arguments.fresh) {
        (Some(seed), _, _) => seed..=seed,
        (None, Some(seeds), _) => seeds.clone(),
        (None, None, Some(_)) => fresh_seed()?..=u64::MAX - 1,
        (None, None, None) => bail!("which seeds? --seed S, --seeds A..B or --fresh SECONDS"),
    };
    if arguments.digests {
        for seed in seeds {
            writeln!(out, "{seed} {}", run(seed, &options).digest)?;
        }
        return Ok(true);
    }
    let order = Order {
        seeds: seeds.clone(),
        jobs: arguments.jobs,
        time: arguments.fresh.map(Duration::from_secs),
        most_failures: 20,
    };
    if arguments.fresh.is_some() {
        writeln!(out, "fresh seeds from {} on", seeds.start())?;
    }
    let batch = run_all(&order, &options, |batch| {
        let failed: Vec<u64> = batch.failed.iter().map(|report| report.seed).collect();
        let _ = writeln!(io::stderr(), "{} seeds, failed {failed:?}", batch.runs);
    });
    tell_batch(&mut out, &batch)?;
    for report in &batch.failed {
        tell_failure(&mut out, arguments, &options, report)?;
    }
    Ok(batch.failed.is_empty())
}

#[expect(clippy::disallowed_methods, reason = "only to choose where nobody has looked yet; no run reads it")]
fn fresh_seed() -> anyhow::Result<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
    Ok(now.as_secs() * 1000)
}

fn tell_run(out: &mut impl Write, report: &Report) -> io::Result<()> {
    writeln!(out, "seed {} trace {} events {}", report.seed, report.digest, report.events)?;
    match &report.violation {
        Some(found) => writeln!(out, "BROKEN {} at {}: {}", found.oracle, found.at, found.what),
        None => {
            let healed = report.healed_after_ms.unwrap_or(0);
            writeln!(out, "all promises kept; healed within {healed} ms of virtual time")
        }
    }
}

fn tell_batch(out: &mut impl Write, batch: &Batch) -> io::Result<()> {
    let (runs, failed) = (batch.runs, batch.failed.len());
    writeln!(
        out,
        "{runs} seeds in {:.1} s ({} a minute), {failed} failed; {} events; healed within {} ms of virtual time at worst",
        batch.took.as_secs_f64(),
        batch.seeds_a_minute(),
        batch.events,
        batch.longest_healing_ms
    )?;
    let counts: Vec<String> =
        batch.tally.counts.iter().map(|(what, count)| format!("{what} {count}")).collect();
    writeln!(out, "done: {}", counts.join(", "))?;
    let faults: Vec<String> =
        batch.tally.faults.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    writeln!(out, "faults: {}", faults.join(", "))?;
    let missing = FaultKind::ALL.iter().filter(|kind| !batch.tally.faults.contains_key(kind));
    let missing: Vec<&str> = missing.map(|kind| kind.name()).collect();
    if !missing.is_empty() && batch.runs >= 200 {
        writeln!(out, "faults that never happened: {}", missing.join(", "))?;
    }
    Ok(())
}

fn tell_failure(
    out: &mut impl Write,
    arguments: &SimArguments,
    options: &Options,
    report: &Report,
) -> io::Result<()> {
    tell_run(out, report)?;
    let Some(violation) = &report.violation else { return Ok(()) };
    let seed = report.seed;
    let again = arguments.again();
    if arguments.no_shrink {
        return writeln!(out, "  again: asterism-chaos sim --seed {seed}{again} --trace");
    }
    let (kept, shrunk) = shrink(seed, options, violation);
    let places: Vec<String> = kept.iter().map(ToString::to_string).collect();
    writeln!(out, "  shrunk from {} to {} faults:", report.plan.len(), kept.len())?;
    for fault in &shrunk.plan {
        writeln!(out, "    {fault}")?;
    }
    let only =
        if places.is_empty() { " --faults none".to_owned() } else { format!(" --only {}", places.join(",")) };
    writeln!(out, "  again: asterism-chaos sim --seed {seed}{again}{only} --trace")
}
