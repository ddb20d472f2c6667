//! Target against observed, over the union of both.
//!
//! Owns rows that carry our key and no others. A row that differs is changed in place; nothing is removed in order to be
//! added again unchanged. What a foreign row stands in the way of is left out and told as a [`Conflict`].

use std::collections::BTreeSet;

use asterism_model::{
    BridgeChange, BridgeRemoval, Datapath, HostDiff, HostTarget, InterfaceChange, NetworkId, ObservedBridge,
    ObservedHost, ObservedInterface, ObservedPort, PortAddition, PortChange, PortRemoval, RowUuid,
    TargetBridge, TargetPort, Tunnel,
};

use crate::scope::Scope;

/// What must change, and what cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub diff: HostDiff,
    /// What the diff is about.
    pub scope: Scope,
    pub conflicts: BTreeSet<Conflict>,
}

/// Something of the target that a foreign row stands in the way of, or a row of ours that foreign ones hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Conflict {
    /// The host cannot carry the network.
    #[error("the bridge name {name} is taken by a row that is not Asterism's; rename or remove that one")]
    BridgeNameTaken { network: NetworkId, name: String },
    #[error("the port name {name} is taken by a row that is not Asterism's; rename or remove that one")]
    PortNameTaken { network: NetworkId, name: String },
    #[error(
        "bridge {name} belongs to no network any more, and stays while {foreign_ports} foreign ports are on it"
    )]
    BridgeInUse { network: NetworkId, name: String, foreign_ports: usize },
}

impl Conflict {
    pub fn network(&self) -> NetworkId {
        match self {
            Self::BridgeNameTaken { network, .. }
            | Self::PortNameTaken { network, .. }
            | Self::BridgeInUse { network, .. } => *network,
        }
    }
}

/// Computes what brings `observed` to `target`.
pub fn diff(target: &HostTarget, observed: &ObservedHost) -> Difference {
    diff_within(&Scope::All, target, observed)
}

/// The part of the difference that is about the networks in `scope`; `target` holds these and no others. Rows that
/// belong to no network are in [`Scope::All`] alone.
pub fn diff_within(scope: &Scope, target: &HostTarget, observed: &ObservedHost) -> Difference {
    let mut differ = Differ {
        observed,
        result: Difference {
            diff: HostDiff::empty(target.host, target.revision),
            scope: Scope::none(),
            conflicts: BTreeSet::new(),
        },
    };
    differ.run(scope, target);
    differ.result
}

struct Differ<'a> {
    observed: &'a ObservedHost,
    result: Difference,
}

impl Differ<'_> {
    fn run(&mut self, scope: &Scope, target: &HostTarget) {
        let mut found = BTreeSet::new();
        for (uuid, bridge) in &self.observed.bridges {
            let Some(network) = bridge.network else {
                if *scope == Scope::All {
                    self.clear_foreign_bridge(*uuid, bridge);
                }
                continue;
            };
            if !scope.contains(network) {
                continue;
            }
            // By name and key: a bridge of ours under another network's name is not the wanted one.
            match target.bridges.get(&network).filter(|wanted| wanted.name == bridge.name) {
                Some(wanted) => {
                    found.insert(network);
                    self.compare_bridge(*uuid, bridge, wanted);
                }
                None => self.drop_bridge(*uuid, network, bridge),
            }
        }
        let missing: Vec<&TargetBridge> =
            target.bridges.values().filter(|bridge| !found.contains(&bridge.network)).collect();
        if !missing.is_empty() {
            self.add_bridges(missing);
        }
    }

    fn compare_bridge(&mut self, uuid: RowUuid, bridge: &ObservedBridge, target: &TargetBridge) {
        let datapath_type = (!same_datapath(&bridge.datapath_type, target.datapath))
            .then(|| target.datapath.as_str().to_owned());
        let mtu_request = bridge
            .own_interface
            .filter(|(_, mtu)| *mtu != Some(target.mtu))
            .map(|(interface, _)| (interface, target.mtu));
        if datapath_type.is_some() || mtu_request.is_some() {
            let change = BridgeChange { bridge: uuid, name: bridge.name.clone(), datapath_type, mtu_request };
            self.result.scope.add(target.network);
            self.result.diff.change_bridges.push(change);
        }
        let mut found = BTreeSet::new();
        for (port_uuid, port) in &bridge.ports {
            let wanted = target.ports.get(&port.name);
            match wanted
                .filter(|wanted| port.network == Some(target.network) && same_interfaces(port, wanted))
            {
                Some(wanted) => {
                    found.insert(port.name.as_str());
                    self.compare_port(*port_uuid, port, target.network, wanted);
                }
                None => {
                    self.result.scope.add(target.network);
                    self.drop_port(uuid, bridge, *port_uuid, port);
                }
            }
        }
        for port in target.ports.values().filter(|port| !found.contains(port.name.as_str())) {
            if self.is_port_free(target.network, port) {
                let addition = PortAddition {
                    bridge: uuid,
                    bridge_name: bridge.name.clone(),
                    network: target.network,
                    port: port.clone(),
                };
                self.result.scope.add(target.network);
                self.result.diff.add_ports.push(addition);
            }
        }
    }

    fn compare_port(&mut self, uuid: RowUuid, port: &ObservedPort, network: NetworkId, target: &TargetPort) {
        let is_protected = target.role.is_protected();
        if port.is_protected.is_some_and(|observed| observed != is_protected) {
            let change = PortChange { port: uuid, name: port.name.clone(), is_protected };
            self.result.scope.add(network);
            self.result.diff.change_ports.push(change);
        }
        for (uuid, interface) in &port.interfaces {
            let tunnel = target.tunnels.iter().find(|tunnel| tunnel.name == interface.name);
            if let Some(tunnel) = tunnel.filter(|tunnel| !same_tunnel(interface, tunnel)) {
                let change = InterfaceChange { interface: *uuid, tunnel: tunnel.clone() };
                self.result.scope.add(network);
                self.result.diff.change_interfaces.push(change);
            }
        }
    }

    fn drop_port(
        &mut self,
        bridge_uuid: RowUuid,
        bridge: &ObservedBridge,
        uuid: RowUuid,
        port: &ObservedPort,
    ) {
        self.result.diff.remove_ports.push(PortRemoval {
            bridge: bridge_uuid,
            bridge_name: bridge.name.clone(),
            port: uuid,
            name: port.name.clone(),
        });
    }

    /// Ports of ours are taken off a bridge that is not.
    fn clear_foreign_bridge(&mut self, uuid: RowUuid, bridge: &ObservedBridge) {
        for (port_uuid, port) in &bridge.ports {
            self.result.scope = Scope::All;
            self.drop_port(uuid, bridge, *port_uuid, port);
        }
    }

    /// A bridge of ours that no target wants goes with its ports, unless foreign ports are on it.
    fn drop_bridge(&mut self, uuid: RowUuid, network: NetworkId, bridge: &ObservedBridge) {
        let name = bridge.name.clone();
        if bridge.foreign_ports == 0 {
            self.result.scope.add(network);
            self.result.diff.remove_bridges.push(BridgeRemoval { bridge: uuid, name });
            return;
        }
        for (port_uuid, port) in &bridge.ports {
            self.result.scope.add(network);
            self.drop_port(uuid, bridge, *port_uuid, port);
        }
        let foreign_ports = bridge.foreign_ports;
        self.result.conflicts.insert(Conflict::BridgeInUse { network, name, foreign_ports });
    }

    fn add_bridges(&mut self, targets: Vec<&TargetBridge>) {
        // Of ours under a wrong key, and not to be removed since others use them.
        let held: BTreeSet<&str> = self
            .observed
            .bridges
            .values()
            .filter(|bridge| bridge.foreign_ports > 0)
            .map(|bridge| bridge.name.as_str())
            .collect();
        for target in targets {
            let name = target.name.as_str();
            if held.contains(name) || self.observed.foreign_names.contains(name) {
                let (network, name) = (target.network, target.name.clone());
                self.result.conflicts.insert(Conflict::BridgeNameTaken { network, name });
                continue;
            }
            let mut bridge = target.clone();
            bridge.ports.retain(|_, port| self.is_port_free(target.network, port));
            self.result.scope.add(target.network);
            self.result.diff.add_bridges.push(bridge);
        }
    }

    /// Whether no foreign row has the name of the port or one of its interfaces.
    fn is_port_free(&mut self, network: NetworkId, port: &TargetPort) -> bool {
        let mut names = [&port.name].into_iter().chain(port.tunnels.iter().map(|tunnel| &tunnel.name));
        let taken = names.find(|name| self.observed.foreign_names.contains(*name)).cloned();
        let is_free = taken.is_none();
        self.result.conflicts.extend(taken.map(|name| Conflict::PortNameTaken { network, name }));
        is_free
    }
}

/// An empty type means the kernel's (schema: `Bridge.datapath_type`).
fn same_datapath(observed: &str, wanted: Datapath) -> bool {
    observed == wanted.as_str() || (observed.is_empty() && wanted == Datapath::System)
}

/// Whether the port has just the interfaces that it shall have; if not, it is another port.
fn same_interfaces(port: &ObservedPort, target: &TargetPort) -> bool {
    port.interfaces.len() == target.tunnels.len()
        && port
            .interfaces
            .values()
            .all(|interface| target.tunnels.iter().any(|tunnel| tunnel.name == interface.name))
}

fn same_tunnel(interface: &ObservedInterface, tunnel: &Tunnel) -> bool {
    let ObservedInterface { kind, options, bfd, .. } = interface;
    kind == tunnel.encapsulation.as_str() && tunnel.is_shown_by(options) && tunnel.bfd.is_shown_by(bfd)
}

#[cfg(test)]
mod tests;
