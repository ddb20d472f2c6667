//! Keeps a network loop-free while its hosts are reprogrammed one by one, in whatever order they answer.
//!
//! A tunnel carries frames only if both ends have its port. While a change is under way, hosts hold ports of different
//! ages: an old center that cannot be reached still holds all of its ports, a host whose answer is awaited may hold the
//! old ones or the new, and one that this leader has not claimed yet may be given anything by the leader before. All that
//! a host may hold stands in the [`Ledger`]. A new port is granted only if no ring of *possible* links goes through it.
//!
//! Why this suffices: suppose a ring of live links. Each of its hosts was given the ports that it has in the ring at some
//! moment, by one decision about that host; look at the last of these decisions. A decision is atomic on its host, and
//! what it leaves in place it does not grant, so it granted one of the two ports of the ring there, and kept or granted
//! the other. At that moment every other port of the ring stood in the ledger: held, under way, or at a host of which
//! nothing is known. So both neighbours were joined by possible links, the grant would have closed a ring, and was
//! withheld. Decisions of a deposed leader are no exception: it can write only to hosts that the new one has not
//! claimed, and these count as holding anything; what it decided before is older. (A host that is emptied loses its fence
//! with its ports; a leader claims one that has none only after the log has said that it still leads.)
//!
//! This rests on what the ledger is told: that a port is gone only once the host is seen without it, behind a fence that
//! shuts out whatever is still under way.

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{HostId, NetworkId};

use crate::scope::Scope;

/// Peers by network.
pub type Ports = BTreeMap<NetworkId, BTreeSet<HostId>>;

/// The ports that each host may have at this instant. A host that is not in it may hold anything.
#[derive(Debug, Default)]
pub struct Ledger {
    hosts: BTreeMap<HostId, Ports>,
    /// Who is in it with a port of the network.
    holders: BTreeMap<NetworkId, BTreeSet<HostId>>,
}

/// A port that a host shall have, by how much it is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Want {
    /// It is there, and works or may: frames come over it, or its peer answers us. Never taken back.
    Keep,
    /// It is new, and its peer answers.
    Link,
    /// It is there and nothing comes over it, and its peer does not answer. Given up where it is in the way of a link.
    Spare,
    /// It is new, and its peer does not answer.
    Prepare,
}

impl Ledger {
    /// What a host may have, in place of what was known of it. Says for which networks that makes a difference.
    pub fn learn(&mut self, host: HostId, ports: Ports) -> Scope {
        let Some(before) = self.hosts.remove(&host) else {
            self.add(host, &ports);
            self.hosts.entry(host).or_default();
            return Scope::All;
        };
        let networks: BTreeSet<NetworkId> = before.keys().chain(ports.keys()).copied().collect();
        let changed =
            networks.into_iter().filter(|network| before.get(network) != ports.get(network)).collect();
        self.remove_holder(host, &before);
        self.add(host, &ports);
        self.hosts.entry(host).or_default();
        Scope::Networks(changed)
    }

    /// Adds to what a known host may have.
    pub fn add(&mut self, host: HostId, ports: &Ports) {
        let held = self.hosts.entry(host).or_default();
        for (network, peers) in ports.iter().filter(|(_, peers)| !peers.is_empty()) {
            held.entry(*network).or_default().extend(peers);
            self.holders.entry(*network).or_default().insert(host);
        }
    }

    /// The host may hold anything. Says for which networks that makes a difference.
    pub fn forget(&mut self, host: HostId) -> Scope {
        match self.hosts.remove(&host) {
            Some(ports) => {
                self.remove_holder(host, &ports);
                Scope::All
            }
            None => Scope::none(),
        }
    }

    fn remove_holder(&mut self, host: HostId, ports: &Ports) {
        for network in ports.keys() {
            if let Some(holders) = self.holders.get_mut(network) {
                holders.remove(&host);
            }
        }
    }

    pub fn is_known(&self, host: HostId) -> bool {
        self.hosts.contains_key(&host)
    }

    /// The hosts that are known to have a port of the network, or may, with the peers.
    pub fn holders(&self, network: NetworkId) -> impl Iterator<Item = (HostId, &BTreeSet<HostId>)> {
        let holders = self.holders.get(&network).into_iter().flatten();
        holders.filter_map(move |host| Some((*host, self.hosts.get(host)?.get(&network)?)))
    }

    pub fn may_have(&self, network: NetworkId, host: HostId, peer: HostId) -> bool {
        match self.hosts.get(&host) {
            Some(ports) => ports.get(&network).is_some_and(|peers| peers.contains(&peer)),
            None => true,
        }
    }

    /// Of the peers that `host` wants ports to, those that it must not have yet.
    ///
    /// What is kept stays whatever is known: leaving a port is no decision. Ports to hosts of which nothing is known come
    /// last, when all others are linked at both ends: such a host may be joined to any other.
    pub fn withheld(
        &self,
        network: NetworkId,
        host: HostId,
        wants: &BTreeMap<HostId, Want>,
    ) -> BTreeSet<HostId> {
        // A port whose other end is not there is no link; that end is decided on later, with this port in view.
        let mut live: Vec<(Want, HostId)> = wants
            .iter()
            .filter(|(peer, _)| self.may_have(network, **peer, host))
            .map(|(peer, want)| (*want, *peer))
            .collect();
        live.sort_unstable();
        let are_linked = wants.iter().all(|(peer, want)| match want {
            Want::Keep | Want::Link => !self.is_known(*peer) || self.may_have(network, *peer, host),
            Want::Spare | Want::Prepare => true,
        });
        // Nothing that is there is taken away but to make room for a link that works.
        let makes_room = live.iter().any(|(want, _)| *want == Want::Link);
        // One link closes no ring.
        let mut joined =
            if live.len() > 1 { self.joined_without(network, host) } else { Components::default() };
        let mut reached = BTreeSet::new();
        let mut withheld = BTreeSet::new();
        for (want, peer) in live {
            let component = joined.find(self.node(peer));
            let may_close_ring = reached.contains(&component);
            let is_granted = match want {
                Want::Keep => true,
                Want::Spare => !(makes_room && may_close_ring),
                Want::Link | Want::Prepare => !may_close_ring && (are_linked || self.is_known(peer)),
            };
            if is_granted {
                reached.insert(component);
            } else {
                withheld.insert(peer);
            }
        }
        withheld
    }

    /// Which hosts are joined by possible links that do not touch `host`.
    fn joined_without(&self, network: NetworkId, host: HostId) -> Components {
        let mut components = Components::default();
        for (one, peers) in self.holders(network).filter(|(one, _)| *one != host) {
            for other in peers.iter().filter(|other| **other != host) {
                if self.may_have(network, *other, one) {
                    components.join(self.node(one), self.node(*other));
                }
            }
        }
        components
    }

    /// All hosts of which nothing is known are one: any two may be linked.
    fn node(&self, host: HostId) -> Node {
        if self.is_known(host) { Node::Known(host) } else { Node::Unknown }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    Known(HostId),
    Unknown,
}

/// Which nodes are joined (union-find).
#[derive(Default)]
struct Components {
    parents: BTreeMap<Node, Node>,
}

impl Components {
    fn find(&mut self, node: Node) -> Node {
        let mut root = node;
        while let Some(parent) = self.parents.get(&root) {
            root = *parent;
        }
        if root != node {
            self.parents.insert(node, root);
        }
        root
    }

    fn join(&mut self, one: Node, other: Node) {
        let (one, other) = (self.find(one), self.find(other));
        if one != other {
            self.parents.insert(one, other);
        }
    }
}

#[cfg(test)]
mod tests;
