//! From choices to what one host shall have.

use std::{cell::OnceCell, collections::BTreeMap, sync::Arc};

use asterism_model::{
    Bfd, BridgeAdoption, BridgeOwner, Host, HostId, HostTarget, NetworkId, NetworkState, PortRole,
    PrivateNetwork, TargetBridge, TargetPort, Topology, Tunnel,
    target::{bridge_name, tunnel_name, uplink_name},
};

use crate::{budget::Budget, links::Fabric, members::Members};

/// All that Asterism wants on a host. A function of the state alone: two versions of the program, or two replicas, derive
/// the same. A leaving or forgotten host shall have nothing.
pub fn target(state: &NetworkState, host: HostId) -> HostTarget {
    Targets::of(state).host(host)
}

/// Derives the targets of many hosts of one state.
pub struct Targets<'a> {
    members: Members<'a>,
    /// Counted when it is first asked for.
    budget: OnceCell<Arc<Budget>>,
}

impl<'a> Targets<'a> {
    pub fn of(state: &'a NetworkState) -> Self {
        Self { members: Members::of(state), budget: OnceCell::new() }
    }

    /// The same, with the state's budget counted beforehand.
    pub fn with(state: &'a NetworkState, budget: Arc<Budget>) -> Self {
        Self { members: Members::of(state), budget: OnceCell::from(budget) }
    }

    /// What BFD costs the hosts.
    pub fn budget(&self) -> &Budget {
        self.budget.get_or_init(|| Arc::new(Budget::of(&self.members)))
    }

    pub fn members(&self) -> &Members<'a> {
        &self.members
    }

    /// See [`target`].
    pub fn host(&self, host: HostId) -> HostTarget {
        self.part(host, self.members.state().networks().values())
    }

    /// The part of a host's target that is about these networks.
    pub fn part<'b>(&self, host: HostId, networks: impl Iterator<Item = &'b PrivateNetwork>) -> HostTarget
    where
        'a: 'b,
    {
        let bridges = match self.members.get(host) {
            Some(host) => networks
                .filter(|network| network.spans(host))
                .map(|network| (network.id, self.bridge(host, network)))
                .collect(),
            None => BTreeMap::new(),
        };
        HostTarget { host, revision: self.members.state().revision(), bridges }
    }

    /// The bridge is there from the beginning, so that VMs find it; its tunnels come with the first election.
    fn bridge(&self, host: &Host, network: &PrivateNetwork) -> TargetBridge {
        let fabric = Fabric::of(&self.members, network);
        let ports = fabric.map(|fabric| self.ports(host, network, &fabric)).unwrap_or_default();
        let adopted = network.pools.get(&host.pool).and_then(|attachment| attachment.adopted.as_ref());
        let adopted = adopted.zip(network.adoption);
        let owner = match (adopted, &host.xapi) {
            (Some(_), _) => BridgeOwner::Adopted,
            (None, Some(_)) => BridgeOwner::Pool,
            (None, None) => BridgeOwner::Ours,
        };
        let adoption = adopted.map(|(its_own, adoption)| BridgeAdoption {
            uuid: its_own.uuid,
            plugin: adoption.plugin,
            is_releasing: adoption.is_releasing,
            tunnels: ports.iter().flat_map(|port| port.tunnels.iter().cloned()).collect(),
        });
        TargetBridge {
            name: adopted.map_or_else(|| bridge_name(network.id), |(its_own, _)| its_own.bridge.clone()),
            network: network.id,
            owner,
            adoption,
            datapath: host.datapath,
            mtu: network.mtu,
            ports: ports.into_iter().map(|port| (port.name.clone(), port)).collect(),
        }
    }

    fn ports(&self, host: &Host, network: &PrivateNetwork, fabric: &Fabric<'_>) -> Vec<TargetPort> {
        let end = |peer: HostId, is_drained| self.tunnel(host, network, fabric.topology(), peer, is_drained);
        let uplinks: Vec<Tunnel> =
            fabric.uplinks(host).into_iter().filter_map(|peer| end(peer, false)).collect();
        let uplink_port = (!uplinks.is_empty()).then(|| TargetPort {
            name: uplink_name(network.id),
            role: PortRole::Uplink,
            is_open: uplinks.len() > 1 && fabric.is_open(host),
            tunnels: uplinks,
        });
        let downlinks = fabric.downlinks(host).into_iter();
        let downlinks = downlinks.filter_map(|peer| end(peer, fabric.is_drained(host, peer)));
        let downlink_port = |tunnel: Tunnel| TargetPort {
            name: tunnel.name.clone(),
            role: PortRole::Downlink,
            tunnels: vec![tunnel],
            is_open: false,
        };
        uplink_port.into_iter().chain(downlinks.map(downlink_port)).collect()
    }

    fn tunnel(
        &self,
        host: &Host,
        network: &PrivateNetwork,
        topology: &Topology,
        peer: HostId,
        is_drained: bool,
    ) -> Option<Tunnel> {
        let peer = self.members.get(peer)?;
        Some(Tunnel {
            name: tunnel_name(network.id, peer.id),
            peer: peer.id,
            encapsulation: network.encapsulation,
            local_ip: network.transport_of(host)?.address,
            remote_ip: network.transport_of(peer)?.address,
            key: topology.vni,
            bfd: Bfd { interval_ms: self.budget().host(host.id).interval(network.detection), is_drained },
        })
    }
}

// Used by callers that name one network.
impl Targets<'_> {
    /// The peers of one host in one network, uplinks and downlinks.
    pub fn peers(&self, host: &Host, network: NetworkId) -> Vec<HostId> {
        let network = self.members.state().networks().get(&network);
        let fabric = network.and_then(|network| Fabric::of(&self.members, network));
        fabric.map(|fabric| [fabric.uplinks(host), fabric.downlinks(host)].concat()).unwrap_or_default()
    }
}
