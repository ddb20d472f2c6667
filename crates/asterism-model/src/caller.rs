//! Who asks for a change: the holder of a certificate, with a role.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a certificate lets its holder do; each role may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessRole {
    /// Looks.
    Viewer,
    /// Changes pools, hosts, networks and settings.
    Operator,
    /// Changes the cluster itself: its replicas, its state as a whole.
    Admin,
}

impl AccessRole {
    /// From the least to the greatest.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The DNS name that stands for it in a certificate.
    pub fn dns_name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer.asterism",
            Self::Operator => "operator.asterism",
            Self::Admin => "admin.asterism",
        }
    }
}

impl fmt::Display for AccessRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for AccessRole {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is not a role: expected viewer, operator or admin"))
    }
}

/// Who asked, as the replica saw it that was asked first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The common name in the certificate.
    pub name: String,
    pub role: AccessRole,
    /// The address that the call came from, without its port.
    pub from: String,
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}) from {}", self.name, self.role, self.from)
    }
}
