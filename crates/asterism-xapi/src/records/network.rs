//! Classes `network` and `VIF`: what VMs are plugged into.

use std::collections::BTreeMap;

use asterism_model::{ObjectRef, XapiUuid};

use super::{Fields, Record};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkRecord {
    pub uuid: Option<XapiUuid>,
    pub label: String,
    /// The name of its bridge, on every host.
    pub bridge: String,
    pub mtu: i64,
    pub other_config: BTreeMap<String, String>,
}

/// What XAPI takes where nothing is said.
const DEFAULT_MTU: i64 = 1500;

impl Record for NetworkRecord {
    fn read(fields: &Fields<'_>) -> Self {
        Self {
            uuid: fields.uuid(),
            label: fields.text("name_label").to_owned(),
            bridge: fields.text("bridge").to_owned(),
            mtu: fields.int("MTU").unwrap_or(DEFAULT_MTU),
            other_config: fields.map("other_config"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VifRecord {
    pub network: Option<ObjectRef>,
    pub is_attached: bool,
}

impl Record for VifRecord {
    fn read(fields: &Fields<'_>) -> Self {
        Self { network: fields.reference("network"), is_attached: fields.flag("currently_attached", false) }
    }
}
