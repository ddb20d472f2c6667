//! The answer to "why is it so": for one network, who is center and why, who was passed over and why, what is waited for.

use asterism_model::{
    HostId, NetworkId, NetworkState, PoolId, PrivateNetwork, Rank, Resilience, Star, Topology, Uplinks,
};

use crate::{
    BfdLoad, Budget, Evidence, Graces, Plan, Tick,
    elect::{Ballot, Load},
    judge,
    links::Fabric,
    members::Members,
    plan,
};

/// Why a network is as it is: what the state holds, by reference, and what the planner makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation<'a> {
    pub network: &'a PrivateNetwork,
    /// The choices in force; none before the first.
    pub topology: Option<&'a Topology>,
    pub pools: Vec<PoolExplanation<'a>>,
    /// What is kept, passed over or waited for, in words.
    pub findings: Vec<String>,
    /// Whether the planner would choose otherwise right now.
    pub will_change: bool,
}

/// One pool of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolExplanation<'a> {
    pub pool: PoolId,
    /// None where the pool has no center.
    pub star: Option<&'a Star>,
    /// In the order in which they would be elected, were the center to go.
    pub candidates: Vec<Candidate>,
}

/// A host as the election sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub host: HostId,
    pub rank: Option<Rank>,
    /// The first preferred.
    pub uplinks: Vec<HostId>,
    pub may_be_elected: bool,
    /// Whether the operator wants it as center of this network.
    pub is_preferred: bool,
    /// Whether it cannot bond, where the network asks for two uplinks.
    pub lacks_bonds: bool,
    /// How many stars it is in the middle of.
    pub stars: usize,
    /// Of how many stars it is the standby.
    pub standbys: usize,
    /// The verdict, or that it is disabled, in words.
    pub standing: String,
    /// What BFD costs it in all networks.
    pub bfd: BfdLoad,
}

/// Explains one network; `None` where there is none of that id.
pub fn explain<'a>(
    state: &'a NetworkState,
    network: NetworkId,
    evidence: &Evidence,
    graces: &Graces,
    now: Tick,
) -> Option<Explanation<'a>> {
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
        let mut candidates: Vec<Candidate> = members
            .of_star(network, *pool)
            .iter()
            .map(|host| Candidate {
                host: host.id,
                rank: fabric.as_ref().and_then(|fabric| fabric.rank(host)),
                uplinks: fabric.as_ref().map(|fabric| fabric.uplinks(host)).unwrap_or_default(),
                may_be_elected: ballot.standing(host).is_ok(),
                is_preferred: attachment.preferred_host == Some(host.id),
                lacks_bonds: network.resilience == Resilience::Dual && host.uplinks == Uplinks::One,
                stars: load.host(host.id).centers,
                standbys: load.host(host.id).standbys,
                standing: ballot.standing(host).err().unwrap_or_else(|| "able".into()),
                bfd: budget.host(host.id),
            })
            .collect();
        let score = |candidate: &Candidate| members.get(candidate.host).map(|host| load.score(host));
        candidates.sort_by_key(|candidate| (!candidate.may_be_elected, score(candidate)));
        let star = topology.and_then(|topology| topology.stars.get(pool));
        PoolExplanation { pool: *pool, star, candidates }
    });
    Some(Explanation {
        network,
        topology,
        pools: pools.collect(),
        findings: findings
            .iter()
            .filter(|finding| finding.network() == network.id)
            .map(|finding| finding.describe(state).to_string())
            .collect(),
        will_change: changes.contains_key(&network.id),
    })
}

#[cfg(test)]
mod tests;
