//! Target against observed, over the union of both.
//!
//! Owns rows that carry our key and no others, but for what is found on the bridge of an adopted network. A row that differs is changed in place; nothing is removed in order to be
//! added again unchanged. A port is known by its tunnels, whatever it is called. What a foreign row stands in the way of is left out and told as a [`Conflict`].

use std::collections::BTreeSet;

use asterism_model::{
    BondMode, BridgeChange, BridgeOwner, BridgeRemoval, Datapath, HostDiff, HostTarget, InterfaceChange,
    NetworkId, ObservedBridge, ObservedHost, ObservedInterface, ObservedPort, PortAddition, PortChange,
    PortRemoval, RowUuid, TargetBridge, TargetPort, Tunnel,
};

use crate::scope::Scope;
use matching::Matches;

mod adoption;
mod matching;

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
    /// The host cannot carry the network yet.
    #[error("its pool has not plugged the network there yet: bridge {name} is missing")]
    BridgeAwaited { network: NetworkId, name: String },
    #[error("the interface name {name} is taken by a row that is not Asterism's; rename or remove that one")]
    InterfaceNameTaken { network: NetworkId, name: String },
    #[error(
        "bridge {name} belongs to no network any more, and stays while {foreign_ports} foreign ports are on it"
    )]
    BridgeInUse { network: NetworkId, name: String, foreign_ports: usize },
}

impl Conflict {
    pub fn network(&self) -> NetworkId {
        match self {
            Self::BridgeNameTaken { network, .. }
            | Self::BridgeAwaited { network, .. }
            | Self::InterfaceNameTaken { network, .. }
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
                    match bridge.owner {
                        BridgeOwner::Ours => self.compare_bridge(*uuid, bridge, wanted),
                        BridgeOwner::Pool => self.compare_ports(*uuid, bridge, wanted),
                        BridgeOwner::Adopted => self.compare_adopted(*uuid, bridge, wanted),
                    }
                }
                None => match bridge.owner {
                    BridgeOwner::Ours => self.drop_bridge(*uuid, network, bridge),
                    BridgeOwner::Pool => self.clear_bridge(*uuid, network, bridge),
                    BridgeOwner::Adopted => self.clear_adopted(*uuid, network, bridge),
                },
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
        self.compare_ports(uuid, bridge, target);
    }

    fn compare_ports(&mut self, uuid: RowUuid, bridge: &ObservedBridge, target: &TargetBridge) {
        let matches = Matches::of(bridge, target, &self.observed.foreign_names);
        // Ports that stay keep their names; what is made beside them is called otherwise where it must be.
        let mut names: BTreeSet<String> = BTreeSet::new();
        for (port_uuid, port) in &bridge.ports {
            match matches.target_of(*port_uuid) {
                Some(wanted) => {
                    names.insert(port.name.clone());
                    self.compare_port(*port_uuid, port, target, wanted);
                }
                None => {
                    self.result.scope.add(target.network);
                    self.drop_port(uuid, bridge, *port_uuid, port);
                }
            }
        }
        for port in matches.missing {
            if let Some(port) = self.free_port(target.network, port, &mut names) {
                let addition = PortAddition {
                    bridge: uuid,
                    bridge_name: bridge.name.clone(),
                    network: target.network,
                    port,
                };
                self.result.scope.add(target.network);
                self.result.diff.add_ports.push(addition);
            }
        }
    }

    fn compare_port(
        &mut self,
        uuid: RowUuid,
        port: &ObservedPort,
        bridge: &TargetBridge,
        target: &TargetPort,
    ) {
        let network = bridge.network;
        let is_protected = target.role.is_protected();
        let is_there = |tunnel: &Tunnel| port.interfaces.values().any(|it| it.name == tunnel.name);
        let is_wanted = |name: &str| target.tunnels.iter().any(|tunnel| tunnel.name == name);
        let missing = target.tunnels.iter().filter(|tunnel| !is_there(tunnel));
        let missing: Vec<Tunnel> =
            missing.filter(|tunnel| self.is_free(network, &tunnel.name)).cloned().collect();
        let unwanted = port.interfaces.iter().filter(|(_, interface)| !is_wanted(&interface.name));
        let change = PortChange {
            port: uuid,
            name: port.name.clone(),
            network,
            is_protected: port.is_protected.filter(|it| *it != is_protected).map(|_| is_protected),
            mode: port.mode.and_then(|mode| next_mode(mode, target)),
            add_tunnels: missing,
            remove_interfaces: unwanted.map(|(uuid, it)| (*uuid, it.name.clone())).collect(),
        };
        if change.is_protected.is_some()
            || change.mode.is_some()
            || !change.add_tunnels.is_empty()
            || !change.remove_interfaces.is_empty()
        {
            self.result.scope.add(network);
            self.result.diff.change_ports.push(change);
        }
        for (uuid, interface) in &port.interfaces {
            let tunnel = target.tunnels.iter().find(|tunnel| tunnel.name == interface.name);
            if let Some(tunnel) = tunnel.filter(|tunnel| !same_tunnel(interface, tunnel, bridge.owner)) {
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
        self.clear_bridge(uuid, network, bridge);
        let foreign_ports = bridge.foreign_ports;
        self.result.conflicts.insert(Conflict::BridgeInUse { network, name, foreign_ports });
    }

    /// Ports of ours are taken off a bridge that stays.
    fn clear_bridge(&mut self, uuid: RowUuid, network: NetworkId, bridge: &ObservedBridge) {
        for (port_uuid, port) in &bridge.ports {
            self.result.scope.add(network);
            self.drop_port(uuid, bridge, *port_uuid, port);
        }
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
            match target.owner {
                BridgeOwner::Ours => {}
                BridgeOwner::Pool => {
                    let (network, name) = (target.network, target.name.clone());
                    self.result.conflicts.insert(Conflict::BridgeAwaited { network, name });
                    continue;
                }
                BridgeOwner::Adopted => {
                    self.claim_bridge(target);
                    continue;
                }
            }
            if held.contains(name) || self.observed.foreign_names.contains(name) {
                let (network, name) = (target.network, target.name.clone());
                self.result.conflicts.insert(Conflict::BridgeNameTaken { network, name });
                continue;
            }
            let mut names = BTreeSet::new();
            let ports = target.ports.values();
            let ports = ports.filter_map(|port| self.free_port(target.network, port, &mut names));
            let ports = ports.map(|port| (port.name.clone(), port)).collect();
            let bridge = TargetBridge { ports, ..target.clone() };
            self.result.scope.add(target.network);
            self.result.diff.add_bridges.push(bridge);
        }
    }

    /// The port as far as no foreign row has the names of its interfaces, under a name that is free.
    fn free_port(
        &mut self,
        network: NetworkId,
        port: &TargetPort,
        names: &mut BTreeSet<String>,
    ) -> Option<TargetPort> {
        let tunnels: Vec<Tunnel> =
            port.tunnels.iter().filter(|tunnel| self.is_free(network, &tunnel.name)).cloned().collect();
        let is_taken = |name: &String| names.contains(name) || self.observed.foreign_names.contains(name);
        let others = (1..).map(|number: u32| format!("{}.{number}", port.name));
        let name = [port.name.clone()].into_iter().chain(others).find(|name| !is_taken(name))?;
        (!tunnels.is_empty()).then(|| {
            names.insert(name.clone());
            TargetPort { name, tunnels, ..port.clone() }
        })
    }

    /// Whether no foreign row has the name of that interface.
    fn is_free(&mut self, network: NetworkId, name: &str) -> bool {
        let is_free = !self.observed.foreign_names.contains(name);
        if !is_free {
            let conflict = Conflict::InterfaceNameTaken { network, name: name.to_owned() };
            self.result.conflicts.insert(conflict);
        }
        is_free
    }
}

/// An empty type means the kernel's (schema: `Bridge.datapath_type`).
fn same_datapath(observed: &str, wanted: Datapath) -> bool {
    observed == wanted.as_str() || (observed.is_empty() && wanted == Datapath::System)
}

/// What a bond is to be made of next. A plain port is none, whatever its columns would make of it; it is closed all the same,
/// lest it become an open one.
fn next_mode(mode: BondMode, target: &TargetPort) -> Option<BondMode> {
    match mode {
        BondMode::Open if target.is_open => None,
        BondMode::Ready if target.is_open => Some(BondMode::Open),
        BondMode::Backup if target.is_open => Some(BondMode::Ready),
        BondMode::Other if target.is_open => Some(BondMode::Ready),
        BondMode::Open | BondMode::Ready => Some(BondMode::Backup),
        BondMode::Other => (target.tunnels.len() > 1).then_some(BondMode::Backup),
        BondMode::Backup => None,
    }
}

fn same_tunnel(interface: &ObservedInterface, tunnel: &Tunnel, owner: BridgeOwner) -> bool {
    let ObservedInterface { kind, options, bfd, .. } = interface;
    let is_shown = match owner {
        BridgeOwner::Ours | BridgeOwner::Pool => tunnel.is_shown_by(options),
        BridgeOwner::Adopted => tunnel.is_carried_by(options),
    };
    kind == tunnel.encapsulation.as_str() && is_shown && tunnel.bfd.is_shown_by(bfd)
}

#[cfg(test)]
mod tests;
