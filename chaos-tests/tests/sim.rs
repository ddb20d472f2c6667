//! What is claimed of the simulation itself, and some seeds of it.

use std::{
    collections::BTreeSet,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use asterism_chaos::sim::{Breakage, Fault, FaultKind, Options, Report, Tally, plan_of, run, shrink};

fn assert_kept(report: &Report) {
    assert_eq!(
        report.violation, None,
        "`asterism-chaos sim --seed {}` shows it again, and shrinks it",
        report.seed
    );
}

#[test]
fn these_seeds_keep_every_promise_and_every_fault_happens() {
    let mut tally = Tally::default();
    for seed in 1..=30 {
        let report = run(seed, &Options::default());
        assert_kept(&report);
        tally.merge(&report.tally);
    }
    let happened: BTreeSet<FaultKind> = tally.faults.keys().copied().collect();
    assert_eq!(happened, FaultKind::ALL.iter().copied().collect());
    for done in
        ["transactions applied", "orders carried out late", "answers lost", "elections", "calls of pools"]
    {
        assert!(tally.counts.get(done).is_some_and(|count| *count > 0), "no {done}: {:?}", tally.counts);
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "only to choose seeds that nobody has tried; no run reads it")]
fn fresh_seeds_keep_every_promise() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let seeds = now * 100..now * 100 + 6;
    eprintln!("fresh seeds {seeds:?}");
    for seed in seeds {
        assert_kept(&run(seed, &Options::default()));
    }
}

#[test]
fn a_seed_gives_one_trace_here_and_in_other_processes() {
    let digests: Vec<String> =
        (1..=3).map(|seed| format!("{seed} {}\n", run(seed, &Options::default()).digest)).collect();
    assert_eq!(digests.iter().collect::<BTreeSet<_>>().len(), 3);
    for _ in 0..2 {
        let program = Command::new(env!("CARGO_BIN_EXE_asterism-chaos"))
            .args(["sim", "--seeds", "1..3", "--digests"])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(program.stdout).unwrap(), digests.concat());
    }
}

#[test]
fn whatever_is_broken_is_caught() {
    // One needs hundreds of seeds, and a test of a real server shows it: `make chaos-self-test` has the time.
    for broken in Breakage::ALL.iter().filter(|broken| **broken != Breakage::RootIgnored) {
        let options = Options { broken: Some(*broken), ..Options::default() };
        let caught = (1..=8).any(|seed| run(seed, &options).violation.is_some());
        assert!(caught, "{broken} is seen by no oracle in 8 seeds");
    }
}

#[test]
fn a_failing_plan_shrinks_to_less_that_fails_alike() {
    let options = Options { broken: Some(Breakage::GuardIgnored), ..Options::default() };
    let (seed, report) = (1..=20)
        .find_map(|seed| {
            let report = run(seed, &options);
            let is_large = report.plan.len() > 3;
            report.violation.as_ref().filter(|_| is_large)?;
            Some((seed, report))
        })
        .unwrap();
    let violation = report.violation.unwrap();
    let (kept, shrunk) = shrink(seed, &options, &violation);
    assert!(kept.len() < report.plan.len(), "{kept:?} of {}", report.plan.len());
    let again = run(seed, &Options { only: Some(kept.clone()), ..options.clone() });
    assert_eq!(again.digest, shrunk.digest);
    assert_eq!(again.violation.map(|found| found.oracle), Some(violation.oracle));
    let plan = plan_of(seed, &options);
    let expected: Vec<Fault> = kept.iter().map(|place| plan[*place]).collect();
    assert_eq!(shrunk.plan, expected);
}
