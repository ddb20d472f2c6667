//! Labels that an operator chooses.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{HostId, PoolId};

/// Longest name, in bytes: a DNS label's, so that a host's name fits anywhere.
const MAX_LEN: usize = 63;

/// A text that cannot be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a name: expected 1 to 63 letters, digits, `.`, `_` or `-`, beginning with a letter or digit"
)]
pub struct NameError(String);

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                if is_valid(&text) { Ok(Self(text)) } else { Err(NameError(text)) }
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }
    };
}

name!(
    /// The name of a pool, a host or a network: 1 to 63 bytes of `[A-Za-z0-9._-]`, beginning with a letter or digit.
    Name
);
name!(
    /// The name of a transport: the same on every host whose NIC, bond or VLAN reaches the same underlay network,
    /// whatever the device is called there. Spelt like a [`Name`].
    TransportName
);

impl Name {
    /// The name with a number after it, cut so that it stays a name.
    #[must_use]
    pub fn numbered(&self, number: u32) -> Self {
        let end = format!("-{number}");
        // Names are ASCII, and can be cut anywhere.
        let kept = self.0.len().min(MAX_LEN - end.len());
        Self(format!("{}{end}", &self.0[..kept]))
    }
}

impl From<HostId> for Name {
    /// What stands for the name of a host that is forgotten.
    fn from(id: HostId) -> Self {
        // A letter and digits, which is spelt like a name.
        Self(id.to_string())
    }
}

impl From<PoolId> for Name {
    /// What stands for the name of a pool that is removed.
    fn from(id: PoolId) -> Self {
        Self(id.to_string())
    }
}

fn is_valid(text: &str) -> bool {
    text.len() <= MAX_LEN
        && text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_labels() {
        for good in ["a", "pool-1", "xcp.rack_2", &"a".repeat(63)] {
            assert!(good.parse::<Name>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a b", "a/b", "é", &"a".repeat(64)] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_are_spelt_like_names() {
        assert!(is_valid(Name::from(HostId(u32::MAX)).as_str()));
        assert!(is_valid(Name::from(PoolId(0)).as_str()));
    }

    #[test]
    fn a_stored_name_is_checked_too() {
        assert!(serde_json::from_str::<Name>("\"a b\"").is_err());
    }
}
