//! The one port of a replica: consensus, the admin service, health and reflection, under mutual TLS.

use std::{future::Future, sync::Arc, time::Duration};

use anyhow::Context as _;
use asterism_api::v1;
use asterism_raft::Replica;
use tokio::{net::TcpListener, sync::watch};
use tonic::transport::Server;
use tracing::error;

use crate::{
    Config,
    access::{Denied, Gate, WriteRate},
    admin::{AdminForwarder, AdminService},
    clock::Clock,
    config::Limits,
    credentials::Standing,
    leader::LeaderView,
    listener,
};

/// A connection that is silent for twice this is closed: half-open ones must not pile up.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// What serves: the port's connections, the gate, and the services behind it.
pub struct Parts {
    pub replica: Replica,
    pub clock: Clock,
    pub view: watch::Receiver<Arc<LeaderView>>,
    pub forwarder: AdminForwarder,
    pub credentials: watch::Receiver<Standing>,
}

/// Binds the port; what it returns serves until `stopped`.
///
/// # Errors
/// The port is taken.
pub async fn serve(
    config: &Config,
    parts: Parts,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let listener = TcpListener::bind(config.listen).await.with_context(|| {
        format!("listen: binding {}; expected a free address of this machine", config.listen)
    })?;
    let Parts { replica, clock, view, forwarder, credentials } = parts;
    let Limits { connections, requests, request_bytes, writes_per_second } = config.limits;
    let denied = Denied::start(replica.clone(), clock.clone(), forwarder.clone());
    let gate = Gate::new(replica.clone(), clock.clone(), WriteRate::new(writes_per_second), denied);
    let admin = AdminService {
        node: config.node,
        cluster: config.cluster.clone(),
        replica: replica.clone(),
        clock,
        graces: config.settings.graces,
        session: config.sessions.liveness.until_given_up(),
        failover: config.timing.election_max * 2,
        view,
        stopped: stopped.clone(),
        forwarder,
        pools: config.pools.clone(),
        credentials: credentials.clone(),
    };
    let admin = v1::AdminServer::new(admin).max_decoding_message_size(request_bytes);
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<v1::AdminServer<AdminService>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(v1::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .context("setting reflection up")?;
    let router = Server::builder()
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE))
        .concurrency_limit_per_connection(requests)
        // Over the limit a request is refused, and not kept waiting.
        .load_shed(true)
        // Streams that stay open count here; a client waits with more on its own side.
        .max_concurrent_streams(u32::try_from(requests).unwrap_or(u32::MAX))
        .layer(gate)
        .add_service(replica.service())
        .add_service(admin)
        .add_service(health_service)
        .add_service(reflection);
    let incoming = listener::accept(listener, connections, credentials);
    let mut stopped = stopped;
    Ok(async move {
        let stop = async move {
            // A dropped sender stops too.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        };
        if let Err(failed) = router.serve_with_incoming_shutdown(incoming, stop).await {
            error!(error = %failed, "the server ended");
        }
    })
}
