//! Which networks of a host a comparison is about.

use std::collections::BTreeSet;

use asterism_model::NetworkId;

/// Some networks, or all of them and what belongs to none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    All,
    Networks(BTreeSet<NetworkId>),
}

impl Scope {
    pub fn none() -> Self {
        Self::Networks(BTreeSet::new())
    }

    pub fn is_empty(&self) -> bool {
        match self {
            Self::All => false,
            Self::Networks(networks) => networks.is_empty(),
        }
    }

    pub fn contains(&self, network: NetworkId) -> bool {
        match self {
            Self::All => true,
            Self::Networks(networks) => networks.contains(&network),
        }
    }

    pub fn add(&mut self, network: NetworkId) {
        match self {
            Self::All => {}
            Self::Networks(networks) => {
                networks.insert(network);
            }
        }
    }

    pub fn extend(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::All, _) => {}
            (Self::Networks(_), Self::All) => *self = Self::All,
            (Self::Networks(networks), Self::Networks(others)) => networks.extend(others),
        }
    }

    /// Leaves nothing behind.
    pub fn take(&mut self) -> Self {
        std::mem::replace(self, Self::none())
    }
}
