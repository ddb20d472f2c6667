//! The choices made for a network: its VNI, the star-center of each pool, the pool-center. Replicated, sticky, and
//! never derived again from anything else.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{HostId, PoolId, Timestamp, Vni};

/// The choices in force for one network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topology {
    pub vni: Vni,
    /// The pools that have a star-center. A pool of the network without any able host has none, and no tunnels.
    pub stars: BTreeMap<PoolId, Star>,
    /// The pool whose star-center is the root; one of `stars`, and some exactly when `stars` is not empty.
    pub pool_center: Option<Choice<PoolId>>,
    /// The state's revision when this record last changed.
    pub revision: u64,
}

impl Topology {
    /// The star-center of the pool-center.
    pub fn root(&self) -> Option<HostId> {
        let pool = self.pool_center.as_ref()?.holder;
        self.stars.get(&pool).map(|star| star.center.holder)
    }

    /// Where a host of that pool stands in the order that all uplinks descend (DESIGN: loop-free by construction).
    /// `None` where the pool has no star, or the network no root.
    pub fn rank(&self, host: HostId, pool: PoolId) -> Option<Rank> {
        let root_pool = self.pool_center.as_ref()?.holder;
        let star = self.stars.get(&pool)?;
        let is_root_pool = pool == root_pool;
        Some(if star.center.holder == host {
            if is_root_pool { Rank::Root } else { Rank::StarCenter }
        } else if star.standby == Some(host) {
            if is_root_pool { Rank::RootStandby } else { Rank::Standby }
        } else {
            Rank::Leaf
        })
    }
}

/// One pool's star.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Star {
    pub center: Choice<HostId>,
    /// Takes over from the center in the data plane; only with dual resilience.
    pub standby: Option<HostId>,
}

/// A choice, with why and when it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice<T> {
    pub holder: T,
    pub cause: Cause,
    /// When the choice was committed.
    pub since: Timestamp,
}

/// Why a choice was made. The one before is in the event that records the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// There was none.
    First,
    /// The operator prefers this one, and it is able.
    Preferred,
    /// The holder before was disabled.
    Disabled,
    /// The holder before was removed, or no longer takes part in the network.
    Removed,
    /// The holder before was given up on evidence of its death.
    Dead,
}

impl Cause {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Preferred => "preferred",
            Self::Disabled => "disabled",
            Self::Removed => "removed",
            Self::Dead => "dead",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A host's place in a network's order. Every uplink leads to a strictly lower rank, which is why links in use can
/// never close a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rank {
    Root,
    RootStandby,
    StarCenter,
    Standby,
    Leaf,
}

impl fmt::Display for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Root => "root",
            Self::RootStandby => "root's standby",
            Self::StarCenter => "star-center",
            Self::Standby => "standby",
            Self::Leaf => "leaf",
        })
    }
}

/// What the planner proposes for one network; `apply` adds the time and the revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopologyPlan {
    pub vni: Vni,
    pub stars: BTreeMap<PoolId, StarPlan>,
    pub pool_center: Option<(PoolId, Cause)>,
}

/// What the planner proposes for one pool of a network. The causes count only where the holder changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StarPlan {
    pub center: HostId,
    pub cause: Cause,
    pub standby: Option<HostId>,
}
