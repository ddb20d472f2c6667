//! The service of a fake replica: the real conversions over the real `apply`.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use asterism_model::{ClusterId, NodeId, Operation};
use tokio_stream::{Stream, StreamExt, wrappers::WatchStream};
use tonic::{Request, Response, Status};

use super::{Fault, Script, Shared, pool};
use crate::{ApiError, FieldError, convert, v1};

pub(super) struct Replica {
    pub node: NodeId,
    pub address: String,
    pub shared: Arc<Shared>,
    pub script: Arc<Mutex<Script>>,
}

type Streamed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

impl Replica {
    /// Takes the next fault of the script. What is left of it happens after the call's work is done.
    async fn admit(&self, method: &'static str) -> Result<Option<Fault>, Status> {
        let fault = {
            let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
            script.calls.push(method);
            script.faults.pop_front()
        };
        match fault {
            None | Some(Fault::None) => Ok(None),
            Some(Fault::NotLeader(leader)) => {
                let leader = leader.map(|address| (NodeId(0), address));
                Err(ApiError::NotLeader { leader }.into())
            }
            Some(Fault::NoQuorum) => Err(ApiError::NoQuorum("1 of 3 replicas answers".into()).into()),
            Some(Fault::NotPermitted) => Err(ApiError::NotPermitted("no operator".into()).into()),
            Some(Fault::Hang) => std::future::pending().await,
            Some(fault @ (Fault::LoseAnswer | Fault::BreakAfter(_))) => Ok(Some(fault)),
        }
    }

    /// Runs a call that has one answer.
    async fn answer<T>(
        &self,
        method: &'static str,
        work: impl FnOnce(&Shared) -> Result<T, ApiError>,
    ) -> Result<Response<T>, Status> {
        let fault = self.admit(method).await?;
        let answer = work(&self.shared)?;
        match fault {
            Some(Fault::LoseAnswer) => Err(Status::unknown("connection reset by the test")),
            _ => Ok(Response::new(answer)),
        }
    }

    fn mark(&self, revision: u64) -> Option<v1::ReadMark> {
        let index = *self.shared.index.borrow();
        Some(v1::ReadMark { index, revision, node: self.node.0, is_leader: true })
    }
}

#[tonic::async_trait]
impl v1::Admin for Replica {
    async fn init_cluster(
        &self,
        request: Request<v1::InitClusterRequest>,
    ) -> Result<Response<v1::InitClusterResponse>, Status> {
        let request = request.into_inner();
        self.answer("init_cluster", |shared| {
            let cluster: ClusterId =
                request.cluster_id.parse().map_err(|error| FieldError::new("cluster_id", error))?;
            let name = convert::parse_name("name", &request.name)?;
            convert::receipt(0, shared.apply(None, Operation::InitCluster { cluster, name }).1)?;
            Ok(v1::InitClusterResponse { cluster_id: request.cluster_id, name: request.name })
        })
        .await
    }

    async fn change_members(
        &self,
        _request: Request<v1::ChangeMembersRequest>,
    ) -> Result<Response<v1::ChangeMembersResponse>, Status> {
        Err(Status::unimplemented("replicas without Raft have no members to change"))
    }

    async fn transfer_leadership(
        &self,
        _request: Request<v1::TransferLeadershipRequest>,
    ) -> Result<Response<v1::TransferLeadershipResponse>, Status> {
        Err(Status::unimplemented("replicas without Raft have no leader"))
    }

    async fn save_snapshot(
        &self,
        _request: Request<v1::SaveSnapshotRequest>,
    ) -> Result<Response<v1::SnapshotFile>, Status> {
        Err(Status::unimplemented("replicas without Raft have no log to take a snapshot of"))
    }

    async fn restore_snapshot(
        &self,
        _request: Request<tonic::Streaming<v1::SnapshotPiece>>,
    ) -> Result<Response<v1::Receipt>, Status> {
        Err(Status::unimplemented("replicas without Raft have no log to restore through"))
    }

    async fn get_cluster_status(
        &self,
        _request: Request<v1::GetClusterStatusRequest>,
    ) -> Result<Response<v1::ClusterStatus>, Status> {
        self.answer("get_cluster_status", |shared| {
            let state = shared.lock().state.clone();
            let status = v1::ReplicaStatus {
                role: v1::Role::Leader.into(),
                term: 1,
                applied_index: *shared.index.borrow(),
                revision: state.revision(),
                ..Default::default()
            };
            let replica = v1::Replica {
                clock_ahead_ms: Some(0),
                round_trip_ms: Some(0),
                is_drained: false,
                node: self.node.0,
                address: self.address.clone(),
                is_voter: true,
                status: Some(v1::replica::Status::Reachable(status)),
            };
            Ok(v1::ClusterStatus {
                invited: Vec::new(),
                waiting_for: String::new(),
                cluster_id: state.cluster().map(|cluster| cluster.id.to_string()),
                name: state.cluster().map(|cluster| cluster.name.to_string()),
                node: self.node.0,
                leader: Some(self.node.0),
                replicas: vec![replica],
                settings: state.cluster().map(|_| convert::settings(state.settings())),
            })
        })
        .await
    }

    async fn get_metrics(
        &self,
        request: Request<v1::GetMetricsRequest>,
    ) -> Result<Response<v1::Metrics>, Status> {
        let node = request.get_ref().node;
        self.answer("get_metrics", |_| Ok(v1::Metrics { openmetrics: format!("test_node {node}\n# EOF\n") }))
            .await
    }

    async fn probe(&self, _request: Request<v1::ProbeRequest>) -> Result<Response<v1::ProbeAnswer>, Status> {
        self.answer("probe", |shared| {
            let index = *shared.index.borrow();
            Ok(v1::ProbeAnswer { node: self.node.0, index, took_us: 1500 })
        })
        .await
    }

    async fn write(&self, request: Request<v1::WriteRequest>) -> Result<Response<v1::Receipt>, Status> {
        let request = request.into_inner();
        self.answer("write", |shared| {
            let operation = convert::operation_from_request(&request)?;
            let request_id = request.request_id.map(convert::request_id_from_proto);
            let (index, reply) = shared.apply(request_id, operation);
            Ok(convert::receipt(index, reply)?)
        })
        .await
    }

    async fn add_xapi_pool(
        &self,
        request: Request<v1::AddXapiPoolRequest>,
    ) -> Result<Response<v1::XapiReceipt>, Status> {
        let request = request.into_inner();
        self.answer("add_xapi_pool", |shared| pool::add(shared, &request)).await
    }

    async fn change_xapi_access(
        &self,
        request: Request<v1::ChangeXapiAccessRequest>,
    ) -> Result<Response<v1::XapiReceipt>, Status> {
        let request = request.into_inner();
        self.answer("change_xapi_access", |shared| pool::change(shared, &request)).await
    }

    async fn check_pool(
        &self,
        request: Request<v1::CheckPoolRequest>,
    ) -> Result<Response<v1::PoolCheck>, Status> {
        let request = request.into_inner();
        self.answer("check_pool", |shared| pool::check(shared, &request)).await
    }

    async fn adopt(&self, _request: Request<v1::AdoptRequest>) -> Result<Response<v1::Adoption>, Status> {
        self.answer("adopt", |shared| Ok(shared.lock().adoption.clone())).await
    }

    async fn list_pools(
        &self,
        request: Request<v1::ListPoolsRequest>,
    ) -> Result<Response<v1::ListPoolsResponse>, Status> {
        self.answer("list_pools", |shared| {
            let state = shared.lock().state.clone();
            let pools = convert::list_pools(&state, request.get_ref())?;
            let pools = pools.into_iter().map(|pool| convert::pool(&state, pool)).collect();
            Ok(v1::ListPoolsResponse { mark: self.mark(state.revision()), pools })
        })
        .await
    }

    async fn list_hosts(
        &self,
        request: Request<v1::ListHostsRequest>,
    ) -> Result<Response<v1::ListHostsResponse>, Status> {
        self.answer("list_hosts", |shared| {
            let state = shared.lock().state.clone();
            let hosts = convert::list_hosts(&state, request.get_ref())?;
            let hosts = hosts.into_iter().map(|host| convert::host(&state, host)).collect();
            Ok(v1::ListHostsResponse { mark: self.mark(state.revision()), hosts })
        })
        .await
    }

    async fn list_networks(
        &self,
        request: Request<v1::ListNetworksRequest>,
    ) -> Result<Response<v1::ListNetworksResponse>, Status> {
        self.answer("list_networks", |shared| {
            let state = shared.lock().state.clone();
            let networks = convert::list_networks(&state, request.get_ref().network.as_ref())?;
            let networks = networks.into_iter().map(|network| convert::network(&state, network)).collect();
            Ok(v1::ListNetworksResponse { mark: self.mark(state.revision()), networks })
        })
        .await
    }

    async fn get_topology(
        &self,
        request: Request<v1::GetTopologyRequest>,
    ) -> Result<Response<v1::GetTopologyResponse>, Status> {
        self.answer("get_topology", |shared| {
            let state = shared.lock().state.clone();
            let networks = convert::list_networks(&state, request.get_ref().network.as_ref())?;
            let topologies = networks.into_iter().map(|network| convert::topology(&state, network)).collect();
            Ok(v1::GetTopologyResponse { mark: self.mark(state.revision()), topologies })
        })
        .await
    }

    async fn get_settings(
        &self,
        _request: Request<v1::GetSettingsRequest>,
    ) -> Result<Response<v1::GetSettingsResponse>, Status> {
        self.answer("get_settings", |shared| {
            let state = shared.lock().state.clone();
            let settings = Some(convert::settings(state.settings()));
            Ok(v1::GetSettingsResponse { mark: self.mark(state.revision()), settings })
        })
        .await
    }

    async fn verify(
        &self,
        request: Request<v1::VerifyRequest>,
    ) -> Result<Response<v1::Verification>, Status> {
        self.answer("verify", |shared| {
            let replicated = shared.lock();
            convert::list_networks(&replicated.state, request.get_ref().network.as_ref())?;
            let mark = self.mark(replicated.state.revision());
            Ok(v1::Verification { mark, ..replicated.verification.clone() })
        })
        .await
    }

    async fn list_audit(
        &self,
        request: Request<v1::ListAuditRequest>,
    ) -> Result<Response<v1::ListAuditResponse>, Status> {
        self.answer("list_audit", |shared| {
            let state = shared.lock().state.clone();
            let (entries, dropped) = convert::list_audit(&state, request.get_ref());
            Ok(v1::ListAuditResponse { mark: self.mark(state.revision()), entries, dropped })
        })
        .await
    }

    async fn report_denied(
        &self,
        request: Request<v1::ReportDeniedRequest>,
    ) -> Result<Response<v1::ReportDeniedResponse>, Status> {
        self.answer("report_denied", |shared| {
            let (_, method) = convert::denied_from_proto(request.into_inner())?;
            shared.apply(None, Operation::RecordDenied { method });
            Ok(v1::ReportDeniedResponse {})
        })
        .await
    }

    async fn what_if(&self, request: Request<v1::WhatIfRequest>) -> Result<Response<v1::Forecast>, Status> {
        self.answer("what_if", |shared| {
            let mut replicated = shared.lock();
            let mark = self.mark(replicated.state.revision());
            replicated.killed = request.into_inner().kill;
            Ok(v1::Forecast { mark, ..replicated.forecast.clone() })
        })
        .await
    }

    async fn get_plan(&self, _request: Request<v1::GetPlanRequest>) -> Result<Response<v1::Plan>, Status> {
        self.answer("get_plan", |shared| {
            let revision = shared.lock().state.revision();
            Ok(v1::Plan { mark: self.mark(revision), ..Default::default() })
        })
        .await
    }

    async fn explain(
        &self,
        request: Request<v1::ExplainRequest>,
    ) -> Result<Response<v1::Explanation>, Status> {
        self.answer("explain", |shared| {
            let state = shared.lock().state.clone();
            let text = match &request.get_ref().subject {
                Some(v1::explain_request::Subject::Network(name)) => {
                    convert::find_network(&state, &convert::parse_name("network", name)?)?.name.to_string()
                }
                Some(v1::explain_request::Subject::Host(label)) => {
                    convert::find_host(&state, &convert::parse_host("host", label)?)?.name.to_string()
                }
                None => return Err(FieldError::new("subject", "expected network or host").into()),
            };
            let finding = v1::Finding { rule: "asked".into(), text, because: Vec::new() };
            Ok(v1::Explanation { mark: self.mark(state.revision()), findings: vec![finding] })
        })
        .await
    }

    type WatchEventsStream = Streamed<v1::Event>;

    async fn watch_events(
        &self,
        request: Request<v1::WatchEventsRequest>,
    ) -> Result<Response<Self::WatchEventsStream>, Status> {
        let fault = self.admit("watch_events").await?;
        let v1::WatchEventsRequest { mut after, follow, .. } = request.into_inner();
        let shared = Arc::clone(&self.shared);
        let changes = WatchStream::new(shared.index.subscribe()).take(if follow { usize::MAX } else { 1 });
        let events = changes.map(move |_| {
            let state = shared.lock().state.clone();
            let new = state.events().iter().filter(|event| event.sequence > after);
            let new: Vec<_> = new.map(|event| Ok(convert::event(event))).collect();
            after = state.events().back().map_or(after, |event| event.sequence);
            tokio_stream::iter(new)
        });
        Ok(Response::new(broken(fault, flatten(events))))
    }

    type AwaitStream = Streamed<v1::Progress>;

    async fn r#await(
        &self,
        request: Request<v1::AwaitRequest>,
    ) -> Result<Response<Self::AwaitStream>, Status> {
        let fault = self.admit("await").await?;
        let v1::AwaitRequest { revision, stage, .. } = request.into_inner();
        let mut told: Vec<v1::Progress> = self.shared.lock().progress.drain(..).collect();
        let hangs = told.iter().any(|progress| progress.planner == "forever");
        if !hangs {
            told.push(v1::Progress { revision, stage, is_reached: true, ..Default::default() });
        }
        let told = tokio_stream::iter(told.into_iter().map(Ok));
        if hangs {
            return Ok(Response::new(Box::pin(told.chain(tokio_stream::pending()))));
        }
        Ok(Response::new(broken(fault, told)))
    }
}

fn flatten<T: Send + 'static>(
    streams: impl Stream<Item = tokio_stream::Iter<std::vec::IntoIter<T>>> + Send + 'static,
) -> impl Stream<Item = T> + Send {
    let (sender, receiver) = tokio::sync::mpsc::channel(16);
    tokio::spawn(async move {
        let mut streams = Box::pin(streams);
        while let Some(mut items) = streams.next().await {
            while let Some(item) = items.next().await {
                if sender.send(item).await.is_err() {
                    return;
                }
            }
        }
    });
    tokio_stream::wrappers::ReceiverStream::new(receiver)
}

fn broken<T: Send + 'static>(
    fault: Option<Fault>,
    stream: impl Stream<Item = Result<T, Status>> + Send + 'static,
) -> Streamed<T> {
    match fault {
        Some(Fault::BreakAfter(count)) => {
            let end = tokio_stream::once(Err(Status::unknown("connection reset by the test")));
            Box::pin(stream.take(count).chain(end))
        }
        _ => Box::pin(stream),
    }
}
