//! What a probing saw, in numbers and as a table for eyes.
//!
//! Pure.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Flow;

/// One pair of VMs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowReport {
    pub flow: Flow,
    pub sent: u64,
    /// Probes answered at least once.
    pub received: u64,
    /// Answers beyond the first: a frame that took two ways.
    pub duplicates: u64,
    /// Probes that the prober was too late to send; no fault of the network.
    pub skipped: u64,
    /// From the sending of a first lost probe to that of the next answered one, or to the end.
    pub longest_gap: Duration,
    /// From the beginning of what is reported to that of the longest gap.
    pub gap_after: Duration,
    pub round_trip_max: Option<Duration>,
}

impl FlowReport {
    pub fn lost(&self) -> u64 {
        self.sent - self.received
    }
}

impl fmt::Display for FlowReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Flow { from, to, .. } = &self.flow;
        let (gap, after) = (self.longest_gap.as_millis(), self.gap_after.as_millis());
        write!(f, "{from} -> {to} {} lost, longest gap {gap} ms after {after} ms", self.lost())
    }
}

/// All pairs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeReport {
    pub flows: Vec<FlowReport>,
}

/// The figures of all pairs together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeTotals {
    pub pairs: usize,
    pub sent: u64,
    pub lost: u64,
    pub duplicates: u64,
    pub skipped: u64,
    pub longest_gap: Duration,
    pub round_trip_max: Duration,
}

impl ProbeReport {
    /// Only the pairs that `which` chooses (those of living VMs, of one network ...).
    #[must_use]
    pub fn only(mut self, which: impl Fn(&Flow) -> bool) -> Self {
        self.flows.retain(|report| which(&report.flow));
        self
    }

    pub fn sent(&self) -> u64 {
        self.flows.iter().map(|flow| flow.sent).sum()
    }

    pub fn lost(&self) -> u64 {
        self.flows.iter().map(FlowReport::lost).sum()
    }

    pub fn duplicates(&self) -> u64 {
        self.flows.iter().map(|flow| flow.duplicates).sum()
    }

    /// The worst of all pairs.
    pub fn longest_gap(&self) -> Duration {
        self.flows.iter().map(|flow| flow.longest_gap).max().unwrap_or_default()
    }

    /// The pairs that lost most, worst first.
    pub fn worst(&self, count: usize) -> Vec<&FlowReport> {
        let mut losing: Vec<&FlowReport> = self.flows.iter().filter(|flow| flow.lost() > 0).collect();
        losing.sort_by_key(|flow| std::cmp::Reverse((flow.longest_gap, flow.lost())));
        losing.truncate(count);
        losing
    }

    pub fn totals(&self) -> ProbeTotals {
        ProbeTotals {
            pairs: self.flows.len(),
            sent: self.sent(),
            lost: self.lost(),
            duplicates: self.duplicates(),
            skipped: self.flows.iter().map(|flow| flow.skipped).sum(),
            longest_gap: self.longest_gap(),
            round_trip_max: self
                .flows
                .iter()
                .filter_map(|flow| flow.round_trip_max)
                .max()
                .unwrap_or_default(),
        }
    }
}

impl fmt::Display for ProbeTotals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} pairs: {} sent, {} lost, longest gap {} ms, {} duplicates, slowest answer {:.1} ms",
            self.pairs,
            self.sent,
            self.lost,
            self.longest_gap.as_millis(),
            self.duplicates,
            self.round_trip_max.as_secs_f64() * 1e3
        )?;
        if self.skipped > 0 {
            write!(f, " ({} probes not sent: this machine was too busy)", self.skipped)?;
        }
        Ok(())
    }
}

impl fmt::Display for ProbeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<24} {:>8} {:>8} {:>8} {:>12} {:>10}",
            "PAIR", "SENT", "RECEIVED", "LOST", "LONGEST GAP", "DUPLICATES"
        )?;
        for report in &self.flows {
            let pair = format!("{} -> {}", report.flow.from, report.flow.to);
            let gap = format!("{} ms", report.longest_gap.as_millis());
            writeln!(
                f,
                "{pair:<24} {:>8} {:>8} {:>8} {gap:>12} {:>10}",
                report.sent,
                report.received,
                report.lost(),
                report.duplicates
            )?;
        }
        write!(f, "{}", self.totals())
    }
}
