//! Why the state refused a command. Each sentence names what is wrong and what would be valid.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::{Encapsulation, HostRef, Name, NodeId, OvsdbEndpoint, SessionId, TransportName, Vni};

/// A named refusal; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    #[error("the cluster is not initialised: run `asterctl cluster init` first")]
    NotInitialised,
    #[error("the cluster is initialised already, as `{name}`")]
    AlreadyInitialised { name: Name },
    #[error(
        "session {session} is unknown or has expired: the outcome of its requests can't be told; look, then open a new session"
    )]
    UnknownSession { session: SessionId },
    #[error("request {sequence} is out of sequence: expected {expected}, or a retry of the one before")]
    OutOfSequence { sequence: u64, expected: u64 },
    #[error("no more than {limit} {what} are supported")]
    TooMany { what: String, limit: usize },
    #[error("the last {what} number is used up, and none is given out twice")]
    Exhausted { what: String },

    #[error(
        "node {node} was removed from this cluster, and its id is used up; choose one that was never used"
    )]
    NodeRetired { node: NodeId },
    #[error(
        "node {node} is to join already, at {address}; remove it first, and choose another id for the new one"
    )]
    NodeInvited { node: NodeId, address: String },
    #[error(
        "the snapshot is of another cluster, `{found}` ({id}); a cluster's state is restored from its own alone"
    )]
    OtherClustersBackup { found: Name, id: String },

    #[error("pool: there is no pool `{name}`; {}", choices(.known, "pools"))]
    UnknownPool { name: Name, known: Listing<Name> },
    #[error("pool: the name `{name}` is taken; choose another")]
    PoolNameTaken { name: Name },
    #[error("pool: `{pool}` is leaving; it can be added again once it is gone")]
    PoolIsLeaving { pool: Name },
    #[error("pool: `{pool}` is the same pool, {uuid}; a pool is added once")]
    PoolKnown { pool: Name, uuid: String },
    #[error("pool: `{pool}` is a static one, without a XAPI")]
    PoolIsStatic { pool: Name },
    #[error("pool `{pool}`: its XAPI lists its hosts; add the host to the pool there, and it appears here")]
    PoolListsHosts { pool: Name },
    #[error("pool `{pool}`: an inventory of another pool, {uuid}, is not taken for its own")]
    OtherPoolsInventory { pool: Name, uuid: String },
    #[error("addresses: a pool's XAPI needs at least one")]
    NoXapiAddress,
    #[error("pool `{pool}` still has hosts: {hosts}; remove them first")]
    PoolHasHosts { pool: Name, hosts: Listing<Name> },
    #[error("pool `{pool}` is part of networks: {networks}; delete them or remove the pool from them first")]
    PoolInUse { pool: Name, networks: Listing<Name> },

    #[error("host: there is no host `{host}`; {}", choices(.known, "hosts of that pool"))]
    UnknownHost { host: HostRef, known: Listing<Name> },
    #[error("host: the name `{host}` is taken; choose another")]
    HostNameTaken { host: HostRef },
    #[error(
        "ovsdb: nobody can answer at {endpoint}; expected tcp:IP[:PORT], ssl:IP[:PORT] or unix:/PATH of a host"
    )]
    EndpointInvalid { endpoint: OvsdbEndpoint },
    #[error("ovsdb: {endpoint} is the endpoint of host `{host}` already; a host is in one pool only")]
    EndpointTaken { endpoint: OvsdbEndpoint, host: HostRef },
    #[error("transport `{transport}`: the address {address} is that of host `{host}` already")]
    TransportAddressTaken { transport: TransportName, address: std::net::IpAddr, host: HostRef },
    #[error(
        "transport `{transport}`: {address} can't carry tunnels; expected the host's own unicast address"
    )]
    TransportAddressInvalid { transport: TransportName, address: IpAddr },
    #[error("transport: a host needs at least one, as NAME=ADDRESS")]
    NoTransport,
    #[error("transport `{transport}`: MTU {mtu} is out of range; expected {min} to {max} bytes")]
    TransportMtuInvalid { transport: TransportName, mtu: u16, min: u16, max: u16 },
    #[error(
        "host `{host}` is listed by its pool's XAPI; eject it from the pool there, or drain it with `asterctl host drain {host}`"
    )]
    HostListed { host: HostRef },
    #[error("host `{host}` is leaving; it can be added again once it is gone")]
    HostLeaving { host: HostRef },
    #[error("host `{host}` is the preferred center of networks: {networks}; change that first")]
    HostPreferred { host: HostRef, networks: Listing<Name> },

    #[error("network: there is no network `{name}`; {}", choices(.known, "networks"))]
    UnknownNetwork { name: Name, known: Listing<Name> },
    #[error("network: the name `{name}` is taken; choose another")]
    NetworkNameTaken { name: Name },
    #[error("pools: a network needs at least one pool")]
    NoPools,
    #[error("pool `{pool}` is not part of network `{network}`; {}", choices(.known, "its pools"))]
    PoolNotInNetwork { network: Name, pool: Name, known: Listing<Name> },
    #[error("pools: `{pool}` is to be both set and removed; name it once")]
    PoolSetAndRemoved { pool: Name },
    #[error(
        "transport: network `{network}` needs transport `{transport}`, which host `{host}` does not have; {}",
        choices(.known, "other transports")
    )]
    TransportMissing { network: Name, host: HostRef, transport: TransportName, known: Listing<TransportName> },
    #[error(
        "transport: hosts {hosts} would carry network `{network}` from one address, {address}; each needs its own"
    )]
    TransportAddressShared { network: Name, hosts: Listing<HostRef>, address: IpAddr },
    #[error(
        "transport: host `{host}` has an IPv{version} address on it and others of network `{network}` have not; \
         all need the same IP version"
    )]
    MixedIpVersions { network: Name, host: HostRef, version: u8 },
    #[error(
        "mtu: the {mtu} of network `{network}` are more than transport `{transport}` of host `{host}` carries: its MTU \
         of {transport_mtu} less {overhead} bytes of {encapsulation} leaves {max}"
    )]
    MtuTooLarge {
        network: Name,
        mtu: u16,
        max: u16,
        host: HostRef,
        transport: TransportName,
        transport_mtu: u16,
        encapsulation: Encapsulation,
        overhead: u16,
    },
    #[error(
        "encapsulation: pool `{pool}` is behind a XAPI, which has no tunnels of {encapsulation}; expected vxlan or gre"
    )]
    EncapsulationUnknownToXapi { pool: Name, encapsulation: Encapsulation },
    #[error(
        "transport: no host of pool `{pool}` has an address on `{transport}`; {}", choices(.known, "other transports")
    )]
    TransportUnknown { pool: Name, transport: TransportName, known: Listing<TransportName> },
    #[error("mtu: {mtu} is too small; expected {min} bytes at least")]
    MtuTooSmall { mtu: u16, min: u16 },
    #[error(
        "vni: {vni} is taken by network `{network}`; choose another, or leave it out to have one allocated"
    )]
    VniTaken { vni: Vni, network: Name },
    #[error("host `{host}` is disabled in its pool, or not listed there, and so no center")]
    HostOutOfService { host: HostRef },
    #[error(
        "host `{host}` is disabled, and so no center; `asterctl host undrain {host}` makes it one that may be"
    )]
    HostDisabled { host: HostRef },
    #[error(
        "pool `{pool}` of network `{network}` has no star-center yet; see `asterctl explain {network}` for what it waits for"
    )]
    NoStar { network: Name, pool: Name },
    #[error(
        "network `{network}` prefers star-center `{preferred}` in that pool and would go back to it; change the preference \
         with `asterctl network update` first"
    )]
    OtherHostPreferred { network: Name, preferred: HostRef },
    #[error(
        "network `{network}` prefers pool-center `{preferred}` and would go back to it; change the preference with \
         `asterctl network update` first"
    )]
    OtherPoolPreferred { network: Name, preferred: Name },
    #[error("pool `{pool}`: its network {uuid} carries network `{network}` already; each is adopted once")]
    PoolNetworkAdopted { pool: Name, uuid: String, network: Name },
    #[error(
        "pool `{pool}`: `{bridge}` is no bridge of a pool's network; expected 1 to 15 letters and digits"
    )]
    BridgeInvalid { pool: Name, bridge: String },
    #[error("pool-center: `{pool}` is not one of the pools of network `{network}`; {}", choices(.known, "its pools"))]
    PoolCenterUnknown { network: Name, pool: Name, known: Listing<Name> },
    #[error(
        "network `{network}` was not adopted from Xen Orchestra, and there is nobody to release it to; see `asterctl network delete`"
    )]
    NetworkNotAdopted { network: Name },
    #[error(
        "network `{network}` was given pools since it was adopted: {pools}; remove them with `asterctl network update` first"
    )]
    PoolsNotAdopted { network: Name, pools: Listing<Name> },
    #[error(
        "resilience: network `{network}` has two uplinks on its hosts, and Xen Orchestra knows one; run \
         `asterctl network update {network} --resilience single` first"
    )]
    NetworkIsDual { network: Name },
    #[error(
        "network `{network}` still has standbys, or a center on the move; release it when `asterctl topology {network}` shows \
         none"
    )]
    NetworkInMotion { network: Name },
    #[error(
        "network `{network}` is one star over the hosts of all of its pools; its pool-center moves only when its star has no \
         host left"
    )]
    NetworkIsOneStar { network: Name },
    #[error("network `{network}` is being released; it can't be changed any more")]
    NetworkReleasing { network: Name },
    #[error("{setting}: {value} is out of range; expected {min} to {max}")]
    SettingOutOfRange { setting: String, value: u32, min: u32, max: u32 },

    #[error("epoch {epoch} is not the current one, {current}: another controller leads")]
    StaleEpoch { epoch: u64, current: u64 },
    #[error("planned upon revision {based_on}, and the state is at {revision}: plan again")]
    StalePlan { based_on: u64, revision: u64 },
    #[error("the plan for network `{network}` breaks an invariant: {what}")]
    InvalidPlan { network: String, what: String },
}

/// Some names of many, for a sentence. A refusal is kept in its client's session and so in the state, which is why
/// what is left out is counted and not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing<T> {
    pub shown: Box<[T]>,
    /// How many are not shown.
    pub more: usize,
}

/// As many as a line of a terminal shows.
const SHOWN: usize = 8;

impl<T> Listing<T> {
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }
}

impl<T> FromIterator<T> for Listing<T> {
    fn from_iter<I: IntoIterator<Item = T>>(all: I) -> Self {
        let mut all = all.into_iter();
        let shown = all.by_ref().take(SHOWN).collect();
        Self { shown, more: all.count() }
    }
}

impl<T: fmt::Display> fmt::Display for Listing<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.shown.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{name}")?;
        }
        if self.more > 0 { write!(f, " and {} more", self.more) } else { Ok(()) }
    }
}

/// What would have been valid.
fn choices<T: fmt::Display>(known: &Listing<T>, what: &str) -> String {
    if known.is_empty() { format!("there are no {what}") } else { format!("{what}: {known}") }
}
