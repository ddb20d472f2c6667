//! What must change on one host to bring it from observed to target.

use crate::{BondMode, HostId, NetworkId, PluginPort, RowUuid, TargetBridge, TargetPort, Tunnel, XapiUuid};

/// The changes of one host, carried out as one OVSDB transaction. It names rows of ours only, but for those of an adopted
/// network that are taken over or cleared away, and never removes what it adds again unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostDiff {
    pub host: HostId,
    /// The revision of the target.
    pub revision: u64,
    /// Whole bridges with their ports.
    pub add_bridges: Vec<TargetBridge>,
    pub remove_bridges: Vec<BridgeRemoval>,
    pub add_ports: Vec<PortAddition>,
    pub remove_ports: Vec<PortRemoval>,
    pub change_bridges: Vec<BridgeChange>,
    pub change_ports: Vec<PortChange>,
    pub change_interfaces: Vec<InterfaceChange>,
    /// Bridges of adopted networks that are made ours.
    pub claim_bridges: Vec<BridgeClaim>,
    pub claim_ports: Vec<PortClaim>,
    /// Ports that the plugin left on an adopted bridge, and that no host of the network has the other end of.
    pub remove_strays: Vec<PortRemoval>,
    pub release_bridges: Vec<BridgeRelease>,
}

impl HostDiff {
    pub fn empty(host: HostId, revision: u64) -> Self {
        Self {
            host,
            revision,
            add_bridges: Vec::new(),
            remove_bridges: Vec::new(),
            add_ports: Vec::new(),
            remove_ports: Vec::new(),
            change_bridges: Vec::new(),
            change_ports: Vec::new(),
            change_interfaces: Vec::new(),
            claim_bridges: Vec::new(),
            claim_ports: Vec::new(),
            remove_strays: Vec::new(),
            release_bridges: Vec::new(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many rows are named, those of new bridges' ports included.
    pub fn len(&self) -> usize {
        let new_ports: usize = self.add_bridges.iter().map(|bridge| bridge.ports.len()).sum();
        self.add_bridges.len()
            + new_ports
            + self.remove_bridges.len()
            + self.add_ports.len()
            + self.remove_ports.len()
            + self.change_bridges.len()
            + self.change_ports.len()
            + self.change_interfaces.len()
            + self.claim_bridges.len()
            + self.claim_ports.len()
            + self.remove_strays.len()
            + self.release_bridges.iter().map(|release| 1 + release.ports.len()).sum::<usize>()
    }
}

/// A bridge of ours that no target wants and that holds no foreign port. Its ports go with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeRemoval {
    pub bridge: RowUuid,
    pub name: String,
}

/// A port to add to a bridge that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortAddition {
    pub bridge: RowUuid,
    pub bridge_name: String,
    pub network: NetworkId,
    pub port: TargetPort,
}

/// A port of ours to take off the bridge that holds it; its interfaces go with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortRemoval {
    pub bridge: RowUuid,
    pub bridge_name: String,
    pub port: RowUuid,
    pub name: String,
}

/// Columns of a bridge that differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeChange {
    pub bridge: RowUuid,
    pub name: String,
    /// `Bridge.datapath_type`, where it differs.
    pub datapath_type: Option<String>,
    /// `mtu_request` of the bridge's own interface (its row and the value in bytes), where it differs.
    pub mtu_request: Option<(RowUuid, u16)>,
}

/// A port of ours that stays, and whose direction or members change, in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortChange {
    pub port: RowUuid,
    pub name: String,
    pub network: NetworkId,
    /// The new `Port.protected`, where it differs; see [`crate::PortRole`].
    pub is_protected: Option<bool>,
    /// What is to be made of the bond next, where that differs; never [`BondMode::Other`].
    pub mode: Option<BondMode>,
    /// Members that the port gains.
    pub add_tunnels: Vec<Tunnel>,
    /// Members that the port loses, by row and name. One may be taken off here and given to another port under the same
    /// name, as a new row.
    pub remove_interfaces: Vec<(RowUuid, String)>,
}

/// An interface of ours whose type, options or BFD settings differ; all three are written, in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceChange {
    pub interface: RowUuid,
    pub tunnel: Tunnel,
}

/// A bridge that its pool made is marked as ours: it carries an adopted network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeClaim {
    pub bridge: RowUuid,
    pub name: String,
    pub network: NetworkId,
    /// That of its pool's network, which it must still carry.
    pub uuid: XapiUuid,
}

/// A port of the plugin's on an adopted bridge is made ours, with the tunnel that it carries. Its rows stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortClaim {
    pub bridge: RowUuid,
    pub bridge_name: String,
    pub port: RowUuid,
    /// As it was seen, and must still be.
    pub seen: PluginPort,
    pub network: NetworkId,
    pub is_protected: bool,
    pub tunnel: Tunnel,
}

/// An adopted bridge is handed back: what carries our key carries the plugin's afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeRelease {
    pub bridge: RowUuid,
    pub name: String,
    pub network: NetworkId,
    /// The plugin's uuid of the network; none where nobody is to find the ports, since there are none.
    pub plugin: Option<XapiUuid>,
    pub ports: Vec<PortRelease>,
}

/// A port of ours that becomes the plugin's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortRelease {
    pub port: RowUuid,
    pub name: String,
    pub interface: RowUuid,
    pub tunnel: Tunnel,
}
