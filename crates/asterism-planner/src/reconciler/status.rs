//! What operators may ask of a running reconciler.

use std::{collections::BTreeMap, sync::Arc};

use asterism_model::{HostId, NetworkId, ObservedHost};

use super::{Phase, Reconciler, lane::Lane};
use crate::{Conflict, Drift, Finding, HostEvidence, Targets, Tick, drift::drift, moves::Peers};

/// One host's lane, for `host list`, progress and `doctor`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneStatus {
    pub host: HostId,
    pub phase: Phase,
    pub evidence: HostEvidence,
    /// The latest; that of a lost session shows what the host held last.
    pub picture: Option<Arc<ObservedHost>>,
    /// Tunnels whose BFD has never been up at this end, by network and peer, since this leader first saw them.
    pub coming: BTreeMap<(NetworkId, HostId), Tick>,
    /// The revision of the state whose target the host was last seen to have, but for ports to hosts that don't answer;
    /// `None` while something is to do.
    pub settled_at: Option<u64>,
    /// Tunnels that wait for other hosts, lest they close a ring.
    pub withheld: Peers,
    pub conflicts: Vec<String>,
    /// A bridge that its pool makes is not there yet.
    pub awaits_pool: bool,
    pub last_error: Option<String>,
}

impl LaneStatus {
    /// What differs on the host from its target: in read-only mode all that would be done. Computed when it is asked for;
    /// `None` where the host does not answer. `targets` are of the state that is led.
    pub fn drift(&self, targets: &Targets<'_>) -> Option<Drift> {
        let picture = self.picture.as_ref().filter(|_| self.evidence.answers())?;
        Some(drift(targets, self.host, picture))
    }
}

impl Reconciler {
    /// The epoch that is led.
    pub fn epoch(&self) -> u64 {
        self.leadership.epoch
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
                coming: lane.coming.clone(),
                settled_at: self.has_all_it_can(lane).then_some(self.state.revision()),
                withheld: lane.withheld.clone(),
                conflicts: lane.conflicts.iter().map(ToString::to_string).collect(),
                awaits_pool: lane.conflicts.iter().any(|it| matches!(it, Conflict::BridgeAwaited { .. })),
                last_error: lane.last_error.clone(),
            })
            .collect()
    }

    /// What the last plan found in its way.
    pub fn findings(&self) -> &[Finding] {
        self.plan.as_ref().map_or(&[], |plan| &plan.findings)
    }

    /// Nothing to plan and no lane with something to do, those without a session left out. In read-only mode none has.
    pub fn is_at_rest(&self) -> bool {
        let at_rest = |lane: &Lane| match lane.phase {
            _ if self.is_read_only() => true,
            Phase::Disconnected | Phase::Barred { .. } => true,
            Phase::Ready { .. } => self.has_all_it_can(lane),
            Phase::Unclaimed { .. }
            | Phase::Claiming { .. }
            | Phase::InFlight { .. }
            | Phase::Looking { .. }
            | Phase::BackingOff { .. } => false,
        };
        !self.proposals.awaits_topology()
            && !self.has_unplanned_news
            && self.plan.as_ref().is_some_and(|plan| plan.based_on == self.state.revision())
            && self.lanes.values().all(at_rest)
    }

    /// Settled, but for what waits for hosts that don't answer.
    fn has_all_it_can(&self, lane: &Lane) -> bool {
        lane.is_settled() && !lane.withheld.values().flatten().any(|peer| self.answers(*peer))
    }
}
