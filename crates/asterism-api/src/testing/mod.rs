//! A cluster without Raft, for tests of clients: replicas on loopback that share one real [`NetworkState`], and that
//! fail on request. What they answer is what the model says; no host stands behind them.

mod pool;
mod service;

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use asterism_model::{
    AccessRole, Caller, Command, NetworkState, NodeId, Operation, Reply, RequestId, Timestamp,
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tonic::transport::{Server, ServerTlsConfig};

use crate::{
    ClientConfig, Security,
    v1::{self, AdminServer},
};

/// How a replica fails its next call.
#[derive(Debug, Clone)]
pub enum Fault {
    /// It does not: a place in the script for a call that succeeds.
    None,
    /// It follows; a leader's address, if it knows one.
    NotLeader(Option<String>),
    NoQuorum,
    /// It never answers, and does nothing.
    Hang,
    /// It does what it was asked, and the answer is lost.
    LoseAnswer,
    /// It doesn't permit it.
    NotPermitted,
    /// A stream breaks off after this many messages.
    BreakAfter(usize),
}

/// Replicas that share one state. They stop when this is dropped.
pub struct FakeCluster {
    pub replicas: Vec<FakeReplica>,
    shared: Arc<Shared>,
}

/// One replica.
pub struct FakeReplica {
    pub address: String,
    script: Arc<Mutex<Script>>,
    server: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Script {
    faults: VecDeque<Fault>,
    calls: Vec<&'static str>,
}

struct Shared {
    replicated: Mutex<Replicated>,
    /// Counts changes, to wake streams.
    index: watch::Sender<u64>,
}

#[derive(Default)]
struct Replicated {
    state: NetworkState,
    /// What `Await` tells, in order; when it is empty, that everything is reached.
    progress: VecDeque<v1::Progress>,
    verification: v1::Verification,
    forecast: v1::Forecast,
    /// What the last `WhatIf` asked about.
    killed: Vec<v1::Kill>,
    /// The answer to `Adopt`.
    adoption: v1::Adoption,
    /// What every pool's XAPI shows; without it, nothing answers.
    pool_check: Option<v1::PoolCheck>,
    /// What was told of a pool's access last.
    access: Option<v1::XapiAccess>,
}

impl FakeCluster {
    /// `size` replicas in clear, of a cluster that is initialised as `test`.
    pub async fn start(size: usize) -> Self {
        Self::start_with(size, None).await
    }

    /// With TLS at each replica, if told how.
    pub async fn start_with(size: usize, tls: Option<ServerTlsConfig>) -> Self {
        let shared = Arc::new(Shared { replicated: Mutex::default(), index: watch::channel(0).0 });
        let mut replicas = Vec::new();
        for index in 0..size {
            let node = NodeId(u64::try_from(index).expect("a test has few replicas") + 1);
            replicas.push(FakeReplica::start(node, Arc::clone(&shared), tls.clone()).await);
        }
        let cluster = Self { replicas, shared };
        cluster.apply(Operation::InitCluster {
            cluster: asterism_model::ClusterId(7),
            name: "test".parse().expect("`test` is a name"),
        });
        cluster
    }

    /// All addresses.
    pub fn endpoints(&self) -> Vec<String> {
        self.replicas.iter().map(|replica| replica.address.clone()).collect()
    }

    /// A client's configuration with short deadlines, in clear.
    pub fn config(&self) -> ClientConfig {
        ClientConfig {
            endpoints: self.endpoints(),
            security: Security::Plaintext,
            timeout: Duration::from_secs(5),
            attempt_timeout: Duration::from_millis(300),
        }
    }

    /// Applies an operation as if a leader had proposed it.
    pub fn apply(&self, operation: Operation) -> Reply {
        self.shared.apply(None, operation).1
    }

    /// The state, to look at.
    pub fn state(&self) -> NetworkState {
        self.shared.lock().state.clone()
    }

    /// What `Verify` shall answer; else that nothing was looked at and all is well.
    pub fn set_verification(&self, verification: v1::Verification) {
        self.shared.lock().verification = verification;
    }

    /// What `WhatIf` shall answer, whatever is asked.
    pub fn set_forecast(&self, forecast: v1::Forecast) {
        self.shared.lock().forecast = forecast;
    }

    /// What the last `WhatIf` asked about.
    pub fn killed(&self) -> Vec<v1::Kill> {
        self.shared.lock().killed.clone()
    }

    /// What every pool's XAPI shall show; else there is none at any address.
    pub fn set_pool_check(&self, check: v1::PoolCheck) {
        self.shared.lock().pool_check = Some(check);
    }

    /// What is found of Xen Orchestra's.
    pub fn set_adoption(&self, adoption: v1::Adoption) {
        self.shared.lock().adoption = adoption;
    }

    /// What the last request told of a pool's access.
    pub fn access(&self) -> Option<v1::XapiAccess> {
        self.shared.lock().access.clone()
    }

    /// What `Await` shall tell before it tells that everything is reached.
    pub fn set_progress(&self, progress: impl IntoIterator<Item = v1::Progress>) {
        self.shared.lock().progress = progress.into_iter().collect();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Replicated> {
        self.replicated.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, request: Option<RequestId>, operation: Operation) -> (u64, Reply) {
        let mut replicated = self.lock();
        let index = *self.index.borrow() + 1;
        // A time of the test's own: a second per entry.
        let caller = Some(Caller {
            name: "alice".to_owned(),
            role: AccessRole::Operator,
            from: "10.0.0.9".to_owned(),
        });
        let reply =
            replicated.state.apply(&Command { caller, request, at: Timestamp(index * 1000), operation });
        self.index.send_replace(index);
        (index, reply)
    }
}

impl FakeReplica {
    async fn start(node: NodeId, shared: Arc<Shared>, tls: Option<ServerTlsConfig>) -> Self {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = TcpListener::bind(loopback).await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address").to_string();
        let script = Arc::new(Mutex::new(Script::default()));
        let service =
            service::Replica { node, address: address.clone(), shared, script: Arc::clone(&script) };
        let mut server = Server::builder();
        if let Some(tls) = tls {
            server = server.tls_config(tls).expect("the test's certificates are sound");
        }
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        let serving = server.add_service(AdminServer::new(service)).serve_with_incoming(incoming);
        let server = tokio::spawn(async move {
            // Its end is the test's; its errors are the connections'.
            let _ = serving.await;
        });
        Self { address, script, server }
    }

    /// Fails the next calls so, one after the other; then it answers again.
    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.script().faults.extend(faults);
    }

    /// Forgets the faults that are left: it answers again.
    pub fn clear(&self) {
        self.script().faults.clear();
    }

    /// The methods that were called.
    pub fn calls(&self) -> Vec<&'static str> {
        self.script().calls.clone()
    }

    /// Closes its port and all its connections.
    pub fn stop(&self) {
        self.server.abort();
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for FakeReplica {
    fn drop(&mut self) {
        self.stop();
    }
}
