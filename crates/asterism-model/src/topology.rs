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
    /// The pool that becomes pool-center make before break, while that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_pool: Option<NextPool>,
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
        let is_next = self.next_pool.is_some_and(|next| next.pool == pool);
        let (center, standby) = match (pool == root_pool, is_next) {
            (true, _) => (Rank::Root, Rank::RootStandby),
            (false, true) => (Rank::NextRoot, Rank::NextRootStandby),
            (false, false) => (Rank::StarCenter, Rank::Standby),
        };
        Some(if star.center.holder == host {
            center
        } else if star.standby == Some(host) {
            standby
        } else {
            Rank::Leaf
        })
    }
}

/// One pool's star.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Star {
    pub center: Choice<HostId>,
    /// Takes over from the center in the data plane. Lasting with dual resilience; with single resilience for as long as a
    /// planned move takes.
    pub standby: Option<HostId>,
    /// The host that becomes center make before break, while that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<NextCenter>,
    /// The center or the standby, while traffic is led away from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drained: Option<Drain>,
}

/// A planned move of a star's middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextCenter {
    pub host: HostId,
    pub cause: Cause,
}

/// Leads traffic away from a center or a standby: tunnels to hosts below it stay up and say that they are not to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    pub host: HostId,
    pub extent: DrainExtent,
}

/// From whom.
///
/// A host that leaves one uplink for another tells the switches above where its VMs are now. When it does so at one time with
/// a host below it, what the two say may cross, and addresses are learned where they are not: seen to cut silent VMs off.
/// So a star-center is drained of its standby first, and of the leaves when that has left. The drained host itself goes on
/// to look for them where they were, until its ports to them are taken away; their bonds are [open](crate::BondMode::Open)
/// meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrainExtent {
    /// Nobody yet: those below are about to be told, and their bonds open.
    Announced,
    /// The center's own standby alone.
    Standby,
    /// All hosts below; of a root all but its standby, by which it stays joined to the others. A star-center has no tunnel
    /// to its own standby any more.
    All,
    /// It has no tunnels to hosts below, but the root to its standby: what its switch learned on them is forgotten. A host
    /// that hands over begins as standby so.
    Cut,
}

/// A planned move of the network's middle to another pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextPool {
    pub pool: PoolId,
    pub cause: Cause,
    /// Those below the root and its standby are about to be told to leave, and their bonds open.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_announced: bool,
    /// Traffic is led away from the root and its standby, but for the link between the root and its successor.
    pub is_drained: bool,
}

/// A choice, with why and when it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice<T> {
    pub holder: T,
    pub cause: Cause,
    /// When the choice was committed.
    pub since: Timestamp,
    /// What was seen of the holder before, where that is why it was replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
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
    /// The holder before lived and had lost its way to the root, which this one has.
    CutOff,
    /// An operator asked for the move.
    Moved,
}

impl Cause {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Preferred => "preferred",
            Self::Disabled => "disabled",
            Self::Removed => "removed",
            Self::Dead => "dead",
            Self::CutOff => "cut off",
            Self::Moved => "moved",
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
    /// The star-center of the pool that becomes pool-center, while that is under way.
    NextRoot,
    NextRootStandby,
    StarCenter,
    Standby,
    Leaf,
}

impl fmt::Display for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Root => "root",
            Self::RootStandby => "root's standby",
            Self::NextRoot => "next root",
            Self::NextRootStandby => "next root's standby",
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_pool: Option<NextPool>,
}

/// What the planner proposes for one pool of a network. The causes count only where the holder changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StarPlan {
    pub center: HostId,
    pub cause: Cause,
    /// What was seen of the center before; `apply` keeps the first [`MAX_EVIDENCE`] bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    pub standby: Option<HostId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<NextCenter>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drained: Option<Drain>,
}

impl StarPlan {
    /// A star around a center, without standby and at rest.
    pub fn around(center: HostId, cause: Cause) -> Self {
        Self { center, cause, evidence: None, standby: None, next: None, drained: None }
    }
}

/// Longest evidence that a choice keeps, in bytes.
pub const MAX_EVIDENCE: usize = 160;
