//! What the leader shows operators of its work: a value, renewed after each batch of events.

use std::{collections::BTreeMap, sync::Arc};

use asterism_model::{HostId, ObservedPool, PoolId, XapiUuid};
use asterism_planner::{
    Evidence, Finding, LaneStatus, Reconciler,
    pools::{Obstacle, PoolLane, PoolSession},
};

use super::pools::{PoolLanes, PoolWatch};

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
    /// Pools behind a XAPI.
    pub pools: BTreeMap<PoolId, PoolHealth>,
    /// Nothing to plan, and nothing to do on any host that answers.
    pub is_at_rest: bool,
}

/// How a pool's XAPI is, and what is done there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolHealth {
    pub session: PoolSession,
    /// What the pool shows; none while it does not answer.
    pub picture: Option<Arc<ObservedPool>>,
    /// What the session itself shows; `None` where the pool can't be dialled.
    pub watch: Option<PoolWatch>,
    /// Why something that is wanted there can't be.
    pub obstacles: Vec<Obstacle>,
    /// The last failures of calls, by the host that had to do something.
    pub troubles: Vec<(Option<XapiUuid>, String)>,
    /// Calls that wait for their answer.
    pub under_way: Vec<String>,
}

impl PoolHealth {
    fn of(lane: &PoolLane, watch: Option<PoolWatch>) -> Self {
        Self {
            session: lane.session.clone(),
            picture: lane.picture.clone(),
            watch,
            obstacles: lane.obstacles.clone(),
            troubles: lane.troubles().map(|(host, why)| (host, why.to_owned())).collect(),
            under_way: lane.under_way().map(str::to_owned).collect(),
        }
    }
}

impl LeaderView {
    pub fn none() -> Self {
        Self { leading: None }
    }

    pub(super) fn of(reconciler: &Reconciler, pools: &PoolLanes) -> Self {
        let mut watches: BTreeMap<PoolId, PoolWatch> = pools.watch().collect();
        let health = reconciler.pools().map(|(id, lane)| (id, PoolHealth::of(lane, watches.remove(&id))));
        Self {
            leading: Some(LeadingView {
                epoch: reconciler.epoch(),
                revision: reconciler.revision(),
                lanes: reconciler.lanes(),
                evidence: reconciler.evidence(),
                findings: reconciler.findings().to_vec(),
                pools: health.collect(),
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
