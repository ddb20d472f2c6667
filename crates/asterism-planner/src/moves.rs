//! Keeps a network loop-free while its hosts are reprogrammed one by one, in whatever order they answer.
//!
//! A tunnel carries frames only if both ends have its interface, and a host passes a frame on from one *port* to another: of a
//! bond's members one is in use. While a change is under way, hosts hold ports of different ages: an old center that
//! cannot be reached still holds all of its ports, a host whose answer is awaited may hold the old ones or the new, and one
//! that this leader has not claimed yet may be given anything by the leader before. All that a host may hold stands in
//! the [`Ledger`]. A new tunnel is granted only if no ring of *possible* links goes through it.
//!
//! Why this suffices: suppose a ring of live links. It passes each of its hosts from one port to another. Each of these hosts
//! was given these two tunnels in different ports at some moment, by one decision about that host; look at the last of
//! these decisions. A decision is atomic on its host. Two tunnels that it leaves in two ports it does not decide about, so
//! it set these two apart. At that moment every other host of the ring might have passed frames as the ring does, and that
//! stood in the ledger: held, under way, or at a host of which nothing is known. So there was a way from the one tunnel
//! back to the other, and one of the two was withheld. Decisions of a deposed leader are no exception: it can write
//! only to hosts that the new one has not claimed, and these count as holding anything; what it decided before is
//! older. (A host that is emptied loses its fence with its ports; a leader claims one that has none only after the log
//! has said that it still leads.)
//!
//! Why it ends: in what follows from the choices, a way leads up from uplink to uplink toward the root, and then down, but
//! never up again, since a host does not pass a frame from its uplinks to its uplinks. Such a way comes back to no host, so
//! that nothing of a network at rest is withheld. And no ring goes through a host with one port: leaves never wait.
//!
//! This rests on what the ledger is told: that a port is gone only once the host is seen without it, behind a fence that
//! shuts out whatever is still under way.

mod layout;
mod ways;

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{HostId, NetworkId};

pub use layout::Layout;

use crate::scope::Scope;
use ways::Ways;

/// Peers by network.
pub type Peers = BTreeMap<NetworkId, BTreeSet<HostId>>;

/// Layouts by network.
pub type Layouts = BTreeMap<NetworkId, Layout>;

/// What each host may have at this instant. A host that is not known may hold anything.
#[derive(Debug, Default)]
pub struct Ledger {
    networks: BTreeMap<NetworkId, Holdings>,
    /// The known hosts, and in which networks they have ports.
    known: BTreeMap<HostId, BTreeSet<NetworkId>>,
}

/// What the hosts of one network may have: one of these layouts each.
type Holdings = BTreeMap<HostId, Vec<Layout>>;

/// A tunnel that a host shall have, by how much it is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Want {
    /// As the next, and it leads toward the root: what comes and goes by it would wait for a bond to find another way.
    Lead,
    /// It is there, and works or may: frames come over it, or its peer answers us.
    Keep,
    /// It is new, and its peer answers.
    Link,
    /// It is there and nothing comes over it, and its peer does not answer. Given up where it is in the way of a link.
    Spare,
    /// It is new, and its peer does not answer.
    Prepare,
}

impl Ledger {
    /// What a host may have, in place of what was known of it: what it shows, and what it was sent, where these differ.
    /// Says for which networks that makes a difference.
    pub fn learn(&mut self, host: HostId, shown: &Layouts, sent: &Layouts) -> Scope {
        let mut layouts: BTreeMap<NetworkId, Vec<Layout>> = BTreeMap::new();
        for (network, layout) in shown.iter().chain(sent) {
            let known = layouts.entry(*network).or_default();
            if !known.contains(layout) {
                known.push(layout.clone());
            }
        }
        layouts.retain(|_, layouts| layouts.iter().any(|layout| !layout.is_empty()));
        let before = self.known.insert(host, layouts.keys().copied().collect());
        let gone = before.iter().flatten().filter(|network| !layouts.contains_key(network));
        let mut changed: BTreeSet<NetworkId> = gone.copied().collect();
        for network in &changed {
            self.remove(*network, host);
        }
        for (network, layouts) in layouts {
            let holdings = self.networks.entry(network).or_default();
            if holdings.get(&host) != Some(&layouts) {
                holdings.insert(host, layouts);
                changed.insert(network);
            }
        }
        // Where nothing was known anything may be otherwise than it seemed.
        if before.is_some() { Scope::Networks(changed) } else { Scope::All }
    }

    /// Adds to what a known host may have.
    pub fn add(&mut self, host: HostId, sent: &Layouts) {
        let networks = self.known.entry(host).or_default();
        for (network, layout) in sent.iter().filter(|(_, layout)| !layout.is_empty()) {
            networks.insert(*network);
            let layouts = self.networks.entry(*network).or_default().entry(host).or_default();
            if !layouts.contains(layout) {
                layouts.push(layout.clone());
            }
        }
    }

    /// The host may hold anything. Says for which networks that makes a difference.
    pub fn forget(&mut self, host: HostId) -> Scope {
        let Some(networks) = self.known.remove(&host) else { return Scope::none() };
        for network in networks {
            self.remove(network, host);
        }
        Scope::All
    }

    fn remove(&mut self, network: NetworkId, host: HostId) {
        if let Some(holdings) = self.networks.get_mut(&network) {
            holdings.remove(&host);
            if holdings.is_empty() {
                self.networks.remove(&network);
            }
        }
    }

    pub fn is_known(&self, host: HostId) -> bool {
        self.known.contains_key(&host)
    }

    /// The hosts that are known to have a tunnel of the network, or may.
    pub fn holders(&self, network: NetworkId) -> impl Iterator<Item = HostId> {
        self.networks.get(&network).into_iter().flatten().map(|(host, _)| *host)
    }

    /// What a known host may have in a network.
    fn layouts(&self, network: NetworkId, host: HostId) -> &[Layout] {
        self.networks.get(&network).and_then(|holdings| holdings.get(&host)).map_or(&[], Vec::as_slice)
    }

    pub fn may_have(&self, network: NetworkId, host: HostId, peer: HostId) -> bool {
        let layouts = self.layouts(network, host);
        if layouts.is_empty() {
            !self.is_known(host)
        } else {
            layouts.iter().any(|layout| layout.contains(peer))
        }
    }

    /// Of the peers that `host` wants tunnels to, those that it must not have yet. `wanted` is by preference.
    ///
    /// Tunnels to hosts of which nothing is known come last, when all others are linked at both ends: such a host may be
    /// joined to any other.
    pub fn withheld(
        &self,
        network: NetworkId,
        host: HostId,
        wanted: &Layout,
        wants: &BTreeMap<HostId, Want>,
    ) -> BTreeSet<HostId> {
        // A port whose other end is not there is no link; that end is decided on later, with this port in view.
        let mut live: Vec<(Want, HostId)> = wants
            .iter()
            .filter(|(peer, _)| self.may_have(network, **peer, host))
            .map(|(peer, want)| (*want, *peer))
            .collect();
        live.sort_unstable();
        let peers: BTreeSet<HostId> = live.iter().map(|(_, peer)| *peer).collect();
        let decision = Decision { shown: self.layouts(network, host), wanted };
        if !decision.sets_any_apart(&peers) {
            return BTreeSet::new();
        }
        let are_linked = wants.iter().all(|(peer, want)| match want {
            Want::Lead | Want::Keep | Want::Link => {
                !self.is_known(*peer) || self.may_have(network, *peer, host)
            }
            Want::Spare | Want::Prepare => true,
        });
        // Nothing that is there is taken away but to make room for a link that works.
        let makes_room = live.iter().any(|(want, _)| *want == Want::Link);
        let ways = Ways { ledger: self, network, host, live: &peers };
        let may_close_any = ways.come_back_elsewhere(wanted);
        let mut granted: Vec<HostId> = Vec::new();
        let mut withheld = BTreeSet::new();
        for (want, peer) in live {
            let back = if may_close_any { ways.back_from(peer) } else { BTreeSet::new() };
            let closes = |is_asked: &dyn Fn(HostId, HostId) -> bool| {
                granted.iter().any(|other| is_asked(peer, *other) && back.contains(other))
            };
            let may_close_ring = closes(&|one, other| decision.sets_apart(one, other));
            let is_granted = !may_close_ring
                && match want {
                    Want::Lead | Want::Keep => true,
                    Want::Spare => !(makes_room && closes(&|one, other| wanted.separates(one, other))),
                    Want::Link | Want::Prepare => are_linked || self.is_known(peer),
                };
            if is_granted {
                granted.push(peer);
            } else {
                withheld.insert(peer);
            }
        }
        withheld
    }
}

/// What a host has, and what it shall have.
struct Decision<'a> {
    /// More than one while an answer is awaited.
    shown: &'a [Layout],
    wanted: &'a Layout,
}

impl Decision<'_> {
    /// Whether frames may pass between these tunnels then, and may not now.
    fn sets_apart(&self, one: HostId, other: HostId) -> bool {
        let are_apart = !self.shown.is_empty() && self.shown.iter().all(|shown| shown.separates(one, other));
        self.wanted.separates(one, other) && !are_apart
    }

    /// Whether there are two such tunnels: one is new beside another port, or a port is parted.
    fn sets_any_apart(&self, peers: &BTreeSet<HostId>) -> bool {
        let ports: BTreeSet<HostId> = peers.iter().filter_map(|peer| self.wanted.port_of(*peer)).collect();
        if ports.len() < 2 {
            return false;
        }
        let [shown] = self.shown else { return true };
        let mut parts: BTreeMap<HostId, HostId> = BTreeMap::new();
        peers.iter().any(|peer| match (shown.port_of(*peer), self.wanted.port_of(*peer)) {
            (None, _) | (_, None) => true,
            (Some(shown), Some(wanted)) => *parts.entry(shown).or_insert(wanted) != wanted,
        })
    }
}

#[cfg(test)]
mod tests;
