//! What a picture says that the reconciler asks for: tunnels, the state of the ways, and which networks changed.

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{
    BfdState, BridgeOwner, HostId, NetworkId, ObservedBridge, ObservedHost, ObservedPort,
    target::{bridge_name, tunnel_peer},
};

use crate::{Path, Tick, moves::Layouts, scope::Scope};

/// The tunnels of ours that a picture shows, by ports.
pub(super) fn held(picture: &ObservedHost) -> Layouts {
    let mut layouts = Layouts::new();
    for port in picture.bridges.values().flat_map(|bridge| bridge.ports.values()) {
        let Some(network) = port.network else { continue };
        let names = port.interfaces.values().map(|interface| &interface.name);
        layouts.entry(network).or_default().add_port(names.filter_map(|name| tunnel_peer(network, name)));
    }
    layouts
}

/// The ways to a host's peers, given those of the picture before. `None` before: this leader's first look.
pub(super) fn paths(
    picture: &ObservedHost,
    before: Option<&BTreeMap<HostId, Path>>,
    now: Tick,
) -> BTreeMap<HostId, Path> {
    let mut best: BTreeMap<HostId, BfdState> = BTreeMap::new();
    for (_, peer, state) in tunnels(picture) {
        best.entry(peer).and_modify(|known| *known = (*known).max(state)).or_insert(state);
    }
    best.into_iter()
        .map(|(peer, state)| {
            let known = before.map(|before| before.get(&peer));
            let path = match (state, known) {
                (BfdState::Up | BfdState::Drained, Some(Some(Path::Up { since }))) => {
                    Path::Up { since: *since }
                }
                // A peer that leads traffic away from itself lives.
                (BfdState::Up | BfdState::Drained, _) => Path::Up { since: now },
                (BfdState::Down | BfdState::Unknown, Some(Some(Path::Down { since }))) => {
                    Path::Down { since: *since }
                }
                // A switch that starts forgets what it said.
                (BfdState::Down | BfdState::Unknown, Some(Some(Path::Up { .. }))) => {
                    Path::Down { since: now }
                }
                (BfdState::Down | BfdState::Unknown, Some(Some(Path::Pending { since }))) => {
                    Path::Pending { since: *since }
                }
                // A tunnel that was there before we looked was made by a leader before us, and worked.
                (BfdState::Down, None) => Path::Down { since: now },
                (BfdState::Unknown, None) | (BfdState::Down | BfdState::Unknown, Some(None)) => {
                    Path::Pending { since: now }
                }
            };
            (peer, path)
        })
        .collect()
}

/// The tunnels whose BFD has never been up at this end, and since when they have been seen.
pub(super) fn coming(
    picture: &ObservedHost,
    before: &BTreeMap<(NetworkId, HostId), Tick>,
    now: Tick,
) -> BTreeMap<(NetworkId, HostId), Tick> {
    let never_up = tunnels(picture).filter(|(_, _, state)| *state == BfdState::Unknown);
    never_up
        .map(|(network, peer, _)| {
            let tunnel = (network, peer);
            (tunnel, before.get(&tunnel).copied().unwrap_or(now))
        })
        .collect()
}

fn tunnels(picture: &ObservedHost) -> impl Iterator<Item = (NetworkId, HostId, BfdState)> + '_ {
    let ports = picture.bridges.values().flat_map(|bridge| bridge.ports.values());
    ports.flat_map(|port| {
        port.interfaces.values().filter_map(|interface| {
            let network = port.network?;
            Some((network, tunnel_peer(network, &interface.name)?, interface.bfd_state))
        })
    })
}

/// The networks whose rows differ in what a comparison reads: BFD's states and the switch's errors make pictures too.
pub(super) fn changed(before: &ObservedHost, after: &ObservedHost) -> Scope {
    // VMs come and go; only a name that may be in our way matters.
    let mut names = before.foreign_names.symmetric_difference(&after.foreign_names);
    if names.any(|name| is_spelt_like_ours(name)) {
        return Scope::All;
    }
    // Any of them may be that of an adopted network.
    if before.pool_bridges != after.pool_bridges {
        return Scope::All;
    }
    let gone = before.bridges.iter().filter(|(uuid, _)| !after.bridges.contains_key(uuid));
    let mut changed: Vec<&ObservedBridge> = gone.map(|(_, bridge)| bridge).collect();
    for (uuid, bridge) in &after.bridges {
        let earlier = before.bridges.get(uuid);
        if earlier.is_none_or(|earlier| !same_bridge(earlier, bridge)) {
            changed.extend(earlier.into_iter().chain([bridge]));
        }
    }
    // What is under another network's name, or under none, may be in the way of others.
    let its_own = |bridge: &&ObservedBridge| {
        let is_adopted = bridge.owner == BridgeOwner::Adopted;
        bridge.network.filter(|network| is_adopted || bridge.name == bridge_name(*network))
    };
    match changed.iter().map(its_own).collect::<Option<BTreeSet<NetworkId>>>() {
        Some(networks) => Scope::Networks(networks),
        None => Scope::All,
    }
}

/// See [`asterism_model::target::bridge_name`] and [`asterism_model::target::tunnel_name`] and [`asterism_model::target::uplink_name`].
fn is_spelt_like_ours(name: &str) -> bool {
    name.starts_with("ast") || name.starts_with("at") || name.starts_with("au")
}

fn same_bridge(one: &ObservedBridge, other: &ObservedBridge) -> bool {
    let ObservedBridge {
        name,
        network,
        owner,
        datapath_type,
        own_interface,
        ports,
        plugin_ports,
        foreign_ports,
    } = one;
    *name == other.name
        && *network == other.network
        && *owner == other.owner
        && *datapath_type == other.datapath_type
        && *own_interface == other.own_interface
        && *plugin_ports == other.plugin_ports
        && *foreign_ports == other.foreign_ports
        && ports.len() == other.ports.len()
        && ports.iter().zip(&other.ports).all(|(one, other)| one.0 == other.0 && same_port(one.1, other.1))
}

fn same_port(one: &ObservedPort, other: &ObservedPort) -> bool {
    one.name == other.name
        && one.network == other.network
        && one.is_protected == other.is_protected
        && one.mode == other.mode
        && one.interfaces.len() == other.interfaces.len()
        && one.interfaces.iter().zip(&other.interfaces).all(|((uuid, one), (other_uuid, other))| {
            uuid == other_uuid
                && one.name == other.name
                && one.kind == other.kind
                && one.options == other.options
                && one.bfd == other.bfd
        })
}

#[cfg(test)]
mod tests;
