//! The fence that each host's OVSDB keeps, and what became of a transaction behind it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::ClusterId;

/// The key in `Open_vSwitch.external_ids` under which the fence is stored.
pub const FENCE_KEY: &str = "asterism-fence";

/// Who wrote last to a host. A host refuses whatever is guarded by a fence other than the one it stores.
///
/// Ordered by epoch, then revision, within one cluster; fences of two clusters have no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    pub cluster: ClusterId,
    /// Raised through the log by each leader before it touches a host.
    pub epoch: u64,
    /// The revision of the state that the written target was derived from.
    pub revision: u64,
}

impl PartialOrd for Fence {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        (self.cluster == other.cluster)
            .then(|| (self.epoch, self.revision).cmp(&(other.epoch, other.revision)))
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.cluster, self.epoch, self.revision)
    }
}

/// A text that is no fence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a fence: expected <cluster id>:<epoch>:<revision>")]
pub struct FenceError(String);

impl FromStr for Fence {
    type Err = FenceError;

    fn from_str(text: &str) -> Result<Self, FenceError> {
        let parse = || {
            let mut parts = text.split(':');
            let fence = Self {
                cluster: parts.next()?.parse().ok()?,
                epoch: parts.next()?.parse().ok()?,
                revision: parts.next()?.parse().ok()?,
            };
            // One spelling each, so that a guard on the text is a guard on the value.
            (parts.next().is_none() && fence.to_string() == text).then_some(fence)
        };
        parse().ok_or_else(|| FenceError(text.to_owned()))
    }
}

/// What a host stores in the place of the fence.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum StoredFence {
    /// No key: a host that Asterism never wrote to, or one whose OVSDB was emptied.
    #[default]
    Absent,
    /// A well-formed fence, of this cluster or another.
    Present(Fence),
    /// A text under our key that is no fence. Nobody of ours wrote it, so nobody of ours may overwrite it.
    Malformed(String),
}

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All of it happened.
    Applied,
    /// The guard refused it: the host stores another fence. Nothing happened.
    Fenced,
    /// The host refused it for the reason given. Nothing happened.
    Rejected(String),
    /// No answer: it may have happened, or may yet. The reply to this is to look again.
    Unknown(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fence(epoch: u64, revision: u64) -> Fence {
        Fence { cluster: ClusterId(7), epoch, revision }
    }

    #[test]
    fn fences_of_one_cluster_are_ordered_by_epoch_then_revision() {
        assert!(fence(2, 0) > fence(1, 9));
        assert!(fence(2, 3) > fence(2, 2));
        let foreign = Fence { cluster: ClusterId(8), ..fence(9, 9) };
        assert_eq!(fence(1, 1).partial_cmp(&foreign), None);
    }

    #[test]
    fn a_fence_has_one_spelling() {
        let text = fence(3, 12).to_string();
        assert_eq!(text.parse::<Fence>().unwrap(), fence(3, 12));
        assert!(text.replace(":3:", ":03:").parse::<Fence>().is_err());
        assert!(format!("{text}:1").parse::<Fence>().is_err());
        assert!("".parse::<Fence>().is_err());
    }
}
