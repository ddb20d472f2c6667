//! From the replicated state and the leader's evidence to the choices that should change.

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{
    HostId, NetworkId, NetworkState, PrivateNetwork, StarPlan, Topology, TopologyPlan, Vni,
};

use crate::{
    Evidence, Finding, Graces, Tick, Verdicts,
    elect::{Ballot, Load},
    judge,
    members::Members,
    succession::{Step, Succession},
    vni,
};

/// Steps of one network in one plan. A star in motion takes seven from one end to the other, and its network five more; this
/// leaves room for all stars to take theirs in turn, and ends what would never end.
const MAX_ROUNDS: usize = 64;

/// What should change, and what is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The revision of the state that was planned upon.
    pub based_on: u64,
    /// Only networks whose choices change.
    pub changes: BTreeMap<NetworkId, TopologyPlan>,
    /// What stands in the way, and what is kept though it is in doubt.
    pub findings: Vec<Finding>,
    /// Hosts that were judged dead, and why.
    pub dead: BTreeMap<HostId, String>,
    /// When to plan again if nothing else happens.
    pub plan_again: Option<Tick>,
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
        let dead = verdicts.dead().map(|(host, why)| (host, why.to_owned())).collect();
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
                dead,
                plan_again,
            },
        }
    }

    fn run(mut self) -> Plan {
        // What is handed back keeps the choices that it has.
        for network in self.state.networks().values().filter(|network| !network.is_releasing()) {
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
        let mut topology = before.cloned().unwrap_or_else(|| empty(vni));
        topology.stars.retain(|pool, _| network.pools.contains_key(pool));
        for _ in 0..MAX_ROUNDS {
            let round = self.round(network, &mut topology);
            if !round.has_changed {
                self.plan.findings.extend(round.findings);
                let again = self.plan.plan_again.into_iter().chain(round.look_again);
                self.plan.plan_again = again.min();
                break;
            }
        }
        Some(to_plan(topology))
    }

    /// One step of each star, and then of the pool-center.
    fn round(&mut self, network: &PrivateNetwork, topology: &mut Topology) -> Round {
        let mut round = Round::default();
        for pool in network.pools.keys() {
            let step = self.succession(network, topology).step_star(*pool);
            let star = round.take(step);
            if star.as_ref() != topology.stars.get(pool) {
                round.has_changed = true;
                self.load.move_star(topology.stars.get(pool), star.as_ref());
                match star {
                    Some(star) => topology.stars.insert(*pool, star),
                    None => topology.stars.remove(pool),
                };
            }
        }
        let step = self.succession(network, topology).step_pool_center();
        let middle = round.take(step);
        if middle.center != topology.pool_center || middle.next != topology.next_pool {
            round.has_changed = true;
            let holder = |choice: &asterism_model::Choice<_>| choice.holder;
            let from = topology.pool_center.as_ref().map(holder);
            self.load.move_pool(from, middle.center.as_ref().map(holder));
            topology.pool_center = middle.center;
            topology.next_pool = middle.next;
        }
        round
    }

    fn choose_vni(&mut self, network: &PrivateNetwork, before: Option<&Topology>) -> Option<Vni> {
        let fixed = before.map(|topology| topology.vni).or(network.requested_vni);
        let vni = fixed.or_else(|| vni::allocate(network.id, &self.vnis))?;
        self.vnis.insert(vni);
        Some(vni)
    }

    fn succession<'b>(&'b self, network: &'b PrivateNetwork, topology: &'b Topology) -> Succession<'b> {
        let Self { evidence, verdicts, graces, now, load, members, .. } = self;
        let ballot = Ballot { network: network.id, evidence, verdicts, graces, now: *now, load };
        Succession { ballot, members, network, topology }
    }
}

/// What came of one step of all.
#[derive(Default)]
struct Round {
    has_changed: bool,
    findings: Vec<Finding>,
    look_again: Option<Tick>,
}

impl Round {
    fn take<T>(&mut self, step: Step<T>) -> T {
        self.findings.extend(step.findings);
        self.look_again = self.look_again.into_iter().chain(step.look_again).min();
        step.choice
    }
}

fn empty(vni: Vni) -> Topology {
    Topology { vni, stars: BTreeMap::new(), pool_center: None, next_pool: None, revision: 0 }
}

fn to_plan(topology: Topology) -> TopologyPlan {
    let stars = topology.stars.into_iter().map(|(pool, star)| {
        let asterism_model::Star { center, standby, next, drained } = star;
        let plan = StarPlan {
            evidence: center.evidence,
            standby,
            next,
            drained,
            ..StarPlan::around(center.holder, center.cause)
        };
        (pool, plan)
    });
    TopologyPlan {
        vni: topology.vni,
        stars: stars.collect(),
        pool_center: topology.pool_center.map(|choice| (choice.holder, choice.cause)),
        next_pool: topology.next_pool,
    }
}

/// Whether the plan chooses otherwise than what is in force. Causes alone are no change.
fn differs(before: &Topology, planned: &TopologyPlan) -> bool {
    let stars_before = before
        .stars
        .iter()
        .map(|(pool, star)| (*pool, star.center.holder, star.standby, star.next, star.drained));
    let stars_planned =
        planned.stars.iter().map(|(pool, star)| (*pool, star.center, star.standby, star.next, star.drained));
    before.vni != planned.vni
        || before.pool_center.as_ref().map(|choice| choice.holder)
            != planned.pool_center.map(|(pool, _)| pool)
        || before.next_pool != planned.next_pool
        || !stars_before.eq(stars_planned)
}

#[cfg(test)]
mod tests;
