//! Makes an [`ObservedPool`] of a pool's records: the objects that networks need there.
//!
//! Pure. Dangling references hide what hangs on them, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{
    CertificateFingerprint, ObjectRef, ObservedAuthority, ObservedController, ObservedPool, ObservedPoolHost,
    ObservedPoolNetwork, ObservedTransport, ObservedTunnel, TransportName, XapiUuid,
    pool_objects::{AUTHORITY_FILE, POOL_NETWORK_KEY},
};

use crate::records::{CertificateKind, HostRecord, NetworkRecord, PifRecord, Records};

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
    let networks = ours.into_iter().filter_map(|(reference, network)| {
        let observed = ObservedPoolNetwork {
            uuid: network.uuid?,
            key: network.other_config.get(POOL_NETWORK_KEY)?.clone(),
            label: network.label.clone(),
            bridge: network.bridge.clone(),
            mtu: network.mtu,
            tunnels: tunnels.remove(reference).unwrap_or_default(),
            plugged_vifs: plugged_vifs(records, reference),
        };
        Some((reference.clone(), observed))
    });
    let hosts = records
        .hosts
        .iter()
        .filter_map(|(reference, host)| Some((host.uuid?, observe_host(records, reference, host))));
    let controllers = records.sdn_controllers.iter().map(|(reference, controller)| ObservedController {
        controller: reference.clone(),
        protocol: controller.protocol.clone(),
        address: controller.address.clone(),
    });
    ObservedPool {
        picture: 0,
        networks: networks.collect(),
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

fn plugged_vifs(records: &Records, network: &ObjectRef) -> usize {
    records.vifs.values().filter(|vif| vif.is_attached && vif.network.as_ref() == Some(network)).count()
}

fn observe_host(records: &Records, reference: &ObjectRef, host: &HostRecord) -> ObservedPoolHost {
    let transports = records.transports(reference).filter_map(|(pif_ref, pif, network)| {
        let transport = ObservedTransport {
            pif: pif_ref.clone(),
            has_address: pif.address.is_some(),
            is_attached: pif.is_attached,
        };
        Some((network.bridge.parse().ok()?, transport))
    });
    ObservedPoolHost {
        host: reference.clone(),
        is_enabled: host.is_enabled,
        is_live: records.is_live(host),
        transports: transports.collect(),
    }
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
