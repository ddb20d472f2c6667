//! What is wrong with a cluster, and what to do about it.
//!
//! [`Facts`] are asked of the cluster; [`examine`] judges them and is pure, so that `status`, `check` and `doctor` say the same
//! thing. Thresholds stand beside the check that uses them. Nothing here changes anything.

mod facts;
mod machines;
mod networks;
mod replicas;
#[cfg(test)]
pub mod tests;

use clap::ValueEnum;
use serde::Serialize;

pub use facts::Facts;
#[cfg(test)]
pub use facts::Seen;

/// What may be wrong, by what one looks at to see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// Whether a majority of the voters answers, and would if one more failed
    QuorumCritical,
    /// Whether the replicas' states are equal after the same entries
    Digest,
    /// When the replicas' certificates end
    Certs,
    /// Whether the replicas' clocks agree
    Clock,
    /// Whether there is room under the replicas' data directories
    Disk,
    /// Whether the hosts answer and may be written to
    Hosts,
    /// Whether the XAPIs of pools answer
    Pools,
    /// Whether the networks' centers and links are as they should be
    Networks,
}

impl Check {
    pub const ALL: [Self; 8] = [
        Self::QuorumCritical,
        Self::Digest,
        Self::Certs,
        Self::Clock,
        Self::Disk,
        Self::Hosts,
        Self::Pools,
        Self::Networks,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::QuorumCritical => "quorum-critical",
            Self::Digest => "digest",
            Self::Certs => "certs",
            Self::Clock => "clock",
            Self::Disk => "disk",
            Self::Hosts => "hosts",
            Self::Pools => "pools",
            Self::Networks => "networks",
        }
    }
}

/// How bad it is. Greater is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// To be known, and in order.
    Note,
    /// It works, and the next failure costs more than it should; or it will not work for long.
    Warning,
    /// It can't be told whether it works.
    Unknown,
    /// It does not work, or must not go on.
    Critical,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Critical => "critical",
        }
    }
}

/// One thing that is wrong, or to be known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Symptom {
    pub severity: Severity,
    pub check: Check,
    /// What it is about: `replica 3`, `host p1/a`.
    pub about: String,
    pub what: String,
    /// What to do; empty where nothing is to be done.
    pub remedy: String,
}

impl Symptom {
    fn new(check: Check, severity: Severity, about: impl Into<String>, what: impl Into<String>) -> Self {
        Self { severity, check, about: about.into(), what: what.into(), remedy: String::new() }
    }

    fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: remedy.into(), ..self }
    }
}

/// All that the facts show, worst first.
pub fn examine(facts: &Facts) -> Vec<Symptom> {
    let mut found = replicas::examine(&facts.cluster);
    found.extend(machines::examine(&facts.cluster));
    found.extend(networks::examine(facts));
    found.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.cmp(b)));
    found
}

/// `1 replica answers`, `2 replicas answer`
fn answer(count: usize, of: usize) -> String {
    let verb = if count == 1 { "answers" } else { "answer" };
    format!("{count} of {of} voters {verb}")
}
