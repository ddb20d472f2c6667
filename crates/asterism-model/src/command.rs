//! What may be asked of the state: the entries of the Raft log.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use crate::{
    AdoptionSpec, Caller, ClusterId, Datapath, Detection, Encapsulation, HostId, MemberChange, Name,
    NetworkId, NetworkState, NodeId, OvsdbEndpoint, PoolId, PoolInventory, Refusal, Resilience, SessionId,
    SettingsChange, Timestamp, TopologyPlan, Transport, TransportName, Uplinks, Vni, XapiAccess, XapiUuid,
    network::is_default,
};

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Who asked for it; absent on what the controllers propose themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<Caller>,
    /// Makes a retry take effect once; absent on what the controllers propose themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    /// The proposing leader's clock. The state's own time never goes back, whatever stands here.
    pub at: Timestamp,
    pub operation: Operation,
}

/// A request's place in its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestId {
    pub session: SessionId,
    /// 1 for the first request of the session, one more for each next.
    pub sequence: u64,
}

/// What is to be done. Operators' operations name things as operators do; `apply` finds them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// The first of a cluster; later ones are refused.
    InitCluster {
        cluster: ClusterId,
        name: Name,
    },
    OpenSession,
    /// A new leader's first entry: raises the epoch of the fence.
    ClaimEpoch {
        node: NodeId,
    },
    AddPool {
        name: Name,
    },
    /// A pool behind a XAPI, whose hosts come as it lists them.
    AddXapiPool {
        name: Name,
        /// `pool.uuid`, as it was seen when the operator's password was tried.
        uuid: XapiUuid,
        access: Box<XapiAccess>,
    },
    /// Another password, address or certificate of a pool's XAPI.
    ChangeXapiAccess {
        pool: Name,
        access: Box<XapiAccess>,
    },
    /// A static pool must be without hosts; the hosts of one behind a XAPI leave with it. `force` forgets them at once.
    RemovePool {
        pool: Name,
        #[serde(default, skip_serializing_if = "is_default")]
        force: bool,
    },
    /// The leader saw what a pool's XAPI lists.
    RecordInventory {
        pool: PoolId,
        epoch: u64,
        inventory: PoolInventory,
    },
    AddHost {
        pool: Name,
        host: HostSpec,
    },
    EnableHost {
        host: HostRef,
    },
    DisableHost {
        host: HostRef,
    },
    /// Empties the host's target; it is forgotten when its OVSDB is seen to be clean, or at once if `force`.
    RemoveHost {
        host: HostRef,
        force: bool,
    },
    /// The leader saw that a leaving host holds no row of ours.
    ForgetHost {
        host: HostId,
        epoch: u64,
    },
    /// The leader saw what a host's Open vSwitch can do.
    RecordUplinks {
        host: HostId,
        epoch: u64,
        uplinks: Uplinks,
    },
    /// The leader saw that a replica's state is not the majority's.
    ReportDivergence {
        node: NodeId,
        epoch: u64,
        /// Of the log entry after which they were compared.
        index: u64,
    },
    ChangeSettings(SettingsChange),
    CreateNetwork(NetworkSpec),
    UpdateNetwork {
        network: Name,
        change: NetworkChange,
    },
    DeleteNetwork {
        network: Name,
    },
    /// Takes over networks that Xen Orchestra's plugin made: all of them, or none.
    AdoptNetworks {
        networks: Vec<AdoptionSpec>,
    },
    /// Hands an adopted network back; it is forgotten when no mark of ours is seen on it any more.
    ReleaseNetwork {
        network: Name,
    },
    /// The leader saw that a network that is handed back carries no mark of ours.
    ForgetNetwork {
        network: NetworkId,
        epoch: u64,
    },
    /// Makes a host the star-center of its pool, make before break. It stays so until something befalls it.
    MoveCenter {
        network: Name,
        host: HostRef,
    },
    /// Makes a pool the pool-center, make before break. It stays so until something befalls it.
    MovePoolCenter {
        network: Name,
        pool: Name,
    },
    /// A caller's certificate did not allow what it asked for: kept in the audit trail, and nothing else.
    RecordDenied {
        /// What was called, as `Write`.
        method: String,
    },
    /// Who is invited to the controllers' cluster, is not to lead, or is never to come back.
    ChangeMembers(MemberChange),
    /// Puts an old state of this cluster in the place of this one, as a new timeline.
    RestoreState {
        /// Without its sessions and events.
        state: Box<NetworkState>,
        /// Who the controllers are today.
        members: BTreeSet<NodeId>,
    },
    /// Begins a new timeline with one controller. Applied to a survivor's state while nothing runs; never proposed.
    RecoverCluster {
        survivor: NodeId,
        /// All other members.
        lost: BTreeSet<NodeId>,
    },
    /// The planner's choices. Refused when the state has changed since `based_on`, or a newer leader has claimed an
    /// epoch: then plan again.
    AdoptTopology {
        epoch: u64,
        /// [`crate::NetworkState::revision`] that was planned upon.
        based_on: u64,
        changes: BTreeMap<NetworkId, TopologyPlan>,
    },
}

/// A host as operators write it: `pool/host`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HostRef {
    pub pool: Name,
    pub host: Name,
}

impl fmt::Display for HostRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pool, self.host)
    }
}

impl std::str::FromStr for HostRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (pool, host) =
            text.split_once('/').ok_or_else(|| format!("`{text}` is not a host: expected POOL/HOST"))?;
        let parse = |part: &str| part.parse::<Name>().map_err(|error| error.to_string());
        Ok(Self { pool: parse(pool)?, host: parse(host)? })
    }
}

/// A host to add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostSpec {
    pub name: Name,
    pub ovsdb: OvsdbEndpoint,
    pub datapath: Datapath,
    pub transports: BTreeMap<TransportName, Transport>,
}

/// A network to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkSpec {
    pub name: Name,
    pub encapsulation: Encapsulation,
    /// In bytes; absent: the largest that every transport carries, but 1500 at most; with no host yet, what Ethernet
    /// carries over IPv6.
    pub mtu: Option<u16>,
    /// Absent: the planner allocates one.
    pub vni: Option<Vni>,
    pub resilience: Resilience,
    #[serde(default, skip_serializing_if = "is_default")]
    pub detection: Detection,
    pub pools: BTreeMap<Name, PoolAttachmentSpec>,
    pub preferred_pool: Option<Name>,
}

/// How a pool shall take part in a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolAttachmentSpec {
    pub transport: TransportName,
    pub preferred_host: Option<Name>,
}

/// What to change of a network; what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NetworkChange {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resilience: Option<Resilience>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detection: Option<Detection>,
    /// Pools to add, or whose attachment to replace.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set_pools: BTreeMap<Name, PoolAttachmentSpec>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove_pools: Vec<Name>,
    /// The hosts to prefer, by pool; no host takes the preference away.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prefer_hosts: BTreeMap<Name, Option<Name>>,
    /// The pool to prefer; `Some(None)` takes the preference away.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "double_option")]
    pub prefer_pool: Option<Option<Name>>,
}

/// The answer of `apply` to one command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// It was done.
    Applied {
        /// [`crate::NetworkState::revision`] after it.
        revision: u64,
        effect: Effect,
    },
    /// Nothing was changed.
    Refused(Refusal),
}

/// What a command made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It changed what was there, or found it as wanted already.
    Done,
    Session(SessionId),
    Epoch(u64),
    Pool(PoolId),
    Host(HostId),
    Network(NetworkId),
}

/// Tells "leave it" from "take it away" in JSON: absent against null.
mod double_option {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::Name;

    // The signature is serde's: it passes a reference to the field.
    #[allow(clippy::ref_option)]
    pub fn serialize<S: Serializer>(value: &Option<Option<Name>>, serializer: S) -> Result<S::Ok, S::Error> {
        value.as_ref().and_then(Option::as_ref).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Name>>, D::Error> {
        Option::deserialize(deserializer).map(Some)
    }
}
