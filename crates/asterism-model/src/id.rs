//! Typed identities. Integers given out by `apply` and never given out twice, so that a row on a host, a log line
//! and an event that name one can never mean a later thing of the same name.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty), $letter:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }
    };
}

id!(
    /// A pool of hosts.
    PoolId(u32), "p"
);
id!(
    /// A hypervisor host, unique over all pools.
    HostId(u32), "h"
);
id!(
    /// A private network.
    NetworkId(u32), "n"
);
id!(
    /// A controller replica. Chosen by the operator in the node's configuration; a removed one is never used again.
    NodeId(u64), "c"
);
id!(
    /// A client's session, within which a request is applied once.
    SessionId(u64), "s"
);

/// The identity of a cluster, random, made once at `cluster init`. It stands in each host's fence, so that two
/// clusters that happen to share a name cannot overwrite one another's hosts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId(pub u128);

/// The `_uuid` of an OVSDB row (RFC 7047 §3.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowUuid(pub u128);

/// The `uuid` of an object in a pool's XAPI: what stays when references change (after a restore, or a host's move).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct XapiUuid(pub u128);

/// A text that is no identity of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {kind}: expected {expected}")]
pub struct IdError {
    text: String,
    kind: &'static str,
    expected: &'static str,
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for ClusterId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        parse_hex(text).map(Self).ok_or_else(|| IdError {
            text: text.to_owned(),
            kind: "cluster id",
            expected: "32 hexadecimal digits",
        })
    }
}

/// What both kinds of UUID share: their spelling (RFC 9562 §4).
macro_rules! uuid {
    ($name:ident, $kind:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let hex = format!("{:032x}", self.0);
                write!(f, "{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse_uuid(text).map(Self).ok_or_else(|| IdError {
                    text: text.to_owned(),
                    kind: $kind,
                    expected: "8-4-4-4-12 hexadecimal digits",
                })
            }
        }
    };
}

uuid!(RowUuid, "row uuid");
uuid!(XapiUuid, "XAPI uuid");

fn parse_uuid(text: &str) -> Option<u128> {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    if lengths == [8, 4, 4, 4, 12] { parse_hex(&text.replace('-', "")) } else { None }
}

/// Exactly 32 hexadecimal digits, or nothing.
fn parse_hex(text: &str) -> Option<u128> {
    if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(text, 16).ok()
}

macro_rules! as_text {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

as_text!(ClusterId);
as_text!(RowUuid);
as_text!(XapiUuid);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_uuid_reads_what_it_prints() {
        let text = "0b9d9c10-33e1-4b3a-8f9c-0a1b2c3d4e5f";
        assert_eq!(text.parse::<RowUuid>().unwrap().to_string(), text);
    }

    #[test]
    fn a_malformed_uuid_says_what_would_be_valid() {
        let error = "0b9d9c1033e14b3a8f9c0a1b2c3d4e5f".parse::<RowUuid>().unwrap_err();
        assert!(error.to_string().contains("8-4-4-4-12"), "{error}");
        assert!("+0000000000000000000000000000001".parse::<ClusterId>().is_err());
    }
}
