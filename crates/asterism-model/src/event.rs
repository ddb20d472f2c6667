//! The operator's story: what happened in the state, in order, with causes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Cause, Name, NodeId, Timestamp, Vni, pool::Standing};

/// How many events the state keeps; older ones are dropped.
pub const MAX_EVENTS: usize = 1000;

/// One thing that happened. Names are those of the time; what was gone by then stands with its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Counts up by one with every event of the cluster.
    pub sequence: u64,
    pub at: Timestamp,
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventKind {
    ClusterInitialised {
        name: Name,
    },
    EpochClaimed {
        node: NodeId,
        epoch: u64,
    },
    PoolAdded {
        pool: Name,
    },
    PoolRemoved {
        pool: Name,
    },
    HostAdded {
        pool: Name,
        host: Name,
    },
    HostStandingChanged {
        pool: Name,
        host: Name,
        standing: Standing,
    },
    HostForgotten {
        pool: Name,
        host: Name,
    },
    NetworkCreated {
        network: Name,
    },
    NetworkUpdated {
        network: Name,
    },
    NetworkDeleted {
        network: Name,
    },
    VniAllocated {
        network: Name,
        vni: Vni,
    },
    /// `from` and `to` are hosts of `pool`; no `to` means that the pool has no able host.
    StarCenterElected {
        network: Name,
        pool: Name,
        from: Option<Name>,
        to: Option<Name>,
        cause: Option<Cause>,
    },
    /// `from` and `to` are pools.
    PoolCenterElected {
        network: Name,
        from: Option<Name>,
        to: Option<Name>,
        cause: Option<Cause>,
    },
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClusterInitialised { name } => write!(f, "cluster {name} initialised"),
            Self::EpochClaimed { node, epoch } => write!(f, "{node} leads, epoch {epoch}"),
            Self::PoolAdded { pool } => write!(f, "pool {pool} added"),
            Self::PoolRemoved { pool } => write!(f, "pool {pool} removed"),
            Self::HostAdded { pool, host } => write!(f, "host {pool}/{host} added"),
            Self::HostStandingChanged { pool, host, standing } => {
                let standing = match standing {
                    Standing::Enabled => "enabled",
                    Standing::Disabled => "disabled",
                    Standing::Leaving => "leaving",
                };
                write!(f, "host {pool}/{host} {standing}")
            }
            Self::HostForgotten { pool, host } => write!(f, "host {pool}/{host} removed"),
            Self::NetworkCreated { network } => write!(f, "network {network} created"),
            Self::NetworkUpdated { network } => write!(f, "network {network} updated"),
            Self::NetworkDeleted { network } => write!(f, "network {network} deleted"),
            Self::VniAllocated { network, vni } => write!(f, "network {network} has VNI {vni}"),
            Self::StarCenterElected { network, pool, from, to, cause } => {
                write!(f, "network {network}, pool {pool}: star-center ")?;
                write_move(f, from.as_ref(), to.as_ref(), *cause)
            }
            Self::PoolCenterElected { network, from, to, cause } => {
                write!(f, "network {network}: pool-center ")?;
                write_move(f, from.as_ref(), to.as_ref(), *cause)
            }
        }
    }
}

fn write_move(
    f: &mut fmt::Formatter<'_>,
    from: Option<&Name>,
    to: Option<&Name>,
    cause: Option<Cause>,
) -> fmt::Result {
    let or_none = |name: Option<&Name>| name.map_or("none", Name::as_str).to_owned();
    write!(f, "{} -> {}", or_none(from), or_none(to))?;
    match cause {
        Some(cause) => write!(f, " ({cause})"),
        None => Ok(()),
    }
}
