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
    admin::{AdminForwarder, AdminService, receipts},
    agreement::{self, Compared, Digests},
    clock::Clock,
    config::Limits,
    credentials::Standing,
    leader::LeaderView,
    listener,
    metrics::{self, Counters, Metrics},
    vitals::Vitals,
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
    pub counters: Counters,
    pub vitals: Vitals,
    /// Told what comparing the replicas came to.
    pub compared: watch::Sender<Compared>,
}

/// What serves, and what ends the process if this replica turns out to be wrong.
pub struct Serving<S, A> {
    pub server: S,
    pub agreement: A,
}

/// Binds the ports; what it returns serves until `stopped`.
///
/// # Errors
/// A port is taken.
pub async fn serve(
    config: &Config,
    parts: Parts,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<
    Serving<impl Future<Output = ()> + Send + 'static, impl Future<Output = String> + Send + 'static>,
> {
    let listener = TcpListener::bind(config.listen).await.with_context(|| {
        format!("listen: binding {}; expected a free address of this machine", config.listen)
    })?;
    let Parts { replica, clock, view, forwarder, credentials, counters, vitals, compared } = parts;
    let failover = config.failover();
    let Limits { connections, requests, request_bytes, writes_per_second } = config.limits;
    let denied = Denied::start(replica.clone(), clock.clone(), forwarder.clone());
    let gate = Gate::new(replica.clone(), clock.clone(), WriteRate::new(writes_per_second), denied);
    let metrics = Metrics {
        replica: replica.clone(),
        clock: clock.clone(),
        view: view.clone(),
        counters: counters.clone(),
        vitals: vitals.clone(),
        failover,
        compared: compared.subscribe(),
    };
    let digests = Digests::default();
    let (receipts, reported) = receipts(counters);
    let admin = AdminService {
        node: config.node,
        cluster: config.cluster.clone(),
        replica: replica.clone(),
        clock,
        graces: config.settings.graces,
        session: config.sessions.liveness.until_given_up(),
        failover,
        view,
        stopped: stopped.clone(),
        forwarder,
        pools: config.pools.clone(),
        credentials: credentials.clone(),
        receipts,
        vitals,
        digests: digests.clone(),
        metrics: metrics.clone(),
    };
    let agreement = agreement::run(admin.clone(), digests, compared, config.data_dir.clone());
    let measuring = admin.clone().measure_receipts(reported);
    let scraping = match config.metrics {
        Some(listen) => Some(metrics::serve(listen, metrics, stopped.clone()).await?.1),
        None => None,
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
    let server = async move {
        let stop = async move {
            // A dropped sender stops too.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        };
        let serving = async {
            if let Err(failed) = router.serve_with_incoming_shutdown(incoming, stop).await {
                error!(error = %failed, "the server ended");
            }
        };
        let scraping = async {
            if let Some(scraping) = scraping {
                scraping.await;
            }
        };
        tokio::join!(serving, measuring, scraping);
    };
    Ok(Serving { server, agreement })
}
