//! The front door: one replica of the cluster.
//!
//! [`Replica::start`] opens the data directory and starts openraft; a task of its own watches what becomes of it. The
//! verbs stand in a file each: `propose`, `read`, `bootstrap`, `transfer`, `members`, `status`.

mod bootstrap;
mod members;
mod propose;
mod read;
mod report;
mod status;
mod transfer;
mod watch;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use asterism_model::chain;
pub use report::{Applied, Leadership, MemberStatus, Peer, Proposed, Role, Status, View};
pub use status::metrics;
use tokio::{
    sync::{Mutex, Semaphore, watch as channel},
    task::JoinHandle,
    time::timeout,
};

use crate::{
    FatalError, ReplicaConfig, StartError,
    blocking::Blocking,
    data_dir::DataDir,
    failure::Failure,
    log::LogStore,
    machine::StateMachine,
    meters::Meters,
    net::{Links, MAX_MESSAGE_BYTES, Network, PeerConnector, PeerService, Roster, Station},
    proto,
    types::TokioTypes,
};

/// openraft, with all its types.
pub type Raft = openraft::Raft<TokioTypes, StateMachine>;

/// The gRPC service between replicas, to be added to the daemon's server.
pub type RaftService = proto::raft_server::RaftServer<PeerService>;

/// How many proposals may wait for their commit at once. With the largest command, what they take of memory is bounded.
const MAX_PROPOSALS: usize = 1024;

/// How long a peer may take to append entries, a sync of a busy disk included. A connection that is dead is given up
/// by its keepalive, so this need not be short.
const APPEND_DEADLINE: Duration = Duration::from_secs(1);

/// How long the end may take: openraft stops at once, and a sync takes milliseconds.
const SHUTDOWN: Duration = Duration::from_secs(10);

/// A handle on this node's replica; clones are the same replica.
#[derive(Clone)]
pub struct Replica {
    inner: Arc<Inner>,
}

struct Inner {
    config: ReplicaConfig,
    raft: Raft,
    machine: StateMachine,
    log: LogStore,
    meters: Meters,
    links: Arc<Links>,
    service: PeerService,
    failure: Failure,
    leadership: channel::Receiver<Leadership>,
    proposals: Semaphore,
    /// Held while the members change: openraft leaves a change half done if two are under way.
    changing_members: Mutex<()>,
    /// Set when the end is wanted, so that it isn't taken for a failure.
    closing: Arc<AtomicBool>,
    watcher: JoinHandle<()>,
}

impl Replica {
    /// Opens the data directory and starts to take part. Peers are answered once [`Replica::service`] is served.
    ///
    /// # Errors
    /// The configuration or the data directory is refused; the sentence says why and what would be valid.
    pub async fn start(config: ReplicaConfig, peers: Arc<dyn PeerConnector>) -> Result<Self, StartError> {
        let raft_config = config.validate()?;
        peers.verify_own(config.node).map_err(|problem| StartError::Config {
            key: "tls.cert",
            problem,
            expected: format!("the certificate of node {}", config.node),
        })?;
        let failure = Failure::default();
        let data = open_data_dir(&config, failure.clone()).await?;
        let log = data.log;
        let machine = StateMachine::new(data.snapshots, Blocking::Threads, failure.clone());
        let roster = Roster::open(log.clone())
            .map_err(|source| StartError::DataDir { path: config.data_dir.clone(), source })?;
        let station = Arc::new(Station { identity: data.identity, roster });
        let links = Arc::new(Links::new(station.clone(), peers.clone()));
        let network = Network { links: links.clone(), append_deadline: APPEND_DEADLINE };
        let raft = Raft::new(config.node.0, raft_config, network, log.clone(), machine.clone());
        let raft = raft.await.map_err(|error| start_failed(&failure, &error))?;
        let service = PeerService::new(raft.clone(), station, peers, machine.clone());
        let closing = Arc::new(AtomicBool::new(false));
        let (leadership, watcher) = watch::spawn(&raft, failure.clone(), closing.clone());
        tracing::info!(node = %config.node, cluster = %config.cluster, dir = %config.data_dir.display(), "replica started");
        let inner = Inner {
            config,
            raft,
            machine,
            meters: Meters::new(log.sync_meter()),
            log,
            links,
            service,
            failure,
            leadership,
            proposals: Semaphore::new(MAX_PROPOSALS),
            changing_members: Mutex::default(),
            closing,
            watcher,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What answers the other replicas, to be added to the daemon's server. Sizes of messages are set here; keepalive and
    /// limits of connections are the server's, and `TCP_NODELAY` is its listener's: without it each small answer waits
    /// some 40 ms for an acknowledgement. (`tonic`'s `Server::tcp_nodelay` does nothing for a listener of one's own;
    /// `TcpIncoming::with_nodelay` does.)
    pub fn service(&self) -> RaftService {
        RaftService::new(self.inner.service.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }

    /// Tells that something was applied, and up to where.
    pub fn watch_applied(&self) -> channel::Receiver<Applied> {
        self.inner.machine.watch_applied()
    }

    /// Tells who leads. After a failure or a shutdown: nobody.
    pub fn watch_leadership(&self) -> channel::Receiver<Leadership> {
        self.inner.leadership.clone()
    }

    /// What it has counted since it started.
    pub fn meters(&self) -> &Meters {
        &self.inner.meters
    }

    /// Stops taking part, syncs the log and closes it. Hand leadership over first, or the others wait for an election.
    /// Returns after ten seconds at the latest, whatever the disk does.
    pub async fn shutdown(&self) {
        self.inner.closing.store(true, Ordering::SeqCst);
        if timeout(SHUTDOWN, self.inner.close()).await.is_err() {
            tracing::error!(
                seconds = SHUTDOWN.as_secs(),
                "the replica didn't close in time; it is left as it is"
            );
        }
    }

    /// Resolves when the replica stopped by itself: the disk failed or is full, a record is corrupt. The process has to
    /// exit non-zero with that sentence. Never resolves after [`Replica::shutdown`].
    pub async fn failed(&self) -> FatalError {
        self.inner.failure.failed().await
    }

    /// # Errors
    /// The replica failed, or was shut down.
    fn check_running(&self) -> Result<(), FatalError> {
        match self.inner.failure.get() {
            Some(fatal) => Err(fatal),
            None if self.inner.closing.load(Ordering::SeqCst) => {
                Err(FatalError("the replica was shut down".to_owned()))
            }
            None => Ok(()),
        }
    }

    /// Why openraft stopped, as the disk has it if the disk did it.
    fn stopped(&self, error: &dyn std::error::Error) -> FatalError {
        self.check_running()
            .err()
            .unwrap_or_else(|| FatalError(format!("openraft stopped: {}", chain(error))))
    }
}

impl Inner {
    async fn close(&self) {
        if let Err(error) = self.raft.shutdown().await {
            tracing::warn!(%error, "openraft didn't stop in order");
        }
        let log = self.log.clone();
        let close = move || {
            log.close();
            Ok(())
        };
        if let Err(error) = Blocking::Threads.run(close).await {
            tracing::error!(%error, "the log wasn't closed in order");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

async fn open_data_dir(config: &ReplicaConfig, failure: Failure) -> Result<DataDir, StartError> {
    let (path, cluster, node) = (config.data_dir.clone(), config.cluster.clone(), config.node);
    let opened = tokio::task::spawn_blocking(move || DataDir::open(&path, &cluster, node, failure)).await;
    opened.unwrap_or_else(|_| Err(FatalError("opening the data directory panicked".to_owned()).into()))
}

fn start_failed(failure: &Failure, error: &dyn std::error::Error) -> StartError {
    let fatal = failure.get();
    fatal.unwrap_or_else(|| FatalError(format!("openraft doesn't start: {}", chain(error)))).into()
}

/// What is left of a deadline that began at `start`.
fn rest(start: tokio::time::Instant, deadline: Duration) -> Duration {
    deadline.saturating_sub(start.elapsed())
}
