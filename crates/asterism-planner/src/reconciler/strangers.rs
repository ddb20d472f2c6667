//! Hosts that the state does not know any more, and who has their place.
//!
//! A host that was removed and is added again has another id and the same addresses. A host that could not be reached
//! meanwhile still has its tunnel to the old one, under the old id; it leads to the new one, whose end it matches. What
//! guards against rings must take it for that.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use asterism_model::{Host, HostId, NetworkState, ObservedHost, target::tunnel_peer};

use crate::moves::{Layout, Layouts};

/// Where forgotten hosts were, as far as this leader has seen.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    addresses: BTreeMap<HostId, BTreeSet<IpAddr>>,
}

impl Strangers {
    /// The state forgets a host.
    pub fn leaves(&mut self, host: &Host) {
        let addresses = host.transports.values().map(|transport| transport.address);
        self.addresses.entry(host.id).or_default().extend(addresses);
    }

    /// A picture may show tunnels to hosts that were forgotten before this leader began.
    pub fn look(&mut self, picture: &ObservedHost, state: &NetworkState) {
        for port in picture.bridges.values().flat_map(|bridge| bridge.ports.values()) {
            let Some(network) = port.network else { continue };
            for interface in port.interfaces.values() {
                let peer = tunnel_peer(network, &interface.name);
                let Some(peer) = peer.filter(|peer| !state.hosts().contains_key(peer)) else { continue };
                let address = interface.options.get("remote_ip").and_then(|text| text.parse::<IpAddr>().ok());
                self.addresses.entry(peer).or_default().extend(address);
            }
        }
    }

    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// The same layouts with the ids that the state has for whoever is at the other ends.
    pub fn rename<'a>(&self, layouts: &'a Layouts, state: &NetworkState) -> Cow<'a, Layouts> {
        let successors: BTreeMap<HostId, HostId> = self
            .addresses
            .iter()
            .filter(|(stranger, _)| layouts.values().any(|layout| layout.contains(**stranger)))
            .filter_map(|(stranger, addresses)| Some((*stranger, successor(*stranger, addresses, state)?)))
            .collect();
        if successors.is_empty() {
            return Cow::Borrowed(layouts);
        }
        let rename = |peer: HostId| successors.get(&peer).copied().unwrap_or(peer);
        let renamed = layouts.iter().map(|(network, layout)| {
            let mut ports: BTreeMap<HostId, Vec<HostId>> = BTreeMap::new();
            for (peer, port) in layout.entries() {
                ports.entry(port).or_default().push(rename(peer));
            }
            (*network, ports.into_values().collect::<Layout>())
        });
        Cow::Owned(renamed.collect())
    }
}

/// Whoever answers at one of these addresses, unless the host itself is there.
fn successor(stranger: HostId, addresses: &BTreeSet<IpAddr>, state: &NetworkState) -> Option<HostId> {
    if state.hosts().contains_key(&stranger) {
        return None;
    }
    let is_there =
        |host: &&Host| host.transports.values().any(|transport| addresses.contains(&transport.address));
    state.hosts().values().find(is_there).map(|host| host.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::support::World;

    /// Found by the simulation: a center that lost power keeps its tunnels, one of them to a host that is removed and added
    /// again meanwhile. When it is back, that tunnel must find no other end, or it closes a ring.
    #[test]
    fn a_host_that_is_added_again_gets_no_tunnel_that_closes_a_ring_through_a_dead_one() {
        let mut world = World::of(
            "pool p1
             host p1/a 10.0.0.1
             host p1/b 10.0.0.2
             host p1/c 10.0.0.3
             network n p1 resilience=dual",
        );
        world.elect();
        world.settle();
        let network = *world.state().networks().keys().next().unwrap();
        let (dead, center, old) = (HostId(1), HostId(2), HostId(3));
        assert_eq!(world.hosts[&dead].peers(network), [center, old].into());
        world.set_alive(dead, false);
        world.settle();
        world.operate("remove p1/c");
        world.settle();
        assert!(!world.state().hosts().contains_key(&old));
        world.operate("host p1/c 10.0.0.3");
        world.settle();
        let new = HostId(4);
        assert_eq!(world.hosts[&new].peers(network), [center].into(), "{}", world.describe());
        world.set_alive(dead, true);
        world.settle();
        world.check_healed();
        assert!(world.hosts[&dead].peers(network).contains(&new), "{}", world.describe());
    }
}
