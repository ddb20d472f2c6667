//! What operators set for the whole cluster.

use std::fmt;

use serde::{Deserialize, Serialize};

/// In force on every controller and for every host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterSettings {
    /// How many BFD packets a host may send in a second, over all of its tunnels. Intervals are lengthened to keep it.
    pub bfd_budget: u32,
    pub mode: Mode,
}

impl ClusterSettings {
    /// Smallest budget: a host with a few tunnels at the default interval. Largest: more than a switch was seen to bear.
    pub const BFD_BUDGET: (u32, u32) = (100, 1_000_000);
}

impl Default for ClusterSettings {
    fn default() -> Self {
        // 400 tunnels at the default interval.
        Self { bfd_budget: 4000, mode: Mode::Active }
    }
}

/// Whether the leader acts upon what it sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    #[default]
    Active,
    /// It looks at the hosts and shows what differs. It claims nothing, writes nothing and elects nobody; networks stay as
    /// they are and heal in the data plane.
    ReadOnly,
}

impl Mode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::ReadOnly => "read-only",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What to change of the settings; what is absent stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SettingsChange {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bfd_budget: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
}
