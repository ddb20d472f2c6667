//! Between messages and the model's nouns.
//!
//! Into the model everything is checked, and an error names the field and what would be valid; no bytes make it panic.
//! Out of the model nothing fails. What a message can't hold (live status, links) is left empty for the server to add.

mod audit;
mod enums;
mod event;
mod host;
mod network;
mod office;
mod operation;
mod receipt;
mod settings;
#[cfg(test)]
mod tests;
mod topology;
mod xapi;

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use asterism_model::{HostRef, Name};

pub use audit::{denied_from_proto, list_audit};
pub use enums::Mirror;
pub use event::event;
pub use host::{find_host, host, list_hosts, list_pools, pool};
pub use network::{find_network, list_networks, network};
pub use operation::{operation_from_request, operation_to_proto, request_id_from_proto, request_id_to_proto};
pub use receipt::{effect_of, receipt};
pub use settings::settings;
pub use topology::topology;
pub use xapi::{AccessRequest, TrustRequest, WholeAccess, access_from_proto};

/// A field of a message that can't be taken over into the model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct FieldError {
    /// As a path: `add_host.transports["storage"].mtu`.
    pub field: String,
    /// What is wrong, and what would be valid.
    pub problem: String,
}

impl FieldError {
    pub fn new(field: impl Into<String>, problem: impl Display) -> Self {
        Self { field: field.into(), problem: problem.to_string() }
    }
}

/// Names the message that holds the field.
trait Within {
    fn within(self, parent: &str) -> Self;
}

impl<T> Within for Result<T, FieldError> {
    fn within(self, parent: &str) -> Self {
        self.map_err(|error| FieldError { field: format!("{parent}.{}", error.field), ..error })
    }
}

fn parse<T>(field: &str, text: &str) -> Result<T, FieldError>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse().map_err(|error: T::Err| FieldError::new(field, error))
}

fn parse_optional<T>(field: &str, text: Option<&String>) -> Result<Option<T>, FieldError>
where
    T: FromStr,
    T::Err: Display,
{
    text.map(|text| parse(field, text)).transpose()
}

/// A host as operators write it.
pub fn parse_host(field: &str, text: &str) -> Result<HostRef, FieldError> {
    parse(field, text)
}

/// A pool's, host's or network's name.
pub fn parse_name(field: &str, text: &str) -> Result<Name, FieldError> {
    parse(field, text)
}

fn parse_map<K, V, P>(
    field: &str,
    map: &BTreeMap<String, P>,
    value: impl Fn(&P) -> Result<V, FieldError>,
) -> Result<BTreeMap<K, V>, FieldError>
where
    K: FromStr + Ord,
    K::Err: Display,
{
    map.iter()
        .map(|(key, entry)| {
            let path = format!("{field}[{key:?}]");
            Ok((parse(&path, key)?, value(entry).within(&path)?))
        })
        .collect()
}

fn bytes_of_packet(field: &str, bytes: u32) -> Result<u16, FieldError> {
    u16::try_from(bytes).map_err(|_| {
        FieldError::new(field, format_args!("{bytes} is out of range: expected at most 65535 bytes"))
    })
}
