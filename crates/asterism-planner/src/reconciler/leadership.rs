//! The part of a fence that all writes of one leadership share, and what a host's fence says of it.

use asterism_model::{ClusterId, Fence, StoredFence};

/// Who leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leadership {
    pub cluster: ClusterId,
    pub epoch: u64,
}

impl Leadership {
    /// The stored fence, if this leadership wrote it.
    pub fn wrote(self, stored: &StoredFence) -> Option<Fence> {
        match stored {
            StoredFence::Present(fence) if fence.cluster == self.cluster && fence.epoch == self.epoch => {
                Some(*fence)
            }
            StoredFence::Present(_) | StoredFence::Absent | StoredFence::Malformed(_) => None,
        }
    }
}

/// A host knows a later leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Superseded {
    pub epoch: u64,
}
