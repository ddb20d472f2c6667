//! Target against observed, over the union of both.
//!
//! Owns rows that carry our key and no others. A row that differs is changed in place; nothing is removed in order to be
//! added again unchanged. What a foreign row stands in the way of is left out and told as a [`Conflict`].

use std::collections::BTreeMap;

use asterism_model::{
    BridgeChange, BridgeRemoval, Datapath, HostDiff, HostTarget, InterfaceChange, ObservedBridge,
    ObservedHost, ObservedInterface, ObservedPort, PortAddition, PortRemoval, RowUuid, TargetBridge,
    TargetPort, Tunnel,
};

/// What must change, and what cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub diff: HostDiff,
    pub conflicts: Vec<Conflict>,
}

/// Something of the target that a foreign row stands in the way of, or a row of ours that foreign ones hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Conflict {
    #[error("the name {name} is taken by a row that is not Asterism's; rename or remove that one")]
    NameTaken { name: String },
    #[error(
        "bridge {name} belongs to no network any more, and stays while {foreign_ports} foreign ports are on it"
    )]
    BridgeInUse { name: String, foreign_ports: usize },
}

/// Computes what brings `observed` to `target`.
pub fn diff(target: &HostTarget, observed: &ObservedHost) -> Difference {
    let mut differ = Differ {
        observed,
        result: Difference { diff: HostDiff::empty(target.host, target.revision), conflicts: Vec::new() },
    };
    differ.run(target);
    differ.result
}

struct Differ<'a> {
    observed: &'a ObservedHost,
    result: Difference,
}

impl Differ<'_> {
    fn run(&mut self, target: &HostTarget) {
        let mut wanted: BTreeMap<&str, &TargetBridge> =
            target.bridges.values().map(|bridge| (bridge.name.as_str(), bridge)).collect();
        for (uuid, bridge) in &self.observed.bridges {
            // By name and key: a bridge of ours under another network's name is not the wanted one.
            let matching =
                wanted.get(bridge.name.as_str()).filter(|wanted| bridge.network == Some(wanted.network));
            match matching.copied() {
                Some(target) => {
                    wanted.remove(bridge.name.as_str());
                    self.compare_bridge(*uuid, bridge, target);
                }
                None => self.drop_bridge(*uuid, bridge),
            }
        }
        for bridge in wanted.into_values() {
            self.add_bridge(bridge);
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
            self.result.diff.change_bridges.push(change);
        }
        let mut wanted: BTreeMap<&str, &TargetPort> =
            target.ports.values().map(|port| (port.name.as_str(), port)).collect();
        for (port_uuid, port) in &bridge.ports {
            let matching = wanted
                .get(port.name.as_str())
                .filter(|wanted| port.network == Some(target.network) && same_interfaces(port, wanted));
            match matching.copied() {
                Some(target) => {
                    wanted.remove(port.name.as_str());
                    self.compare_port(port, target);
                }
                None => self.drop_port(uuid, bridge, *port_uuid, port),
            }
        }
        for port in wanted.into_values() {
            if self.is_name_free(&port.name) {
                let addition = PortAddition {
                    bridge: uuid,
                    bridge_name: bridge.name.clone(),
                    network: target.network,
                    port: port.clone(),
                };
                self.result.diff.add_ports.push(addition);
            }
        }
    }

    fn compare_port(&mut self, port: &ObservedPort, target: &TargetPort) {
        for (uuid, interface) in &port.interfaces {
            let tunnel = target.tunnels.iter().find(|tunnel| tunnel.name == interface.name);
            if let Some(tunnel) = tunnel.filter(|tunnel| !same_tunnel(interface, tunnel)) {
                let change = InterfaceChange { interface: *uuid, tunnel: tunnel.clone() };
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

    /// A bridge that no target wants: ours goes with its ports, unless foreign ports are on it; from any other our ports
    /// alone are taken.
    fn drop_bridge(&mut self, uuid: RowUuid, bridge: &ObservedBridge) {
        if bridge.network.is_some() && bridge.foreign_ports == 0 {
            self.result.diff.remove_bridges.push(BridgeRemoval { bridge: uuid, name: bridge.name.clone() });
            return;
        }
        for (port_uuid, port) in &bridge.ports {
            self.drop_port(uuid, bridge, *port_uuid, port);
        }
        if bridge.network.is_some() {
            let (name, foreign_ports) = (bridge.name.clone(), bridge.foreign_ports);
            self.result.conflicts.push(Conflict::BridgeInUse { name, foreign_ports });
        }
    }

    fn add_bridge(&mut self, target: &TargetBridge) {
        let held = self
            .observed
            .bridges
            .values()
            .any(|bridge| bridge.name == target.name && bridge.foreign_ports > 0);
        if held || !self.is_name_free(&target.name) {
            if held {
                self.result.conflicts.push(Conflict::NameTaken { name: target.name.clone() });
            }
            return;
        }
        let mut bridge = target.clone();
        bridge.ports.retain(|name, _| self.is_name_free(name));
        self.result.diff.add_bridges.push(bridge);
    }

    fn is_name_free(&mut self, name: &str) -> bool {
        let free = !self.observed.foreign_names.contains(name);
        if !free {
            self.result.conflicts.push(Conflict::NameTaken { name: name.to_owned() });
        }
        free
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
    interface.kind == tunnel.encapsulation.as_str()
        && interface.options == tunnel.to_options()
        && interface.bfd == tunnel.bfd.to_column()
}
