//! Replicas as processes on loopback, and a client that asks them as asterctl does.

use crate::{outset, ports};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use asterism_api::{
    Client, ClientConfig, Security,
    v1::{self, replica::Status},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// Longer than anything here takes on a busy machine: it ends a test that would wait for ever.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at what is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

pub struct Cluster {
    files: TempDir,
    nodes: BTreeMap<u64, Node>,
    pub client: Client,
}

struct Node {
    address: SocketAddr,
    metrics: SocketAddr,
    process: Option<Child>,
}

impl Cluster {
    /// Certificates and configurations; nothing runs yet.
    pub fn new(size: u64) -> Self {
        let files = tempfile::tempdir().unwrap();
        outset::make(files.path(), 1..=size);
        let mut ports = ports::free(usize::try_from(2 * size).unwrap()).into_iter();
        let mut free = || ports.next().unwrap();
        let nodes: BTreeMap<u64, Node> =
            (1..=size).map(|node| (node, Node { address: free(), metrics: free(), process: None })).collect();
        for (node, Node { address, metrics, .. }) in &nodes {
            let path = files.path().join(format!("node{node}.toml"));
            fs::write(path, configuration(*node, *address, *metrics)).unwrap();
        }
        let read = |name: &str| fs::read(files.path().join(name)).unwrap();
        let security = Security::MutualTls {
            ca_pem: read("ca.pem"),
            cert_pem: read("admin.pem"),
            key_pem: read("admin.key"),
        };
        let client = Client::new(ClientConfig {
            endpoints: nodes.values().map(|node| node.address.to_string()).collect(),
            security,
            timeout: Duration::from_secs(20),
            attempt_timeout: Duration::from_secs(5),
        });
        Self { files, nodes, client: client.unwrap() }
    }

    pub fn start(&mut self, node: u64, variables: &[(&str, &str)]) {
        let path = |end: &str| self.files.path().join(format!("node{node}.{end}"));
        let process = Command::new(env!("CARGO_BIN_EXE_asterismd"))
            .arg("--config")
            .arg(path("toml"))
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(path("log")).unwrap())
            .spawn()
            .unwrap();
        self.nodes.get_mut(&node).unwrap().process = Some(process);
    }

    pub async fn initialise(&mut self) {
        let members = self.nodes.iter().map(|(node, it)| (*node, it.address.to_string()));
        let request = v1::InitClusterRequest {
            cluster_id: "00000000000000000000000000000007".into(),
            name: "test".into(),
            members: members.collect(),
        };
        let deadline = Instant::now() + PATIENCE;
        while let Err(failure) = self.client.call(request.clone()).await {
            assert!(Instant::now() < deadline, "the cluster is not made: {failure}; {}", self.log(1));
            sleep(LOOK_AGAIN).await;
        }
    }

    /// What a replica says of itself.
    pub async fn status(&mut self, node: u64) -> Result<v1::ReplicaStatus, String> {
        let all = self.client.call(v1::GetClusterStatusRequest { local: false }).await;
        let all = all.map_err(|failure| failure.to_string())?;
        let found = all.replicas.into_iter().find(|replica| replica.node == node);
        match found.and_then(|replica| replica.status) {
            Some(Status::Reachable(status)) => Ok(status),
            other => Err(format!("{other:?}")),
        }
    }

    pub fn terminate(&self, node: u64) {
        let id = self.nodes[&node].process.as_ref().unwrap().id();
        kill(Pid::from_raw(i32::try_from(id).unwrap()), Signal::SIGTERM).unwrap();
    }

    /// How the process ended.
    pub async fn ended(&mut self, node: u64) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let process = self.nodes.get_mut(&node).unwrap().process.as_mut().unwrap();
            if let Some(status) = process.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "replica {node} does not end: {}", self.log(node));
            sleep(LOOK_AGAIN).await;
        }
    }

    /// All that it has logged since it was started last.
    pub fn log(&self, node: u64) -> String {
        fs::read_to_string(self.files.path().join(format!("node{node}.log"))).unwrap()
    }

    pub fn data_dir(&self, node: u64) -> PathBuf {
        self.files.path().join(format!("data{node}"))
    }

    /// Where a replica's metrics are.
    pub fn metrics(&self, node: u64) -> String {
        self.nodes[&node].metrics.to_string()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for process in self.nodes.values_mut().filter_map(|node| node.process.as_mut()) {
            // It may have ended by itself; a test that cares has seen it by then.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Waits for a state. `probe` gives it, or says what it sees meanwhile.
pub async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match probe().await {
            Ok(found) => return found,
            Err(seen) => assert!(Instant::now() < deadline, "waited in vain for {what}: {seen}"),
        }
        sleep(LOOK_AGAIN).await;
    }
}

fn configuration(node: u64, address: SocketAddr, metrics: SocketAddr) -> String {
    format!(
        r#"
        node_id = {node}
        cluster = "test"
        data_dir = "data{node}"
        listen = "{address}"
        advertise = "{address}"
        [tls]
        ca = "ca.pem"
        cert = "node{node}.pem"
        key = "node{node}.key"
        [raft]
        snapshot_every = 100
        [metrics]
        listen = "{metrics}"
        [alarms]
        disk_free_min_mib = 1
        "#
    )
}
