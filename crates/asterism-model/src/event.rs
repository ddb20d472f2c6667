//! The operator's story: what happened in the state, in order, with causes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Cause, ClusterSettings, MemberEvent, Name, NodeId, Timestamp, Uplinks, Vni, pool::Standing};

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
    /// A replica's state was not the majority's after that entry of the log.
    ReplicaDiverged {
        node: NodeId,
        index: u64,
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
    /// Its Open vSwitch was seen to have active-backup bonds, or to have none.
    HostUplinksChanged {
        pool: Name,
        host: Name,
        uplinks: Uplinks,
    },
    SettingsChanged {
        settings: ClusterSettings,
    },
    /// Of the controllers' own cluster.
    MemberChanged {
        node: NodeId,
        change: MemberEvent,
    },
    /// The state is an old one, or was recovered from one controller's disk. All later epochs are greater than this one.
    TimelineBegun {
        epoch: u64,
        cause: TimelineCause,
    },
    /// The pool's XAPI is to be reached otherwise.
    PoolAccessChanged {
        pool: Name,
    },
    /// The pool is to leave with its hosts.
    PoolLeaving {
        pool: Name,
    },
    /// The pool's XAPI says something new of a host.
    HostReported {
        pool: Name,
        host: Name,
        report: HostReport,
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
    /// It was taken over from Xen Orchestra's plugin.
    NetworkAdopted {
        network: Name,
    },
    /// It is to be handed back.
    NetworkReleasing {
        network: Name,
    },
    /// It was handed back, and is known here no more.
    NetworkReleased {
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
        /// What was seen of `from`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<String>,
    },
    StandbyChosen {
        network: Name,
        pool: Name,
        from: Option<Name>,
        to: Option<Name>,
    },
    /// A host is to become center make before break; no `to`: that was given up.
    CenterMoveBegun {
        network: Name,
        pool: Name,
        to: Option<Name>,
        cause: Option<Cause>,
    },
    /// A pool is to become pool-center make before break; no `to`: that was given up.
    PoolMoveBegun {
        network: Name,
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

/// Why a timeline began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimelineCause {
    /// A backup was put in place.
    Restored {
        /// Of the state in it.
        taken_at: Timestamp,
    },
    /// All other controllers were lost for good.
    Recovered { survivor: NodeId },
}

impl fmt::Display for TimelineCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Restored { .. } => f.write_str("a snapshot was restored"),
            Self::Recovered { survivor } => write!(f, "the cluster was recovered from {survivor} alone"),
        }
    }
}

/// What a pool's XAPI says of a host that it did not say before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostReport {
    Enabled,
    Disabled,
    Live,
    Dead,
    Listed,
    Unlisted,
    /// Its addresses or transports are others.
    Readdressed,
    /// It can't be taken over, or not whole; why.
    LeftOut(String),
}

impl fmt::Display for HostReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enabled => f.write_str("is enabled in its pool"),
            Self::Disabled => f.write_str("is disabled in its pool"),
            Self::Live => f.write_str("is live, as its pool says"),
            Self::Dead => f.write_str("is not live, as its pool says"),
            Self::Listed => f.write_str("is listed by its pool again"),
            Self::Unlisted => f.write_str("is no longer listed by its pool"),
            Self::Readdressed => f.write_str("has other addresses or transports"),
            Self::LeftOut(why) => write!(f, "is left out: {why}"),
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClusterInitialised { name } => write!(f, "cluster {name} initialised"),
            Self::ReplicaDiverged { node, index } => {
                write!(
                    f,
                    "the state of {node} differs from the majority's after entry {index}: it serves no longer"
                )
            }
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
            Self::HostUplinksChanged { pool, host, uplinks: Uplinks::Several } => {
                write!(f, "host {pool}/{host} has active-backup bonds")
            }
            Self::HostUplinksChanged { pool, host, uplinks: Uplinks::One } => {
                write!(f, "host {pool}/{host} has no active-backup bonds: one uplink in each network")
            }
            Self::SettingsChanged { settings: ClusterSettings { bfd_budget, mode } } => {
                write!(f, "settings: BFD budget {bfd_budget} packets/s, mode {mode}")
            }
            Self::MemberChanged { node, change } => write!(f, "controller {node} {change}"),
            Self::TimelineBegun { epoch, cause } => {
                write!(f, "{cause}: a new timeline begins, after epoch {epoch}")
            }
            Self::PoolAccessChanged { pool } => write!(f, "pool {pool}: access to its XAPI changed"),
            Self::PoolLeaving { pool } => write!(f, "pool {pool} leaving"),
            Self::HostReported { pool, host, report } => write!(f, "host {pool}/{host} {report}"),
            Self::HostForgotten { pool, host } => write!(f, "host {pool}/{host} removed"),
            Self::NetworkCreated { network } => write!(f, "network {network} created"),
            Self::NetworkUpdated { network } => write!(f, "network {network} updated"),
            Self::NetworkDeleted { network } => write!(f, "network {network} deleted"),
            Self::NetworkAdopted { network } => write!(f, "network {network} adopted"),
            Self::NetworkReleasing { network } => write!(f, "network {network} is being released"),
            Self::NetworkReleased { network } => write!(f, "network {network} released"),
            Self::VniAllocated { network, vni } => write!(f, "network {network} has VNI {vni}"),
            Self::StarCenterElected { network, pool, from, to, cause, evidence } => {
                write!(f, "network {network}, pool {pool}: star-center ")?;
                write_move(f, from.as_ref(), to.as_ref(), *cause)?;
                match evidence {
                    Some(evidence) => write!(f, ": {evidence}"),
                    None => Ok(()),
                }
            }
            Self::StandbyChosen { network, pool, from, to } => {
                write!(f, "network {network}, pool {pool}: standby ")?;
                write_move(f, from.as_ref(), to.as_ref(), None)
            }
            Self::CenterMoveBegun { network, pool, to, cause } => {
                write!(f, "network {network}, pool {pool}: star-center ")?;
                write_intent(f, to.as_ref(), *cause)
            }
            Self::PoolMoveBegun { network, to, cause } => {
                write!(f, "network {network}: pool-center ")?;
                write_intent(f, to.as_ref(), *cause)
            }
            Self::PoolCenterElected { network, from, to, cause } => {
                write!(f, "network {network}: pool-center ")?;
                write_move(f, from.as_ref(), to.as_ref(), *cause)
            }
        }
    }
}

fn write_intent(f: &mut fmt::Formatter<'_>, to: Option<&Name>, cause: Option<Cause>) -> fmt::Result {
    match (to, cause) {
        (Some(to), Some(cause)) => write!(f, "moves to {to} ({cause})"),
        (Some(to), None) => write!(f, "moves to {to}"),
        (None, _) => f.write_str("moves no longer"),
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
