//! Whom a certificate is for: a node, a person with a role, or the controllers as hosts see them.

use std::net::IpAddr;

use asterism_model::{AccessRole, Name, NodeId};

use crate::{Certificate, Holder, Keys, NODE, OVSDB, PkiError};

/// Bits of the RSA keys that are shown to hosts.
const RSA_BITS: u32 = 3072;

/// Whom a certificate is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A replica, reached at these IP addresses or DNS names.
    Node { node: NodeId, addresses: Vec<String> },
    /// A person or a program that calls the cluster.
    Caller { name: Name, role: AccessRole },
    /// The controllers, toward hosts' databases.
    Ovsdb,
    /// Anybody else, by DNS names and IP addresses: hosts of a laboratory, and strangers.
    Other { name: String, names: Vec<String>, keys: Keys },
}

impl Subject {
    /// The common name. Of a caller it is what the audit trail shows.
    pub fn common_name(&self) -> String {
        match self {
            Self::Node { node, .. } => format!("node{}", node.0),
            Self::Caller { name, .. } => name.to_string(),
            Self::Ovsdb => "ovsdb".to_owned(),
            Self::Other { name, .. } => name.clone(),
        }
    }

    /// Days that a certificate lasts unless asked otherwise. People's are short, since what they hold is carried about; a
    /// node's is renewed on its own machine, four times a year; one that hosts know is changed with the most care.
    pub fn days(&self) -> i64 {
        match self {
            Self::Node { .. } => 90,
            Self::Caller { .. } => 30,
            Self::Ovsdb | Self::Other { .. } => 365,
        }
    }

    /// Alternative names: DNS names and IP addresses.
    ///
    /// # Errors
    /// An address of a node is neither.
    pub(crate) fn names(&self) -> Result<Vec<String>, PkiError> {
        match self {
            Self::Node { node, addresses } => {
                if let Some(wrong) = addresses.iter().find(|address| !is_address(address)) {
                    return Err(PkiError::Address { text: wrong.clone() });
                }
                let own = [NODE.to_owned(), node_name(*node)];
                Ok(own.into_iter().chain(addresses.iter().cloned()).collect())
            }
            Self::Caller { role, .. } => Ok(vec![role.dns_name().to_owned()]),
            Self::Ovsdb => Ok(vec![OVSDB.to_owned()]),
            Self::Other { names, .. } => Ok(names.clone()),
        }
    }

    /// P-256 among ourselves; RSA toward hosts, since old switches know nothing else.
    pub(crate) fn keys(&self) -> Keys {
        match self {
            Self::Node { .. } | Self::Caller { .. } => Keys::Ecdsa,
            Self::Ovsdb => Keys::Rsa { bits: RSA_BITS },
            Self::Other { keys, .. } => *keys,
        }
    }

    /// Whether others connect to the holder.
    pub(crate) fn serves(&self) -> bool {
        match self {
            Self::Node { .. } | Self::Other { .. } => true,
            Self::Caller { .. } | Self::Ovsdb => false,
        }
    }

    /// Whom a certificate of ours is for, so that it can be made again. `None` for another's.
    pub fn of(certificate: &Certificate) -> Option<Self> {
        match certificate.holder() {
            Holder::Node(node) => {
                let own = [NODE.to_owned(), node_name(node)];
                let addresses = certificate.names().iter().filter(|name| !own.contains(name));
                Some(Self::Node { node, addresses: addresses.cloned().collect() })
            }
            Holder::Caller { name, role } => Some(Self::Caller { name: name.parse().ok()?, role }),
            Holder::Ovsdb => Some(Self::Ovsdb),
            Holder::Authority | Holder::Other => None,
        }
    }
}

/// The DNS name of one node, which other nodes verify.
pub fn node_name(node: NodeId) -> String {
    format!("node-{}.asterism", node.0)
}

fn is_address(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A name of digits and dots alone is an IPv4 address that is none.
    let is_numeric = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse::<IpAddr>().is_ok() || (text.len() <= 253 && !is_numeric && text.split('.').all(is_label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_an_ip_address_or_a_dns_name() {
        for text in ["10.0.0.1", "fd00::1", "node1", "node-1.example", "1.example"] {
            assert!(is_address(text), "{text}");
        }
        for text in ["", "10.0.0", "10.0.0.1:7400", "a b", "-a", "a..b", "https://a", "*.example"] {
            assert!(!is_address(text), "{text}");
        }
    }
}
