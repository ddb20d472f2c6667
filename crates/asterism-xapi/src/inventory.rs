//! Makes a [`PoolInventory`] of a pool's records: the hosts, and what can carry their tunnels.
//!
//! Pure. A picture is whole or there is none: without a pool, or with a master that is no host, there is nothing to say.

use std::collections::BTreeMap;

use asterism_model::{
    CertificateFingerprint, HostInventory, Name, ObjectRef, PoolInventory, Transport, TransportName, XapiUuid,
};

use crate::{
    pool_session::NetworkLabel,
    records::{Carrier, CertificateKind, HostRecord, NetworkRecord, Records},
};

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
    let carriers = records.transports();
    let hosts = records.hosts.iter().filter_map(|(reference, host)| {
        let uuid = host.uuid?;
        let host = HostInventory {
            name: names.get(&uuid)?.clone(),
            address: host.address?,
            is_enabled: host.is_enabled,
            is_live: records.is_live(host),
            transports: carriers.get(reference).map(|carriers| transports(carriers)).unwrap_or_default(),
            version: host.version(),
            fingerprint: fingerprint(records, reference),
        };
        Some((uuid, host))
    });
    Ok(PoolInventory { uuid, master, hosts: hosts.collect() })
}

/// A PIF counts whether it is attached or not: XAPI attaches it before the tunnel, and shows it detached for a moment
/// while a host boots.
fn transports(carriers: &[Carrier<'_>]) -> BTreeMap<TransportName, Transport> {
    let transports = carriers.iter().filter_map(|carrier| {
        let transport = Transport { address: carrier.pif.address?, mtu: mtu(carrier.network) };
        Some((carrier.network.bridge.parse().ok()?, transport))
    });
    transports.collect()
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
    let labels = records.hosts.values().filter_map(|host| {
        let uuid = host.uuid?;
        Some((uuid, label(host).unwrap_or_else(|| uuid.to_string())))
    });
    let mut names: BTreeMap<XapiUuid, String> = labels.collect();
    rename_shared(&mut names, |uuid, label| {
        let suffix = format!("-{}", &uuid.to_string()[..8]);
        let kept = label.len().min(NAME_BYTES - suffix.len());
        format!("{}{suffix}", &label[..kept])
    });
    // A label may be what another host was given just now.
    rename_shared(&mut names, |uuid, _| uuid.to_string());
    names.into_iter().filter_map(|(uuid, name)| Some((uuid, name.parse().ok()?))).collect()
}

fn rename_shared(names: &mut BTreeMap<XapiUuid, String>, rename: impl Fn(XapiUuid, &str) -> String) {
    let mut bearers: BTreeMap<String, usize> = BTreeMap::new();
    for name in names.values() {
        *bearers.entry(name.clone()).or_default() += 1;
    }
    for (uuid, name) in names {
        if bearers.get(name).is_some_and(|&bearers| bearers > 1) {
            *name = rename(*uuid, name);
        }
    }
}

/// What of a host's label, else of its hostname, can stand in a name. ASCII only.
fn label(host: &HostRecord) -> Option<String> {
    [&host.label, &host.hostname].into_iter().find_map(|text| {
        let spelt = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
        let text: String = text.chars().map(spelt).collect();
        let text = text.trim_start_matches(['.', '_', '-']);
        let text = text[..text.len().min(NAME_BYTES)].trim_end_matches('-');
        // A uuid is what hosts without a label are named by.
        let is_free = !text.is_empty() && text.parse::<XapiUuid>().is_err();
        is_free.then(|| text.to_owned())
    })
}

/// What the networks that may carry tunnels are called.
pub(crate) fn labels(records: &Records) -> BTreeMap<TransportName, NetworkLabel> {
    let carriers = records.transports().into_values().flatten();
    let labels = carriers.filter_map(|carrier| {
        let NetworkRecord { uuid, label, bridge, .. } = carrier.network;
        Some((bridge.parse().ok()?, NetworkLabel { uuid: *uuid, label: label.clone() }))
    });
    labels.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::records::Class;

    fn uuid(number: u32) -> String {
        format!("{number:08x}-0000-0000-0000-000000000000")
    }

    fn put(records: &mut Records, class: Class, reference: &str, record: Value) {
        records.put(class, ObjectRef(reference.to_owned()), &record);
    }

    /// A pool of hosts with these labels and hostnames; the first is master.
    fn pool(labels: &[(&str, &str)]) -> Records {
        let mut records = Records::default();
        put(&mut records, Class::Pool, "p", json!({ "uuid": uuid(99), "master": "h0" }));
        for (number, (label, hostname)) in (0u32..).zip(labels) {
            let host = json!({ "uuid": uuid(number), "name_label": label, "hostname": hostname,
                "address": format!("10.0.0.{number}"), "enabled": true });
            put(&mut records, Class::Host, &format!("h{number}"), host);
        }
        records
    }

    fn names_of(labels: &[(&str, &str)]) -> Vec<String> {
        names(&pool(labels)).into_values().map(String::from).collect()
    }

    #[test]
    fn a_host_is_named_by_its_label_its_hostname_or_its_uuid() {
        let long = "x".repeat(100);
        let named = names_of(&[
            ("xcp 1 (rack é)", "a"),
            ("-.-", "host.example"),
            ("☃", ""),
            (&long, ""),
            ("...node_1", ""),
        ]);
        let snowman = uuid(2);
        assert_eq!(named, ["xcp-1--rack", "host.example", &snowman, &long[..63], "node_1"]);
    }

    #[test]
    fn hosts_that_share_a_label_are_told_apart() {
        let long = "x".repeat(63);
        let named = names_of(&[("xcp", ""), ("xcp", ""), ("other", ""), (&long, ""), (&long, "")]);
        let cut = &long[..54];
        assert_eq!(
            named,
            ["xcp-00000000", "xcp-00000001", "other", &format!("{cut}-00000003"), &format!("{cut}-00000004")]
        );
    }

    #[test]
    fn an_unwilling_label_never_hides_a_host() {
        // One whose own label is what another is given.
        let named = names_of(&[("xcp", ""), ("xcp", ""), ("xcp-00000000", "")]);
        assert_eq!(named.len(), 3);
        assert_eq!(named.iter().collect::<std::collections::BTreeSet<_>>().len(), 3, "{named:?}");
    }

    #[test]
    fn a_host_counts_as_live_unless_the_pool_says_otherwise() {
        let mut records = pool(&[("a", ""), ("b", ""), ("c", "")]);
        for (host, live) in [("h0", json!(true)), ("h1", json!(false))] {
            put(&mut records, Class::HostMetrics, &format!("m{host}"), json!({ "live": live }));
        }
        for (number, host) in ["h0", "h1", "h2"].into_iter().enumerate() {
            let number = u32::try_from(number).unwrap();
            let record = json!({ "uuid": uuid(number), "name_label": host, "address": "fd00::1",
                "enabled": true, "metrics": format!("m{host}") });
            put(&mut records, Class::Host, host, record);
        }
        let live: Vec<bool> =
            inventory(&records).unwrap().hosts.into_values().map(|host| host.is_live).collect();
        assert_eq!(live, [true, false, true]);
    }

    #[test]
    fn what_nobody_could_dial_is_left_out() {
        let mut records = pool(&[("a", ""), ("b", "")]);
        put(&mut records, Class::Host, "h1", json!({ "uuid": uuid(1), "name_label": "b", "address": "" }));
        put(&mut records, Class::Host, "h2", json!({ "uuid": "no uuid", "address": "10.0.0.2" }));
        let hosts = inventory(&records).unwrap().hosts;
        assert_eq!(hosts.len(), 1);
    }

    #[test]
    fn a_picture_is_whole_or_none() {
        let mut records = pool(&[("a", "")]);
        assert!(inventory(&records).is_ok());
        put(&mut records, Class::Pool, "p", json!({ "uuid": uuid(99), "master": "gone" }));
        assert_eq!(inventory(&records), Err(Incomplete::Master));
        assert_eq!(inventory(&Records::default()), Err(Incomplete::Pool));
    }

    #[test]
    fn a_host_is_known_by_the_certificate_that_it_shows_outside() {
        let mut records = pool(&[("a", ""), ("b", "")]);
        let (shown, inner) = ("AB:".repeat(32), "CD:".repeat(32));
        let certificate = |kind: &str, host: &str, print: &str| json!({ "type": kind, "host": host, "fingerprint": print.trim_end_matches(':') });
        put(&mut records, Class::Certificate, "c0", certificate("host_internal", "h0", &inner));
        put(&mut records, Class::Certificate, "c1", certificate("host", "h0", &shown));
        put(&mut records, Class::Certificate, "c2", certificate("host", "h1", "garbage"));
        let hosts = inventory(&records).unwrap().hosts;
        let prints: Vec<Option<CertificateFingerprint>> =
            hosts.into_values().map(|host| host.fingerprint).collect();
        assert_eq!(prints, [Some(CertificateFingerprint([0xab; 32])), None]);
    }

    #[test]
    fn a_transport_is_a_network_with_an_address_on_the_host() {
        let mut records = pool(&[("a", "")]);
        put(&mut records, Class::Network, "n0", json!({ "bridge": "xenbr0", "MTU": 9000 }));
        put(&mut records, Class::Network, "n1", json!({ "bridge": "xapi3", "MTU": -1 }));
        put(&mut records, Class::Network, "n2", json!({ "bridge": "a b" }));
        let pif =
            |network: &str, ip: &str| json!({ "network": network, "host": "h0", "physical": true, "IP": ip });
        put(&mut records, Class::Pif, "i0", pif("n0", "10.0.0.1"));
        put(&mut records, Class::Pif, "i1", pif("n1", "10.1.0.1"));
        put(&mut records, Class::Pif, "i2", pif("n2", "10.2.0.1"));
        put(&mut records, Class::Pif, "i3", pif("gone", "10.3.0.1"));
        put(&mut records, Class::Pif, "i4", pif("n0", ""));
        let hosts = inventory(&records).unwrap().hosts;
        let transports = &hosts.values().next().unwrap().transports;
        let shown: Vec<String> = transports
            .iter()
            .map(|(name, transport)| format!("{name} {} {}", transport.address, transport.mtu))
            .collect();
        assert_eq!(shown, ["xapi3 10.1.0.1 1500", "xenbr0 10.0.0.1 9000"]);
    }
}
