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

/// The ports that each host may have at this instant. A host that is not known may hold anything.
#[derive(Debug, Default)]
pub struct Ledger {
    networks: BTreeMap<NetworkId, Holdings>,
    /// The known hosts, and in which networks they have ports.
    known: BTreeMap<HostId, BTreeSet<NetworkId>>,
}

/// The ports of one network, by the host that has them.
type Holdings = BTreeMap<HostId, BTreeSet<HostId>>;

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
    pub fn learn(&mut self, host: HostId, mut ports: Ports) -> Scope {
        ports.retain(|_, peers| !peers.is_empty());
        let before = self.known.insert(host, ports.keys().copied().collect());
        let gone = before.iter().flatten().filter(|network| !ports.contains_key(network));
        let mut changed: BTreeSet<NetworkId> = gone.copied().collect();
        for network in &changed {
            self.remove(*network, host);
        }
        for (network, peers) in ports {
            let holdings = self.networks.entry(network).or_default();
            if holdings.get(&host) != Some(&peers) {
                holdings.insert(host, peers);
                changed.insert(network);
            }
        }
        // Where nothing was known anything may be otherwise than it seemed.
        if before.is_some() { Scope::Networks(changed) } else { Scope::All }
    }

    /// Adds to what a known host may have.
    pub fn add(&mut self, host: HostId, ports: &Ports) {
        let networks = self.known.entry(host).or_default();
        for (network, peers) in ports.iter().filter(|(_, peers)| !peers.is_empty()) {
            networks.insert(*network);
            self.networks.entry(*network).or_default().entry(host).or_default().extend(peers);
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

    /// The hosts that are known to have a port of the network, or may, with the peers.
    pub fn holders(&self, network: NetworkId) -> impl Iterator<Item = (HostId, &BTreeSet<HostId>)> {
        self.networks.get(&network).into_iter().flatten().map(|(host, peers)| (*host, peers))
    }

    pub fn may_have(&self, network: NetworkId, host: HostId, peer: HostId) -> bool {
        match self.networks.get(&network).and_then(|holdings| holdings.get(&host)) {
            Some(peers) => peers.contains(&peer),
            None => !self.is_known(host),
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
        // Nothing that is there is taken away but to make room for what is new.
        if wants.values().all(|want| matches!(want, Want::Keep | Want::Spare)) {
            return BTreeSet::new();
        }
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
        let Some(holdings) = self.networks.get(&network) else { return components };
        for (one, peers) in holdings.iter().filter(|(one, _)| **one != host) {
            for other in peers.iter().filter(|other| **other != host) {
                let (has, is_known) = match holdings.get(other) {
                    Some(theirs) => (theirs.contains(one), true),
                    None => (false, self.is_known(*other)),
                };
                // A link between two known hosts is met at both.
                if has && one < other {
                    components.join(Node::Known(*one), Node::Known(*other));
                } else if !is_known {
                    components.join(Node::Known(*one), Node::Unknown);
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
