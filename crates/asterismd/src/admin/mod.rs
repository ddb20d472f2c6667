//! The admin service: answers operators, and passes on to the leader what only the leader can do.
//!
//! Any replica may be asked. Writes and linearizable reads go to the leader, since it also knows what stands on the
//! hosts; stale reads are answered from this replica's own state. A request that was passed on once is never passed on
//! again. Who may ask for what was decided before ([`crate::access`]).

mod adopt;
mod audit;
mod bfd;
mod cluster;
mod explain;
mod forward;
mod health;
mod live;
mod members;
mod plan;
mod pool;
mod pool_status;
mod read;
mod receipts;
mod snapshot;
mod stream;
mod unanswered;
mod verify;
mod whatif;
mod write;

use std::{collections::BTreeSet, pin::Pin, sync::Arc, time::Duration};

use asterism_api::{ApiError, v1};
use asterism_model::{Name, NodeId, Refusal};
use asterism_planner::Graces;
use asterism_raft::{Peer, ProposeError, ReadError, Replica, View};
use tokio::sync::watch;
use tokio_stream::Stream;
use tonic::{Request, Response, Status, Streaming};

use crate::{
    access::caller, agreement::Digests, clock::Clock, credentials::Standing, leader::LeaderView,
    metrics::Metrics, pools::PoolAccess, vitals::Vitals,
};
use forward::Forwarder;
use read::Reading;

/// How long a read or write may wait for consensus. Above two elections, so that a failover in between is sat out.
const DEADLINE: Duration = Duration::from_secs(5);

/// What "no quorum" means, where the caller is told that already.
const MINORITY: &str = "the leader doesn't hear from a majority of the replicas";

/// What the service is made of.
#[derive(Clone)]
pub struct AdminService {
    pub node: NodeId,
    pub cluster: Name,
    pub replica: Replica,
    pub clock: Clock,
    pub graces: Graces,
    /// How long the session to a host outlives it that says nothing any more.
    pub session: Duration,
    /// How long it takes at most until another replica leads when the leader dies.
    pub failover: Duration,
    pub view: watch::Receiver<Arc<LeaderView>>,
    pub stopped: watch::Receiver<bool>,
    pub forwarder: Forwarder,
    pub pools: PoolAccess,
    pub credentials: watch::Receiver<Standing>,
    pub receipts: Receipts,
    pub vitals: Vitals,
    pub digests: Digests,
    pub metrics: Metrics,
}

pub use forward::Forwarder as AdminForwarder;
pub(crate) use read::network_status;
pub use receipts::{Receipts, receipts};

type Answer<T> = Result<Response<T>, Status>;
type Streamed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl v1::Admin for AdminService {
    async fn init_cluster(
        &self,
        request: Request<v1::InitClusterRequest>,
    ) -> Answer<v1::InitClusterResponse> {
        let caller = caller::of(&request)?;
        Ok(Response::new(self.init(&caller, request.into_inner()).await?))
    }

    async fn get_cluster_status(
        &self,
        request: Request<v1::GetClusterStatusRequest>,
    ) -> Answer<v1::ClusterStatus> {
        Ok(Response::new(self.cluster_status(request.into_inner().local).await))
    }

    async fn get_metrics(&self, request: Request<v1::GetMetricsRequest>) -> Answer<v1::Metrics> {
        if let Some(peer) = self.whose_metrics(&request)? {
            return self
                .forwarder
                .admin(&peer)?
                .get_metrics(forward::passed_on(request))
                .await
                .map_err(forward::told);
        }
        Ok(Response::new(v1::Metrics { openmetrics: self.metrics.sheet().to_text() }))
    }

    async fn probe(&self, request: Request<v1::ProbeRequest>) -> Answer<v1::ProbeAnswer> {
        if let Some(leader) = self.leader_to_ask(&request)? {
            return self
                .forwarder
                .admin(&leader)?
                .probe(forward::passed_on(request))
                .await
                .map_err(forward::told);
        }
        Ok(Response::new(self.probe_log().await?))
    }

    async fn write(&self, request: Request<v1::WriteRequest>) -> Answer<v1::Receipt> {
        if let Some(leader) = self.leader_to_ask(&request)? {
            return self
                .forwarder
                .admin(&leader)?
                .write(forward::passed_on(request))
                .await
                .map_err(forward::told);
        }
        let caller = caller::of(&request)?;
        Ok(Response::new(self.apply_write(caller, &request.into_inner()).await?))
    }

    async fn change_members(
        &self,
        request: Request<v1::ChangeMembersRequest>,
    ) -> Answer<v1::ChangeMembersResponse> {
        if let Some(leader) = self.leader_to_ask(&request)? {
            return self
                .forwarder
                .admin(&leader)?
                .change_members(forward::passed_on(request))
                .await
                .map_err(forward::told);
        }
        let caller = caller::of(&request)?;
        Ok(Response::new(self.change_membership(&caller, request.into_inner()).await?))
    }

    async fn transfer_leadership(
        &self,
        request: Request<v1::TransferLeadershipRequest>,
    ) -> Answer<v1::TransferLeadershipResponse> {
        if let Some(leader) = self.leader_to_ask(&request)? {
            return self
                .forwarder
                .admin(&leader)?
                .transfer_leadership(forward::passed_on(request))
                .await
                .map_err(forward::told);
        }
        Ok(Response::new(self.hand_over(request.into_inner().to).await?))
    }

    async fn save_snapshot(&self, request: Request<v1::SaveSnapshotRequest>) -> Answer<v1::SnapshotFile> {
        match self.reading(&request, request.get_ref().consistency).await? {
            Reading::Here(view) => Ok(Response::new(self.snapshot_file(&view)?)),
            Reading::At(leader) => self
                .forwarder
                .admin(&leader)?
                .save_snapshot(forward::passed_on(request))
                .await
                .map_err(forward::told),
        }
    }

    async fn restore_snapshot(&self, request: Request<Streaming<v1::SnapshotPiece>>) -> Answer<v1::Receipt> {
        let leader = self.leader_to_ask(&request)?;
        let (marks, file) = snapshot::receive(request).await?;
        if let Some(leader) = leader {
            let pieces = marks.map(|()| tokio_stream::iter(file.pieces()));
            let mut leader = self.forwarder.admin(&leader)?;
            return leader.restore_snapshot(forward::passed_on(pieces)).await.map_err(forward::told);
        }
        Ok(Response::new(self.restore(caller::of(&marks)?, &file).await?))
    }

    async fn get_settings(
        &self,
        request: Request<v1::GetSettingsRequest>,
    ) -> Answer<v1::GetSettingsResponse> {
        match self.reading(&request, request.get_ref().consistency).await? {
            Reading::Here(view) => Ok(Response::new(self.settings(&view))),
            Reading::At(leader) => self
                .forwarder
                .admin(&leader)?
                .get_settings(forward::passed_on(request))
                .await
                .map_err(forward::told),
        }
    }

    async fn verify(&self, request: Request<v1::VerifyRequest>) -> Answer<v1::Verification> {
        if let Some(leader) = self.leader_to_ask(&request)? {
            return self
                .forwarder
                .admin(&leader)?
                .verify(forward::passed_on(request))
                .await
                .map_err(forward::told);
        }
        let view = self.read().await?;
        Ok(Response::new(self.verification(&view, request.get_ref())?))
    }

    async fn what_if(&self, request: Request<v1::WhatIfRequest>) -> Answer<v1::Forecast> {
        match self.reading(&request, request.get_ref().consistency).await? {
            Reading::Here(view) => Ok(Response::new(self.forecast(&view, request.get_ref())?)),
            Reading::At(leader) => self
                .forwarder
                .admin(&leader)?
                .what_if(forward::passed_on(request))
                .await
                .map_err(forward::told),
        }
    }

    async fn add_xapi_pool(&self, request: Request<v1::AddXapiPoolRequest>) -> Answer<v1::XapiReceipt> {
        if let Some(leader) = self.leader_to_ask(&request)? {
            return self
                .forwarder
                .admin(&leader)?
                .add_xapi_pool(forward::passed_on(request))
                .await
                .map_err(forward::told);
        }
        let caller = caller::of(&request)?;
        Ok(Response::new(self.add_pool(caller, request.into_inner()).await?))
    }

    async fn change_xapi_access(
        &self,
        request: Request<v1::ChangeXapiAccessRequest>,
    ) -> Answer<v1::XapiReceipt> {
        if let Some(leader) = self.leader_to_ask(&request)? {
            return self
                .forwarder
                .admin(&leader)?
                .change_xapi_access(forward::passed_on(request))
                .await
                .map_err(forward::told);
        }
        let caller = caller::of(&request)?;
        Ok(Response::new(self.change_pool_access(caller, request.into_inner()).await?))
    }

    async fn check_pool(&self, request: Request<v1::CheckPoolRequest>) -> Answer<v1::PoolCheck> {
        if let Some(leader) = self.leader_to_ask(&request)? {
            return self
                .forwarder
                .admin(&leader)?
                .check_pool(forward::passed_on(request))
                .await
                .map_err(forward::told);
        }
        Ok(Response::new(self.preflight(request.into_inner()).await?))
    }

    async fn adopt(&self, request: Request<v1::AdoptRequest>) -> Answer<v1::Adoption> {
        if let Some(leader) = self.leader_to_ask(&request)? {
            return self
                .forwarder
                .admin(&leader)?
                .adopt(forward::passed_on(request))
                .await
                .map_err(forward::told);
        }
        let caller = caller::of(&request)?;
        Ok(Response::new(self.adoption(caller, request.into_inner()).await?))
    }

    async fn list_pools(&self, request: Request<v1::ListPoolsRequest>) -> Answer<v1::ListPoolsResponse> {
        match self.reading(&request, request.get_ref().consistency).await? {
            Reading::Here(view) => Ok(Response::new(self.pools(&view, request.get_ref())?)),
            Reading::At(leader) => self
                .forwarder
                .admin(&leader)?
                .list_pools(forward::passed_on(request))
                .await
                .map_err(forward::told),
        }
    }

    async fn list_hosts(&self, request: Request<v1::ListHostsRequest>) -> Answer<v1::ListHostsResponse> {
        match self.reading(&request, request.get_ref().consistency).await? {
            Reading::Here(view) => Ok(Response::new(self.hosts(&view, request.get_ref())?)),
            Reading::At(leader) => self
                .forwarder
                .admin(&leader)?
                .list_hosts(forward::passed_on(request))
                .await
                .map_err(forward::told),
        }
    }

    async fn list_networks(
        &self,
        request: Request<v1::ListNetworksRequest>,
    ) -> Answer<v1::ListNetworksResponse> {
        match self.reading(&request, request.get_ref().consistency).await? {
            Reading::Here(view) => Ok(Response::new(self.networks(&view, request.get_ref())?)),
            Reading::At(leader) => self
                .forwarder
                .admin(&leader)?
                .list_networks(forward::passed_on(request))
                .await
                .map_err(forward::told),
        }
    }

    async fn get_topology(
        &self,
        request: Request<v1::GetTopologyRequest>,
    ) -> Answer<v1::GetTopologyResponse> {
        match self.reading(&request, request.get_ref().consistency).await? {
            Reading::Here(view) => Ok(Response::new(self.topologies(&view, request.get_ref())?)),
            Reading::At(leader) => self
                .forwarder
                .admin(&leader)?
                .get_topology(forward::passed_on(request))
                .await
                .map_err(forward::told),
        }
    }

    async fn get_plan(&self, request: Request<v1::GetPlanRequest>) -> Answer<v1::Plan> {
        match self.reading(&request, request.get_ref().consistency).await? {
            Reading::Here(view) => Ok(Response::new(self.plan(&view))),
            Reading::At(leader) => self
                .forwarder
                .admin(&leader)?
                .get_plan(forward::passed_on(request))
                .await
                .map_err(forward::told),
        }
    }

    async fn explain(&self, request: Request<v1::ExplainRequest>) -> Answer<v1::Explanation> {
        match self.reading(&request, request.get_ref().consistency).await? {
            Reading::Here(view) => Ok(Response::new(self.explanation(&view, request.get_ref())?)),
            Reading::At(leader) => self
                .forwarder
                .admin(&leader)?
                .explain(forward::passed_on(request))
                .await
                .map_err(forward::told),
        }
    }

    async fn list_audit(&self, request: Request<v1::ListAuditRequest>) -> Answer<v1::ListAuditResponse> {
        match self.reading(&request, request.get_ref().consistency).await? {
            Reading::Here(view) => Ok(Response::new(self.audit_trail(&view, request.get_ref()))),
            Reading::At(leader) => self
                .forwarder
                .admin(&leader)?
                .list_audit(forward::passed_on(request))
                .await
                .map_err(forward::told),
        }
    }

    async fn report_denied(
        &self,
        request: Request<v1::ReportDeniedRequest>,
    ) -> Answer<v1::ReportDeniedResponse> {
        Ok(Response::new(self.keep_denied(request.into_inner()).await?))
    }

    type WatchEventsStream = Streamed<v1::Event>;

    async fn watch_events(
        &self,
        request: Request<v1::WatchEventsRequest>,
    ) -> Answer<Self::WatchEventsStream> {
        match self.reading(&request, request.get_ref().consistency).await? {
            Reading::Here(_) => Ok(Response::new(self.events(request.into_inner()))),
            Reading::At(leader) => {
                let stream = self
                    .forwarder
                    .admin(&leader)?
                    .watch_events(forward::passed_on(request))
                    .await
                    .map_err(forward::told)?;
                Ok(stream.map(|events| Box::pin(events) as Self::WatchEventsStream))
            }
        }
    }

    type AwaitStream = Streamed<v1::Progress>;

    async fn r#await(&self, request: Request<v1::AwaitRequest>) -> Answer<Self::AwaitStream> {
        if let Some(leader) = self.leader_to_ask(&request)? {
            let stream = self
                .forwarder
                .admin(&leader)?
                .r#await(forward::passed_on(request))
                .await
                .map_err(forward::told)?;
            return Ok(stream.map(|progress| Box::pin(progress) as Self::AwaitStream));
        }
        Ok(Response::new(self.progress(request.into_inner())))
    }
}

impl AdminService {
    /// `None` if this replica leads.
    fn leader_to_ask<T>(&self, request: &Request<T>) -> Result<Option<Peer>, ApiError> {
        let leadership = self.replica.watch_leadership().borrow().clone();
        if leadership.is_leader {
            return Ok(None);
        }
        if leadership.leader.is_none() && self.replica.status().members.is_empty() {
            return Err(Refusal::NotInitialised.into());
        }
        match leadership.leader {
            Some(leader) if !forward::was_passed_on(request) => Ok(Some(leader)),
            leader => Err(ApiError::NotLeader { leader: leader.map(|peer| (peer.node, peer.address)) }),
        }
    }

    /// From which state a read is answered: this replica's, or the leader's.
    async fn reading<T>(&self, request: &Request<T>, consistency: i32) -> Result<Reading, Status> {
        match v1::Consistency::try_from(consistency) {
            Ok(v1::Consistency::Stale) => Ok(Reading::Here(self.replica.read_stale())),
            Ok(v1::Consistency::Linearizable | v1::Consistency::Unspecified) => {
                Ok(match self.leader_to_ask(request)? {
                    Some(leader) => Reading::At(leader),
                    None => Reading::Here(self.read().await?),
                })
            }
            Err(_) => {
                let problem =
                    format_args!("{consistency} is unknown: expected LINEARIZABLE (1) or STALE (2)");
                Err(ApiError::Invalid(asterism_api::FieldError::new("consistency", problem)).into())
            }
        }
    }

    /// By the leader.
    async fn read(&self) -> Result<View, ApiError> {
        // Asking a majority that is known to be out of hearing would take all of the caller's time, and tell no more.
        let voters = self.voters_without(&BTreeSet::new());
        if voters.left <= voters.all / 2 {
            return Err(ApiError::NoQuorum(MINORITY.into()));
        }
        self.replica.read_linearizable(DEADLINE).await.map_err(|error| match error {
            ReadError::NotLeader { leader, .. } => {
                ApiError::NotLeader { leader: leader.map(|peer| (peer.node, peer.address)) }
            }
            ReadError::NoQuorum => ApiError::NoQuorum(MINORITY.into()),
            error @ ReadError::Deadline { .. } => ApiError::Deadline(error.to_string()),
            error @ ReadError::Stopped(_) => ApiError::Internal(error.to_string()),
        })
    }
}

pub(crate) fn proposal_failure(error: ProposeError) -> ApiError {
    match error {
        ProposeError::NotLeader { leader } => {
            ApiError::NotLeader { leader: leader.map(|peer| (peer.node, peer.address)) }
        }
        ProposeError::NoQuorum => ApiError::NoQuorum(MINORITY.into()),
        error @ ProposeError::TooLarge { .. } => {
            ApiError::Invalid(asterism_api::FieldError::new("operation", error))
        }
        ProposeError::Busy => ApiError::Busy("too many proposals are under way".into()),
        ProposeError::Unknown { reason } => ApiError::OutcomeUnknown(reason),
        error @ ProposeError::Stopped(_) => ApiError::Internal(error.to_string()),
    }
}
