//! Makes a [`PoolInventory`] of a pool's records: the hosts, and what can carry their tunnels.
//!
//! Pure. A picture is whole or there is none: without a pool, or with a master that is no host, there is nothing to say.

use std::collections::BTreeMap;

use asterism_model::{
    CertificateFingerprint, HostInventory, Name, ObjectRef, PoolInventory, Transport, TransportName, XapiUuid,
};

use crate::records::{CertificateKind, HostRecord, NetworkRecord, Records};

/// Longest [`Name`], in bytes.
const NAME_BYTES: usize = 63;
/// A network whose MTU is nonsense has Ethernet's.
const DEFAULT_MTU: u16 = 1500;

/// Why the records give no whole picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Incomplete {
    #[error("the records hold no pool with a uuid")]
    Pool,
    #[error("the pool's master is not among its hosts")]
    Master,
}

/// What the records say about hosts. A host without uuid or without an address that can be dialled is left out: nobody
/// could do anything with it.
pub fn inventory(records: &Records) -> Result<PoolInventory, Incomplete> {
    let pool = records.pool().ok_or(Incomplete::Pool)?;
    let uuid = pool.uuid.ok_or(Incomplete::Pool)?;
    let master = pool.master.as_ref().and_then(|master| records.hosts.get(master));
    let master = master.and_then(|host| host.uuid).ok_or(Incomplete::Master)?;
    let names = names(records);
    let hosts = records.hosts.iter().filter_map(|(reference, host)| {
        let uuid = host.uuid?;
        let host = HostInventory {
            name: names.get(&uuid)?.clone(),
            address: host.address?,
            is_enabled: host.is_enabled,
            is_live: records.is_live(host),
            transports: transports(records, reference),
            version: host.version(),
            fingerprint: fingerprint(records, reference),
        };
        Some((uuid, host))
    });
    Ok(PoolInventory { uuid, master, hosts: hosts.collect() })
}

/// A PIF counts whether it is attached or not: XAPI attaches it before the tunnel, and shows it detached for a moment
/// while a host boots.
fn transports(records: &Records, host: &ObjectRef) -> BTreeMap<TransportName, Transport> {
    let carriers = records.transports(host).filter_map(|(_, pif, network)| {
        let transport = Transport { address: pif.address?, mtu: mtu(network) };
        Some((network.bridge.parse().ok()?, transport))
    });
    carriers.collect()
}

fn mtu(network: &NetworkRecord) -> u16 {
    u16::try_from(network.mtu).ok().filter(|&mtu| mtu > 0).unwrap_or(DEFAULT_MTU)
}

/// The certificate that a host shows on 443 and 6640, where the pool tells it.
pub(crate) fn fingerprint(records: &Records, host: &ObjectRef) -> Option<CertificateFingerprint> {
    let shown = records.certificates.values().find(|certificate| {
        certificate.kind == CertificateKind::Host && certificate.host.as_ref() == Some(host)
    });
    shown?.fingerprint
}

/// One name for each host, unique in the pool. Labels are free text in XAPI, and new hosts often share one: those that
/// would be equal all carry the beginning of their uuid, so that a name does not depend on who else came first.
pub(crate) fn names(records: &Records) -> BTreeMap<XapiUuid, Name> {
    let hosts: Vec<(XapiUuid, String)> = records
        .hosts
        .values()
        .filter_map(|host| {
            Some((host.uuid?, label(host).unwrap_or_else(|| host.uuid.unwrap_or(XapiUuid(0)).to_string())))
        })
        .collect();
    let mut bearers: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, label) in &hosts {
        *bearers.entry(label).or_default() += 1;
    }
    let names = hosts.iter().filter_map(|(uuid, label)| {
        let text = match bearers.get(label.as_str()) {
            Some(1) => label.clone(),
            _ => {
                let suffix = format!("-{}", &uuid.to_string()[..8]);
                let kept = label.len().min(NAME_BYTES - suffix.len());
                format!("{}{suffix}", &label[..kept])
            }
        };
        Some((*uuid, text.parse().ok()?))
    });
    names.collect()
}

/// What of a host's label, else of its hostname, can stand in a name. ASCII only.
fn label(host: &HostRecord) -> Option<String> {
    [&host.label, &host.hostname].into_iter().find_map(|text| {
        let spelt = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
        let text: String = text.chars().map(spelt).collect();
        let text = text.trim_start_matches(['.', '_', '-']);
        let text = text[..text.len().min(NAME_BYTES)].trim_end_matches('-');
        (!text.is_empty()).then(|| text.to_owned())
    })
}
