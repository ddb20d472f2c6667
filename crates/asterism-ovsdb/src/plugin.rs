//! What Xen Orchestra's plugin leaves on a host: read off rows that are not ours.
//!
//! The one exception to the rule that others' rows are names and counts only: a network of the plugin's is found by them, and
//! taken over where the state says that it was adopted. Pure; writes nothing.

use std::collections::BTreeMap;

use asterism_model::{
    Encapsulation, PluginPort, PoolBridge, RowUuid, XapiUuid,
    adoption::{OLD_PLUGIN_PORT_KEYS, PLUGIN_NETWORK_KEY, TUNNEL_KEY},
    target::{NETWORK_KEY, POOL_KEY},
};

use crate::{
    observe::{carried, is_ours},
    replica::Replica,
    row::Row,
    schema::Table,
};

/// Bridges that a pool made for networks that are not ours (yet).
pub fn pool_bridges(replica: &Replica) -> BTreeMap<RowUuid, PoolBridge> {
    let of_pools = replica.rows(Table::Bridge).filter(|(_, row)| carried(row).is_none() && !is_ours(row));
    let bridges = of_pools.filter_map(|(uuid, row)| {
        let networks = pool_networks(row);
        let name = row.text("name").to_owned();
        (!networks.is_empty())
            .then(|| (uuid, PoolBridge { ports: plugin_ports(replica, row), name, networks }))
    });
    bridges.collect()
}

/// The networks that the bridge carries in its pool, by `network.uuid`.
pub fn pool_networks(bridge: &Row) -> Vec<XapiUuid> {
    let text = bridge.get("external_ids", POOL_KEY).unwrap_or_default();
    text.split(';').filter_map(|uuid| uuid.parse().ok()).collect()
}

/// The plugin's ports on a bridge.
pub fn plugin_ports(replica: &Replica, bridge: &Row) -> BTreeMap<RowUuid, PluginPort> {
    let ports = bridge.uuids("ports").filter_map(|uuid| Some((uuid, replica.row(Table::Port, uuid)?)));
    let foreign = ports.filter(|(_, port)| !is_ours(port));
    foreign
        .filter_map(|(uuid, port)| Some((uuid, plugin_port(replica, bridge.text("name"), port)?)))
        .collect()
}

/// The port as one of the plugin's: a tunnel, with the plugin's key, or with a name as the plugin gives them.
fn plugin_port(replica: &Replica, bridge: &str, port: &Row) -> Option<PluginPort> {
    let mut interfaces = port.uuids("interfaces");
    let (Some(uuid), None) = (interfaces.next(), interfaces.next()) else { return None };
    let interface = replica.row(Table::Interface, uuid)?;
    let kind: Encapsulation = interface.text("type").parse().ok()?;
    let is_marked = port.get("other_config", PLUGIN_NETWORK_KEY).is_some()
        || OLD_PLUGIN_PORT_KEYS.iter().any(|key| port.get("other_config", key).is_some());
    let name = port.text("name").to_owned();
    (kind.is_known_to_xapi() && (is_marked || is_named_by_plugin(bridge, &name))).then(|| PluginPort {
        name,
        is_marked,
        interface: uuid,
        interface_name: interface.text("name").to_owned(),
        kind: kind.as_str().to_owned(),
        options: interface.pairs("options").map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
    })
}

/// `<bridge>_port<number>`.
fn is_named_by_plugin(bridge: &str, port: &str) -> bool {
    let number = port.strip_prefix(bridge).and_then(|rest| rest.strip_prefix("_port"));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
}

/// What we call an interface of ours: one that was taken over goes by its tunnel.
pub fn known_name(interface: &Row) -> &str {
    let of_tunnel = interface.get("external_ids", TUNNEL_KEY);
    of_tunnel
        .filter(|_| interface.get("external_ids", NETWORK_KEY).is_some())
        .unwrap_or(interface.text("name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plugins_names_are_those_of_its_bridge_with_a_number() {
        assert!(is_named_by_plugin("xapi0", "xapi0_port12"));
        for other in ["xapi0_port", "xapi1_port1", "xapi0_port1a", "xapi0", "vif1.0"] {
            assert!(!is_named_by_plugin("xapi0", other), "{other}");
        }
    }
}
