//! What the leader shows operators of its work: a value, renewed after each batch of events.

use asterism_model::HostId;
use asterism_planner::{Evidence, Finding, LaneStatus, Reconciler};

/// The leader's memory at one moment. Never replicated, never acted on by anybody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaderView {
    /// `None` while this replica does not lead.
    pub leading: Option<LeadingView>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadingView {
    pub epoch: u64,
    /// Of the state that the reconciler works on.
    pub revision: u64,
    /// In order of the hosts' ids.
    pub lanes: Vec<LaneStatus>,
    pub evidence: Evidence,
    pub findings: Vec<Finding>,
    /// Nothing to plan, and nothing to do on any host that answers.
    pub is_at_rest: bool,
}

impl LeaderView {
    pub fn none() -> Self {
        Self { leading: None }
    }

    pub fn of(reconciler: &Reconciler) -> Self {
        Self {
            leading: Some(LeadingView {
                epoch: reconciler.epoch(),
                revision: reconciler.revision(),
                lanes: reconciler.lanes(),
                evidence: reconciler.evidence(),
                findings: reconciler.findings().to_vec(),
                is_at_rest: reconciler.is_at_rest(),
            }),
        }
    }
}

impl LeadingView {
    pub fn lane(&self, host: HostId) -> Option<&LaneStatus> {
        let at = self.lanes.binary_search_by_key(&host, |lane| lane.host).ok()?;
        self.lanes.get(at)
    }
}
