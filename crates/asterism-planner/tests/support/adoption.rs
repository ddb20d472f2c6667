//! What the take-over of a plugin's rows, and their return, make of a host's rows.

use std::collections::BTreeMap;

use asterism_model::{
    BondMode, BridgeOwner, HostDiff, ObservedBridge, ObservedHost, ObservedInterface, ObservedPort,
    PluginPort, PoolBridge,
};

use super::new_interface;

/// Claims, and strays that go; before all else of a diff.
pub fn apply_claims(rows: &mut ObservedHost, diff: &HostDiff) -> Result<(), String> {
    for claim in &diff.claim_bridges {
        let found = rows.pool_bridges.remove(&claim.bridge).ok_or("a bridge to claim is gone")?;
        if found.name != claim.name || !found.networks.contains(&claim.uuid) {
            return Err(format!("bridge {} is another network's", found.name));
        }
        let bridge = ObservedBridge {
            name: found.name,
            network: Some(claim.network),
            owner: BridgeOwner::Adopted,
            datapath_type: String::new(),
            own_interface: None,
            ports: BTreeMap::new(),
            foreign_ports: found.ports.len(),
            plugin_ports: found.ports,
        };
        rows.bridges.insert(claim.bridge, bridge);
    }
    for claim in &diff.claim_ports {
        let bridge = rows.bridges.get_mut(&claim.bridge).ok_or("a bridge with a port to claim is gone")?;
        let seen = bridge.plugin_ports.remove(&claim.port).filter(|seen| *seen == claim.seen);
        let seen = seen.ok_or("a port to claim is gone, or another one")?;
        bridge.foreign_ports -= 1;
        let port = ObservedPort {
            name: seen.name,
            network: Some(claim.network),
            is_protected: Some(claim.is_protected),
            mode: Some(BondMode::Backup),
            active: None,
            interfaces: BTreeMap::from([(
                seen.interface,
                ObservedInterface { options: seen.options, ..new_interface(&claim.tunnel) },
            )]),
        };
        bridge.ports.insert(claim.port, port);
    }
    for removal in &diff.remove_strays {
        let bridge = rows.bridges.get_mut(&removal.bridge).ok_or("a bridge with a stray is gone")?;
        bridge.plugin_ports.remove(&removal.port).ok_or("a stray is gone")?;
        bridge.foreign_ports -= 1;
    }
    Ok(())
}

/// What is handed back; after all else of a diff.
pub fn apply_releases(rows: &mut ObservedHost, diff: &HostDiff) -> Result<(), String> {
    for release in &diff.release_bridges {
        let mut bridge = rows.bridges.remove(&release.bridge).ok_or("a bridge to release is gone")?;
        for released in &release.ports {
            let mut port = bridge.ports.remove(&released.port).ok_or("a port to release is gone")?;
            let interface = port.interfaces.remove(&released.interface).ok_or("an interface is gone")?;
            let seen = PluginPort {
                name: port.name.clone(),
                is_marked: true,
                interface: released.interface,
                interface_name: port.name,
                kind: released.tunnel.encapsulation.as_str().into(),
                options: interface.options,
            };
            bridge.plugin_ports.insert(released.port, seen);
        }
        let networks = vec![asterism_model::XapiUuid(release.bridge.0)];
        let pool = PoolBridge { name: bridge.name, networks, ports: bridge.plugin_ports };
        rows.pool_bridges.insert(release.bridge, pool);
    }
    Ok(())
}
