//! What a run is told, and what it tells.

use std::{fmt, str::FromStr};

use super::Fault;
use crate::sim::Dice;

/// How to run a seed.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// 3 or 5 unless told otherwise.
    pub replicas: Option<u64>,
    /// Places of the plan that are kept; all without it.
    pub only: Option<Vec<usize>>,
    /// Something of the simulation's own that is broken on purpose.
    pub broken: Option<Breakage>,
    /// Whether the lines of the trace are kept.
    pub is_traced: bool,
}

impl Options {
    pub(super) fn replicas_of(&self, seed: u64) -> u64 {
        self.replicas.unwrap_or_else(|| if Dice::of(seed, "replicas").chance(70) { 3 } else { 5 })
    }
}

/// What the harness breaks to see whether its oracles notice. Each is in what is simulated or in a client, none in the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breakage {
    /// Disks say that they synced, and did not.
    NoSync,
    /// Disks forget votes at a crash.
    VotesLost,
    /// Clients read whatever a replica has.
    StaleReads,
    /// Clients send a retry as a new request.
    NoRequestIds,
}

impl Breakage {
    pub const ALL: &[Self] = &[Self::NoSync, Self::VotesLost, Self::StaleReads, Self::NoRequestIds];

    fn name(self) -> &'static str {
        match self {
            Self::NoSync => "no-sync",
            Self::VotesLost => "votes-lost",
            Self::StaleReads => "stale-reads",
            Self::NoRequestIds => "no-request-ids",
        }
    }
}

impl fmt::Display for Breakage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Breakage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = Self::ALL.iter().map(|one| one.name()).collect::<Vec<_>>().join(", ");
        Self::ALL
            .iter()
            .copied()
            .find(|one| one.name() == text)
            .ok_or_else(|| format!("`{text}` is nothing that can be broken: expected one of {names}"))
    }
}

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which one.
    pub oracle: &'static str,
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.oracle, self.what)
    }
}

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    pub seed: u64,
    /// Of the trace: equal runs have equal ones.
    pub digest: String,
    /// Lines of the trace.
    pub events: u64,
    /// Writes that were acknowledged, and reads that were answered.
    pub writes: u64,
    pub reads: u64,
    /// Replicas that lost power or were stopped by their disk, and came back.
    pub crashes: u64,
    /// How long after the last fault all was well.
    pub healed_after_ms: Option<u64>,
    pub plan: Vec<Fault>,
    pub violation: Option<Violation>,
    pub lines: Vec<String>,
}
