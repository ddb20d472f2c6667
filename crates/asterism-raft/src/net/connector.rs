//! How a connection to a peer is made, and how a peer proves who it is.

use std::{
    sync::{PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use asterism_model::NodeId;
use openssl::x509::X509;
use tonic::transport::{Certificate, CertificateDer, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::ConnectError;

/// For TCP and TLS together. Short enough that a peer that returns is reached within a second or two, since each
/// attempt sends its first packet anew.
const CONNECT: Duration = Duration::from_secs(2);

/// A connection on which nothing comes is asked for a sign of life, and given up without one.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(1);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(2);

/// How replicas reach one another, and how a peer proves who it is.
pub trait PeerConnector: Send + Sync + 'static {
    /// A channel that connects when it is used first, and again whenever it was lost.
    ///
    /// # Errors
    /// The address can't be used; what happens on the network shows in the calls.
    fn channel(&self, to: NodeId, address: &str) -> Result<Channel, ConnectError>;

    /// Rises when channels that were made before are to be given up for new ones: certificates were replaced.
    fn generation(&self) -> u64 {
        0
    }

    /// Checks that the peer that presented `certificates` is node `from`.
    ///
    /// # Errors
    /// A sentence for both sides' logs.
    fn verify(&self, from: NodeId, certificates: Option<&[CertificateDer<'static>]>) -> Result<(), String>;

    /// Checks, at the start, that this node can prove that it is `node`.
    ///
    /// # Errors
    /// A sentence that says what is presented instead.
    fn verify_own(&self, node: NodeId) -> Result<(), String>;
}

/// TLS between replicas: each presents its node certificate and verifies the other's against the cluster's CA.
/// A node's certificate carries the DNS name `node-<id>.asterism`, on both sides of a connection.
pub struct TlsPeers {
    shown: RwLock<Shown>,
}

/// What this node shows and trusts.
struct Shown {
    config: ClientTlsConfig,
    own: Vec<String>,
    generation: u64,
}

impl TlsPeers {
    /// From PEM texts: the CA's certificates, this node's certificate chain, and its key.
    ///
    /// # Errors
    /// One of the texts holds no such thing.
    pub fn new(ca: &[u8], certificate: &[u8], key: &[u8]) -> Result<Self, ConnectError> {
        Ok(Self { shown: RwLock::new(Shown::new(ca, certificate, key)?) })
    }

    /// Shows and trusts something else from the next connection on. Calls that are under way end on theirs.
    ///
    /// # Errors
    /// As [`Self::new`]; what was there before stays.
    pub fn take_up(&self, ca: &[u8], certificate: &[u8], key: &[u8]) -> Result<(), ConnectError> {
        let shown = Shown::new(ca, certificate, key)?;
        let mut current = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        let generation = current.generation + 1;
        *current = Shown { generation, ..shown };
        Ok(())
    }

    fn shown(&self) -> RwLockReadGuard<'_, Shown> {
        self.shown.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shown {
    fn new(ca: &[u8], certificate: &[u8], key: &[u8]) -> Result<Self, ConnectError> {
        certificates("tls.ca", ca)?;
        let chain = certificates("tls.cert", certificate)?;
        let leaf = chain.first().ok_or_else(|| unusable("tls.cert", "it holds no certificate"))?;
        let key_pair =
            openssl::pkey::PKey::private_key_from_pem(key).map_err(|error| unusable("tls.key", error))?;
        if !leaf.public_key().is_ok_and(|public| public.public_eq(&key_pair)) {
            return Err(unusable("tls.key", "it is not the key of the certificate in tls.cert"));
        }
        let config = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(ca))
            .identity(Identity::from_pem(certificate, key));
        Ok(Self { config, own: dns_names(leaf), generation: 0 })
    }
}

impl PeerConnector for TlsPeers {
    fn channel(&self, to: NodeId, address: &str) -> Result<Channel, ConnectError> {
        let tls = self.shown().config.clone().domain_name(node_name(to));
        let endpoint = endpoint("https", to, address)?;
        let endpoint = endpoint.tls_config(tls).map_err(|error| unusable("the TLS configuration", error))?;
        Ok(endpoint.connect_lazy())
    }

    fn generation(&self) -> u64 {
        self.shown().generation
    }

    fn verify(&self, from: NodeId, certificates: Option<&[CertificateDer<'static>]>) -> Result<(), String> {
        let leaf = certificates.and_then(<[_]>::first).ok_or("no certificate was presented")?;
        let leaf = X509::from_der(leaf).map_err(|error| format!("the certificate can't be read: {error}"))?;
        require_name(&dns_names(&leaf), from)
    }

    fn verify_own(&self, node: NodeId) -> Result<(), String> {
        require_name(&self.shown().own, node)
    }
}

/// Neither encryption nor proof of who a peer is: for tests on a machine of one's own.
pub struct PlainPeers;

impl PeerConnector for PlainPeers {
    fn channel(&self, to: NodeId, address: &str) -> Result<Channel, ConnectError> {
        Ok(endpoint("http", to, address)?.connect_lazy())
    }

    fn verify(&self, _: NodeId, _: Option<&[CertificateDer<'static>]>) -> Result<(), String> {
        Ok(())
    }

    fn verify_own(&self, _: NodeId) -> Result<(), String> {
        Ok(())
    }
}

fn endpoint(scheme: &str, node: NodeId, address: &str) -> Result<Endpoint, ConnectError> {
    let endpoint = Endpoint::from_shared(format!("{scheme}://{address}"))
        .map_err(|error| ConnectError::Address { node, address: address.to_owned(), source: error.into() })?;
    Ok(endpoint
        .connect_timeout(CONNECT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true))
}

/// The name by which a replica's certificate is known.
fn node_name(node: NodeId) -> String {
    format!("node-{}.asterism", node.0)
}

fn require_name(names: &[String], node: NodeId) -> Result<(), String> {
    let wanted = node_name(node);
    if names.contains(&wanted) {
        return Ok(());
    }
    Err(format!("the certificate is for {}; expected `{wanted}` among its DNS names", quoted(names)))
}

fn quoted(names: &[String]) -> String {
    match names {
        [] => "no DNS name".to_owned(),
        names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}

fn dns_names(certificate: &X509) -> Vec<String> {
    let names = certificate.subject_alt_names();
    names.iter().flatten().filter_map(|name| name.dnsname().map(str::to_owned)).collect()
}

fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<X509>, ConnectError> {
    let certificates = X509::stack_from_pem(pem).map_err(|error| unusable(what, error))?;
    if certificates.is_empty() {
        return Err(unusable(what, "it holds no certificate"));
    }
    Ok(certificates)
}

fn unusable(what: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ConnectError {
    ConnectError::Tls { what, source: source.into() }
}
