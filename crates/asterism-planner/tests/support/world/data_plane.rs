//! What the switches of a world do by themselves: BFD, bonds, and whether a way carries frames.

use super::*;

impl World {
    pub(super) fn with_bfd(&self, host: HostId, rows: &ObservedHost) -> ObservedHost {
        let mut rows = rows.clone();
        for port in rows.bridges.values_mut().flat_map(|bridge| bridge.ports.values_mut()) {
            let Some(network) = port.network else { continue };
            let active = self.active.get(&(host, network)).map(|peer| tunnel_name(network, *peer));
            let is_bond = port.interfaces.len() > 1;
            let has_it = |active: &String| port.interfaces.values().any(|it| it.name == *active);
            port.active = active.filter(|active| is_bond && has_it(active));
            for (uuid, interface) in &mut port.interfaces {
                let peer = tunnel_peer(network, &interface.name);
                let is_up = peer.is_some_and(|peer| self.is_up(network, host, peer));
                let is_drained = peer.is_some_and(|peer| self.hosts[&peer].drains(network, host));
                interface.bfd_state = match (is_up, is_drained) {
                    (true, false) => BfdState::Up,
                    (true, true) => BfdState::Drained,
                    (false, _) if self.was_up.contains(&(host, *uuid)) => BfdState::Down,
                    (false, _) => BfdState::Unknown,
                };
            }
        }
        rows
    }

    /// What bonds do: a member that is in use no longer is followed by another one that may be.
    pub fn follow_bonds(&mut self) {
        let mut active = BTreeMap::new();
        for (host, it) in &self.hosts {
            for network in it.networks() {
                let may_use = |peer: &HostId| {
                    self.is_up(network, *host, *peer) && !self.hosts[peer].drains(network, *host)
                };
                let uplinks = it.uplinks(network);
                let known = self.active.get(&(*host, network)).filter(|peer| uplinks.contains(peer));
                // A plain port is told in vain.
                let only = uplinks.iter().next().filter(|_| uplinks.len() == 1);
                let in_use = only.or(known.filter(|peer| may_use(peer)));
                if let Some(peer) = in_use.or_else(|| uplinks.iter().find(|peer| may_use(peer))) {
                    active.insert((*host, network), *peer);
                }
            }
        }
        self.active = active;
    }

    pub fn is_up(&self, network: NetworkId, one: HostId, other: HostId) -> bool {
        let carries =
            |host: HostId| self.hosts.get(&host).is_some_and(|it| it.is_alive) && !self.cut.contains(&host);
        let is_cut = self.cut_links.contains(&[one.min(other), one.max(other)]);
        carries(one) && carries(other) && !is_cut && self.is_linked(network, one, other)
    }

    /// Whether frames pass between two hosts: the tunnel is up, and in use at both ends.
    pub fn carries(&self, network: NetworkId, one: HostId, other: HostId) -> bool {
        let uses = |host: HostId, peer: HostId| {
            self.active.get(&(host, network)).is_none_or(|active| {
                *active == peer || self.hosts[&host].layout(network).separates(*active, peer)
            })
        };
        self.is_up(network, one, other) && uses(one, other) && uses(other, one)
    }

    /// Whether both ends have their port.
    pub fn is_linked(&self, network: NetworkId, one: HostId, other: HostId) -> bool {
        let has = |host: HostId, peer: HostId| {
            self.hosts.get(&host).is_some_and(|it| it.peers(network).contains(&peer))
        };
        has(one, other) && has(other, one)
    }

    /// Remembers whose BFD is up now at either end of a host's tunnels.
    pub(super) fn remember_who_is_up(&mut self, host: HostId) {
        let it = &self.hosts[&host];
        let tunnels = it
            .networks()
            .into_iter()
            .flat_map(|network| it.peers(network).into_iter().map(move |peer| (network, peer)));
        let up: Vec<(NetworkId, HostId)> =
            tunnels.filter(|(network, peer)| self.is_up(*network, host, *peer)).collect();
        for (network, peer) in up {
            for (near, far) in [(host, peer), (peer, host)] {
                let row = self.hosts[&near].interface(network, far);
                self.was_up.extend(row.map(|row| (near, row)));
            }
        }
    }
}
