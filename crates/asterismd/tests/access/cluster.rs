//! Replicas on loopback in this process, with certificates of an authority of the test's own, and clients of all kinds.

use crate::{outset, ports};
use std::{fs, net::SocketAddr, time::Duration};

use asterism_api::{Client, ClientConfig, Failure, Security, v1};
use asterism_model::AccessRole;
use asterism_pki::{Authority, Issued, Subject, files};
use asterismd::{Config, clock::Clock};
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codegen::http::uri::PathAndQuery,
    transport::{Certificate, ClientTlsConfig, Endpoint, Identity},
};
use tonic_prost::ProstCodec;

/// Longer than anything here takes on a busy machine: it ends a test that would wait for ever.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at what is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

pub const STATUS: &str = "/asterism.admin.v1.Admin/GetClusterStatus";
pub const WRITE: &str = "/asterism.admin.v1.Admin/Write";
pub const LIST: &str = "/asterism.admin.v1.Admin/ListPools";
pub const RAFT: &str = "/asterism.raft.v1.Raft/Describe";
pub const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// They end with the test's runtime.
pub struct Cluster {
    pub dir: TempDir,
    pub addresses: Vec<SocketAddr>,
}

impl Cluster {
    /// Replicas that are a cluster and have a leader; `more` is added to each configuration.
    pub async fn start(replicas: u64, more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        outset::make(dir.path(), 1..=replicas);
        let addresses: Vec<SocketAddr> = ports::free(usize::try_from(replicas).unwrap());
        for (id, address) in (1..).zip(&addresses) {
            let path = dir.path().join(format!("node{id}.toml"));
            fs::write(&path, configuration(id, *address, more)).unwrap();
            tokio::spawn(asterismd::run(Config::load(&path).unwrap()));
        }
        let cluster = Self { dir, addresses };
        cluster.initialise().await;
        cluster
    }

    async fn initialise(&self) {
        let members = (1..).zip(self.addresses.iter().map(ToString::to_string)).collect();
        let cluster_id = format!("{:032x}", 7);
        let request = v1::InitClusterRequest { cluster_id, name: "test".into(), members };
        let mut admin = self.client("admin", &self.addresses);
        until("the cluster is made", async || admin.call(request.clone()).await.map(drop)).await;
    }

    pub fn authority(&self) -> Authority {
        files::open_authority(self.dir.path()).unwrap()
    }

    /// A certificate of the cluster's authority, in its directory.
    pub fn issue(&self, name: &str, role: AccessRole) {
        let subject = Subject::Caller { name: name.parse().unwrap(), role };
        let issued = self.authority().issue(&subject, now(), 20).unwrap();
        files::write_pair(self.dir.path(), name, &issued).unwrap();
    }

    pub fn ca(&self) -> String {
        fs::read_to_string(self.dir.path().join("ca.pem")).unwrap()
    }

    pub fn pair(&self, name: &str) -> Issued {
        let read = |path| fs::read_to_string(path).unwrap();
        Issued {
            certificate_pem: read(files::certificate_path(self.dir.path(), name)),
            key_pem: read(files::key_path(self.dir.path(), name)),
        }
    }

    /// A client that shows the certificate of that name.
    pub fn client(&self, name: &str, at: &[SocketAddr]) -> Client {
        client(&self.ca(), &self.pair(name), at)
    }

    /// Where the leader is, and where a follower.
    pub async fn leader_and_follower(&self) -> (SocketAddr, SocketAddr) {
        let mut admin = self.client("admin", &self.addresses);
        let status = admin.call(v1::GetClusterStatusRequest { local: false }).await.unwrap();
        let leader = self.addresses[usize::try_from(status.leader.unwrap()).unwrap() - 1];
        (leader, *self.addresses.iter().find(|address| **address != leader).unwrap())
    }
}

pub fn client(ca: &str, pair: &Issued, at: &[SocketAddr]) -> Client {
    let security = Security::MutualTls {
        ca_pem: ca.into(),
        cert_pem: pair.certificate_pem.clone().into(),
        key_pem: pair.key_pem.clone().into(),
    };
    let config = ClientConfig {
        endpoints: at.iter().map(ToString::to_string).collect(),
        security,
        timeout: Duration::from_secs(20),
        attempt_timeout: Duration::from_secs(5),
    };
    Client::new(config).unwrap()
}

/// One call with an empty message, and whatever comes of it.
pub async fn ask(
    at: SocketAddr,
    ca: &str,
    pair: Option<&Issued>,
    path: &'static str,
    prepare: impl FnOnce(&mut Request<()>),
) -> Result<(), Status> {
    let mut tls =
        ClientTlsConfig::new().domain_name("controller.asterism").ca_certificate(Certificate::from_pem(ca));
    if let Some(pair) = pair {
        tls = tls.identity(Identity::from_pem(&pair.certificate_pem, &pair.key_pem));
    }
    let endpoint = Endpoint::from_shared(format!("https://{at}")).unwrap().tls_config(tls).unwrap();
    let mut request = Request::new(());
    prepare(&mut request);
    let call = async {
        let channel = endpoint.connect().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let mut grpc = Grpc::new(channel);
        grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let codec: ProstCodec<(), ()> = ProstCodec::default();
        grpc.unary(request, PathAndQuery::from_static(path), codec).await.map(drop)
    };
    timeout(PATIENCE, call).await.expect("an answer or a refusal")
}

/// Whether a replica said something: what breaks before that is told by the transport.
pub fn was_heard(answer: &Result<(), Status>) -> bool {
    let is_transports =
        |code| [Code::Unavailable, Code::Unknown, Code::Cancelled, Code::Internal].contains(&code);
    answer.as_ref().err().is_none_or(|status| !is_transports(status.code()))
}

pub fn is_denied(answer: &Result<(), Status>) -> bool {
    answer.as_ref().is_err_and(|status| status.code() == Code::PermissionDenied)
}

/// Tries until it succeeds.
pub async fn until<T>(what: &str, mut attempt: impl AsyncFnMut() -> Result<T, Failure>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempt().await {
            Ok(answer) => return answer,
            Err(failure) => assert!(Instant::now() < deadline, "not so: {what}: {failure}"),
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// A condition as an attempt.
pub fn require(holds: bool, otherwise: impl std::fmt::Display) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::local(asterism_api::Class::Unavailable, otherwise)) }
}

pub fn add_pool(name: &str) -> v1::WriteRequest {
    let operation = v1::write_request::Operation::AddPool(v1::AddPool { name: name.into() });
    v1::WriteRequest { request_id: None, operation: Some(operation) }
}

pub fn now() -> i64 {
    i64::try_from(Clock::start().wall().0 / 1000).unwrap()
}

fn configuration(id: u64, address: SocketAddr, more: &str) -> String {
    format!(
        r#"
        node_id = {id}
        cluster = "test"
        data_dir = "data{id}"
        listen = "{address}"
        advertise = "{address}"
        [tls]
        ca = "ca.pem"
        cert = "node{id}.pem"
        key = "node{id}.key"
        reload_interval = "50ms"
        {more}
        "#
    )
}
