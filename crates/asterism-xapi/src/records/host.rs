//! Classes `host` and `host_metrics`.

use std::{collections::BTreeMap, net::IpAddr};

use asterism_model::{ObjectRef, XapiUuid};

use super::{Fields, Record};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRecord {
    pub uuid: Option<XapiUuid>,
    pub label: String,
    pub hostname: String,
    /// Of the management interface. Absent where it is none that can be dialled.
    pub address: Option<IpAddr>,
    /// False in maintenance, and from joining or booting until its xapi is ready.
    pub is_enabled: bool,
    pub metrics: Option<ObjectRef>,
    pub software_version: BTreeMap<String, String>,
}

impl Record for HostRecord {
    fn read(fields: &Fields<'_>) -> Self {
        Self {
            uuid: fields.uuid(),
            label: fields.text("name_label").to_owned(),
            hostname: fields.text("hostname").to_owned(),
            address: fields.text("address").parse().ok(),
            is_enabled: fields.flag("enabled", false),
            metrics: fields.reference("metrics"),
            software_version: fields.map("software_version"),
        }
    }
}

impl HostRecord {
    /// Brand and version, as far as they are known, for operators.
    pub fn version(&self) -> String {
        let key = |name: &str| self.software_version.get(name).map(String::as_str).unwrap_or_default();
        match (key("product_brand"), key("product_version"), key("platform_version")) {
            ("", "", "") => String::new(),
            ("", "", platform) => format!("platform {platform}"),
            (brand, version, _) => format!("{brand} {version}").trim().to_owned(),
        }
    }

    /// `openvswitch`, `bridge`, or nothing where the host has not said it yet.
    pub fn network_backend(&self) -> &str {
        self.software_version.get("network_backend").map(String::as_str).unwrap_or_default()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostMetricsRecord {
    /// False at once after a clean shutdown, ten minutes late after a crash.
    pub is_live: bool,
}

impl Record for HostMetricsRecord {
    fn read(fields: &Fields<'_>) -> Self {
        Self { is_live: fields.flag("live", true) }
    }
}
