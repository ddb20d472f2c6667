//! Which request goes to which method: one line each.

use tonic::{Request, Response, Status, Streaming, transport::Channel};

use crate::v1::{self, AdminClient};

/// A request that has one answer.
pub trait Unary: Clone {
    type Answer;

    /// Whether a repetition has no effect of its own.
    fn is_repeatable(&self) -> bool {
        true
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
    ($($request:ident => $method:ident -> $answer:ident;)*) => {$(
        impl Unary for v1::$request {
            type Answer = v1::$answer;

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
    InitClusterRequest => init_cluster -> InitClusterResponse;
    GetClusterStatusRequest => get_cluster_status -> ClusterStatus;
    ListPoolsRequest => list_pools -> ListPoolsResponse;
    ListHostsRequest => list_hosts -> ListHostsResponse;
    ListNetworksRequest => list_networks -> ListNetworksResponse;
    GetTopologyRequest => get_topology -> GetTopologyResponse;
    GetPlanRequest => get_plan -> Plan;
    ExplainRequest => explain -> Explanation;
}

impl Unary for v1::WriteRequest {
    type Answer = v1::Receipt;

    fn is_repeatable(&self) -> bool {
        let opens_session = matches!(self.operation, Some(v1::write_request::Operation::OpenSession(_)));
        self.request_id.is_some() || opens_session
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
