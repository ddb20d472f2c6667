//! How far a host is on the way from a session to its target.

use std::fmt;

use asterism_model::Fence;

use crate::Tick;

/// How far a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// No session.
    Disconnected,
    /// Not claimed in this epoch, or something is unknown: to be claimed (again), not before the given time.
    Unclaimed { not_before: Tick },
    /// A claim was sent.
    Claiming { fence: Fence, deadline: Tick },
    /// The fence is another cluster's, or no fence: hands off.
    Barred { why: String },
    /// Claimed, and the picture is as new as our last write.
    Ready { fence: Fence },
    /// A transaction was sent.
    InFlight { fence: Fence, deadline: Tick },
    /// Something of ours was applied; the picture does not show it yet.
    Looking { fence: Fence, deadline: Tick },
    /// The host refused a transaction.
    BackingOff { fence: Fence, until: Tick },
}

impl Phase {
    /// When the phase ends by itself, and under which name.
    pub(super) fn deadline(&self) -> Option<(Tick, &'static str)> {
        match self {
            Self::Disconnected | Self::Barred { .. } | Self::Ready { .. } => None,
            Self::Unclaimed { not_before } => Some((*not_before, "pause before a claim")),
            Self::Claiming { deadline, .. } => Some((*deadline, "answer to a claim")),
            Self::InFlight { deadline, .. } => Some((*deadline, "answer to a transaction")),
            Self::Looking { deadline, .. } => Some((*deadline, "picture of what was applied")),
            Self::BackingOff { until, .. } => Some((*until, "pause after a refusal")),
        }
    }

    /// Whether an answer or a picture is under way that will tell more.
    pub(super) fn is_under_way(&self) -> bool {
        match self {
            Self::Claiming { .. } | Self::InFlight { .. } | Self::Looking { .. } => true,
            Self::Disconnected
            | Self::Unclaimed { .. }
            | Self::Barred { .. }
            | Self::Ready { .. }
            | Self::BackingOff { .. } => false,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnected => f.write_str("disconnected"),
            Self::Unclaimed { .. } => f.write_str("unclaimed"),
            Self::Claiming { .. } => f.write_str("claiming"),
            Self::Barred { why } => write!(f, "barred: {why}"),
            Self::Ready { .. } => f.write_str("ready"),
            Self::InFlight { .. } => f.write_str("in flight"),
            Self::Looking { .. } => f.write_str("looking"),
            Self::BackingOff { .. } => f.write_str("backing off"),
        }
    }
}
