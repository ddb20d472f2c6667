//! What operators may ask of a running reconciler.

use std::sync::Arc;

use asterism_model::{HostId, ObservedHost};

use super::{Phase, Reconciler, lane::Ports};
use crate::{Finding, HostEvidence};

/// One host's lane, for `host list`, progress and `doctor`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneStatus {
    pub host: HostId,
    pub phase: Phase,
    pub evidence: HostEvidence,
    /// The latest; that of a lost session shows what the host held last.
    pub picture: Option<Arc<ObservedHost>>,
    /// The revision of the state whose target the host was last seen to have; `None` while something is to do.
    pub settled_at: Option<u64>,
    /// Ports that wait for other hosts, lest they close a ring.
    pub withheld: Ports,
    pub conflicts: Vec<String>,
    pub last_error: Option<String>,
}

impl Reconciler {
    /// The epoch that is led.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The revision of the state that is worked on.
    pub fn revision(&self) -> u64 {
        self.state.revision()
    }

    /// All lanes, in order of the hosts' ids.
    pub fn lanes(&self) -> Vec<LaneStatus> {
        self.lanes
            .iter()
            .map(|(host, lane)| LaneStatus {
                host: *host,
                phase: lane.phase.clone(),
                evidence: lane.evidence.clone(),
                picture: lane.picture.clone(),
                settled_at: (lane.settled && !lane.dirty && lane.withheld.is_empty())
                    .then_some(self.state.revision()),
                withheld: lane.withheld.clone(),
                conflicts: lane.conflicts.clone(),
                last_error: lane.last_error.clone(),
            })
            .collect()
    }

    /// What the last plan found in its way.
    pub fn findings(&self) -> &[Finding] {
        self.plan.as_ref().map_or(&[], |plan| &plan.findings)
    }

    /// Nothing to plan and no lane with something to do, those without a session left out.
    pub fn is_at_rest(&self) -> bool {
        let settled = |lane: &super::Lane| lane.settled && !lane.dirty;
        let at_rest = |lane: &super::Lane| match lane.phase {
            Phase::Disconnected | Phase::Barred { .. } => true,
            Phase::Ready { .. } => settled(lane),
            Phase::Unclaimed { .. }
            | Phase::Claiming { .. }
            | Phase::InFlight { .. }
            | Phase::Looking { .. }
            | Phase::BackingOff { .. } => false,
        };
        !self.proposing
            && !self.unplanned_news
            && self.plan.as_ref().is_some_and(|plan| plan.based_on == self.state.revision())
            && self.lanes.values().all(at_rest)
    }
}
