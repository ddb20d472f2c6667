//! The one port of a replica: consensus, the admin service, health and reflection, under mutual TLS.

use std::{future::Future, sync::Arc, time::Duration};

use anyhow::Context as _;
use asterism_api::{Security, v1};
use asterism_raft::Replica;
use tokio::{net::TcpListener, sync::watch};
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig, server::TcpIncoming};
use tracing::error;

use crate::{
    Config,
    admin::{AdminForwarder, AdminService},
    clock::Clock,
    leader::LeaderView,
};

/// A connection that is silent for twice this is closed: half-open ones must not pile up.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Requests that one connection may have under way; more wait on their side.
const CONCURRENCY: usize = 256;

/// Binds the port and sets TLS up; what it returns serves until `stopped`.
///
/// # Errors
/// The port is taken, or the certificates don't fit together.
pub async fn serve(
    config: &Config,
    replica: Replica,
    clock: Clock,
    view: watch::Receiver<Arc<LeaderView>>,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let listener = TcpListener::bind(config.listen).await.with_context(|| {
        format!("listen: binding {}; expected a free address of this machine", config.listen)
    })?;
    let tls = ServerTlsConfig::new()
        .identity(Identity::from_pem(&config.tls.certificate, &config.tls.key))
        .client_ca_root(Certificate::from_pem(&config.tls.ca));
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
        forwarder: AdminForwarder::new(Security::MutualTls {
            ca_pem: config.tls.ca.clone(),
            cert_pem: config.tls.certificate.clone(),
            key_pem: config.tls.key.clone(),
        }),
        pools: config.pools.clone(),
    };
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<v1::AdminServer<AdminService>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(v1::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .context("setting reflection up")?;
    let router = Server::builder()
        .tls_config(tls)
        .context("tls: the certificate, key and CA don't fit together")?
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE))
        .concurrency_limit_per_connection(CONCURRENCY)
        .add_service(replica.service())
        .add_service(v1::AdminServer::new(admin))
        .add_service(health_service)
        .add_service(reflection);
    // Of a listener of one's own, `Server::tcp_nodelay` isn't heard.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
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
