//! The front door: one replica of the cluster.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use asterism_model::{NetworkState, NodeId, Operation, Reply, RequestId, Timestamp};
use tokio::sync::watch;
use tonic::{
    Request, Response,
    transport::{CertificateDer, Channel},
};

use crate::{
    ConnectError, FatalError, InitError, MembershipError, ProposeError, ReadError, ReplicaConfig, StartError,
    TransferError,
    proto::{self, Envelope},
};

/// The gRPC service between replicas, to be added to the daemon's server.
pub type RaftService = proto::raft_server::RaftServer<PeerService>;

/// A handle on this node's replica; clones are the same replica.
#[derive(Clone)]
pub struct Replica {
    inner: Arc<()>,
}

/// How replicas reach one another, and how a peer proves who it is.
pub trait PeerConnector: Send + Sync + 'static {
    /// A channel that connects when it is used first, and again whenever it was lost.
    ///
    /// # Errors
    /// The address can't be used; what happens on the network shows in the calls.
    fn channel(&self, to: NodeId, address: &str) -> Result<Channel, ConnectError>;

    /// Checks that the peer that presented `certificates` is node `from`.
    ///
    /// # Errors
    /// A sentence for both sides' logs.
    fn verify(&self, from: NodeId, certificates: Option<&[CertificateDer<'static>]>) -> Result<(), String>;
}

/// TLS between replicas: each presents its node certificate and verifies the other's against the cluster's CA.
/// A node's certificate carries the DNS name `node-<id>.asterism`, on both sides of a connection.
pub struct TlsPeers;

#[allow(unused_variables)]
impl TlsPeers {
    /// From PEM texts: the CA's certificates, this node's certificate chain, and its key.
    ///
    /// # Errors
    /// One of the texts holds no such thing.
    pub fn new(ca: &[u8], certificate: &[u8], key: &[u8]) -> Result<Self, ConnectError> {
        unimplemented!()
    }
}

impl PeerConnector for TlsPeers {
    fn channel(&self, _: NodeId, _: &str) -> Result<Channel, ConnectError> {
        unimplemented!()
    }
    fn verify(&self, _: NodeId, _: Option<&[CertificateDer<'static>]>) -> Result<(), String> {
        unimplemented!()
    }
}

/// A replica and where it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    pub node: NodeId,
    /// `host:port`
    pub address: String,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} at {}", self.node, self.address)
    }
}

/// The state at an index of the log; a value that doesn't change under the reader.
#[derive(Debug, Clone)]
pub struct View {
    /// Of the last entry applied; 0 before the first.
    pub index: u64,
    pub state: Arc<NetworkState>,
}

/// Something was applied; look at [`Replica::read_stale`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    pub index: u64,
}

/// Who leads, as far as this node knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Leadership {
    pub leader: Option<Peer>,
    /// This node leads, as far as it knows: never enough to write to a host (claim an epoch first).
    pub is_leader: bool,
    pub term: u64,
}

/// A proposal that was committed and applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposed {
    pub index: u64,
    pub reply: Reply,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Leader,
    Follower,
    Candidate,
    /// Receives the log and doesn't vote; also a node before its first boot.
    Learner,
    Stopped,
}

/// What this node knows of itself and, while it leads, of the others.
#[derive(Debug, Clone)]
pub struct Status {
    pub node: NodeId,
    pub role: Role,
    pub term: u64,
    pub leader: Option<Peer>,
    pub last_log: Option<u64>,
    pub committed: Option<u64>,
    pub applied: Option<u64>,
    pub snapshot: Option<u64>,
    /// Up to which the log was dropped, inclusive.
    pub purged: Option<u64>,
    /// Empty before the first boot.
    pub members: Vec<MemberStatus>,
    /// On the leader: the age of the last heartbeat that a majority answered.
    pub last_quorum_ack: Option<Duration>,
}

#[derive(Debug, Clone)]
pub struct MemberStatus {
    pub peer: Peer,
    /// Or a learner.
    pub voter: bool,
    /// On the leader: up to which entry the member's log is known to be equal.
    pub matched: Option<u64>,
    /// On the leader: how many entries it is behind.
    pub lag: Option<u64>,
    /// On the leader: the age of the last message that it answered.
    pub last_heard: Option<Duration>,
}

/// Answers the other replicas.
#[derive(Clone)]
pub struct PeerService;

#[tonic::async_trait]
impl proto::raft_server::Raft for PeerService {
    async fn append(&self, _: Request<Envelope>) -> Result<Response<Envelope>, tonic::Status> {
        unimplemented!()
    }
    async fn vote(&self, _: Request<Envelope>) -> Result<Response<Envelope>, tonic::Status> {
        unimplemented!()
    }
    async fn pre_vote(&self, _: Request<Envelope>) -> Result<Response<Envelope>, tonic::Status> {
        unimplemented!()
    }
    async fn transfer_leader(&self, _: Request<Envelope>) -> Result<Response<Envelope>, tonic::Status> {
        unimplemented!()
    }
    async fn read_index(&self, _: Request<Envelope>) -> Result<Response<Envelope>, tonic::Status> {
        unimplemented!()
    }
    async fn describe(&self, _: Request<Envelope>) -> Result<Response<Envelope>, tonic::Status> {
        unimplemented!()
    }
    async fn install_snapshot(
        &self,
        _: Request<tonic::Streaming<proto::SnapshotPart>>,
    ) -> Result<Response<Envelope>, tonic::Status> {
        unimplemented!()
    }
}

#[allow(unused_variables, clippy::unused_async)]
impl Replica {
    /// Opens the data directory and starts to take part. Peers are answered once [`Replica::service`] is served.
    ///
    /// # Errors
    /// The configuration or the data directory is refused; the sentence says why and what would be valid.
    pub async fn start(config: ReplicaConfig, peers: Arc<dyn PeerConnector>) -> Result<Self, StartError> {
        unimplemented!()
    }

    /// What answers the other replicas, to be added to the daemon's server.
    pub fn service(&self) -> RaftService {
        unimplemented!()
    }

    /// The first boot of a cluster: makes `members` (node and `host:port`, this one included) its voters. Asks every
    /// member first, so that a wrong address or certificate shows before anything is written. Can be repeated on any
    /// member with the same members. Returns when a leader is known; that leader's daemon then proposes
    /// [`Operation::InitCluster`].
    pub async fn initialise(
        &self,
        members: BTreeMap<NodeId, String>,
        deadline: Duration,
    ) -> Result<(), InitError> {
        unimplemented!()
    }

    /// Appends a command to the log and waits until it is applied here. `now` is this node's clock.
    pub async fn propose(
        &self,
        operation: Operation,
        request: Option<RequestId>,
        now: Timestamp,
        deadline: Duration,
    ) -> Result<Proposed, ProposeError> {
        unimplemented!()
    }

    /// The state, not older than the moment of the call; on a follower by asking the leader for the index.
    pub async fn read_linearizable(&self, deadline: Duration) -> Result<View, ReadError> {
        unimplemented!()
    }

    /// The state as it was applied here last, which may be long ago.
    pub fn read_stale(&self) -> View {
        unimplemented!()
    }

    /// Tells that something was applied, and up to where.
    pub fn watch_applied(&self) -> watch::Receiver<Applied> {
        unimplemented!()
    }

    pub fn watch_leadership(&self) -> watch::Receiver<Leadership> {
        unimplemented!()
    }

    pub fn status(&self) -> Status {
        unimplemented!()
    }

    /// Hands leadership to `to`, or to the voter that is caught up best, and returns who leads then.
    pub async fn transfer_leadership(
        &self,
        to: Option<NodeId>,
        deadline: Duration,
    ) -> Result<Peer, TransferError> {
        unimplemented!()
    }

    /// Adds a voter under a node id that was never used before; first as a learner, until it is caught up.
    pub async fn add_member(&self, peer: Peer, deadline: Duration) -> Result<(), MembershipError> {
        unimplemented!()
    }

    /// Takes a voter out, for ever.
    pub async fn remove_member(&self, node: NodeId, deadline: Duration) -> Result<(), MembershipError> {
        unimplemented!()
    }

    /// Stops taking part, syncs the log and closes it. Hand leadership over first.
    pub async fn shutdown(&self) {
        unimplemented!()
    }

    /// Resolves when the replica stopped by itself: the disk failed or is full, a record is corrupt. The process has to
    /// exit non-zero with that sentence. Never resolves after [`Replica::shutdown`].
    pub async fn failed(&self) -> FatalError {
        unimplemented!()
    }
}
