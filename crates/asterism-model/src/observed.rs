//! What a host's OVSDB says: one whole picture, as far as it concerns us.

use std::collections::{BTreeMap, BTreeSet};

use crate::{BondMode, BridgeOwner, NetworkId, RowUuid, StoredFence, XapiUuid};

/// A host's OVSDB at one moment. Rows that are not ours appear only as names taken and ports counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedHost {
    /// Counts up with each picture of one session; a later picture shows what an earlier one may not yet.
    pub picture: u64,
    /// The one row of table `Open_vSwitch`.
    pub root: RowUuid,
    pub fence: StoredFence,
    /// `Open_vSwitch.ovs_version`; absent until `ovs-vswitchd` has started once.
    pub ovs_version: Option<String>,
    /// Whether this Open vSwitch has active-backup bonds of tunnels with BFD.
    pub can_bond: bool,
    /// Bridges that are ours, those that a pool made for a network of ours, and foreign bridges that hold a port of ours.
    pub bridges: BTreeMap<RowUuid, ObservedBridge>,
    /// Other bridges that a pool made: what an adopted network is found on.
    pub pool_bridges: BTreeMap<RowUuid, PoolBridge>,
    /// Names of all bridges, ports and interfaces that are not ours, nor a pool's bridge of a network of ours. A target that needs one of them must wait.
    pub foreign_names: BTreeSet<String>,
}

/// Schema: `Bridge`, with the interface of the bridge's own port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedBridge {
    pub name: String,
    /// The network, if the row carries our key with a number that can be one, or if a pool made the bridge under the
    /// network's name. `None`: the bridge is foreign.
    pub network: Option<NetworkId>,
    /// Whose it is, where it carries a network.
    pub owner: BridgeOwner,
    /// `Bridge.datapath_type`; empty means `system`.
    pub datapath_type: String,
    /// `mtu_request` of the bridge's own interface, in bytes, and that row's uuid.
    pub own_interface: Option<(RowUuid, Option<u16>)>,
    /// Ports that carry our key, the bridge's own left out.
    pub ports: BTreeMap<RowUuid, ObservedPort>,
    /// Of those that don't, the ones that Xen Orchestra's plugin left, on an adopted bridge.
    pub plugin_ports: BTreeMap<RowUuid, PluginPort>,
    /// Ports that don't: VMs' interfaces, the operator's. The bridge is never deleted while there are any.
    pub foreign_ports: usize,
}

/// Schema: `Port`, one of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedPort {
    pub name: String,
    pub network: Option<NetworkId>,
    /// `Port.protected`; `None` where the server's schema has no such column.
    pub is_protected: Option<bool>,
    /// What its columns make of it where it has several interfaces; `None` where the server's schema lacks one of them.
    pub mode: Option<BondMode>,
    /// The interface that a bond forwards over, by name: that whose `Interface.mac_in_use` is `Port.bond_active_slave`.
    /// `None` for a plain port, and where the switch does not say.
    pub active: Option<String>,
    pub interfaces: BTreeMap<RowUuid, ObservedInterface>,
}

/// Schema: `Interface`, of a port of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedInterface {
    pub name: String,
    /// `Interface.type`.
    pub kind: String,
    pub options: BTreeMap<String, String>,
    /// `Interface.bfd`.
    pub bfd: BTreeMap<String, String>,
    /// From `Interface.bfd_status`.
    pub bfd_state: BfdState,
    /// `Interface.error`: why the switch could not make the device.
    pub error: Option<String>,
}

/// What BFD says of the way to the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BfdState {
    /// The session was never up: the switch has not started it, does not run, or the other end is not there yet.
    Unknown,
    /// It was up, and `state` is `down`, `init` or `admin_down`.
    Down,
    /// It is up, and the peer says that frames are not to be sent this way (`forwarding` is false: RFC 5880 §4.1,
    /// diagnostic 6, concatenated path down).
    Drained,
    Up,
}

/// Schema: `Bridge`, one that a pool made for a network that is not ours (yet).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolBridge {
    pub name: String,
    /// `external_ids:xs-network-uuids`, as far as it can be read: several, where VLANs share the bridge.
    pub networks: Vec<XapiUuid>,
    pub ports: BTreeMap<RowUuid, PluginPort>,
}

/// Schema: `Port` with its one interface, a tunnel that Xen Orchestra's plugin made, as it seems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginPort {
    pub name: String,
    /// Whether the port carries the plugin's key. An emergency reset of the switch takes it away, and the plugin does not see
    /// the port any more; it is known by its name then.
    pub is_marked: bool,
    pub interface: RowUuid,
    pub interface_name: String,
    /// `Interface.type`.
    pub kind: String,
    pub options: BTreeMap<String, String>,
}
