//! Which tunnels a network's choices ask for: every host's uplinks, always toward a lower rank.

use std::collections::BTreeMap;

use asterism_model::{
    Drain, DrainExtent, Host, HostId, PoolId, PrivateNetwork, Rank, Shape, Star, Topology, Uplinks,
};

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
        Some(Self::with(members, network, topology))
    }

    /// The network with these choices, which need not be in force.
    pub fn with(members: &'a Members<'a>, network: &'a PrivateNetwork, topology: &'a Topology) -> Self {
        Self { members, network, topology }
    }

    pub fn topology(&self) -> &'a Topology {
        self.topology
    }

    /// The hosts that `host` has a tunnel toward the root to, by preference. Empty for the root, and for hosts whose
    /// pool has no star.
    pub fn uplinks(&self, host: &Host) -> Vec<HostId> {
        let Some(rank) = self.rank(host) else { return Vec::new() };
        let own = Heads::of(self.star(host.pool));
        let root = Heads::of(self.root_star());
        let next = Heads::of(self.topology.next_pool.and_then(|next| self.star(next.pool)));
        if self.network.shape == Shape::OneStar {
            let peers = match rank {
                Rank::Root => [None; 2],
                Rank::RootStandby => [root.center, None],
                Rank::NextRoot | Rank::NextRootStandby | Rank::StarCenter | Rank::Standby | Rank::Leaf => {
                    [root.center, root.standby]
                }
            };
            return self.possible(host, peers);
        }
        let peers = match rank {
            Rank::Root => [None; 5],
            Rank::RootStandby => [root.center, None, None, None, None],
            Rank::NextRoot => [root.center, root.standby, None, None, None],
            Rank::NextRootStandby => [own.center, root.center, root.standby, None, None],
            Rank::StarCenter => [root.center, root.standby, next.center, next.standby, None],
            Rank::Standby => [own.center, root.center, root.standby, next.center, next.standby],
            Rank::Leaf => [own.center, own.standby, None, None, None],
        };
        self.possible(host, peers)
    }

    /// Of the hosts above, by preference, those to which the host has a tunnel.
    fn possible<const N: usize>(&self, host: &Host, peers: [Option<HostId>; N]) -> Vec<HostId> {
        let limit = match host.uplinks {
            Uplinks::Several => peers.len(),
            Uplinks::One => 1,
        };
        peers
            .into_iter()
            .flatten()
            .filter(|peer| *peer != host.id)
            .filter(|peer| self.takes_part(*peer).is_some_and(|above| !self.is_cut(above, host.id)))
            .take(limit)
            .collect()
    }

    /// Whether a host that is drained has no tunnel to that one below it any more.
    fn is_cut(&self, host: &Host, below: HostId) -> bool {
        let Some(star) = self.star(host.pool) else { return false };
        let is_drained = |drain: &Drain| drain.host == host.id;
        let Some(drain) = star.drained.filter(is_drained) else { return false };
        let is_root = self.topology.root() == Some(host.id);
        match drain.extent {
            DrainExtent::Announced | DrainExtent::Standby => false,
            DrainExtent::All => !is_root && star.center.holder == host.id && star.standby == Some(below),
            DrainExtent::Cut => !is_root || star.standby != Some(below),
        }
    }

    /// Whether `host` tells `below`, which has it among its uplinks, to use another one: traffic is led away from `host`.
    ///
    /// One link each stays in use, over which the host that was the middle reaches the one that will be: of a root that is
    /// drained the one to its own standby, of a pool that ceases to be pool-center the one between the two roots.
    pub fn is_drained(&self, host: &Host, below: HostId) -> bool {
        let Some(below) = self.takes_part(below) else { return false };
        let (Some(own), Some(rank)) = (self.star(host.pool), self.rank(host)) else { return false };
        let is_standby = own.standby == Some(below.id);
        if let Some(drain) = own.drained.filter(|drain| drain.host == host.id) {
            let is_meant = match drain.extent {
                DrainExtent::Announced => false,
                DrainExtent::Standby => is_standby,
                DrainExtent::All | DrainExtent::Cut => rank != Rank::Root || !is_standby,
            };
            if is_meant {
                return true;
            }
        }
        self.topology.next_pool.is_some_and(|next| next.is_drained) && self.is_left_by(host, rank, below)
    }

    /// Whether a host of the pool that ceases to be pool-center is to be left by one below it.
    fn is_left_by(&self, host: &Host, rank: Rank, below: &Host) -> bool {
        let Some(next) = self.topology.next_pool.filter(|next| next.is_announced || next.is_drained) else {
            return false;
        };
        let leaves_office = matches!(rank, Rank::Root | Rank::RootStandby) && below.pool != host.pool;
        let next_root = self.star(next.pool).map(|star| star.center.holder);
        leaves_office && !(rank == Rank::Root && next_root == Some(below.id))
    }

    /// Whether `host` takes what comes over any of its uplinks: it is told to leave one, or will be when that is drained in
    /// full.
    ///
    /// Not so one that is being left itself. Who leaves it says so over its uplinks, and an open bond would not believe it:
    /// it takes nothing from above that it has known below.
    pub fn is_open(&self, host: &Host) -> bool {
        let is_moving = |star: &Star| star.drained.is_some();
        if self.topology.next_pool.is_none() && !self.topology.stars.values().any(is_moving) {
            return false;
        }
        let drained = |of: &Host| self.star(of.pool).and_then(|star| star.drained).map(|drain| drain.host);
        drained(host) != Some(host.id)
            && self.uplinks(host).into_iter().filter_map(|uplink| self.takes_part(uplink)).any(|above| {
                let Some(rank) = self.rank(above) else { return false };
                let is_standby = self.star(above.pool).is_some_and(|star| star.standby == Some(host.id));
                let leaves_star = drained(above) == Some(above.id) && (rank != Rank::Root || !is_standby);
                leaves_star || self.is_left_by(above, rank, host)
            })
    }

    /// The hosts that have `host` among their uplinks.
    pub fn downlinks(&self, host: &Host) -> Vec<HostId> {
        let leads_up = |below: &&&Host| below.id != host.id && self.uplinks(below).contains(&host.id);
        if self.network.shape == Shape::OneStar {
            let is_above = matches!(self.rank(host), Some(Rank::Root | Rank::RootStandby));
            let all: Vec<&Host> = self.members.of_network(self.network).filter(|_| is_above).collect();
            return all.iter().filter(leads_up).map(|below| below.id).collect();
        }
        match self.rank(host) {
            Some(Rank::Root | Rank::RootStandby | Rank::NextRoot | Rank::NextRootStandby) => {
                // Centers and standbys of other pools lead up to it; their leaves never do.
                let stars = self.topology.stars.iter().filter(|(pool, _)| **pool != host.pool);
                let heads = stars.flat_map(|(_, star)| [Some(star.center.holder), star.standby]).flatten();
                let heads: Vec<&Host> = heads.filter_map(|head| self.takes_part(head)).collect();
                let own = self.members.of_star(self.network, host.pool).iter();
                own.chain(&heads).filter(leads_up).map(|below| below.id).collect()
            }
            Some(Rank::StarCenter | Rank::Standby) => self
                .members
                .of_star(self.network, host.pool)
                .iter()
                .filter(leads_up)
                .map(|below| below.id)
                .collect(),
            Some(Rank::Leaf) | None => Vec::new(),
        }
    }

    pub fn rank(&self, host: &Host) -> Option<Rank> {
        self.takes_part(host.id).and_then(|host| self.topology.rank(host.id, host.pool))
    }

    fn root_star(&self) -> Option<&'a Star> {
        self.topology.pool_center.as_ref().and_then(|choice| self.star(choice.holder))
    }

    fn star(&self, pool: PoolId) -> Option<&'a Star> {
        self.network.pools.contains_key(&pool).then(|| self.topology.stars.get(&pool)).flatten()
    }

    /// A choice may outlive its holder: a host that was forgotten or has left the network has no tunnels.
    fn takes_part(&self, host: HostId) -> Option<&'a Host> {
        self.members.get(host).filter(|host| self.network.spans(host))
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

/// The two hosts in the middle of a star.
#[derive(Default)]
struct Heads {
    center: Option<HostId>,
    standby: Option<HostId>,
}

impl Heads {
    fn of(star: Option<&Star>) -> Self {
        star.map_or_else(Self::default, |star| Self {
            center: Some(star.center.holder),
            standby: star.standby,
        })
    }
}

#[cfg(test)]
mod tests;
