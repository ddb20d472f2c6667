//! openraft's way to the peers.

use std::{sync::Arc, time::Duration};

use asterism_model::NodeId;
use openraft::{
    OptionalSend, RPCTypes, RaftNetworkFactory, RaftNetworkV2,
    errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable},
    network::RPCOption,
    raft::{
        AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
        TransferLeaderResponse, VoteRequest, VoteResponse,
    },
};

use super::{CallError, CallErrorKind, Class, Links, Method, SnapshotHead};
use crate::{
    Peer,
    machine::SnapshotData,
    types::{Address, CommittedLeaderId, TokioTypes, Vote},
};

type Snapshot = openraft::Snapshot<CommittedLeaderId, u64, Address, SnapshotData>;

/// Makes clients for openraft.
#[derive(Clone)]
pub struct Network {
    pub links: Arc<Links>,
    /// For messages that carry entries. The peer syncs its disk before it answers, which has nothing to do with the
    /// interval of heartbeats that openraft allows for them.
    pub append_deadline: Duration,
}

/// Talks to one peer for openraft.
pub struct PeerClient {
    network: Network,
    peer: Peer,
    class: Class,
}

impl Network {
    fn client(&self, target: u64, node: &Address, class: Class) -> PeerClient {
        let peer = Peer { node: NodeId(target), address: node.0.clone() };
        PeerClient { network: self.clone(), peer, class }
    }
}

impl RaftNetworkFactory<TokioTypes> for Network {
    type Network = PeerClient;

    async fn new_client(&mut self, target: u64, node: &Address) -> PeerClient {
        self.client(target, node, Class::Log)
    }

    async fn new_heartbeat_client(&mut self, target: u64, node: &Address) -> PeerClient {
        self.client(target, node, Class::Control)
    }

    async fn new_snapshot_client(&mut self, target: u64, node: &Address) -> PeerClient {
        self.client(target, node, Class::Snapshot)
    }
}

impl PeerClient {
    async fn ask<Q: serde::Serialize, A: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        body: &Q,
        deadline: Duration,
    ) -> Result<A, RPCError<TokioTypes>> {
        let answer = self.network.links.call(&self.peer, Class::Control, method, body, deadline).await;
        answer.map_err(|error| self.rpc_error(&error, RPCTypes::Vote, deadline))
    }

    fn rpc_error(&self, error: &CallError, action: RPCTypes, timeout: Duration) -> RPCError<TokioTypes> {
        match error.kind {
            CallErrorKind::Unreachable => RPCError::Unreachable(Unreachable::new(error)),
            CallErrorKind::Broken => RPCError::Network(NetworkError::new(error)),
            CallErrorKind::Timeout => {
                let id = self.network.links.own_node().0;
                RPCError::Timeout(Timeout { action, id, target: self.peer.node.0, timeout })
            }
        }
    }
}

impl RaftNetworkV2<TokioTypes> for PeerClient {
    type SnapshotData = SnapshotData;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<TokioTypes>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<TokioTypes>, RPCError<TokioTypes>> {
        let deadline = if rpc.entries.is_empty() { option.soft_ttl() } else { self.network.append_deadline };
        let answer = self.network.links.call(&self.peer, self.class, Method::Append, &rpc, deadline).await;
        answer.map_err(|error| self.rpc_error(&error, RPCTypes::AppendEntries, deadline))
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<TokioTypes>,
        option: RPCOption,
    ) -> Result<VoteResponse<TokioTypes>, RPCError<TokioTypes>> {
        self.ask(Method::Vote, &rpc, option.soft_ttl()).await
    }

    /// Without this, openraft takes every peer's consent for granted.
    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<TokioTypes>,
        option: RPCOption,
    ) -> Result<VoteResponse<TokioTypes>, RPCError<TokioTypes>> {
        self.ask(Method::PreVote, &rpc, option.soft_ttl()).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<TokioTypes>, StreamingError<TokioTypes>> {
        let deadline = option.soft_ttl();
        let Snapshot { meta, snapshot: data } = snapshot;
        let head = SnapshotHead { vote, meta, length: data.len() as u64 };
        let answer = self.network.links.send_snapshot(&self.peer, &head, &data, deadline);
        tokio::select! {
            answer = answer => {
                answer.map_err(|error| self.rpc_error(&error, RPCTypes::InstallSnapshot, deadline).into())
            }
            closed = cancel => Err(StreamingError::Closed(closed)),
        }
    }

    async fn transfer_leader(
        &mut self,
        rpc: TransferLeaderRequest<TokioTypes>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<TokioTypes>, RPCError<TokioTypes>> {
        self.ask(Method::TransferLeader, &rpc, option.soft_ttl()).await
    }
}
