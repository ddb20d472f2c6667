//! Which request goes to which method: one line each.

use std::time::Duration;

use tonic::{Request, Response, Status, Streaming, transport::Channel};

use crate::v1::{self, AdminClient};

/// For what asks a pool's XAPI: the cluster gives up on the pool before that, and says what it waited for.
const POOL: Duration = Duration::from_secs(75);

/// What it means that a request may have been carried out without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// Nothing: it changes nothing that anybody would miss.
    Harmless,
    /// A change may be made, and repeating the request makes it once.
    Idempotent,
    /// A change may be made, and repeating the request may make it again.
    Cumulative,
}

/// A request that has one answer.
pub trait Unary: Clone {
    type Answer;

    fn nature(&self) -> Nature;

    /// How long the cluster may take besides for what it asks of somebody else.
    fn work(&self) -> Duration {
        Duration::ZERO
    }

    fn send(
        admin: AdminClient<Channel>,
        request: Request<Self>,
    ) -> impl Future<Output = Result<Response<Self::Answer>, Status>>;
}

/// A request that has a stream of answers, which can be taken up again where it broke.
pub trait ServerStreaming: Clone {
    type Item: Clone;

    fn send(
        admin: AdminClient<Channel>,
        request: Request<Self>,
    ) -> impl Future<Output = Result<Response<Streaming<Self::Item>>, Status>>;

    /// What to ask after a break, so that nothing comes twice.
    fn advance(&mut self, item: &Self::Item);

    /// Whether a stream that ended after `last` is complete; if not, it broke.
    fn is_complete(&self, last: Option<&Self::Item>) -> bool;
}

macro_rules! unary {
    ($($request:ident => $method:ident -> $answer:ident, $nature:ident;)*) => {$(
        impl Unary for v1::$request {
            type Answer = v1::$answer;

            fn nature(&self) -> Nature {
                Nature::$nature
            }

            async fn send(
                mut admin: AdminClient<Channel>,
                request: Request<Self>,
            ) -> Result<Response<Self::Answer>, Status> {
                admin.$method(request).await
            }
        }
    )*};
}

unary! {
    InitClusterRequest => init_cluster -> InitClusterResponse, Idempotent;
    GetMetricsRequest => get_metrics -> Metrics, Harmless;
    ProbeRequest => probe -> ProbeAnswer, Harmless;
    GetClusterStatusRequest => get_cluster_status -> ClusterStatus, Harmless;
    ListPoolsRequest => list_pools -> ListPoolsResponse, Harmless;
    ListHostsRequest => list_hosts -> ListHostsResponse, Harmless;
    ListNetworksRequest => list_networks -> ListNetworksResponse, Harmless;
    GetTopologyRequest => get_topology -> GetTopologyResponse, Harmless;
    GetSettingsRequest => get_settings -> GetSettingsResponse, Harmless;
    GetPlanRequest => get_plan -> Plan, Harmless;
    ExplainRequest => explain -> Explanation, Harmless;
    ListAuditRequest => list_audit -> ListAuditResponse, Harmless;
    VerifyRequest => verify -> Verification, Harmless;
    WhatIfRequest => what_if -> Forecast, Harmless;
    SaveSnapshotRequest => save_snapshot -> SnapshotFile, Harmless;
}

macro_rules! asks_a_pool {
    ($($request:ident => $method:ident -> $answer:ident, $nature:expr;)*) => {$(
        impl Unary for v1::$request {
            type Answer = v1::$answer;

            fn nature(&self) -> Nature {
                let nature: fn(&Self) -> Nature = $nature;
                nature(self)
            }

            fn work(&self) -> Duration {
                POOL
            }

            async fn send(
                mut admin: AdminClient<Channel>,
                request: Request<Self>,
            ) -> Result<Response<Self::Answer>, Status> {
                admin.$method(request).await
            }
        }
    )*};
}

asks_a_pool! {
    AddXapiPoolRequest => add_xapi_pool -> XapiReceipt, |request| of_write(request.request_id);
    ChangeXapiAccessRequest => change_xapi_access -> XapiReceipt, |request| of_write(request.request_id);
    CheckPoolRequest => check_pool -> PoolCheck, |_| Nature::Harmless;
}

impl Unary for v1::AdoptRequest {
    type Answer = v1::Adoption;

    fn nature(&self) -> Nature {
        if self.commit { of_write(self.request_id) } else { Nature::Harmless }
    }

    async fn send(
        mut admin: AdminClient<Channel>,
        request: Request<Self>,
    ) -> Result<Response<v1::Adoption>, Status> {
        admin.adopt(request).await
    }
}

fn of_write(request_id: Option<v1::RequestId>) -> Nature {
    if request_id.is_some() { Nature::Idempotent } else { Nature::Cumulative }
}

impl Unary for v1::WriteRequest {
    type Answer = v1::Receipt;

    fn nature(&self) -> Nature {
        match &self.operation {
            // A session that nobody uses expires.
            Some(v1::write_request::Operation::OpenSession(_)) => Nature::Harmless,
            _ => of_write(self.request_id),
        }
    }

    async fn send(
        mut admin: AdminClient<Channel>,
        request: Request<Self>,
    ) -> Result<Response<v1::Receipt>, Status> {
        admin.write(request).await
    }
}

impl ServerStreaming for v1::WatchEventsRequest {
    type Item = v1::Event;

    async fn send(
        mut admin: AdminClient<Channel>,
        request: Request<Self>,
    ) -> Result<Response<Streaming<v1::Event>>, Status> {
        admin.watch_events(request).await
    }

    fn advance(&mut self, item: &v1::Event) {
        self.after = item.sequence;
    }

    fn is_complete(&self, _last: Option<&v1::Event>) -> bool {
        !self.follow
    }
}

impl ServerStreaming for v1::AwaitRequest {
    type Item = v1::Progress;

    async fn send(
        mut admin: AdminClient<Channel>,
        request: Request<Self>,
    ) -> Result<Response<Streaming<v1::Progress>>, Status> {
        admin.r#await(request).await
    }

    fn advance(&mut self, _item: &v1::Progress) {}

    fn is_complete(&self, last: Option<&v1::Progress>) -> bool {
        last.is_some_and(|progress| progress.is_reached)
    }
}
