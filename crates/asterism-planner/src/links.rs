//! Which tunnels a network's choices ask for: every host's uplinks, always toward a lower rank.

use std::collections::BTreeMap;

use asterism_model::{Host, HostId, NetworkState, PoolId, PrivateNetwork, Rank, Star, Topology};

/// A network's choices, as far as the hosts in them still take part.
pub struct Fabric<'a> {
    state: &'a NetworkState,
    network: &'a PrivateNetwork,
    topology: &'a Topology,
}

impl<'a> Fabric<'a> {
    /// `None` for a network without a topology yet.
    pub fn of(state: &'a NetworkState, network: &'a PrivateNetwork) -> Option<Self> {
        let topology = state.topologies().get(&network.id)?;
        Some(Self { state, network, topology })
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
            Rank::Root => vec![],
            Rank::RootStandby => vec![root],
            Rank::StarCenter => vec![root, root_standby],
            Rank::Standby => vec![center, root, root_standby],
            Rank::Leaf => vec![center, standby],
        };
        peers.into_iter().flatten().filter(|peer| *peer != host.id && self.takes_part(*peer)).collect()
    }

    /// The hosts that have `host` among their uplinks, in order of their ids.
    pub fn downlinks(&self, host: &Host) -> Vec<HostId> {
        self.candidates_below(host)
            .into_iter()
            .filter(|below| below.id != host.id && self.uplinks(below).contains(&host.id))
            .map(|below| below.id)
            .collect()
    }

    /// Only hosts of its own pool can lead up to a host, and centers and standbys of the others: a leaf of another pool
    /// never does. Leaves have nobody below.
    fn candidates_below(&self, host: &Host) -> Vec<&'a Host> {
        let takes_heads = match self.rank(host) {
            Some(Rank::Root | Rank::RootStandby) => true,
            Some(Rank::StarCenter | Rank::Standby) => false,
            Some(Rank::Leaf) | None => return Vec::new(),
        };
        let mut below: Vec<&Host> = self.state.hosts_of(host.pool).filter(|host| host.is_member()).collect();
        if takes_heads {
            let stars = self.topology.stars.iter().filter(|(pool, _)| **pool != host.pool);
            let heads = stars.flat_map(|(_, star)| [Some(star.center.holder), star.standby]).flatten();
            below.extend(
                heads.filter(|head| self.takes_part(*head)).filter_map(|head| self.state.hosts().get(&head)),
            );
        }
        below
    }

    pub fn rank(&self, host: &Host) -> Option<Rank> {
        self.takes_part(host.id).then(|| self.topology.rank(host.id, host.pool)).flatten()
    }

    fn star(&self, pool: PoolId) -> Option<&'a Star> {
        self.network.pools.contains_key(&pool).then(|| self.topology.stars.get(&pool)).flatten()
    }

    /// A choice may outlive its holder: a host that was forgotten or has left the network has no tunnels.
    fn takes_part(&self, host: HostId) -> bool {
        let host = self.state.hosts().get(&host);
        host.is_some_and(|host| host.is_member() && self.network.pools.contains_key(&host.pool))
    }

    /// All links, from each host to its uplinks.
    pub fn links(&self) -> BTreeMap<HostId, Vec<HostId>> {
        self.state.members_of(self.network).map(|host| (host.id, self.uplinks(host))).collect()
    }
}
