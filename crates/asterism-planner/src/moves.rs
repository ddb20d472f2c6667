//! Keeps a network loop-free while its hosts are reprogrammed one by one, in whatever order they answer.
//!
//! A tunnel carries frames only if both ends have its port. While a change is under way, hosts hold ports of different
//! ages: an old center that cannot be reached still holds all of its ports, and a host whose answer is awaited may hold
//! the old ones or the new. So a port is given to a host only if no cycle of *possible* links goes through it.
//!
//! Why this suffices: suppose a cycle of live links. Of the sets of ports that take part in it, look at the one that was
//! decided on last. When it was, each of the others was held or under way, so it counted as possible, and the cycle
//! would have been seen. Hence no such set was ever given out.

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{HostId, NetworkId};

/// The ports that a host may have at this instant, by network and peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holding {
    /// Nobody looked, or the answer is old: the host may have a port to anyone.
    Unknown,
    /// What its OVSDB shows, and what was sent and not answered yet.
    Known(BTreeMap<NetworkId, BTreeSet<HostId>>),
}

impl Holding {
    fn may_have(&self, network: NetworkId, peer: HostId) -> bool {
        match self {
            Self::Unknown => true,
            Self::Known(ports) => ports.get(&network).is_some_and(|peers| peers.contains(&peer)),
        }
    }
}

/// Of the `wanted` peers, in order of preference, those that `host` must not be given a port to yet, because that port
/// might close a ring. `holdings` are those of all hosts; one that is not listed is unknown.
pub fn withheld(
    network: NetworkId,
    host: HostId,
    wanted: &[HostId],
    holdings: &BTreeMap<HostId, Holding>,
) -> BTreeSet<HostId> {
    let unknown = Holding::Unknown;
    let holding = |host: HostId| holdings.get(&host).unwrap_or(&unknown);
    // A port whose other end is not there is no link; that end is decided on later, with this port in view.
    let live: Vec<HostId> =
        wanted.iter().copied().filter(|peer| holding(*peer).may_have(network, host)).collect();
    if live.len() < 2 {
        return BTreeSet::new();
    }
    let mut components = Components::default();
    let mut vertices: BTreeSet<HostId> = live.iter().copied().collect();
    vertices.extend(holdings.keys().copied());
    vertices.remove(&host);
    for (one, its) in holdings.iter().filter(|(one, _)| **one != host) {
        match its {
            Holding::Known(ports) => {
                for other in ports.get(&network).into_iter().flatten().filter(|other| **other != host) {
                    if holding(*other).may_have(network, *one) {
                        components.join(*one, *other);
                    }
                }
            }
            // Links to hosts whose ports are known are seen from there; between two unknown hosts anything may be.
            Holding::Unknown => {
                for other in vertices.iter().filter(|other| **other != *one) {
                    if matches!(holding(*other), Holding::Unknown) {
                        components.join(*one, *other);
                    }
                }
            }
        }
    }
    let mut reached = BTreeSet::new();
    live.into_iter().filter(|peer| !reached.insert(components.find(*peer))).collect()
}

/// Which hosts are joined by possible links (union-find).
#[derive(Default)]
struct Components {
    parents: BTreeMap<HostId, HostId>,
}

impl Components {
    fn find(&mut self, host: HostId) -> HostId {
        let mut root = host;
        while let Some(parent) = self.parents.get(&root) {
            root = *parent;
        }
        if root != host {
            self.parents.insert(host, root);
        }
        root
    }

    fn join(&mut self, one: HostId, other: HostId) {
        let (one, other) = (self.find(one), self.find(other));
        if one != other {
            self.parents.insert(one, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: NetworkId = NetworkId(1);

    fn h(number: u32) -> HostId {
        HostId(number)
    }

    fn known(peers: &[u32]) -> Holding {
        Holding::Known(BTreeMap::from([(N, peers.iter().copied().map(HostId).collect())]))
    }

    /// Hosts 1, 2, 3 were star-centers one after the other; 1 can't be reached since it was.
    #[test]
    fn a_third_center_is_not_tunnelled_to_two_hosts_that_may_be_linked() {
        let holdings = BTreeMap::from([(h(1), known(&[2, 3])), (h(2), known(&[1, 3])), (h(3), known(&[2]))]);
        assert_eq!(withheld(N, h(3), &[h(2), h(1)], &holdings), BTreeSet::from([h(1)]));
    }

    #[test]
    fn a_host_of_which_nothing_is_known_counts_as_linked_to_all_who_point_to_it() {
        let holdings = BTreeMap::from([(h(2), known(&[1, 3])), (h(3), known(&[2]))]);
        assert_eq!(withheld(N, h(3), &[h(2), h(1)], &holdings), BTreeSet::from([h(1)]));
    }

    #[test]
    fn a_center_that_moves_takes_its_leaves_over_at_once() {
        // 2 takes over from 1; 3 still points to 1 and is told later.
        let holdings = BTreeMap::from([(h(1), known(&[2, 3])), (h(2), known(&[1])), (h(3), known(&[1]))]);
        assert_eq!(withheld(N, h(2), &[h(1), h(3)], &holdings), BTreeSet::new());
        assert_eq!(withheld(N, h(3), &[h(2)], &holdings), BTreeSet::new());
    }

    #[test]
    fn a_leaf_whose_answer_is_awaited_may_have_either_uplink() {
        let holdings = BTreeMap::from([(h(1), known(&[2, 3])), (h(2), known(&[1])), (h(3), known(&[1, 2]))]);
        assert_eq!(withheld(N, h(2), &[h(1), h(3)], &holdings), BTreeSet::from([h(3)]));
    }
}
