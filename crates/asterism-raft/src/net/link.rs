//! Calls to peers: which connection they take, how long they wait, and what their failures mean.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use asterism_model::{NodeId, chain};
use futures::{Stream, stream};
use serde::{Serialize, de::DeserializeOwned};
use tonic::{Code, Request, Response, Status, transport::Channel};

use super::{
    MAX_MESSAGE_BYTES, PeerConnector, SNAPSHOT_CHUNK_BYTES, SnapshotHead, Station,
    notes::{News, Notes},
    station::Misdirected,
};
use crate::{
    Peer,
    machine::SnapshotData,
    proto::{Envelope, SnapshotPart, raft_client::RaftClient, snapshot_part::Part},
};

/// What shares a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Heartbeats, votes, questions: small, and late is lost.
    Control,
    Log,
    Snapshot,
}

/// The calls that carry one envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Append,
    Vote,
    PreVote,
    TransferLeader,
    ReadIndex,
    Describe,
}

/// The connections to all peers.
pub struct Links {
    station: Arc<Station>,
    connector: Arc<dyn PeerConnector>,
    channels: Mutex<BTreeMap<(NodeId, Class), Known>>,
    problems: Notes,
}

/// A channel, and what it was made for.
struct Known {
    address: String,
    /// Of the connector: with other certificates there are other channels.
    generation: u64,
    channel: Channel,
}

/// A call that was not answered, or not by whom it should be.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{problem}")]
pub struct CallError {
    pub kind: CallErrorKind,
    pub problem: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallErrorKind {
    /// No connection, or it refuses us: wait before the next call.
    Unreachable,
    /// The deadline passed; the call may have had its effect.
    Timeout,
    /// The connection broke under the call; the next one may do.
    Broken,
}

impl Links {
    pub fn new(station: Arc<Station>, connector: Arc<dyn PeerConnector>) -> Self {
        Self { station, connector, channels: Mutex::default(), problems: Notes::default() }
    }

    /// The node that calls.
    pub fn own_node(&self) -> NodeId {
        self.station.node()
    }

    /// Sends `body` and returns the answer's body.
    pub async fn call<Q: Serialize, A: DeserializeOwned>(
        &self,
        peer: &Peer,
        class: Class,
        method: Method,
        body: &Q,
        deadline: Duration,
    ) -> Result<A, CallError> {
        let envelope = self.station.write(peer.node, body).map_err(refused)?;
        let client = self.client(peer, class)?;
        let answer = within(deadline, send(client, method, envelope, deadline)).await;
        let answer = self.open(peer, answer, method != Method::Describe).await;
        self.note(peer, answer.as_ref().err());
        answer
    }

    /// Sends a snapshot in pieces, and returns the answer's body.
    pub(super) async fn send_snapshot<A: DeserializeOwned>(
        &self,
        peer: &Peer,
        head: &SnapshotHead,
        data: &SnapshotData,
        deadline: Duration,
    ) -> Result<A, CallError> {
        let head = self.station.write(peer.node, head).map_err(refused)?;
        let mut client = self.client(peer, Class::Snapshot)?;
        let mut request = Request::new(pieces(head, data.clone()));
        request.set_timeout(deadline);
        let answer = within(deadline, client.install_snapshot(request)).await;
        let answer = self.open(peer, answer, true).await;
        self.note(peer, answer.as_ref().err());
        answer
    }

    fn client(&self, peer: &Peer, class: Class) -> Result<RaftClient<Channel>, CallError> {
        let mut channels = lock(&self.channels);
        let generation = self.connector.generation();
        let known = channels
            .get(&(peer.node, class))
            .filter(|known| known.address == peer.address && known.generation == generation);
        let channel = match known {
            Some(known) => known.channel.clone(),
            None => {
                let channel = self
                    .connector
                    .channel(peer.node, &peer.address)
                    .map_err(|error| refused(chain(&error)))?;
                let known = Known { address: peer.address.clone(), generation, channel: channel.clone() };
                channels.insert((peer.node, class), known);
                channel
            }
        };
        Ok(RaftClient::new(channel)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES))
    }

    /// Checks who answered; a node that takes part is remembered.
    async fn open<A: DeserializeOwned>(
        &self,
        peer: &Peer,
        answer: Result<Response<Envelope>, CallError>,
        takes_part: bool,
    ) -> Result<A, CallError> {
        let envelope = answer?.into_inner();
        let (body, incarnation) = self.station.open_answer(&envelope, peer.node).map_err(refused)?;
        if takes_part {
            self.station.roster.meet(peer.node, incarnation).await.map_err(refused)?;
        }
        Ok(body)
    }

    /// Says when a peer is lost, why, and when it is back; once each.
    fn note(&self, peer: &Peer, error: Option<&CallError>) {
        let problem = match error {
            // A deadline alone says little: a busy peer misses some.
            Some(error) if error.kind == CallErrorKind::Timeout => return,
            Some(error) => Some(error.problem.as_str()),
            None => None,
        };
        match self.problems.note(peer.node, problem) {
            News::Problem => tracing::warn!(node = %peer.node, address = peer.address, problem, "peer lost"),
            News::Recovered => {
                tracing::info!(node = %peer.node, address = peer.address, "peer reached again")
            }
            News::Nothing => (),
        }
    }
}

async fn send(
    mut client: RaftClient<Channel>,
    method: Method,
    envelope: Envelope,
    deadline: Duration,
) -> Result<Response<Envelope>, Status> {
    let mut request = Request::new(envelope);
    // The peer stops working on it as well.
    request.set_timeout(deadline);
    match method {
        Method::Append => client.append(request).await,
        Method::Vote => client.vote(request).await,
        Method::PreVote => client.pre_vote(request).await,
        Method::TransferLeader => client.transfer_leader(request).await,
        Method::ReadIndex => client.read_index(request).await,
        Method::Describe => client.describe(request).await,
    }
}

async fn within<T>(
    deadline: Duration,
    call: impl Future<Output = Result<T, Status>>,
) -> Result<T, CallError> {
    match tokio::time::timeout(deadline, call).await {
        Ok(answer) => answer.map_err(|status| from_status(&status)),
        Err(_) => Err(CallError {
            kind: CallErrorKind::Timeout,
            problem: format!("no answer within {} ms", deadline.as_millis()),
        }),
    }
}

fn pieces(head: Envelope, data: SnapshotData) -> impl Stream<Item = SnapshotPart> + Send + 'static {
    let chunks = stream::unfold(data, |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        let chunk = rest.split_to(rest.len().min(SNAPSHOT_CHUNK_BYTES));
        Some((Part::Chunk(chunk), rest))
    });
    let head = stream::once(async { Part::Head(head) });
    futures::StreamExt::map(futures::StreamExt::chain(head, chunks), |part| SnapshotPart { part: Some(part) })
}

fn from_status(status: &Status) -> CallError {
    let kind = match status.code() {
        Code::DeadlineExceeded | Code::Cancelled => CallErrorKind::Timeout,
        Code::Unknown | Code::Internal | Code::Aborted | Code::DataLoss => CallErrorKind::Broken,
        Code::Unavailable if !failed_to_connect(status) && std::error::Error::source(status).is_some() => {
            CallErrorKind::Broken
        }
        Code::Ok
        | Code::Unavailable
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Unauthenticated => CallErrorKind::Unreachable,
    };
    CallError { kind, problem: describe(status) }
}

fn failed_to_connect(status: &Status) -> bool {
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        if error.is::<tonic::ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The innermost cause says what happened; tonic's own words around it don't.
fn describe(status: &Status) -> String {
    let Some(mut cause) = std::error::Error::source(status) else { return status.message().to_owned() };
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

fn refused(problem: impl fmt::Display) -> CallError {
    CallError { kind: CallErrorKind::Unreachable, problem: problem.to_string() }
}

impl From<Misdirected> for Status {
    fn from(problem: Misdirected) -> Self {
        Self::failed_precondition(problem.to_string())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no code panics while it holds the lock")
}
