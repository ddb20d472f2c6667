//! `asterism-chaos protocol`.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    ops::RangeInclusive,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Instant,
};

use asterism_chaos::protocol::{Breakage, Options, Report, plan_of, run};
use clap::Args;

use super::sim::parse_range;

/// Which seeds are run, and how.
#[derive(Args)]
pub struct ProtocolArguments {
    /// One seed.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// A range of seeds, the last one included: 1..500.
    #[arg(long, value_parser = parse_range)]
    seeds: Option<RangeInclusive<u64>>,
    /// How many at a time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Replicas, 3 or 5 unless told otherwise.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=9))]
    replicas: Option<u64>,
    /// Which places of the plan of faults are kept: what a shrunk failure names.
    #[arg(long, value_delimiter = ',')]
    only: Option<Vec<usize>>,
    /// Print all that happens in each run.
    #[arg(long)]
    trace: bool,
    /// Leave failing plans as they are.
    #[arg(long)]
    no_shrink: bool,
    /// Print the trace's digest of each seed, and nothing else.
    #[arg(long)]
    digests: bool,
    /// Break something of the simulation's own.
    #[arg(long = "break", hide = true)]
    broken: Option<Breakage>,
}

/// Whether all promises were kept.
pub fn protocol(arguments: &ProtocolArguments) -> anyhow::Result<bool> {
    // What panics is told as a violation, with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    let options = Options {
        replicas: arguments.replicas,
        only: arguments.only.clone(),
        broken: arguments.broken,
        is_traced: arguments.trace,
    };
    let seeds = match (arguments.seed, &arguments.seeds) {
        (Some(seed), _) => seed..=seed,
        (None, Some(seeds)) => seeds.clone(),
        (None, None) => 1..=100,
    };
    let began = Instant::now();
    let mut reports = run_all(seeds, arguments.jobs, &options);
    reports.sort_by_key(|report| report.seed);
    let mut out = io::stdout().lock();
    for report in &reports {
        for line in &report.lines {
            writeln!(out, "{line}")?;
        }
        if arguments.digests {
            writeln!(out, "{} {}", report.seed, report.digest)?;
        }
    }
    for report in reports.iter().filter(|report| report.violation.is_some()) {
        tell(&mut out, report, &options, !arguments.no_shrink)?;
    }
    if !arguments.digests {
        let sum = |of: fn(&Report) -> u64| reports.iter().map(of).sum::<u64>();
        let failed = reports.iter().filter(|report| report.violation.is_some()).count();
        let slowest = reports.iter().filter_map(|report| report.healed_after_ms).max().unwrap_or(0);
        writeln!(
            out,
            "{} seeds in {:.1} s: {failed} failed; {} writes, {} reads, {} crashes; slowest healing {slowest} ms",
            reports.len(),
            began.elapsed().as_secs_f64(),
            sum(|report| report.writes),
            sum(|report| report.reads),
            sum(|report| report.crashes),
        )?;
    }
    Ok(reports.iter().all(|report| report.violation.is_none()))
}

fn run_all(seeds: RangeInclusive<u64>, jobs: usize, options: &Options) -> Vec<Report> {
    let next = AtomicU64::new(*seeds.start());
    let (sender, reports) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            let (sender, next, last) = (sender.clone(), &next, *seeds.end());
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > last || sender.send(run(seed, options)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        reports.into_iter().collect()
    })
}

fn tell(out: &mut impl Write, report: &Report, options: &Options, shrinks: bool) -> io::Result<()> {
    let Some(violation) = &report.violation else { return Ok(()) };
    writeln!(out, "seed {}: {violation}", report.seed)?;
    let kept = shrinks.then(|| shrink(report, options));
    let plan = kept.as_ref().map_or_else(|| report.plan.clone(), |(_, plan)| plan.clone());
    for fault in plan {
        writeln!(out, "  {fault}")?;
    }
    let mut words = format!("asterism-chaos protocol --seed {} --trace", report.seed);
    if let Some(replicas) = options.replicas {
        words.push_str(&format!(" --replicas {replicas}"));
    }
    if let Some(broken) = options.broken {
        words.push_str(&format!(" --break {broken}"));
    }
    if let Some((places, _)) = kept {
        let places: Vec<String> = places.iter().map(ToString::to_string).collect();
        words.push_str(&format!(" --only {}", places.join(",")));
    }
    writeln!(out, "  again: {words}")
}

/// Leaves out one fault after the other, as long as the same promise is broken.
fn shrink(report: &Report, options: &Options) -> (BTreeSet<usize>, Vec<asterism_chaos::protocol::Fault>) {
    let oracle = report.violation.as_ref().map(|violation| violation.oracle);
    let with = |places: &BTreeSet<usize>| Options {
        only: Some(places.iter().copied().collect()),
        is_traced: false,
        ..options.clone()
    };
    let whole = Options { only: None, ..options.clone() };
    let mut places: BTreeSet<usize> = match &options.only {
        Some(only) => only.iter().copied().collect(),
        None => (0..plan_of(report.seed, &whole).len()).collect(),
    };
    for place in places.clone() {
        let mut fewer = places.clone();
        fewer.remove(&place);
        let again = run(report.seed, &with(&fewer)).violation;
        if again.map(|violation| violation.oracle) == oracle {
            places = fewer;
        }
    }
    let plan = plan_of(report.seed, &with(&places));
    (places, plan)
}
