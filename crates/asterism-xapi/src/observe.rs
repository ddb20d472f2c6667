//! Makes an [`ObservedPool`] of a pool's records: the objects that networks need there.
//!
//! Pure. Dangling references hide what hangs on them, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{
    CertificateFingerprint, ObjectRef, ObservedAuthority, ObservedController, ObservedPool, ObservedPoolHost,
    ObservedPoolNetwork, ObservedTransport, ObservedTunnel, TransportName, XapiUuid,
    pool_objects::{AUTHORITY_FILE, POOL_NETWORK_KEY},
};

use crate::{
    plugin::{plugin_networks, plugin_signs},
    records::{Carrier, CertificateKind, NetworkRecord, PifRecord, Records},
};

/// What is known of the pool's CA certificates besides the records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Authorities {
    /// `pool.certificate_list`; `None` while it was not answered.
    pub installed: Option<BTreeSet<String>>,
    /// Of our own CA, if there is one.
    pub ours: Option<CertificateFingerprint>,
}

/// What the records say about networks and what they need. The caller numbers the picture.
pub fn observe(records: &Records, authorities: &Authorities) -> ObservedPool {
    let (ours, foreign): (Vec<_>, Vec<_>) =
        records.networks.iter().partition(|(_, network)| network.other_config.contains_key(POOL_NETWORK_KEY));
    let mut tunnels = tunnels(records);
    let plugin_networks = plugin_networks(records, &tunnels);
    let plugged_vifs = plugged_vifs(records);
    let carriers = records.transports();
    let networks = ours.into_iter().filter_map(|(reference, network)| {
        let observed = ObservedPoolNetwork {
            uuid: network.uuid?,
            key: network.other_config.get(POOL_NETWORK_KEY)?.clone(),
            label: network.label.clone(),
            bridge: network.bridge.clone(),
            mtu: network.mtu,
            tunnels: tunnels.remove(reference).unwrap_or_default(),
            plugged_vifs: plugged_vifs.get(reference).copied().unwrap_or_default(),
        };
        Some((reference.clone(), observed))
    });
    let hosts = records.hosts.iter().filter_map(|(reference, host)| {
        let observed = ObservedPoolHost {
            host: reference.clone(),
            is_enabled: host.is_enabled,
            is_live: records.is_live(host),
            transports: carriers.get(reference).map(|carriers| transports(carriers)).unwrap_or_default(),
        };
        Some((host.uuid?, observed))
    });
    let controllers = records.sdn_controllers.iter().map(|(reference, controller)| ObservedController {
        controller: reference.clone(),
        protocol: controller.protocol.clone(),
        address: controller.address.clone(),
    });
    ObservedPool {
        picture: 0,
        networks: networks.collect(),
        plugin_networks,
        plugin_signs: plugin_signs(records),
        foreign_bridges: foreign.into_iter().map(|(_, network)| network.bridge.clone()).collect(),
        hosts: hosts.collect(),
        controllers: controllers.collect(),
        authority: observe_authority(records, authorities),
    }
}

/// Tunnels by the network of their access PIF, then by its host.
fn tunnels(records: &Records) -> BTreeMap<&ObjectRef, BTreeMap<XapiUuid, ObservedTunnel>> {
    let mut by_network: BTreeMap<&ObjectRef, BTreeMap<XapiUuid, ObservedTunnel>> = BTreeMap::new();
    for (reference, tunnel) in &records.tunnels {
        let Some(access_pif) = &tunnel.access_pif else { continue };
        let Some((network, host, pif)) = ends(records, access_pif) else { continue };
        let observed = ObservedTunnel {
            tunnel: reference.clone(),
            access_pif: access_pif.clone(),
            is_attached: pif.is_attached,
            transport: tunnel.transport_pif.as_ref().and_then(|pif| transport(records, pif)),
            protocol: tunnel.protocol,
            status: tunnel.status.clone(),
        };
        by_network.entry(network).or_default().insert(host, observed);
    }
    by_network
}

/// A PIF's network and host.
fn ends<'a>(records: &'a Records, pif: &ObjectRef) -> Option<(&'a ObjectRef, XapiUuid, &'a PifRecord)> {
    let pif = records.pifs.get(pif)?;
    let host = records.hosts.get(pif.host.as_ref()?)?;
    Some((pif.network.as_ref()?, host.uuid?, pif))
}

fn transport(records: &Records, pif: &ObjectRef) -> Option<TransportName> {
    let network: &NetworkRecord = records.networks.get(records.pifs.get(pif)?.network.as_ref()?)?;
    network.bridge.parse().ok()
}

/// By network.
fn plugged_vifs(records: &Records) -> BTreeMap<&ObjectRef, usize> {
    let mut counts = BTreeMap::new();
    for vif in records.vifs.values().filter(|vif| vif.is_attached) {
        if let Some(network) = &vif.network {
            *counts.entry(network).or_default() += 1;
        }
    }
    counts
}

fn transports(carriers: &[Carrier<'_>]) -> BTreeMap<TransportName, ObservedTransport> {
    let transports = carriers.iter().filter_map(|carrier| {
        let transport = ObservedTransport {
            pif: carrier.reference.clone(),
            has_address: carrier.pif.address.is_some(),
            is_attached: carrier.pif.is_attached,
        };
        Some((carrier.network.bridge.parse().ok()?, transport))
    });
    transports.collect()
}

pub(crate) fn observe_authority(records: &Records, authorities: &Authorities) -> ObservedAuthority {
    let recorded = records.certificates.values().find(|certificate| {
        certificate.kind == CertificateKind::Authority && certificate.name == AUTHORITY_FILE
    });
    match (recorded.and_then(|certificate| certificate.fingerprint), authorities.ours) {
        (Some(found), Some(ours)) if found == ours => ObservedAuthority::Installed,
        (Some(_), _) => ObservedAuthority::Other,
        (None, _) => match &authorities.installed {
            None => ObservedAuthority::Unknown,
            Some(names) if names.contains(AUTHORITY_FILE) => ObservedAuthority::Installed,
            Some(_) => ObservedAuthority::Absent,
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::records::Class;

    const OURS: &str = "0000000000000000000000000000002a/7";

    fn records(rows: Vec<(Class, &str, Value)>) -> Records {
        let mut records = Records::default();
        for (class, reference, record) in rows {
            records.put(class, ObjectRef(reference.to_owned()), &record);
        }
        records
    }

    fn uuid(digit: char) -> String {
        format!("{0}{0}{0}{0}{0}{0}{0}{0}-0000-0000-0000-000000000000", digit)
    }

    fn network(bridge: &str) -> Value {
        json!({ "uuid": uuid('1'), "bridge": bridge, "MTU": 1450, "other_config": { POOL_NETWORK_KEY: OURS } })
    }

    #[test]
    fn what_hangs_on_a_dangling_reference_is_hidden_and_nothing_else() {
        let access = |host: &str| json!({ "network": "n", "host": host, "tunnel_access_PIF_of": ["t"], "currently_attached": true });
        let observed = observe(
            &records(vec![
                (Class::Network, "n", network("ast7")),
                (Class::Host, "h1", json!({ "uuid": uuid('a'), "enabled": true })),
                (Class::Pif, "a1", access("h1")),
                (Class::Pif, "a2", access("destroyed")),
                (
                    Class::Tunnel,
                    "t1",
                    json!({ "access_PIF": "a1", "transport_PIF": "gone", "protocol": "vxlan" }),
                ),
                (Class::Tunnel, "t2", json!({ "access_PIF": "a2", "protocol": "vxlan" })),
                (Class::Tunnel, "t3", json!({ "access_PIF": "gone" })),
                (Class::Vif, "v1", json!({ "network": "n", "currently_attached": true })),
                (Class::Vif, "v2", json!({ "network": "n", "currently_attached": false })),
            ]),
            &Authorities::default(),
        );
        let network = &observed.networks[&ObjectRef("n".to_owned())];
        assert_eq!(network.plugged_vifs, 1);
        let tunnels: Vec<(String, &ObservedTunnel)> =
            network.tunnels.iter().map(|(host, tunnel)| (host.to_string(), tunnel)).collect();
        assert_eq!(tunnels.len(), 1);
        assert_eq!(tunnels[0].0, uuid('a'));
        assert!(tunnels[0].1.is_attached && tunnels[0].1.transport.is_none());
    }

    #[test]
    fn a_bridge_is_ours_or_foreign() {
        let observed = observe(
            &records(vec![
                (Class::Network, "n1", network("ast7")),
                (Class::Network, "n2", json!({ "uuid": uuid('2'), "bridge": "xapi0" })),
            ]),
            &Authorities::default(),
        );
        assert_eq!(observed.networks.len(), 1);
        assert_eq!(observed.foreign_bridges, BTreeSet::from(["xapi0".to_owned()]));
    }

    #[test]
    fn our_ca_is_known_by_fingerprint_else_by_name() {
        let print = |byte: &str| [byte; 32].join(":");
        let ours = Some(CertificateFingerprint([0xab; 32]));
        let named = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect());
        let recorded = |fingerprint: String| {
            let record = json!({ "type": "ca", "name": AUTHORITY_FILE, "fingerprint": fingerprint });
            records(vec![(Class::Certificate, "c", record)])
        };
        let judge =
            |records: &Records, installed| observe_authority(records, &Authorities { installed, ours });
        assert_eq!(judge(&recorded(print("AB")), None), ObservedAuthority::Installed);
        assert_eq!(judge(&recorded(print("CD")), named(&[AUTHORITY_FILE])), ObservedAuthority::Other);
        assert_eq!(judge(&recorded(String::new()), named(&[AUTHORITY_FILE])), ObservedAuthority::Installed);
        let none = Records::default();
        assert_eq!(judge(&none, None), ObservedAuthority::Unknown);
        assert_eq!(judge(&none, named(&["other.pem"])), ObservedAuthority::Absent);
        assert_eq!(judge(&none, named(&[AUTHORITY_FILE])), ObservedAuthority::Installed);
    }
}
