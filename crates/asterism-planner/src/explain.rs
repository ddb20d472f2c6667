//! The answer to "why is it so": for one network, who is center and why, who was passed over and why, what is waited for.

use asterism_model::{
    Cause, Drain, HostId, NetworkId, NetworkState, NextCenter, NextPool, PoolId, Rank, Timestamp, Vni,
};

use crate::{
    BfdLoad, Budget, Evidence, Graces, Plan, Tick,
    elect::{Ballot, Load},
    judge,
    links::Fabric,
    members::Members,
    plan,
};

/// Why a network is as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    pub network: NetworkId,
    pub vni: Option<Vni>,
    pub pool_center: Option<Holder<PoolId>>,
    /// Which pool becomes pool-center, while that is under way.
    pub next_pool: Option<NextPool>,
    pub pools: Vec<PoolExplanation>,
    /// What is kept, passed over or waited for, in words.
    pub findings: Vec<String>,
    /// Whether the planner would choose otherwise right now.
    pub will_change: bool,
}

/// Who holds an office, since when and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder<T> {
    pub holder: T,
    pub cause: Cause,
    pub since: Timestamp,
    /// What was seen of the holder before, where that is why it was replaced.
    pub evidence: Option<String>,
}

/// One pool of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolExplanation {
    pub pool: PoolId,
    pub center: Option<Holder<HostId>>,
    pub standby: Option<HostId>,
    /// Who becomes center, while that is under way.
    pub next: Option<NextCenter>,
    pub drained: Option<Drain>,
    pub preferred: Option<HostId>,
    /// In the order in which they would be elected, were the center to go.
    pub candidates: Vec<Candidate>,
}

/// A host as the election sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub host: HostId,
    pub rank: Option<Rank>,
    pub uplinks: Vec<HostId>,
    pub may_be_elected: bool,
    /// How many stars it is in the middle of.
    pub stars: usize,
    /// Of how many stars it is the standby.
    pub standbys: usize,
    /// The verdict, or that it is disabled, in words.
    pub standing: String,
    /// Between two BFD packets on its tunnels of this network, in milliseconds.
    pub interval_ms: u32,
    /// What BFD costs it in all networks.
    pub bfd: BfdLoad,
}

/// Explains one network; `None` where there is none of that id.
pub fn explain(
    state: &NetworkState,
    network: NetworkId,
    evidence: &Evidence,
    graces: &Graces,
    now: Tick,
) -> Option<Explanation> {
    let network = state.networks().get(&network)?;
    let topology = state.topologies().get(&network.id);
    let Plan { changes, findings, .. } = plan(state, evidence, graces, now);
    let verdicts = judge(evidence, graces, now);
    let load = Load::of(state);
    let ballot = Ballot { network: network.id, evidence, verdicts: &verdicts, graces, now, load: &load };
    let members = Members::of(state);
    let fabric = Fabric::of(&members, network);
    let budget = Budget::of(&members);

    let pools = network.pools.iter().map(|(pool, attachment)| {
        let star = topology.and_then(|topology| topology.stars.get(pool));
        let mut candidates: Vec<Candidate> = members
            .of_pool(*pool)
            .iter()
            .map(|host| Candidate {
                host: host.id,
                rank: fabric.as_ref().and_then(|fabric| fabric.rank(host)),
                uplinks: fabric.as_ref().map(|fabric| fabric.uplinks(host)).unwrap_or_default(),
                may_be_elected: ballot.standing(host).is_ok(),
                stars: load.host(host.id).centers,
                standbys: load.host(host.id).standbys,
                standing: ballot.standing(host).err().unwrap_or_else(|| "able".into()),
                interval_ms: budget.host(host.id).interval(network.detection),
                bfd: budget.host(host.id),
            })
            .collect();
        let score = |candidate: &Candidate| members.get(candidate.host).map(|host| load.score(host));
        candidates.sort_by_key(|candidate| (!candidate.may_be_elected, score(candidate)));
        PoolExplanation {
            pool: *pool,
            center: star.map(|star| holder(&star.center)),
            standby: star.and_then(|star| star.standby),
            next: star.and_then(|star| star.next),
            drained: star.and_then(|star| star.drained),
            preferred: attachment.preferred_host,
            candidates,
        }
    });
    Some(Explanation {
        network: network.id,
        vni: topology.map(|topology| topology.vni),
        pool_center: topology.and_then(|topology| topology.pool_center.as_ref()).map(holder),
        next_pool: topology.and_then(|topology| topology.next_pool),
        pools: pools.collect(),
        findings: findings
            .iter()
            .filter(|finding| finding.network() == network.id)
            .map(|finding| finding.describe(state).to_string())
            .collect(),
        will_change: changes.contains_key(&network.id),
    })
}

fn holder<T: Copy>(choice: &asterism_model::Choice<T>) -> Holder<T> {
    Holder {
        holder: choice.holder,
        cause: choice.cause,
        since: choice.since,
        evidence: choice.evidence.clone(),
    }
}

#[cfg(test)]
mod tests;
