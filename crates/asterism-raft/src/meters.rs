//! What a replica counts of its own work, for whoever shows it: the daemon's metrics.
//!
//! Counts and nothing else: no decision is taken from a meter. Handles are cheap, and clones are the same meter.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        histogram::{Histogram, exponential_buckets},
    },
};

use crate::ProposeError;

/// A replica's meters. Durations are in seconds.
#[derive(Debug, Clone)]
pub struct Meters {
    /// How long the disk took to sync the log, once for all that waited.
    pub sync: Histogram,
    /// From a proposal to its being applied here; of proposals that were.
    pub commit: Histogram,
    /// By what became of them.
    pub proposals: Family<ProposalLabels, Counter>,
}

/// How a proposal ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ProposalLabels {
    /// `applied`, or in one word why not.
    pub outcome: &'static str,
}

impl Meters {
    pub(crate) fn new(sync: Histogram) -> Self {
        Self {
            sync,
            commit: Histogram::new(exponential_buckets(0.000_5, 2.0, 15)),
            proposals: Family::default(),
        }
    }

    pub(crate) fn count<T>(&self, proposed: &Result<T, ProposeError>, seconds: f64) {
        let outcome = match proposed {
            Ok(_) => "applied",
            Err(ProposeError::NotLeader { .. }) => "not_leader",
            Err(ProposeError::NoQuorum) => "no_quorum",
            Err(ProposeError::TooLarge { .. }) => "too_large",
            Err(ProposeError::Busy) => "busy",
            Err(ProposeError::Unknown { .. }) => "unknown",
            Err(ProposeError::Stopped(_)) => "stopped",
        };
        self.proposals.get_or_create(&ProposalLabels { outcome }).inc();
        if proposed.is_ok() {
            self.commit.observe(seconds);
        }
    }
}

/// From a disk with a cache that survives a power cut, 0.1 ms, to one that is failing.
pub(crate) fn sync_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.000_1, 2.0, 15))
}
