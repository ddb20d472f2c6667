//! Why something that one might expect did not happen, and what a move waits for.

use std::fmt;

use asterism_model::{HostId, NetworkId, NetworkState, PoolId};

/// Why something that one might expect did not happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The pool has no host that could be star-center; its VMs are on their own.
    NoAbleHost { network: NetworkId, pool: PoolId, hosts: Vec<(HostId, String)> },
    /// The center is dead, disabled or in doubt, and stays.
    CenterKept { network: NetworkId, pool: PoolId, host: HostId, why: String },
    /// The network asks for a standby, and no host but the center can be one.
    NoStandby { network: NetworkId, pool: PoolId },
    /// The preferred center is not in office.
    PreferredPassedOver { network: NetworkId, pool: PoolId, host: HostId, why: String },
    /// The preferred pool-center is not in office.
    PreferredPoolPassedOver { network: NetworkId, pool: PoolId, why: String },
    /// A move, make before break, is under way and waits.
    Waiting { network: NetworkId, motion: Motion, wait: Wait },
    /// Every VNI is taken.
    NoVni { network: NetworkId },
}

/// What is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Motion {
    Center { pool: PoolId, to: HostId },
    Standby { pool: PoolId, from: HostId, to: Option<HostId> },
    PoolCenter { to: PoolId },
}

/// What a motion waits for. Nothing is ever forced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// The tunnels between a host and these are to be up at both ends.
    Tunnels { host: HostId, peers: Vec<HostId> },
    /// These are to have another way up than over the host.
    OtherWay { host: HostId, peers: Vec<HostId> },
    /// The bonds of these are to take what comes over either side, before they are told to leave the host.
    Opening { host: HostId, peers: Vec<HostId> },
    /// These are to forward over the host no longer.
    Leaving { host: HostId, peers: Vec<HostId> },
    /// The host is to be told to lead traffic away from itself, and does not answer.
    Answer { host: HostId },
    /// The host that is to take over can't at the moment.
    Able { host: HostId, why: String },
    /// What was changed last is to be in place, on these hosts above all.
    Settling { hosts: Vec<HostId> },
    /// Traffic is led away from another host of the network: one at a time, lest a host and one below it change their
    /// uplinks together.
    Turn,
}

impl Finding {
    pub fn network(&self) -> NetworkId {
        match self {
            Self::NoAbleHost { network, .. }
            | Self::CenterKept { network, .. }
            | Self::NoStandby { network, .. }
            | Self::PreferredPassedOver { network, .. }
            | Self::PreferredPoolPassedOver { network, .. }
            | Self::Waiting { network, .. }
            | Self::NoVni { network } => *network,
        }
    }

    /// Whether the next picture of any host may end it.
    pub fn waits_for_links(&self) -> bool {
        match self {
            Self::Waiting { wait, .. } => match wait {
                Wait::Tunnels { .. }
                | Wait::OtherWay { .. }
                | Wait::Opening { .. }
                | Wait::Leaving { .. }
                | Wait::Settling { .. } => true,
                // The plan that ends the other motion goes on with this one.
                Wait::Answer { .. } | Wait::Able { .. } | Wait::Turn => false,
            },
            Self::NoAbleHost { .. }
            | Self::CenterKept { .. }
            | Self::NoStandby { .. }
            | Self::PreferredPassedOver { .. }
            | Self::PreferredPoolPassedOver { .. }
            | Self::NoVni { .. } => false,
        }
    }

    /// The finding in words, with names as operators write them.
    pub fn describe<'a>(&'a self, state: &'a NetworkState) -> impl fmt::Display + 'a {
        Described { finding: self, state }
    }
}

struct Described<'a> {
    finding: &'a Finding,
    state: &'a NetworkState,
}

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.finding {
            Finding::NoAbleHost { pool, hosts, .. } => {
                write!(f, "pool {} has no able host", self.state.pool_label(*pool))?;
                for (host, why) in hosts {
                    write!(f, "; {}: {why}", self.state.host_label(*host))?;
                }
                Ok(())
            }
            Finding::CenterKept { pool, host, why, .. } => write!(
                f,
                "pool {} keeps its star-center {}, which is {why}",
                self.state.pool_label(*pool),
                self.state.host_label(*host)
            ),
            Finding::NoStandby { pool, .. } => write!(
                f,
                "pool {} has no standby: no host but its star-center is able",
                self.state.pool_label(*pool)
            ),
            Finding::PreferredPassedOver { host, why, .. } => {
                write!(f, "preferred star-center {} is passed over: {why}", self.state.host_label(*host))
            }
            Finding::PreferredPoolPassedOver { pool, why, .. } => {
                write!(f, "preferred pool-center {} is passed over: {why}", self.state.pool_label(*pool))
            }
            Finding::Waiting { motion, wait, .. } => {
                write!(f, "{} waits: {}", self.motion(motion), self.wait(wait))
            }
            Finding::NoVni { .. } => f.write_str("every VNI is taken; delete a network"),
        }
    }
}

impl Described<'_> {
    fn motion(&self, motion: &Motion) -> String {
        let host = |host: HostId| self.state.host_label(host);
        let pool = |pool: PoolId| self.state.pool_label(pool);
        match *motion {
            Motion::Center { pool: of, to } => {
                format!("the move of pool {}'s star-center to {}", pool(of), host(to))
            }
            Motion::Standby { pool: of, from, to } => {
                let to = to.map_or_else(|| "nobody".to_owned(), host);
                format!("pool {}'s change of standby from {} to {to}", pool(of), host(from))
            }
            Motion::PoolCenter { to } => format!("the move of the pool-center to {}", pool(to)),
        }
    }

    fn wait(&self, wait: &Wait) -> String {
        let host = |host: HostId| self.state.host_label(host);
        match wait {
            Wait::Tunnels { host: of, peers } => {
                format!("for the tunnels between {} and {} to come up", host(*of), self.list(peers))
            }
            Wait::OtherWay { host: over, peers } => {
                format!("until there is another way than over {} from {}", host(*over), self.list(peers))
            }
            Wait::Opening { host: over, peers } => {
                format!("until {} take what still comes over {} as well", self.list(peers), host(*over))
            }
            Wait::Leaving { host: over, peers } => {
                format!("until nothing comes over {} from {}", host(*over), self.list(peers))
            }
            Wait::Answer { host: silent } => format!("until {} answers", host(*silent)),
            Wait::Able { host: unable, why } => format!("{} is {why}", host(*unable)),
            Wait::Settling { hosts } if hosts.is_empty() => "until what was changed last has settled".into(),
            Wait::Settling { hosts } => {
                format!("until what was changed last is in place on {}", self.list(hosts))
            }
            Wait::Turn => "until traffic is led away from another host of the network".into(),
        }
    }

    /// As many as a line shows.
    fn list(&self, hosts: &[HostId]) -> String {
        const SHOWN: usize = 5;
        let shown: Vec<String> = hosts.iter().take(SHOWN).map(|host| self.state.host_label(*host)).collect();
        match hosts.len().saturating_sub(SHOWN) {
            0 => shown.join(", "),
            more => format!("{} and {more} more", shown.join(", ")),
        }
    }
}
