//! What is counted as it happens, over all leaderships of the process.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use asterism_model::{CallOutcome, Outcome, Timestamp};
use asterism_planner::reconciler::{ClaimOutcome, ProposalOutcome};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        histogram::{Histogram, exponential_buckets},
    },
};

/// Handles on the counts; clones are the same counts.
#[derive(Debug, Clone)]
pub struct Counters {
    pub(super) leaderships: Counter,
    pub(super) plans: Family<OutcomeLabels, Counter>,
    pub(super) choices: Counter,
    pub(super) claims: Family<HostOutcomeLabels, Counter>,
    pub(super) transactions: Family<HostOutcomeLabels, Counter>,
    pub(super) rows: Family<HostLabels, Counter>,
    pub(super) pictures: Family<HostLabels, Counter>,
    last_pictures: Arc<Mutex<BTreeMap<String, Timestamp>>>,
    pub(super) pool_calls: Family<PoolOutcomeLabels, Counter>,
    pub(super) writes: Family<OutcomeLabels, Counter>,
    pub(super) receipts: Family<StageLabels, Histogram>,
    pub(super) receipts_overdue: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StageLabels {
    stage: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct HostLabels {
    host: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct HostOutcomeLabels {
    host: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct PoolOutcomeLabels {
    pool: String,
    outcome: &'static str,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            leaderships: Counter::default(),
            plans: Family::default(),
            choices: Counter::default(),
            claims: Family::default(),
            transactions: Family::default(),
            rows: Family::default(),
            pictures: Family::default(),
            last_pictures: Arc::default(),
            pool_calls: Family::default(),
            writes: Family::default(),
            // From 5 ms, two replicas that sync, to 80 s, longer than anybody waits.
            receipts: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.005, 2.0, 15))),
            receipts_overdue: Counter::default(),
        }
    }
}

impl Counters {
    pub fn led(&self) {
        self.leaderships.inc();
    }

    /// A topology that the planner chose, for so many networks.
    pub fn planned(&self, networks: usize, outcome: &ProposalOutcome) {
        let outcome = match outcome {
            ProposalOutcome::Applied => {
                self.choices.inc_by(networks as u64);
                "applied"
            }
            ProposalOutcome::Refused(_) => "refused",
            ProposalOutcome::Unknown(_) => "unknown",
        };
        self.plans.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// A host's whole picture arrived. `host` is `pool/host`, here and below.
    pub fn pictured(&self, host: &str, at: Timestamp) {
        self.last_pictures.lock().unwrap_or_else(PoisonError::into_inner).insert(host.to_owned(), at);
        self.pictures.get_or_create(&HostLabels { host: host.to_owned() }).inc();
    }

    /// When the last picture of each host arrived.
    pub(super) fn last_pictures(&self) -> BTreeMap<String, Timestamp> {
        self.last_pictures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn claimed(&self, host: &str, outcome: &ClaimOutcome) {
        let outcome = match outcome {
            ClaimOutcome::Claimed => "claimed",
            ClaimOutcome::Refused(_) => "refused",
            ClaimOutcome::Unknown(_) => "unknown",
        };
        self.claims.get_or_create(&HostOutcomeLabels { host: host.to_owned(), outcome }).inc();
    }

    /// A transaction of so many rows was answered, or not.
    pub fn transacted(&self, host: &str, rows: usize, outcome: &Outcome) {
        let outcome = match outcome {
            Outcome::Applied => {
                self.rows.get_or_create(&HostLabels { host: host.to_owned() }).inc_by(rows as u64);
                "applied"
            }
            Outcome::Fenced => "fenced",
            Outcome::Rejected(_) => "rejected",
            Outcome::Unknown(_) => "unknown",
        };
        self.transactions.get_or_create(&HostOutcomeLabels { host: host.to_owned(), outcome }).inc();
    }

    pub fn called(&self, pool: &str, outcome: &CallOutcome) {
        let outcome = match outcome {
            CallOutcome::Done => "done",
            CallOutcome::Refused(_) => "refused",
            CallOutcome::Unknown(_) => "unknown",
        };
        self.pool_calls.get_or_create(&PoolOutcomeLabels { pool: pool.to_owned(), outcome }).inc();
    }

    /// An operator's write: `applied`, `refused` or `failed`.
    pub fn wrote(&self, outcome: &'static str) {
        self.writes.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// How long an operator's change took to a stage: `committed`, `programmed`, `verified`.
    pub fn received(&self, stage: &'static str, seconds: f64) {
        self.receipts.get_or_create(&StageLabels { stage }).observe(seconds);
    }

    /// A change was not verified in the time that it is looked after.
    pub fn overdue(&self) {
        self.receipts_overdue.inc();
    }
}
