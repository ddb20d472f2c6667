//! Classes `pool` and `SDN_controller`: what there is one of.

use std::collections::BTreeMap;

use asterism_model::{ObjectRef, XapiUuid};

use super::{Fields, Record};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolRecord {
    pub uuid: Option<XapiUuid>,
    pub label: String,
    pub master: Option<ObjectRef>,
    pub other_config: BTreeMap<String, String>,
}

impl Record for PoolRecord {
    fn read(fields: &Fields<'_>) -> Self {
        Self {
            uuid: fields.uuid(),
            label: fields.text("name_label").to_owned(),
            master: fields.reference("master"),
            other_config: fields.map("other_config"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdnControllerRecord {
    /// `pssl`: hosts listen. `ssl`: hosts dial `address`.
    pub protocol: String,
    pub address: String,
}

impl Record for SdnControllerRecord {
    fn read(fields: &Fields<'_>) -> Self {
        Self { protocol: fields.text("protocol").to_owned(), address: fields.text("address").to_owned() }
    }
}
