//! From choices to what one host shall have.

use std::collections::BTreeMap;

use asterism_model::{
    Bfd, Host, HostId, HostTarget, NetworkId, NetworkState, PortRole, PrivateNetwork, TargetBridge,
    TargetPort, Topology, Transport, Tunnel,
    target::{bridge_name, tunnel_name},
};

use crate::links::Fabric;

/// BFD's interval on every tunnel. Three of them lost make a peer down: 300 ms, with ten packets a second and tunnel.
const BFD_INTERVAL_MS: u32 = 100;

/// All that Asterism wants on a host. A function of the state alone: two versions of the program, or two replicas, derive
/// the same. A leaving or forgotten host shall have nothing.
pub fn target(state: &NetworkState, host: HostId) -> HostTarget {
    let bridges = match state.hosts().get(&host).filter(|host| host.is_member()) {
        Some(host) => bridges(state, host),
        None => BTreeMap::new(),
    };
    HostTarget { host, revision: state.revision(), bridges }
}

fn bridges(state: &NetworkState, host: &Host) -> BTreeMap<NetworkId, TargetBridge> {
    state
        .networks()
        .values()
        .filter(|network| network.pools.contains_key(&host.pool))
        .map(|network| (network.id, bridge(state, host, network)))
        .collect()
}

/// The bridge is there from the beginning, so that VMs find it; its tunnels come with the first election.
fn bridge(state: &NetworkState, host: &Host, network: &PrivateNetwork) -> TargetBridge {
    let ports =
        Fabric::of(state, network).map(|fabric| ports(state, host, network, &fabric)).unwrap_or_default();
    TargetBridge {
        name: bridge_name(network.id),
        network: network.id,
        datapath: host.datapath,
        mtu: network.mtu,
        ports: ports.into_iter().map(|port| (port.name.clone(), port)).collect(),
    }
}

fn ports(
    state: &NetworkState,
    host: &Host,
    network: &PrivateNetwork,
    fabric: &Fabric<'_>,
) -> Vec<TargetPort> {
    let end = |peer: HostId| tunnel(state, host, network, fabric.topology(), peer);
    let uplinks = fabric.uplinks(host).into_iter().filter_map(end).map(|tunnel| (PortRole::Uplink, tunnel));
    let downlinks =
        fabric.downlinks(host).into_iter().filter_map(end).map(|tunnel| (PortRole::Downlink, tunnel));
    uplinks
        .chain(downlinks)
        .map(|(role, tunnel)| TargetPort { name: tunnel.name.clone(), role, tunnels: vec![tunnel] })
        .collect()
}

fn tunnel(
    state: &NetworkState,
    host: &Host,
    network: &PrivateNetwork,
    topology: &Topology,
    peer: HostId,
) -> Option<Tunnel> {
    let peer = state.hosts().get(&peer)?;
    Some(Tunnel {
        name: tunnel_name(network.id, peer.id),
        peer: peer.id,
        encapsulation: network.encapsulation,
        local_ip: transport(host, network)?.address,
        remote_ip: transport(peer, network)?.address,
        key: topology.vni,
        bfd: Bfd { interval_ms: BFD_INTERVAL_MS },
    })
}

fn transport<'a>(host: &'a Host, network: &PrivateNetwork) -> Option<&'a Transport> {
    host.transports.get(&network.pools.get(&host.pool)?.transport)
}
