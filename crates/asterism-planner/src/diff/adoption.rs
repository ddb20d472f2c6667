//! The bridge of an adopted network: what Xen Orchestra's plugin left there is taken over, what is no tunnel of the network is
//! cleared away, and all of it is handed back.
//!
//! A tunnel of the target that the plugin has is made ours where it stands, since no second one between the same ends could
//! stand beside it. What belongs to none of the host's tunnels goes when all else is done.

use asterism_model::{
    BridgeClaim, BridgeOwner, BridgeRelease, ObservedBridge, PluginPort, PortClaim, PortRelease, PortRemoval,
    PortRole, RowUuid, TargetBridge, TargetPort,
};

use super::{Conflict, Differ};

impl Differ<'_> {
    /// A bridge that is ours already.
    pub(super) fn compare_adopted(&mut self, uuid: RowUuid, bridge: &ObservedBridge, target: &TargetBridge) {
        let Some(adoption) = &target.adoption else { return };
        let before = self.result.diff.len();
        self.claim_ports(uuid, bridge, target);
        if self.result.diff.len() != before || self.is_waiting(bridge, target) {
            return;
        }
        if adoption.is_releasing {
            return self.release(uuid, bridge, target);
        }
        let is_known =
            |port: &PluginPort| adoption.tunnels.iter().any(|tunnel| tunnel.is_at(&port.kind, &port.options));
        for (port_uuid, port) in bridge.plugin_ports.iter().filter(|(_, port)| !is_known(port)) {
            self.result.scope.add(target.network);
            self.result.diff.remove_strays.push(PortRemoval {
                bridge: uuid,
                bridge_name: bridge.name.clone(),
                port: *port_uuid,
                name: port.name.clone(),
            });
        }
    }

    /// Whether the host has not all of its tunnels yet.
    fn is_waiting(&self, bridge: &ObservedBridge, target: &TargetBridge) -> bool {
        let Some(adoption) = &target.adoption else { return false };
        let shown: usize = bridge.ports.values().map(|port| port.interfaces.len()).sum();
        shown < adoption.tunnels.len()
    }

    /// A bridge that the target wants and that is not there as ours: marked, with what it needs, in one step.
    pub(super) fn claim_bridge(&mut self, target: &TargetBridge) {
        let Some(adoption) = &target.adoption else { return };
        let mut bridges = self.observed.pool_bridges.iter();
        let found = bridges
            .find(|(_, bridge)| bridge.name == target.name && bridge.networks.contains(&adoption.uuid));
        let Some((uuid, found)) = found else {
            // One that is handed back is nobody's business any more.
            if !adoption.is_releasing {
                let (network, name) = (target.network, target.name.clone());
                self.result.conflicts.insert(Conflict::BridgeAwaited { network, name });
            }
            return;
        };
        if adoption.is_releasing {
            return;
        }
        self.result.scope.add(target.network);
        self.result.diff.claim_bridges.push(BridgeClaim {
            bridge: *uuid,
            name: found.name.clone(),
            network: target.network,
            uuid: adoption.uuid,
        });
        let bridge = ObservedBridge {
            name: found.name.clone(),
            network: Some(target.network),
            owner: BridgeOwner::Adopted,
            datapath_type: String::new(),
            own_interface: None,
            ports: std::collections::BTreeMap::new(),
            plugin_ports: found.ports.clone(),
            foreign_ports: found.ports.len(),
        };
        self.claim_ports(*uuid, &bridge, target);
    }

    /// Compares ports, those that the plugin has for us taken over first.
    fn claim_ports(&mut self, uuid: RowUuid, bridge: &ObservedBridge, target: &TargetBridge) {
        let mut rest = target.clone();
        for (name, port) in &target.ports {
            let Some((row, seen, tunnel)) = plugins(bridge, port) else { continue };
            self.result.scope.add(target.network);
            self.result.diff.claim_ports.push(PortClaim {
                bridge: uuid,
                bridge_name: bridge.name.clone(),
                port: row,
                seen: seen.clone(),
                network: target.network,
                is_protected: port.role == PortRole::Uplink,
                tunnel: tunnel.clone(),
            });
            // Its other members are added to it when it is ours.
            rest.ports.remove(name);
        }
        self.compare_ports(uuid, bridge, &rest);
    }

    fn release(&mut self, uuid: RowUuid, bridge: &ObservedBridge, target: &TargetBridge) {
        let Some(adoption) = &target.adoption else { return };
        let ports = bridge.ports.iter().filter_map(|(port_uuid, port)| {
            let (interface, observed) = port.interfaces.first_key_value()?;
            let tunnel = adoption.tunnels.iter().find(|tunnel| tunnel.name == observed.name)?;
            Some(PortRelease {
                port: *port_uuid,
                name: port.name.clone(),
                interface: *interface,
                tunnel: tunnel.clone(),
            })
        });
        let release = BridgeRelease {
            bridge: uuid,
            name: bridge.name.clone(),
            network: target.network,
            plugin: Some(adoption.plugin),
            ports: ports.collect(),
        };
        self.result.scope.add(target.network);
        self.result.diff.release_bridges.push(release);
    }

    /// An adopted bridge that no target wants: our ports go, and then our mark.
    pub(super) fn clear_adopted(
        &mut self,
        uuid: RowUuid,
        network: asterism_model::NetworkId,
        bridge: &ObservedBridge,
    ) {
        self.clear_bridge(uuid, network, bridge);
        if bridge.ports.is_empty() {
            let (name, ports) = (bridge.name.clone(), Vec::new());
            self.result.scope.add(network);
            let release = BridgeRelease { bridge: uuid, name, network, plugin: None, ports };
            self.result.diff.release_bridges.push(release);
        }
    }
}

/// The plugin's port that holds a tunnel of this one, and which; none where a port of ours holds one of them.
fn plugins<'a>(
    bridge: &'a ObservedBridge,
    port: &'a TargetPort,
) -> Option<(RowUuid, &'a PluginPort, &'a asterism_model::Tunnel)> {
    let mut ours = bridge.ports.values().flat_map(|port| port.interfaces.values());
    if ours.any(|interface| port.tunnels.iter().any(|tunnel| tunnel.name == interface.name)) {
        return None;
    }
    port.tunnels.iter().find_map(|tunnel| {
        let mut plugins = bridge.plugin_ports.iter();
        let (row, seen) = plugins.find(|(_, seen)| tunnel.is_at(&seen.kind, &seen.options))?;
        Some((*row, seen, tunnel))
    })
}
