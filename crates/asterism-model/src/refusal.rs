//! Why the state refused a command. Each sentence names what is wrong and what would be valid.

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

    #[error("pool: there is no pool `{name}`; {}", choices(.known, "pools"))]
    UnknownPool { name: Name, known: Vec<Name> },
    #[error("pool: the name `{name}` is taken; choose another")]
    PoolNameTaken { name: Name },
    #[error("pool `{pool}` still has hosts: {}; remove them first", list(.hosts))]
    PoolHasHosts { pool: Name, hosts: Vec<Name> },
    #[error("pool `{pool}` is part of networks: {}; delete them or remove the pool from them first", list(.networks))]
    PoolInUse { pool: Name, networks: Vec<Name> },

    #[error("host: there is no host `{host}`; {}", choices(.known, "hosts of that pool"))]
    UnknownHost { host: HostRef, known: Vec<Name> },
    #[error("host: the name `{host}` is taken; choose another")]
    HostNameTaken { host: HostRef },
    #[error("ovsdb: {endpoint} is the endpoint of host `{host}` already; a host is in one pool only")]
    EndpointTaken { endpoint: OvsdbEndpoint, host: HostRef },
    #[error("transport `{transport}`: the address {address} is that of host `{host}` already")]
    TransportAddressTaken { transport: TransportName, address: std::net::IpAddr, host: HostRef },
    #[error(
        "transport `{transport}`: {address} can't carry tunnels; expected the host's own unicast address"
    )]
    TransportAddressInvalid { transport: TransportName, address: std::net::IpAddr },
    #[error("transport: a host needs at least one, as NAME=ADDRESS")]
    NoTransport,
    #[error("transport `{transport}`: MTU {mtu} is out of range; expected {min} to {max} bytes")]
    TransportMtuInvalid { transport: TransportName, mtu: u16, min: u16, max: u16 },
    #[error("host `{host}` is leaving; it can be added again once it is gone")]
    HostLeaving { host: HostRef },
    #[error("host `{host}` is the preferred center of networks: {}; change that first", list(.networks))]
    HostPreferred { host: HostRef, networks: Vec<Name> },

    #[error("network: there is no network `{name}`; {}", choices(.known, "networks"))]
    UnknownNetwork { name: Name, known: Vec<Name> },
    #[error("network: the name `{name}` is taken; choose another")]
    NetworkNameTaken { name: Name },
    #[error("pools: a network needs at least one pool")]
    NoPools,
    #[error("pool `{pool}` is not part of network `{network}`; {}", choices(.known, "its pools"))]
    PoolNotInNetwork { network: Name, pool: Name, known: Vec<Name> },
    #[error("transport: host `{host}` has no transport `{transport}`; {}", choices(.known, "its transports"))]
    TransportMissing { host: HostRef, transport: TransportName, known: Vec<TransportName> },
    #[error(
        "transport: host `{host}` has an IPv{version} address on it and others of network `{network}` have not; \
         all need the same IP version"
    )]
    MixedIpVersions { network: Name, host: HostRef, version: u8 },
    #[error(
        "mtu: {mtu} is more than transport `{transport}` of host `{host}` carries: its MTU of {transport_mtu} less \
         {overhead} bytes of {encapsulation} leaves {max}"
    )]
    MtuTooLarge {
        mtu: u16,
        max: u16,
        host: HostRef,
        transport: TransportName,
        transport_mtu: u16,
        encapsulation: Encapsulation,
        overhead: u16,
    },
    #[error("mtu: {mtu} is too small; expected {min} bytes at least")]
    MtuTooSmall { mtu: u16, min: u16 },
    #[error(
        "vni: {vni} is taken by network `{network}`; choose another, or leave it out to have one allocated"
    )]
    VniTaken { vni: Vni, network: Name },
    #[error("resilience: `dual` is not available; expected `single`")]
    DualUnavailable,

    #[error("epoch {epoch} is not the current one, {current}: another controller leads")]
    StaleEpoch { epoch: u64, current: u64 },
    #[error("planned upon revision {based_on}, and the state is at {revision}: plan again")]
    StalePlan { based_on: u64, revision: u64 },
    #[error("the plan for network `{network}` breaks an invariant: {what}")]
    InvalidPlan { network: String, what: String },
    #[error("node {node} can't claim an epoch: the last one is used up")]
    EpochExhausted { node: NodeId },
}

fn list<T: ToString>(names: &[T]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What would have been valid; long lists are cut, since a refusal is kept in the client's session.
fn choices<T: ToString>(names: &[T], what: &str) -> String {
    const SHOWN: usize = 8;
    match names {
        [] => format!("there are no {what}"),
        names if names.len() <= SHOWN => format!("{what}: {}", list(names)),
        names => format!("{what}: {} and {} more", list(&names[..SHOWN]), names.len() - SHOWN),
    }
}
