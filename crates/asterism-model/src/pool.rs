//! Pools, their hosts, and the transports that carry tunnels.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::{
    HostId, Management, Name, OvsdbEndpoint, PoolId, TransportName, XapiHost, XapiPool, network::is_default,
};

/// A set of hosts that are managed together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    pub id: PoolId,
    /// Unique in the cluster.
    pub name: Name,
    #[serde(default, skip_serializing_if = "is_default")]
    pub management: Management,
}

impl Pool {
    /// What is known of its XAPI, if it is behind one.
    pub fn xapi(&self) -> Option<&XapiPool> {
        match &self.management {
            Management::Static => None,
            Management::Xapi(xapi) => Some(xapi),
        }
    }
}

/// A hypervisor that runs Open vSwitch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    pub id: HostId,
    pub pool: PoolId,
    /// Unique in its pool; written `pool/host`.
    pub name: Name,
    /// Unique in the cluster: a host is in one pool only.
    pub ovsdb: OvsdbEndpoint,
    pub datapath: Datapath,
    /// By the name of the underlay network that each reaches. No two hosts share an address on one transport.
    pub transports: BTreeMap<TransportName, Transport>,
    pub standing: Standing,
    #[serde(default, skip_serializing_if = "is_default")]
    pub uplinks: Uplinks,
    /// What its pool's XAPI says of it; absent in a static pool.
    #[serde(default, skip_serializing_if = "is_default")]
    pub xapi: Option<XapiHost>,
    /// The state's revision when this record last changed.
    pub revision: u64,
}

impl Host {
    /// Whether the host may be elected star-center.
    pub fn is_eligible(&self) -> bool {
        self.standing == Standing::Enabled && self.xapi.as_ref().is_none_or(XapiHost::is_in_service)
    }

    /// Whether the host takes part in its pool's networks.
    pub fn is_member(&self) -> bool {
        self.standing != Standing::Leaving
    }

    /// Whether it is forgotten once no row of ours is left to it: it is leaving, or its pool lists it no longer.
    pub fn may_be_forgotten(&self) -> bool {
        !self.is_member() || self.xapi.as_ref().is_some_and(|xapi| !xapi.is_listed)
    }
}

/// What the operator wants of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Carries networks and may be a center.
    Enabled,
    /// Carries networks (its VMs stay connected), is no center: for maintenance.
    Disabled,
    /// To be removed: its target is empty, and it is forgotten once its OVSDB is seen to hold no row of ours.
    Leaving,
}

/// How many uplinks a host can have in one network, as its Open vSwitch was last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Uplinks {
    /// An active-backup bond of tunnels. Taken for granted of a host that was never seen.
    #[default]
    Several,
    /// It has no active-backup bonds: it waits for an election when its center dies, whatever a network's resilience.
    One,
}

impl fmt::Display for Uplinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Several => "several",
            Self::One => "one",
        })
    }
}

/// One NIC, bond or VLAN of a host whose address carries tunnels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transport {
    pub address: IpAddr,
    /// Largest IP packet in bytes, headers of the tunnel included.
    pub mtu: u16,
}

/// Which of Open vSwitch's datapaths a host's bridges run on (schema: `Bridge.datapath_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Datapath {
    /// The kernel's.
    #[default]
    System,
    /// Userspace (DPDK hosts, and hosts without the kernel module).
    Netdev,
}

impl Datapath {
    /// The value of `Bridge.datapath_type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Netdev => "netdev",
        }
    }
}

impl fmt::Display for Datapath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
