//! Answers the peers: checks who asks, then passes the message to openraft.

use std::{fmt::Display, sync::Arc};

use asterism_model::NodeId;
use bytes::{Bytes, BytesMut};
use openraft::{
    ReadPolicy,
    errors::{Fatal, ForwardReason, LinearizableReadError, RaftError},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{sync::Mutex, time::timeout};
use tonic::{Request, Response, Status, Streaming, transport::CertificateDer};

use super::{
    Description, MAX_SNAPSHOT_BYTES, PeerConnector, ReadIndex, SNAPSHOT_IDLE, SnapshotHead, Station,
    notes::{News, Notes},
    station::Misdirected,
};
use crate::{
    machine::{StateMachine, decode_snapshot},
    proto::{Envelope, SnapshotPart, raft_server, snapshot_part::Part},
    replica::{Raft, metrics},
    types::{Address, CommittedLeaderId, TokioTypes},
};

type Snapshot = openraft::Snapshot<CommittedLeaderId, u64, Address, Bytes>;
type Answer = Result<Response<Envelope>, Status>;

/// Answers the peers of one replica.
#[derive(Clone)]
pub struct PeerService {
    inner: Arc<Inner>,
}

struct Inner {
    raft: Raft,
    station: Arc<Station>,
    connector: Arc<dyn PeerConnector>,
    /// Knows whose ids are used up.
    machine: StateMachine,
    refusals: Notes,
    /// Held while a snapshot comes in: one at a time is kept in memory.
    receiving: Mutex<()>,
}

impl PeerService {
    pub fn new(
        raft: Raft,
        station: Arc<Station>,
        connector: Arc<dyn PeerConnector>,
        machine: StateMachine,
    ) -> Self {
        let (refusals, receiving) = (Notes::default(), Mutex::default());
        let inner = Inner { raft, station, connector, machine, refusals, receiving };
        Self { inner: Arc::new(inner) }
    }

    /// Opens an envelope of a node that takes part, and remembers that node's data directory.
    async fn open<T: DeserializeOwned>(&self, request: &Request<Envelope>) -> Result<(NodeId, T), Status> {
        let certificates = request.peer_certs();
        self.admit(certificates.as_deref(), request.get_ref()).await
    }

    async fn admit<T: DeserializeOwned>(
        &self,
        certificates: Option<&Vec<CertificateDer<'static>>>,
        envelope: &Envelope,
    ) -> Result<(NodeId, T), Status> {
        let station = &self.inner.station;
        let from = self.inner.identify(certificates, envelope)?;
        let (_, incarnation) = station.check(envelope)?;
        station.roster.meet(from, incarnation).await.map_err(stopped)?;
        Ok((from, Station::body(envelope)?))
    }

    fn answer<T: Serialize>(&self, to: NodeId, body: &T) -> Answer {
        Ok(Response::new(self.inner.station.write(to, body)?))
    }

    async fn receive(&self, mut parts: Streaming<SnapshotPart>, length: u64) -> Result<Bytes, Status> {
        if length > MAX_SNAPSHOT_BYTES {
            let problem = format!("a snapshot of {length} bytes; expected {MAX_SNAPSHOT_BYTES} at most");
            return Err(Status::out_of_range(problem));
        }
        let length =
            usize::try_from(length).map_err(|_| Status::out_of_range("a snapshot too large for memory"))?;
        let mut data = BytesMut::new();
        while data.len() < length {
            match next(&mut parts).await? {
                Part::Chunk(chunk) => data.extend_from_slice(&chunk),
                Part::Head(_) => return Err(Status::invalid_argument("a second head in a snapshot")),
            }
        }
        if data.len() > length {
            return Err(Status::invalid_argument("a snapshot is longer than its head tells"));
        }
        Ok(data.freeze())
    }
}

impl Inner {
    /// Who sent this: said in the envelope, proved by the certificate.
    fn identify(
        &self,
        certificates: Option<&Vec<CertificateDer<'static>>>,
        envelope: &Envelope,
    ) -> Result<NodeId, Status> {
        let from = NodeId(envelope.from);
        let refusal = match self.station.check(envelope) {
            Err(problem) => Some(Status::from(problem)),
            Ok(_) => {
                let verified = self.connector.verify(from, certificates.map(Vec::as_slice));
                let is_liar = verified
                    .err()
                    .map(|problem| Status::permission_denied(format!("not node {from}: {problem}")));
                is_liar.or_else(|| self.is_removed(from).then(|| Misdirected::Removed { from }.into()))
            }
        };
        let news = self.refusals.note(from, refusal.as_ref().map(Status::message));
        match (news, &refusal) {
            (News::Problem, Some(refusal)) => {
                tracing::warn!(node = %from, problem = refusal.message(), "peer refused");
            }
            (News::Recovered, _) => tracing::info!(node = %from, "peer accepted again"),
            (News::Problem | News::Nothing, _) => (),
        }
        refusal.map_or(Ok(from), Err)
    }
}

impl Inner {
    /// A node that was removed, or that is of a lost timeline, may know nothing of it, and go on with those who don't either.
    fn is_removed(&self, node: NodeId) -> bool {
        let is_retired = self.machine.view().state.membership().retired().contains(&node);
        is_retired && metrics(&self.raft).membership_config.get_node(&node.0).is_none()
    }
}

#[tonic::async_trait]
impl raft_server::Raft for PeerService {
    async fn append(&self, request: Request<Envelope>) -> Answer {
        let (from, message) = self.open(&request).await?;
        let answer = self.inner.raft.append_entries(message).await.map_err(stopped)?;
        self.answer(from, &answer)
    }

    async fn vote(&self, request: Request<Envelope>) -> Answer {
        let (from, message) = self.open(&request).await?;
        let answer = self.inner.raft.vote(message).await.map_err(stopped)?;
        self.answer(from, &answer)
    }

    async fn pre_vote(&self, request: Request<Envelope>) -> Answer {
        let (from, message) = self.open(&request).await?;
        let answer = self.inner.raft.pre_vote(message).await.map_err(stopped)?;
        self.answer(from, &answer)
    }

    async fn transfer_leader(&self, request: Request<Envelope>) -> Answer {
        let (from, message) = self.open(&request).await?;
        let answer = self.inner.raft.handle_transfer_leader(message).await.map_err(stopped)?;
        self.answer(from, &answer)
    }

    async fn read_index(&self, request: Request<Envelope>) -> Answer {
        let (from, ()) = self.open(&request).await?;
        let answer = read_index(&self.inner.raft).await.map_err(stopped)?;
        self.answer(from, &answer)
    }

    /// Before the first boot nobody takes part yet: the asker isn't remembered.
    async fn describe(&self, request: Request<Envelope>) -> Answer {
        let certificates = request.peer_certs();
        let from = self.inner.identify(certificates.as_deref(), request.get_ref())?;
        self.answer(from, &describe(&self.inner.raft))
    }

    async fn install_snapshot(&self, request: Request<Streaming<SnapshotPart>>) -> Answer {
        let certificates = request.peer_certs();
        let mut parts = request.into_inner();
        let Part::Head(envelope) = next(&mut parts).await? else {
            return Err(Status::invalid_argument("a snapshot without a head"));
        };
        let (from, head): (_, SnapshotHead) = self.admit(certificates.as_deref(), &envelope).await?;
        let Ok(_receiving) = self.inner.receiving.try_lock() else {
            return Err(Status::resource_exhausted("another snapshot is coming in"));
        };
        let snapshot = self.receive(parts, head.length).await?;
        check_snapshot(&head, &snapshot).map_err(Status::invalid_argument)?;
        let snapshot = Snapshot { meta: head.meta, snapshot };
        let answer = self.inner.raft.install_full_snapshot(head.vote, snapshot).await.map_err(stopped)?;
        self.answer(from, &answer)
    }
}

/// The index that a linearizable read has to have applied, if this node leads and a majority confirms it.
pub async fn read_index(raft: &Raft) -> Result<ReadIndex, Fatal<TokioTypes>> {
    match raft.get_read_linearizer(ReadPolicy::ReadIndex).await {
        Ok(linearizer) => Ok(ReadIndex::Applied(*linearizer.read_log_id().log_id())),
        Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(forward))) => match forward.reason {
            ForwardReason::LeaseExpired => Ok(ReadIndex::NoQuorum),
            ForwardReason::NotLeader | ForwardReason::LeadershipTransfer => Ok(ReadIndex::NotLeader),
        },
        Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(_))) => Ok(ReadIndex::NoQuorum),
        Err(RaftError::Fatal(fatal)) => Err(fatal),
    }
}

/// Whom this node knows as members.
pub fn describe(raft: &Raft) -> Description {
    let metrics = metrics(raft);
    let members = metrics.membership_config.nodes().map(|(node, address)| (*node, address.0.clone()));
    Description { members: members.collect() }
}

/// A snapshot that was damaged on the way, or that its sender can't have, must not reach openraft, which would take it
/// for a failure of this node's own disk.
fn check_snapshot(head: &SnapshotHead, data: &[u8]) -> Result<(), String> {
    let meta = decode_snapshot(data).map_err(|error| error.to_string())?;
    if meta != head.meta {
        return Err("a snapshot is not the one that its head tells of".to_owned());
    }
    let beyond =
        meta.last_log_id.is_some_and(|last| last.committed_leader_id().term > head.vote.leader_id().term);
    if beyond { Err("a snapshot of a later term than its sender's".to_owned()) } else { Ok(()) }
}

async fn next(parts: &mut Streaming<SnapshotPart>) -> Result<Part, Status> {
    let part = timeout(SNAPSHOT_IDLE, parts.message()).await;
    let part = part.map_err(|_| Status::deadline_exceeded("no further piece of the snapshot came"))??;
    part.and_then(|part| part.part).ok_or_else(|| Status::invalid_argument("a snapshot ended early"))
}

fn stopped(error: impl Display) -> Status {
    Status::unavailable(format!("this replica has stopped: {error}"))
}
