//! The cluster that the tests work on.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use asterism_model::{ClusterId, Name, NodeId, Operation, Reply, Timestamp, stored};
use asterism_raft::{
    ConnectError, PeerConnector, ProposeError, Proposed, Replica, ReplicaConfig, StartError, TlsPeers,
};
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    time::{Instant, sleep},
};
use tonic::transport::{
    Certificate, CertificateDer, Channel, Identity, Server, ServerTlsConfig, server::TcpIncoming,
};

use super::{
    PATIENCE, RETRY, eventually,
    pki::{Certified, Pki},
    proxy::Proxy,
};

pub const DEADLINE: Duration = Duration::from_secs(10);

pub struct Cluster {
    pub pki: Pki,
    pub dir: TempDir,
    pub settings: Settings,
    /// Where each node listens; the same after a restart.
    pub addresses: BTreeMap<u64, SocketAddr>,
    /// By sender and receiver.
    links: Arc<BTreeMap<(u64, u64), Proxy>>,
    aliases: Aliases,
    running: BTreeMap<u64, Node>,
}

/// Which place a node id runs at, where they differ.
type Aliases = Arc<Mutex<BTreeMap<u64, u64>>>;

#[derive(Clone)]
pub struct Settings {
    pub cluster: String,
    pub snapshot_every: u64,
    /// A node doesn't look at its own certificate at the start.
    pub lies: bool,
}

/// A running replica. Its runtime holds all its tasks, its server's as well.
struct Node {
    replica: Replica,
    runtime: Runtime,
}

/// Reaches peers through the proxies, under TLS from end to end.
struct Wired {
    tls: TlsPeers,
    own: u64,
    lies: bool,
    links: Arc<BTreeMap<(u64, u64), Proxy>>,
    aliases: Aliases,
}

impl PeerConnector for Wired {
    fn channel(&self, to: NodeId, address: &str) -> Result<Channel, ConnectError> {
        let place = self.aliases.lock().unwrap().get(&to.0).copied().unwrap_or(to.0);
        let through = self.links.get(&(self.own, place)).map(|proxy| proxy.address.to_string());
        self.tls.channel(to, through.as_deref().unwrap_or(address))
    }

    fn verify(&self, from: NodeId, certificates: Option<&[CertificateDer<'static>]>) -> Result<(), String> {
        self.tls.verify(from, certificates)
    }

    /// As a liar would have it.
    fn verify_own(&self, node: NodeId) -> Result<(), String> {
        if self.lies { Ok(()) } else { self.tls.verify_own(node) }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { cluster: "test".to_owned(), snapshot_every: 5000, lies: false }
    }
}

impl Cluster {
    /// `nodes` replicas, started and not yet a cluster.
    pub async fn started(nodes: u64, settings: Settings) -> Self {
        // Bound again when the nodes start. An address of the test's own: on 127.0.0.1, a connection of someone else may have
        // taken a port meanwhile. All are held until the last is known, or one port could be given twice.
        let mut held = BTreeMap::new();
        for node in 1..=nodes {
            held.insert(node, TcpListener::bind((own_ip(), 0)).await.unwrap());
        }
        let addresses: BTreeMap<u64, SocketAddr> =
            held.iter().map(|(node, listener)| (*node, listener.local_addr().unwrap())).collect();
        drop(held);
        let mut links = BTreeMap::new();
        for from in 1..=nodes {
            for to in (1..=nodes).filter(|to| *to != from) {
                links.insert((from, to), Proxy::start(addresses[&to]).await);
            }
        }
        let dir = tempfile::tempdir().unwrap();
        let links = Arc::new(links);
        let mut cluster = Self {
            pki: Pki::new(),
            dir,
            settings,
            addresses,
            links,
            aliases: Aliases::default(),
            running: BTreeMap::new(),
        };
        for node in 1..=nodes {
            cluster.start(node).await;
        }
        cluster
    }

    /// `nodes` replicas that have a leader and an initialised state.
    pub async fn new(nodes: u64) -> Self {
        Self::with(nodes, Settings::default()).await
    }

    pub async fn with(nodes: u64, settings: Settings) -> Self {
        let cluster = Self::started(nodes, settings).await;
        cluster.replica(1).initialise(cluster.members(), PATIENCE).await.unwrap();
        let name: Name = cluster.settings.cluster.parse().unwrap();
        cluster.commit(Operation::InitCluster { cluster: ClusterId(1), name }).await;
        cluster
    }

    pub fn members(&self) -> BTreeMap<NodeId, String> {
        self.addresses.iter().map(|(node, address)| (NodeId(*node), address.to_string())).collect()
    }

    pub fn replica(&self, node: u64) -> &Replica {
        &self.running[&node].replica
    }

    pub fn running(&self) -> impl Iterator<Item = (u64, &Replica)> {
        self.running.iter().map(|(node, running)| (*node, &running.replica))
    }

    pub fn data_dir(&self, node: u64) -> PathBuf {
        self.dir.path().join(format!("node-{node}"))
    }

    pub fn config(&self, node: u64) -> ReplicaConfig {
        let cluster = self.settings.cluster.parse().unwrap();
        let address = self.addresses[&node].to_string();
        let mut config = ReplicaConfig::new(NodeId(node), cluster, self.data_dir(node), address);
        config.snapshot_every = self.settings.snapshot_every;
        config
    }

    pub async fn start(&mut self, node: u64) {
        let certified = self.pki.node(node);
        self.start_as(node, self.config(node), certified).await.unwrap();
    }

    /// Starts a replica on `node`'s address, under any configuration and certificate.
    pub async fn start_as(
        &mut self,
        node: u64,
        config: ReplicaConfig,
        certified: Certified,
    ) -> Result<(), StartError> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let ca = self.pki.ca.clone();
        let tls =
            TlsPeers::new(ca.as_bytes(), certified.certificate_pem.as_bytes(), certified.key_pem.as_bytes())
                .unwrap();
        let peers = Arc::new(Wired {
            tls,
            own: node,
            lies: self.settings.lies,
            links: self.links.clone(),
            aliases: self.aliases.clone(),
        });
        let address = self.addresses[&node];
        let started = runtime.spawn(async move {
            let replica = start_when_free(config, peers).await?;
            let listener = TcpListener::bind(address).await.unwrap();
            let tls = ServerTlsConfig::new()
                .identity(Identity::from_pem(certified.certificate_pem, certified.key_pem))
                .client_ca_root(Certificate::from_pem(ca));
            let server = Server::builder().tls_config(tls).unwrap().add_service(replica.service());
            tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true))));
            Ok(replica)
        });
        let replica = started.await.unwrap();
        match replica {
            Ok(replica) => {
                self.running.insert(node, Node { replica, runtime });
                Ok(())
            }
            Err(error) => {
                end(runtime);
                Err(error)
            }
        }
    }

    /// Ends every task of the node where it stands. Nothing is said to anyone.
    pub fn kill(&mut self, node: u64) {
        let Node { replica, runtime } = self.running.remove(&node).unwrap();
        drop(replica);
        end(runtime);
    }

    /// Nothing that `node` sends or should receive passes.
    pub fn isolate(&self, node: u64) {
        self.links_of(node).for_each(Proxy::swallow);
    }

    pub fn heal(&self, node: u64) {
        self.links_of(node).for_each(Proxy::heal);
    }

    fn links_of(&self, node: u64) -> impl Iterator<Item = &Proxy> {
        self.links.iter().filter(move |((from, to), _)| *from == node || *to == node).map(|(_, proxy)| proxy)
    }

    /// `node` runs where `place` ran: lets the others reach it there.
    pub fn reroute(&self, place: u64, node: u64) {
        self.aliases.lock().unwrap().insert(node, place);
    }

    /// The node that most running ones take for the leader, and that agrees.
    pub async fn leader(&self) -> u64 {
        self.leader_among(&self.running.keys().copied().collect::<Vec<_>>()).await
    }

    pub async fn leader_among(&self, nodes: &[u64]) -> u64 {
        eventually("a leader", async || {
            let leads = |node: &&u64| self.replica(**node).watch_leadership().borrow().is_leader;
            let seen: Vec<_> = nodes.iter().map(|node| self.replica(*node).status()).collect();
            nodes.iter().find(leads).copied().ok_or_else(|| format!("{seen:#?}"))
        })
        .await
    }

    /// Proposes at whoever leads until it is committed. A proposal whose outcome is unknown is made again, so the
    /// operation should bear that.
    pub async fn commit(&self, operation: Operation) -> Proposed {
        eventually("a commit", async || {
            let leader = self.leader().await;
            match propose(self.replica(leader), operation.clone()).await {
                Ok(proposed) => Ok(proposed),
                Err(error) => Err(error.to_string()),
            }
        })
        .await
    }

    /// Adds `count` pools, and returns the index of the last entry.
    pub async fn commit_pools(&self, prefix: &str, count: usize) -> u64 {
        let mut index = 0;
        for number in 0..count {
            index = self.commit(add_pool(&format!("{prefix}-{number}"))).await.index;
        }
        index
    }

    /// Waits until all running nodes have applied `index`, then compares their states.
    pub async fn agree(&self, index: u64) {
        let mut digests = BTreeMap::new();
        for (node, replica) in self.running() {
            let view = eventually("an entry to be applied", async || {
                let view = replica.read_stale();
                if view.index >= index {
                    Ok(view)
                } else {
                    Err(format!("node {node}: {:#?}", replica.status()))
                }
            })
            .await;
            digests.entry(view.index).or_insert_with(Vec::new).push((node, stored::digest(&view.state)));
        }
        for (index, digests) in digests {
            assert!(digests.windows(2).all(|pair| pair[0].1 == pair[1].1), "at {index}: {digests:?}");
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let nodes: Vec<u64> = self.running.keys().copied().collect();
        nodes.into_iter().for_each(|node| self.kill(node));
    }
}

/// A loopback address by process, as each test is one.
fn own_ip() -> Ipv4Addr {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 1, high, low)
}

/// Returns when no task of the runtime runs any more; waiting isn't allowed on a thread that runs tasks.
fn end(runtime: Runtime) {
    thread::spawn(move || runtime.shutdown_timeout(PATIENCE)).join().unwrap();
}

/// A killed node's threads let go of its directory a moment later.
async fn start_when_free(
    config: ReplicaConfig,
    peers: Arc<dyn PeerConnector>,
) -> Result<Replica, StartError> {
    let begin = Instant::now();
    loop {
        match Replica::start(config.clone(), peers.clone()).await {
            Err(StartError::InUse { .. }) if begin.elapsed() < PATIENCE => sleep(RETRY).await,
            started => return started,
        }
    }
}

pub async fn propose(replica: &Replica, operation: Operation) -> Result<Proposed, ProposeError> {
    replica.propose(operation, None, Timestamp(1), DEADLINE).await
}

pub fn add_pool(name: &str) -> Operation {
    Operation::AddPool { name: name.parse().unwrap() }
}

pub fn has_pool(replica: &Replica, name: &str) -> bool {
    replica.read_stale().state.pool_named(&name.parse().unwrap()).is_some()
}

pub fn is_applied(reply: &Reply) -> bool {
    matches!(reply, Reply::Applied { .. })
}
