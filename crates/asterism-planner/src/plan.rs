//! From the replicated state and the leader's evidence to the choices that should change.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use asterism_model::{
    Cause, HostId, NetworkId, NetworkState, PoolId, PrivateNetwork, StarPlan, Topology, TopologyPlan, Vni,
};

use crate::{
    Evidence, Graces, Tick, Verdict, Verdicts,
    elect::{Ballot, Load},
    judge,
    members::Members,
    vni,
};

/// What should change, and what is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The revision of the state that was planned upon.
    pub based_on: u64,
    /// Only networks whose choices change.
    pub changes: BTreeMap<NetworkId, TopologyPlan>,
    /// What stands in the way, and what is kept though it is in doubt.
    pub findings: Vec<Finding>,
    /// When to plan again if nothing else happens.
    pub plan_again: Option<Tick>,
}

/// Why something that one might expect did not happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The pool has no host that could be star-center; its VMs are on their own.
    NoAbleHost { network: NetworkId, pool: PoolId, hosts: Vec<(HostId, String)> },
    /// The center is dead, disabled or in doubt, and stays.
    CenterKept { network: NetworkId, pool: PoolId, host: HostId, why: String },
    /// The preferred center is not in office.
    PreferredPassedOver { network: NetworkId, pool: PoolId, host: HostId, why: String },
    /// The preferred pool-center is not in office.
    PreferredPoolPassedOver { network: NetworkId, pool: PoolId, why: String },
    /// Every VNI is taken.
    NoVni { network: NetworkId },
}

impl Finding {
    pub fn network(&self) -> NetworkId {
        match self {
            Self::NoAbleHost { network, .. }
            | Self::CenterKept { network, .. }
            | Self::PreferredPassedOver { network, .. }
            | Self::PreferredPoolPassedOver { network, .. }
            | Self::NoVni { network } => *network,
        }
    }

    /// The finding in words, with names as operators write them.
    pub fn describe<'a>(&'a self, state: &'a NetworkState) -> impl fmt::Display + 'a {
        Described { finding: self, state }
    }
}

struct Described<'a> {
    finding: &'a Finding,
    state: &'a NetworkState,
}

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.finding {
            Finding::NoAbleHost { pool, hosts, .. } => {
                write!(f, "pool {} has no able host", self.state.pool_label(*pool))?;
                for (host, why) in hosts {
                    write!(f, "; {}: {why}", self.state.host_label(*host))?;
                }
                Ok(())
            }
            Finding::CenterKept { pool, host, why, .. } => write!(
                f,
                "pool {} keeps its star-center {}, which is {why}",
                self.state.pool_label(*pool),
                self.state.host_label(*host)
            ),
            Finding::PreferredPassedOver { host, why, .. } => {
                write!(f, "preferred star-center {} is passed over: {why}", self.state.host_label(*host))
            }
            Finding::PreferredPoolPassedOver { pool, why, .. } => {
                write!(f, "preferred pool-center {} is passed over: {why}", self.state.pool_label(*pool))
            }
            Finding::NoVni { .. } => f.write_str("every VNI is taken; delete a network"),
        }
    }
}

/// Plans all networks. A fixpoint: once the changes are adopted, the same evidence gives no further ones.
pub fn plan(state: &NetworkState, evidence: &Evidence, graces: &Graces, now: Tick) -> Plan {
    Planner::new(state, evidence, graces, now).run()
}

struct Planner<'a> {
    state: &'a NetworkState,
    evidence: &'a Evidence,
    verdicts: Verdicts,
    graces: &'a Graces,
    now: Tick,
    load: Load,
    vnis: BTreeSet<Vni>,
    members: Members<'a>,
    plan: Plan,
}

impl<'a> Planner<'a> {
    fn new(state: &'a NetworkState, evidence: &'a Evidence, graces: &'a Graces, now: Tick) -> Self {
        let verdicts = judge(evidence, graces, now);
        let allocated = state.topologies().values().map(|topology| topology.vni);
        let requested = state.networks().values().filter_map(|network| network.requested_vni);
        let plan_again = verdicts.judge_again;
        Self {
            state,
            evidence,
            verdicts,
            graces,
            now,
            load: Load::of(state),
            vnis: allocated.chain(requested).collect(),
            members: Members::of(state),
            plan: Plan {
                based_on: state.revision(),
                changes: BTreeMap::new(),
                findings: Vec::new(),
                plan_again,
            },
        }
    }

    fn run(mut self) -> Plan {
        for network in self.state.networks().values() {
            let before = self.state.topologies().get(&network.id);
            let Some(planned) = self.plan_network(network, before) else { continue };
            if before.is_none_or(|before| differs(before, &planned)) {
                self.plan.changes.insert(network.id, planned);
            }
        }
        self.plan
    }

    fn plan_network(&mut self, network: &PrivateNetwork, before: Option<&Topology>) -> Option<TopologyPlan> {
        let Some(vni) = self.choose_vni(network, before) else {
            self.plan.findings.push(Finding::NoVni { network: network.id });
            return None;
        };
        let mut stars = BTreeMap::new();
        for pool in network.pools.keys() {
            if let Some(star) = self.plan_star(network, *pool, before) {
                stars.insert(*pool, star);
            }
        }
        let current = before.and_then(|topology| topology.pool_center.as_ref());
        let pool_center = self.ballot(network).pool_center(&stars, network.preferred_pool, current);
        let (from, to) = (current.map(|choice| choice.holder), pool_center.map(|(pool, _)| pool));
        if from != to {
            self.load.move_pool(from, to);
        }
        if let Some(pool) = network.preferred_pool.filter(|preferred| Some(*preferred) != to) {
            let why = self.why_not_center(stars.get(&pool).map(|star| star.center));
            self.plan.findings.push(Finding::PreferredPoolPassedOver { network: network.id, pool, why });
        }
        Some(TopologyPlan { vni, stars, pool_center, next_pool: None })
    }

    fn choose_vni(&mut self, network: &PrivateNetwork, before: Option<&Topology>) -> Option<Vni> {
        let fixed = before.map(|topology| topology.vni).or(network.requested_vni);
        let vni = fixed.or_else(|| vni::allocate(network.id, &self.vnis))?;
        self.vnis.insert(vni);
        Some(vni)
    }

    fn plan_star(
        &mut self,
        network: &PrivateNetwork,
        pool: PoolId,
        before: Option<&Topology>,
    ) -> Option<StarPlan> {
        let attachment = network.pools.get(&pool)?;
        let star = before.and_then(|topology| topology.stars.get(&pool));
        let current = star.map(|star| &star.center);
        let elected = self.ballot(network).star_center(self.members.of_pool(pool), attachment, current);

        let Some((center, cause)) = elected else {
            let ballot = self.ballot(network);
            let hosts = self.members.of_pool(pool).iter();
            let hosts = hosts.filter_map(|host| Some((host.id, ballot.standing(host).err()?))).collect();
            self.plan.findings.push(Finding::NoAbleHost { network: network.id, pool, hosts });
            return None;
        };
        if current.map(|choice| choice.holder) != Some(center) {
            self.load.move_host(current.map(|choice| choice.holder), center);
        } else if let Some(Err(why)) = self.standing(network, center) {
            self.plan.findings.push(Finding::CenterKept { network: network.id, pool, host: center, why });
        }
        if let Some(host) = attachment.preferred_host.filter(|preferred| *preferred != center) {
            let why = match self.standing(network, host) {
                Some(Ok(since)) => {
                    self.await_fail_back(since);
                    format!("able, and takes over when it has been so for {:?}", self.graces.fail_back)
                }
                Some(Err(why)) => why,
                None => "no longer a host of the pool".into(),
            };
            self.plan.findings.push(Finding::PreferredPassedOver { network: network.id, pool, host, why });
        }
        Some(StarPlan::around(center, cause))
    }

    /// Why a preferred pool, whose star-center this is, is not pool-center.
    fn why_not_center(&mut self, center: Option<HostId>) -> String {
        match center.map(|center| self.verdicts.of(center).clone()) {
            None => "it has no star-center".into(),
            Some(Verdict::Able { since }) => {
                self.await_fail_back(since);
                format!("its star-center takes over when it has been able for {:?}", self.graces.fail_back)
            }
            Some(verdict @ (Verdict::Doubtful(_) | Verdict::Dead(_))) => {
                format!("its star-center is {verdict}")
            }
        }
    }

    /// A preferred holder that is able but not in office yet is looked at again when its grace is over.
    fn await_fail_back(&mut self, since: Tick) {
        let at = since + self.graces.fail_back;
        self.plan.plan_again = Some(self.plan.plan_again.map_or(at, |other| other.min(at)));
    }

    /// See [`Ballot::standing`]; `None` for a host that takes part no longer.
    fn standing(&self, network: &PrivateNetwork, host: HostId) -> Option<Result<Tick, String>> {
        let host = self.members.get(host)?;
        Some(self.ballot(network).standing(host))
    }

    fn ballot(&self, network: &PrivateNetwork) -> Ballot<'_> {
        let Self { evidence, verdicts, graces, now, load, .. } = self;
        Ballot { network: network.id, evidence, verdicts, graces, now: *now, load }
    }
}

/// Whether the plan chooses otherwise than what is in force. Causes alone are no change.
fn differs(before: &Topology, planned: &TopologyPlan) -> bool {
    let stars_before = before.stars.iter().map(|(pool, star)| (*pool, star.center.holder, star.standby));
    let stars_planned = planned.stars.iter().map(|(pool, star)| (*pool, star.center, star.standby));
    let root_pool = |choice: Option<(PoolId, Cause)>| choice.map(|(pool, _)| pool);
    before.vni != planned.vni
        || before.pool_center.as_ref().map(|choice| choice.holder) != root_pool(planned.pool_center)
        || !stars_before.eq(stars_planned)
}

#[cfg(test)]
mod tests;
