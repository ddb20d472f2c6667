//! Which tunnels a network's choices ask for: every host's uplinks, always toward a lower rank.

use std::collections::BTreeMap;

use asterism_model::{Host, HostId, PoolId, PrivateNetwork, Rank, Star, Topology};

use crate::members::Members;

/// A network's choices, as far as the hosts in them still take part.
pub struct Fabric<'a> {
    members: &'a Members<'a>,
    network: &'a PrivateNetwork,
    topology: &'a Topology,
}

impl<'a> Fabric<'a> {
    /// `None` for a network without a topology yet.
    pub fn of(members: &'a Members<'a>, network: &'a PrivateNetwork) -> Option<Self> {
        let topology = members.state().topologies().get(&network.id)?;
        Some(Self { members, network, topology })
    }

    pub fn topology(&self) -> &'a Topology {
        self.topology
    }

    /// The hosts that `host` has a tunnel toward the root to, by preference. Empty for the root, and for hosts whose
    /// pool has no star.
    pub fn uplinks(&self, host: &Host) -> Vec<HostId> {
        let Some(rank) = self.rank(host) else { return Vec::new() };
        let star = self.star(host.pool);
        let root_star = self.topology.pool_center.as_ref().and_then(|choice| self.star(choice.holder));
        let center = star.map(|star| star.center.holder);
        let standby = star.and_then(|star| star.standby);
        let root = root_star.map(|star| star.center.holder);
        let root_standby = root_star.and_then(|star| star.standby);
        let peers = match rank {
            Rank::Root => [None, None, None],
            Rank::RootStandby => [root, None, None],
            Rank::StarCenter => [root, root_standby, None],
            Rank::Standby => [center, root, root_standby],
            Rank::Leaf => [center, standby, None],
        };
        peers
            .into_iter()
            .flatten()
            .filter(|peer| *peer != host.id && self.takes_part(*peer).is_some())
            .collect()
    }

    /// The hosts that have `host` among their uplinks.
    pub fn downlinks(&self, host: &Host) -> Vec<HostId> {
        let leads_up = |below: &&&Host| below.id != host.id && self.uplinks(below).contains(&host.id);
        match self.rank(host) {
            Some(Rank::Root | Rank::RootStandby) => {
                // Centers and standbys of other pools lead up to it; their leaves never do.
                let stars = self.topology.stars.iter().filter(|(pool, _)| **pool != host.pool);
                let heads = stars.flat_map(|(_, star)| [Some(star.center.holder), star.standby]).flatten();
                let heads: Vec<&Host> = heads.filter_map(|head| self.takes_part(head)).collect();
                let own = self.members.of_pool(host.pool).iter();
                own.chain(&heads).filter(leads_up).map(|below| below.id).collect()
            }
            Some(Rank::StarCenter | Rank::Standby) => {
                self.members.of_pool(host.pool).iter().filter(leads_up).map(|below| below.id).collect()
            }
            Some(Rank::Leaf) | None => Vec::new(),
        }
    }

    pub fn rank(&self, host: &Host) -> Option<Rank> {
        self.takes_part(host.id).and_then(|host| self.topology.rank(host.id, host.pool))
    }

    fn star(&self, pool: PoolId) -> Option<&'a Star> {
        self.network.pools.contains_key(&pool).then(|| self.topology.stars.get(&pool)).flatten()
    }

    /// A choice may outlive its holder: a host that was forgotten or has left the network has no tunnels.
    fn takes_part(&self, host: HostId) -> Option<&'a Host> {
        self.members.get(host).filter(|host| self.network.pools.contains_key(&host.pool))
    }

    /// Whether every star has its center: one that leaves the network takes its star apart until the next election.
    pub fn is_whole(&self) -> bool {
        self.topology.stars.values().all(|star| self.takes_part(star.center.holder).is_some())
    }

    /// All links, from each host to its uplinks.
    pub fn links(&self) -> BTreeMap<HostId, Vec<HostId>> {
        self.members.of_network(self.network).map(|host| (host.id, self.uplinks(host))).collect()
    }
}

#[cfg(test)]
mod tests;
