//! Looks at a pool once, for an operator who wants to add it, or to know what is wrong with it. Changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use asterism_model::{CertificateFingerprint, Name, XapiAddress, XapiUuid};
use serde_json::Value;
use tokio::time::timeout;

use crate::{
    config::XapiConfig,
    error::{CallError, XapiError},
    failure::FailureKind,
    http::HttpError,
    inventory::{fingerprint, names},
    jsonrpc::Malformed,
    plugin::count_plugin_networks,
    records::{Carrier, CertificateKind, Class, Fields, Records},
    search::{LeftAlone, find_master},
    session::Session,
};

/// A pool, as it shows itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolSurvey {
    pub uuid: XapiUuid,
    pub label: String,
    /// Where the master answered.
    pub address: XapiAddress,
    /// What the master showed there; none over plain HTTP. For the operator to compare.
    pub certificate: Option<CertificateFingerprint>,
    pub hosts: BTreeMap<Name, SurveyedHost>,
    /// Those that could be a transport, on one host at least.
    pub networks: Vec<SurveyedNetwork>,
    /// One at most.
    pub controllers: Vec<SurveyedController>,
    /// CA certificates that are installed.
    pub authorities: Vec<SurveyedAuthority>,
    /// Keys of `pool.other_config` that Xen Orchestra writes.
    pub orchestra_keys: BTreeSet<String>,
    /// Private networks of Xen Orchestra's that were not adopted.
    pub orchestra_networks: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurveyedHost {
    pub uuid: XapiUuid,
    pub address: Option<IpAddr>,
    pub version: String,
    /// `openvswitch` is what tunnels need, on all hosts of the pool.
    pub backend: String,
    pub is_master: bool,
    pub is_enabled: bool,
    pub is_live: bool,
    pub fingerprint: Option<CertificateFingerprint>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurveyedNetwork {
    pub bridge: String,
    pub label: String,
    pub mtu: i64,
    /// Hosts that have a PIF on it, with its address.
    pub hosts: BTreeMap<Name, Option<IpAddr>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurveyedController {
    pub protocol: String,
    pub address: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SurveyedAuthority {
    pub name: String,
    /// Where the version tells it.
    pub fingerprint: Option<CertificateFingerprint>,
}

/// What a user must be allowed to do. Each line is one right, under the names that it has in different versions.
const RIGHTS: &[&[&str]] = &[
    &["event.from"],
    &["network.create"],
    &["network.destroy"],
    &["network.set_mtu"],
    &["network.set_name_label"],
    &["pif.plug"],
    &["pool.certificate_install", "pool.install_ca_certificate"],
    &["pool.certificate_list"],
    &["pool.certificate_sync"],
    &["sdn_controller.introduce"],
    &["tunnel.create"],
    &["tunnel.destroy"],
    &["tunnel.set_status"],
];

/// Logs in, looks, and logs out.
///
/// Without an expected pool this is a first contact, and the address must be the master's own: an operator who names a
/// slave is told so, with the master's address. With one, the master is searched from all addresses.
pub async fn survey(config: &XapiConfig) -> Result<PoolSurvey, XapiError> {
    let session = match config.expected_pool {
        Some(_) => find_master(config, None, &config.addresses, &mut LeftAlone::new()).await?,
        None => first_contact(config).await?,
    };
    check_rights(&session, config).await?;
    let mut records = Records::default();
    for class in Class::ALL {
        read(&session, config, class, &mut records).await?;
    }
    let method = "pool.certificate_list";
    let names = session
        .call(method, vec![], config.deadlines.call)
        .await
        .map_err(|error| session.explain(method, error))?;
    Ok(describe(&session, &records, &names))
}

async fn first_contact(config: &XapiConfig) -> Result<Session, XapiError> {
    let mut first_error = None;
    for address in &config.addresses {
        let deadline = config.deadlines.login;
        let opened = timeout(deadline, Session::open(config, address)).await.unwrap_or_else(|_| {
            let source = HttpError::TimedOut { address: address.clone(), after: deadline };
            Err(XapiError::Unreachable { address: address.clone(), source })
        });
        match opened {
            Ok(session) => return Ok(session),
            Err(error) => drop(first_error.get_or_insert(error)),
        }
    }
    Err(first_error.unwrap_or(XapiError::NoAddress))
}

async fn check_rights(session: &Session, config: &XapiConfig) -> Result<(), XapiError> {
    let record = session.own_record(config.deadlines.call).await?;
    let fields = Fields::of(&record);
    let held: BTreeSet<String> = fields.texts("rbac_permissions").map(str::to_ascii_lowercase).collect();
    // An empty list is that of a root user, or of a version that does not tell.
    if fields.flag("is_local_superuser", false) || held.is_empty() {
        return Ok(());
    }
    let missing = RIGHTS.iter().filter(|names| !names.iter().any(|&name| held.contains(name)));
    let missing: Vec<String> = missing.map(|names| names[0].to_owned()).collect();
    if missing.is_empty() { Ok(()) } else { Err(XapiError::Rights { user: config.user.clone(), missing }) }
}

async fn read(
    session: &Session,
    config: &XapiConfig,
    class: Class,
    records: &mut Records,
) -> Result<(), XapiError> {
    let method = class.all_records();
    let all = match session.call(method, vec![], config.deadlines.resync).await {
        // A class that the version does not have has no objects.
        Err(CallError::Failed(failure)) if failure.kind() == FailureKind::Unknown => return Ok(()),
        other => other.map_err(|error| session.explain(method, error))?,
    };
    records.replace(class, &all).ok_or_else(|| {
        let error = Malformed::Result { method, expected: "a map of records" };
        session.explain(method, CallError::Malformed(error))
    })
}

fn describe(session: &Session, records: &Records, certificates: &Value) -> PoolSurvey {
    let pool = records.pool();
    let master = pool.and_then(|pool| pool.master.as_ref());
    let names = names(records);
    let hosts = records.hosts.iter().filter_map(|(reference, host)| {
        let uuid = host.uuid?;
        let surveyed = SurveyedHost {
            uuid,
            address: host.address,
            version: host.version(),
            backend: host.network_backend().to_owned(),
            is_master: master == Some(reference),
            is_enabled: host.is_enabled,
            is_live: records.is_live(host),
            fingerprint: fingerprint(records, reference),
        };
        Some((names.get(&uuid)?.clone(), surveyed))
    });
    let controllers = records.sdn_controllers.values().map(|controller| SurveyedController {
        protocol: controller.protocol.clone(),
        address: controller.address.clone(),
    });
    let keys = pool.into_iter().flat_map(|pool| pool.other_config.keys());
    PoolSurvey {
        uuid: session.pool(),
        label: pool.map(|pool| pool.label.clone()).unwrap_or_default(),
        address: session.address().clone(),
        certificate: session.certificate(),
        hosts: hosts.collect(),
        networks: networks(records, &names),
        controllers: controllers.collect(),
        authorities: authorities(records, certificates),
        orchestra_networks: count_plugin_networks(records),
        orchestra_keys: keys.filter(|key| key.starts_with("xo:")).cloned().collect(),
    }
}

fn networks(records: &Records, names: &BTreeMap<XapiUuid, Name>) -> Vec<SurveyedNetwork> {
    let mut networks: BTreeMap<&str, SurveyedNetwork> = BTreeMap::new();
    for (host, carriers) in records.transports() {
        let uuid = records.hosts.get(host).and_then(|host| host.uuid);
        let Some(name) = uuid.and_then(|uuid| names.get(&uuid)) else { continue };
        for Carrier { pif, network, .. } in carriers {
            let surveyed = networks.entry(&network.bridge).or_insert_with(|| SurveyedNetwork {
                bridge: network.bridge.clone(),
                label: network.label.clone(),
                mtu: network.mtu,
                hosts: BTreeMap::new(),
            });
            surveyed.hosts.insert(name.clone(), pif.address);
        }
    }
    networks.into_values().collect()
}

/// Older versions know names only.
fn authorities(records: &Records, names: &Value) -> Vec<SurveyedAuthority> {
    let recorded = records.certificates.values().filter(|record| record.kind == CertificateKind::Authority);
    let mut authorities: BTreeMap<String, Option<CertificateFingerprint>> =
        recorded.map(|record| (record.name.clone(), record.fingerprint)).collect();
    for name in names.as_array().into_iter().flatten().filter_map(Value::as_str) {
        authorities.entry(name.to_owned()).or_default();
    }
    authorities.into_iter().map(|(name, fingerprint)| SurveyedAuthority { name, fingerprint }).collect()
}
