//! What a pool says is there: always a whole picture, replicated when it changes.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::{CertificateFingerprint, Name, Transport, TransportName, XapiUuid, network::is_default};

/// A pool's hosts, as its XAPI lists them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolInventory {
    /// `pool.uuid`.
    pub uuid: XapiUuid,
    /// `pool.master`.
    pub master: XapiUuid,
    /// By `host.uuid`.
    pub hosts: BTreeMap<XapiUuid, HostInventory>,
}

/// One host, as its pool's XAPI describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostInventory {
    /// Made of `host.name_label`, or of `host.hostname` or the uuid where nothing of that can stand in a name.
    pub name: Name,
    /// `host.address`: its management address, where its OVSDB and its XAPI answer.
    pub address: IpAddr,
    /// `host.enabled`: false in maintenance, and while it starts.
    pub is_enabled: bool,
    /// `host_metrics.live`: false at once after a clean shutdown, ten minutes late after a crash.
    pub is_live: bool,
    /// Networks whose PIF on this host has an address, by the network's bridge: it has the same name on all hosts of the
    /// pool, whatever the devices are called. `Transport.mtu` is `network.MTU`.
    pub transports: BTreeMap<TransportName, Transport>,
    /// `software_version:product_version` or its like, for operators.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Of the certificate that it shows on 443 and, as its OVSDB, on 6640. Absent where the pool does not tell.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fingerprint: Option<CertificateFingerprint>,
}

/// What a host is in its pool's XAPI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct XapiHost {
    /// `host.uuid`.
    pub uuid: XapiUuid,
    pub is_enabled: bool,
    pub is_live: bool,
    /// Whether the pool still lists it. One that it lists no longer is kept while its switch holds rows of ours and
    /// answers: the pool's database may be an old one.
    pub is_listed: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub fingerprint: Option<CertificateFingerprint>,
}

impl XapiHost {
    /// Whether its pool has it in service: it lists the host, and the host is not in maintenance.
    pub fn is_in_service(&self) -> bool {
        self.is_listed && self.is_enabled
    }
}
