//! What a run is given, and what comes of it.

use std::collections::BTreeMap;

use super::{Breakage, Fault, FaultKind};

/// The size of the world and what befalls it. What is absent follows from the seed.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub replicas: Option<usize>,
    pub pools: Option<usize>,
    /// In each pool.
    pub hosts: Option<usize>,
    /// Kinds to plan with; absent: all.
    pub faults: Option<Vec<FaultKind>>,
    /// The places in the plan that are kept; absent: all.
    pub only: Option<Vec<usize>>,
    pub broken: Option<Breakage>,
    /// Whether the trace's lines are kept.
    pub is_traced: bool,
}

impl Options {
    pub fn kinds(&self) -> Vec<FaultKind> {
        self.faults.clone().unwrap_or_else(|| FaultKind::ALL.to_vec())
    }
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which oracle says so.
    pub oracle: &'static str,
    pub at: String,
    pub what: String,
}

/// What one run did, for the summary: a harness that does nothing finds nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    pub counts: BTreeMap<&'static str, u64>,
    /// Faults that really happened.
    pub faults: BTreeMap<FaultKind, u64>,
}

impl Tally {
    pub fn count(&mut self, what: &'static str) {
        self.add(what, 1);
    }

    pub fn add(&mut self, what: &'static str, many: u64) {
        *self.counts.entry(what).or_default() += many;
    }

    pub fn merge(&mut self, other: &Self) {
        for (what, many) in &other.counts {
            *self.counts.entry(what).or_default() += many;
        }
        for (kind, many) in &other.faults {
            *self.faults.entry(*kind).or_default() += many;
        }
    }
}

/// What came of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub seed: u64,
    /// Of the trace: equal for equal runs.
    pub digest: String,
    pub events: u64,
    /// In virtual milliseconds, from the end of the first phase until everything was as it shall be.
    pub healed_after_ms: Option<u64>,
    pub plan: Vec<Fault>,
    pub violation: Option<Violation>,
    pub tally: Tally,
    /// Only where the trace was kept.
    pub lines: Vec<String>,
}
