//! Whose target may differ between two states, and in which networks.

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{HostId, NetworkId, NetworkState};

use crate::{budget::Budget, links::Fabric, members::Members, scope::Scope};

/// Never too few; a host that changed itself, or whose BFD speaks more or less often, is looked at as a whole.
pub(super) fn affected(
    (before, budget_before): (&NetworkState, &Budget),
    (after, budget_after): (&NetworkState, &Budget),
) -> BTreeMap<HostId, Scope> {
    let (before, after) = (Members::of(before), Members::of(after));
    let mut found = Affected::default();
    let ids =
        |members: &Members<'_>| members.state().networks().keys().copied().collect::<BTreeSet<NetworkId>>();
    for network in ids(&before).union(&ids(&after)) {
        found.compare_network(*network, &before, &after);
    }
    found.compare_hosts(&before, &after);
    let paced = budget_after.changed(budget_before).chain(budget_before.changed(budget_after));
    found.scopes.extend(paced.map(|host| (host, Scope::All)));
    found.scopes
}

#[derive(Default)]
struct Affected {
    scopes: BTreeMap<HostId, Scope>,
}

impl Affected {
    fn add(&mut self, host: HostId, network: NetworkId) {
        self.scopes.entry(host).or_insert_with(Scope::none).add(network);
    }

    fn compare_network(&mut self, id: NetworkId, before: &Members<'_>, after: &Members<'_>) {
        let network_of =
            |members: &Members<'_>| members.state().networks().get(&id).map(|network| network.revision);
        let topology_of =
            |members: &Members<'_>| members.state().topologies().get(&id).map(|topology| topology.revision);
        if network_of(before) != network_of(after) {
            for members in [before, after] {
                let network = members.state().networks().get(&id);
                for host in network.into_iter().flat_map(|network| members.of_network(network)) {
                    self.add(host.id, id);
                }
            }
        } else if topology_of(before) != topology_of(after) {
            let (before, after) = (ends(before, id), ends(after, id));
            let hosts: BTreeSet<HostId> = before.keys().chain(after.keys()).copied().collect();
            for host in hosts.into_iter().filter(|host| before.get(host) != after.get(host)) {
                self.add(host, id);
            }
        }
    }

    /// A host that joins, leaves or goes is the other end of its peers' tunnels.
    fn compare_hosts(&mut self, before: &Members<'_>, after: &Members<'_>) {
        let hosts: BTreeSet<HostId> =
            before.state().hosts().keys().chain(after.state().hosts().keys()).copied().collect();
        for id in hosts {
            let revision = |members: &Members<'_>| members.state().hosts().get(&id).map(|host| host.revision);
            if revision(before) == revision(after) {
                continue;
            }
            self.scopes.insert(id, Scope::All);
            for members in [before, after] {
                let Some(host) = members.get(id) else { continue };
                for network in members.state().networks().values().filter(|network| network.spans(host)) {
                    let Some(fabric) = Fabric::of(members, network) else { continue };
                    for peer in fabric.uplinks(host).into_iter().chain(fabric.downlinks(host)) {
                        self.add(peer, network.id);
                    }
                }
            }
        }
    }
}

/// What the target of a host says of one of its peers in a network.
#[derive(PartialEq, Eq)]
enum End {
    /// With its place in the order of preference, and whether the port takes what comes over any of them.
    Uplink {
        place: usize,
        is_open: bool,
    },
    Downlink {
        is_drained: bool,
    },
}

/// The peers of each host in one network.
fn ends(members: &Members<'_>, network: NetworkId) -> BTreeMap<HostId, BTreeMap<HostId, End>> {
    let mut ends: BTreeMap<HostId, BTreeMap<HostId, End>> = BTreeMap::new();
    let network = members.state().networks().get(&network);
    let Some(fabric) = network.and_then(|network| Fabric::of(members, network)) else { return ends };
    for (host, uplinks) in fabric.links() {
        let is_open = members.get(host).is_some_and(|host| fabric.is_open(host));
        for (place, uplink) in uplinks.into_iter().enumerate() {
            let is_drained = members.get(uplink).is_some_and(|above| fabric.is_drained(above, host));
            ends.entry(host).or_default().insert(uplink, End::Uplink { place, is_open });
            ends.entry(uplink).or_default().insert(host, End::Downlink { is_drained });
        }
    }
    ends
}

#[cfg(test)]
mod tests;
