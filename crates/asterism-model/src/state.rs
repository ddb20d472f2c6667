//! What the controllers agree on.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    AuditEntry, ClusterId, ClusterSettings, Event, Host, HostId, HostRef, Membership, Name, NetworkId,
    NodeId, Pool, PoolId, PrivateNetwork, Reply, RequestId, SessionId, Topology, network::is_default,
    session::Session,
};

/// Replicated time: milliseconds since the Unix epoch, as the leader's clock had them when it proposed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

/// Which cluster this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterIdentity {
    pub id: ClusterId,
    pub name: Name,
}

/// The replicated state. Equal on all replicas that applied the same log; changed by [`NetworkState::apply`] alone.
///
/// Invariants: see [`NetworkState::violations`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NetworkState {
    pub(crate) cluster: Option<ClusterIdentity>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) settings: ClusterSettings,
    pub(crate) clock: Timestamp,
    pub(crate) epoch: u64,
    pub(crate) epoch_holder: Option<NodeId>,
    pub(crate) revision: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) membership: Membership,
    pub(crate) pools: BTreeMap<PoolId, Pool>,
    pub(crate) hosts: BTreeMap<HostId, Host>,
    pub(crate) networks: BTreeMap<NetworkId, PrivateNetwork>,
    pub(crate) topologies: BTreeMap<NetworkId, Topology>,
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    pub(crate) events: VecDeque<Event>,
    pub(crate) last_pool: u32,
    pub(crate) last_host: u32,
    pub(crate) last_network: u32,
    pub(crate) last_session: u64,
    pub(crate) last_event: u64,
    /// Shared with the copies that readers hold: an entry never changes.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub(crate) audit: VecDeque<Arc<AuditEntry>>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) last_audit: u64,
}

impl NetworkState {
    /// `None` before `cluster init`.
    pub fn cluster(&self) -> Option<&ClusterIdentity> {
        self.cluster.as_ref()
    }

    pub fn settings(&self) -> &ClusterSettings {
        &self.settings
    }

    /// The latest time of any command; never goes back.
    pub fn clock(&self) -> Timestamp {
        self.clock
    }

    /// The epoch of the leader that may write to hosts; 0 before the first.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Who claimed the epoch.
    pub fn epoch_holder(&self) -> Option<NodeId> {
        self.epoch_holder
    }

    /// What is kept of the controllers' own cluster.
    pub fn membership(&self) -> &Membership {
        &self.membership
    }

    /// Raised by each change of intent, inventory or topology; by nothing else.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// What a request that was applied before was answered; `None` if it was not applied, or its session knows no more.
    pub fn answered(&self, request: RequestId) -> Option<&Reply> {
        let (sequence, reply) = self.sessions.get(&request.session)?.last.as_ref()?;
        (*sequence == request.sequence).then_some(reply)
    }

    pub fn pools(&self) -> &BTreeMap<PoolId, Pool> {
        &self.pools
    }

    pub fn hosts(&self) -> &BTreeMap<HostId, Host> {
        &self.hosts
    }

    pub fn networks(&self) -> &BTreeMap<NetworkId, PrivateNetwork> {
        &self.networks
    }

    /// Whether there is such a network, or was one.
    pub fn has_known(&self, network: NetworkId) -> bool {
        network.0 <= self.last_network
    }

    pub fn topologies(&self) -> &BTreeMap<NetworkId, Topology> {
        &self.topologies
    }

    /// Oldest first; a bounded tail of the cluster's story.
    pub fn events(&self) -> &VecDeque<Event> {
        &self.events
    }

    /// Oldest first; the bounded tail of who changed what.
    pub fn audit(&self) -> &VecDeque<Arc<AuditEntry>> {
        &self.audit
    }

    pub fn pool_named(&self, name: &Name) -> Option<&Pool> {
        self.pools.values().find(|pool| pool.name == *name)
    }

    pub fn host_named(&self, host: &HostRef) -> Option<&Host> {
        let pool = self.pool_named(&host.pool)?.id;
        self.hosts_of(pool).find(|candidate| candidate.name == host.host)
    }

    pub fn network_named(&self, name: &Name) -> Option<&PrivateNetwork> {
        self.networks.values().find(|network| network.name == *name)
    }

    /// The hosts of a pool in order of their ids, leaving ones included.
    pub fn hosts_of(&self, pool: PoolId) -> impl Iterator<Item = &Host> {
        self.hosts.values().filter(move |host| host.pool == pool)
    }

    /// The hosts that a network spans, leaving ones left out.
    pub fn members_of<'a>(&'a self, network: &'a PrivateNetwork) -> impl Iterator<Item = &'a Host> {
        self.hosts.values().filter(|host| network.spans(host))
    }

    /// How operators write a host; a forgotten one is written by its id.
    pub fn host_label(&self, id: HostId) -> String {
        match self.hosts.get(&id) {
            Some(host) => self.host_ref(host).to_string(),
            None => id.to_string(),
        }
    }

    /// How operators write a pool; a removed one is written by its id.
    pub fn pool_label(&self, id: PoolId) -> String {
        self.pool_name(id).to_string()
    }

    /// The name of a pool, or its id for one that is removed.
    pub(crate) fn pool_name(&self, id: PoolId) -> Name {
        self.pools.get(&id).map_or_else(|| Name::from(id), |pool| pool.name.clone())
    }

    /// The name of a host, or its id for one that is forgotten.
    pub(crate) fn host_name(&self, id: HostId) -> Name {
        self.hosts.get(&id).map_or_else(|| Name::from(id), |host| host.name.clone())
    }

    pub(crate) fn host_ref(&self, host: &Host) -> HostRef {
        HostRef { pool: self.pool_name(host.pool), host: host.name.clone() }
    }
}
