//! What Xen Orchestra's plugin keeps in a pool's XAPI: its networks, and the signs that it is at work.
//!
//! Pure, and read only. Its first versions had keys without a prefix, and networks over one pool without a uuid.

use std::collections::BTreeMap;

use asterism_model::{
    ObjectRef, ObservedTunnel, PluginNetwork, XapiUuid, adoption::PLUGIN_NETWORK_KEY,
    pool_objects::POOL_NETWORK_KEY,
};

use crate::records::{NetworkRecord, Records};

/// Before the plugin's keys; those of its first versions have none.
const PREFIX: &str = "xo:sdn-controller:";
/// Under which the uuid of a private network was kept before.
const OLD_UUIDS: [&str; 3] =
    ["xo:sdn-controller:cross-pool-network-uuid", "cross_pool_network_uuid", "cross-pool-network-uuid"];
/// What a network over one pool had instead.
const POOL_WIDE: [&str; 3] =
    ["xo:sdn-controller:private-pool-wide", "private_pool_wide", "private-pool-wide"];
/// What Xen Orchestra's server keeps in `pool.other_config` while it is connected, followed by which server.
const CLIENT: &str = "xo:clientInfo:";
/// What the plugin keeps there while it has OpenFlow rules.
const OPENFLOW: &str = "xo:sdn-controller:of-method";

/// The network as one of the plugin's, if it is one, with its tunnels.
pub fn plugin_network(
    network: &NetworkRecord,
    tunnels: &BTreeMap<XapiUuid, ObservedTunnel>,
) -> Option<PluginNetwork> {
    let uuid = network.uuid?;
    let get = |key: &str| network.other_config.get(key);
    let either = |key: &str| get(&format!("{PREFIX}{key}")).or_else(|| get(key)).cloned();
    let named = std::iter::once(PLUGIN_NETWORK_KEY).chain(OLD_UUIDS).find_map(get);
    let is_pool_wide = POOL_WIDE.iter().any(|key| get(key).is_some_and(|value| value == "true"));
    let plugin = match named {
        Some(text) => text.parse().ok()?,
        None if is_pool_wide => uuid,
        None => return None,
    };
    Some(PluginNetwork {
        uuid,
        label: network.label.clone(),
        bridge: network.bridge.clone(),
        mtu: network.mtu,
        plugin,
        encapsulation: either("encapsulation"),
        vni: either("vni"),
        is_encrypted: either("encrypted").is_some_and(|value| value == "true"),
        preferred_center: either("preferred-center").and_then(|uuid| uuid.parse().ok()),
        has_our_key: network.other_config.contains_key(POOL_NETWORK_KEY),
        tunnels: tunnels.clone(),
    })
}

/// All of the pool's.
pub fn plugin_networks(
    records: &Records,
    tunnels: &BTreeMap<&ObjectRef, BTreeMap<XapiUuid, ObservedTunnel>>,
) -> BTreeMap<ObjectRef, PluginNetwork> {
    let none = BTreeMap::new();
    let found = records.networks.iter().filter_map(|(reference, network)| {
        let its_own = tunnels.get(reference).unwrap_or(&none);
        Some((reference.clone(), plugin_network(network, its_own)?))
    });
    found.collect()
}

/// How many the pool has that were not adopted.
pub fn count_plugin_networks(records: &Records) -> usize {
    let none = BTreeMap::new();
    let found = records.networks.values().filter_map(|network| plugin_network(network, &none));
    found.filter(|network| !network.has_our_key).count()
}

/// Keys of `pool.other_config` that say that the plugin, or the server that it runs in, is at work.
pub fn plugin_signs(records: &Records) -> Vec<String> {
    let keys = records.pool().into_iter().flat_map(|pool| pool.other_config.keys());
    keys.filter(|key| key.starts_with(CLIENT) || *key == OPENFLOW).cloned().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::records::{Class, Records};

    fn seen(other_config: &Value) -> Option<PluginNetwork> {
        let mut records = Records::default();
        let uuid = "11111111-0000-0000-0000-000000000000";
        let record =
            json!({ "uuid": uuid, "name_label": "n", "bridge": "xapi3", "other_config": other_config });
        records.put(Class::Network, ObjectRef("n".into()), &record);
        plugin_networks(&records, &BTreeMap::new()).into_values().next()
    }

    #[test]
    fn keys_of_all_versions_are_read() {
        let plugin = "22222222-0000-0000-0000-000000000000";
        let new = seen(&json!({
            "xo:sdn-controller:private-network-uuid": plugin,
            "xo:sdn-controller:vni": "7",
            "xo:sdn-controller:encapsulation": "vxlan",
            "xo:sdn-controller:encrypted": "true",
        }));
        let new = new.unwrap();
        assert_eq!(new.plugin.to_string(), plugin);
        assert_eq!((new.vni.as_deref(), new.encapsulation.as_deref()), (Some("7"), Some("vxlan")));
        assert!(new.is_encrypted && !new.has_our_key);

        let crossing = seen(&json!({ "cross_pool_network_uuid": plugin, "vni": "8" })).unwrap();
        assert_eq!((crossing.plugin.to_string().as_str(), crossing.vni.as_deref()), (plugin, Some("8")));

        let pool_wide = seen(&json!({ "private_pool_wide": "true", "vni": "9" })).unwrap();
        assert_eq!(pool_wide.plugin, pool_wide.uuid);
        assert!(seen(&json!({ "automatic": "false" })).is_none());
    }
}
