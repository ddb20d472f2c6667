//! Fewer faults for the same failure: a plan is data, so that parts of it can be left out one after the other.

use super::{Options, Report, Violation, plan_of, run};

/// The places of the plan that are enough to break the same promise, and the report of the run with just these.
///
/// Halves are tried first, then smaller and smaller parts, as long as anything can be left out.
pub fn shrink(seed: u64, options: &Options, violation: &Violation) -> (Vec<usize>, Report) {
    let try_with = |only: &[usize]| {
        let options = Options { only: Some(only.to_vec()), is_traced: false, ..options.clone() };
        run(seed, &options)
    };
    let is_same =
        |report: &Report| report.violation.as_ref().is_some_and(|found| found.oracle == violation.oracle);
    let mut kept: Vec<usize> = match &options.only {
        Some(only) => only.clone(),
        None => (0..plan_of(seed, options).len()).collect(),
    };
    let mut best = try_with(&kept);
    let mut part = kept.len().div_ceil(2).max(1);
    loop {
        let mut has_shrunk = false;
        let mut from = 0;
        while from < kept.len() {
            let upto = (from + part).min(kept.len());
            let without: Vec<usize> = kept[..from].iter().chain(&kept[upto..]).copied().collect();
            let report = try_with(&without);
            if is_same(&report) {
                (kept, best, has_shrunk) = (without, report, true);
            } else {
                from = upto;
            }
        }
        if part == 1 && !has_shrunk {
            return (kept, best);
        }
        part = (part / 2).max(1);
    }
}
