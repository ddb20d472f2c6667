//! Replicas as processes with an authority of their own, and a client that asks them as asterctl does.

use crate::{outset, ports};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use asterism_api::{
    Client, ClientConfig, Failure, Security,
    client::Unary,
    v1::{self, change_members_request::Change},
};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// Longer than anything here takes on a busy machine: it ends a test that would wait for ever.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at what is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// They end with this.
pub struct Nodes {
    processes: BTreeMap<u64, Child>,
    addresses: BTreeMap<u64, SocketAddr>,
    files: TempDir,
    client: Client,
}

impl Nodes {
    /// Replicas that run and belong to no cluster.
    pub fn start(ids: &[u64]) -> Self {
        let files = tempfile::tempdir().unwrap();
        outset::make(files.path(), ids.iter().copied());
        let addresses: BTreeMap<u64, SocketAddr> = ids.iter().copied().zip(ports::free(ids.len())).collect();
        let client = client(files.path(), addresses.values());
        let mut nodes = Self { processes: BTreeMap::new(), addresses, files, client };
        for node in ids {
            let config = configuration(*node, nodes.addresses[node]);
            fs::write(nodes.file(*node, "toml"), config).unwrap();
            nodes.spawn(*node);
        }
        nodes
    }

    fn spawn(&mut self, node: u64) {
        let log = File::options().create(true).append(true).open(self.file(node, "log")).unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_asterismd"))
            .arg("--config")
            .arg(self.file(node, "toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.processes.insert(node, process.unwrap());
    }

    pub fn kill(&mut self, node: u64) {
        let mut process = self.processes.remove(&node).unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    pub fn restart(&mut self, node: u64) {
        self.kill(node);
        self.spawn(node);
    }

    pub fn address(&self, node: u64) -> String {
        self.addresses[&node].to_string()
    }

    /// From then on, only this one is asked.
    pub fn ask(&mut self, node: u64) {
        self.client = client(self.files.path(), [&self.addresses[&node]]);
    }

    pub async fn initialise(&mut self, members: &[u64]) {
        self.initialise_as("00000000000000000000000000000007", members).await;
    }

    pub async fn initialise_as(&mut self, cluster_id: &str, members: &[u64]) {
        let request = v1::InitClusterRequest {
            cluster_id: cluster_id.into(),
            name: "test".into(),
            members: members.iter().map(|node| (*node, self.address(*node))).collect(),
        };
        let mut founder = client(self.files.path(), [&self.addresses[&members[0]]]);
        let deadline = Instant::now() + PATIENCE;
        while let Err(failure) = founder.call(request.clone()).await {
            assert!(Instant::now() < deadline, "the cluster is not made: {failure}; {}", self.logs());
            sleep(LOOK_AGAIN).await;
        }
        self.client = client(self.files.path(), members.iter().map(|node| &self.addresses[node]));
    }

    pub async fn call<R: Unary>(&mut self, request: R) -> Result<R::Answer, Failure> {
        self.client.call(request).await
    }

    pub async fn change(&mut self, change: Change) -> Result<v1::ChangeMembersResponse, Failure> {
        self.call(v1::ChangeMembersRequest { change: Some(change), force: false }).await
    }

    /// The cluster once it is as it shall be.
    pub async fn status_where(
        &mut self,
        what: &str,
        fits: impl Fn(&v1::ClusterStatus) -> bool,
    ) -> v1::ClusterStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.call(v1::GetClusterStatusRequest { local: false }).await {
                Ok(status) if fits(&status) => return status,
                other => assert!(Instant::now() < deadline, "{what}: {other:?}; {}", self.logs()),
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    pub async fn voters_are(&mut self, expected: &[u64]) {
        let what = format!("the voters are {expected:?}");
        self.status_where(&what, |status| {
            let voters = status.replicas.iter().filter(|replica| replica.is_voter);
            voters.map(|replica| replica.node).eq(expected.iter().copied()) && status.invited.is_empty()
        })
        .await;
        self.client = client(self.files.path(), expected.iter().map(|node| &self.addresses[node]));
    }

    pub async fn leader(&mut self) -> u64 {
        let status = self.status_where("somebody leads", |status| status.leader.is_some()).await;
        status.leader.unwrap()
    }

    pub async fn pools(&mut self) -> Vec<String> {
        let pools = self.call(v1::ListPoolsRequest::default()).await.unwrap().pools;
        pools.into_iter().map(|pool| pool.name).collect()
    }

    /// Files that a replica keeps by itself, once there are some.
    pub async fn snapshots(&self, node: u64) -> Vec<PathBuf> {
        let dir = self.files.path().join(format!("data{node}/backups"));
        let deadline = Instant::now() + PATIENCE;
        loop {
            let files = fs::read_dir(&dir).into_iter().flatten().map(|file| file.unwrap().path());
            let whole: Vec<PathBuf> =
                files.filter(|file| file.extension().is_some_and(|kind| kind == "snapshot")).collect();
            if !whole.is_empty() {
                return whole;
            }
            assert!(Instant::now() < deadline, "no file in {}; {}", dir.display(), self.logs());
            sleep(LOOK_AGAIN).await;
        }
    }

    pub async fn log_has(&self, node: u64, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !fs::read_to_string(self.file(node, "log")).unwrap().contains(text) {
            assert!(Instant::now() < deadline, "node {node} doesn't say `{text}`: {}", self.logs());
            sleep(LOOK_AGAIN).await;
        }
    }

    fn file(&self, node: u64, kind: &str) -> PathBuf {
        self.files.path().join(format!("node-{node}.{kind}"))
    }

    fn logs(&self) -> String {
        let logs =
            self.addresses.keys().map(|node| fs::read_to_string(self.file(*node, "log")).unwrap_or_default());
        logs.collect()
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
        for process in self.processes.values_mut() {
            // It may have ended by itself; a test that cares has seen it by then.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn configuration(node: u64, address: SocketAddr) -> String {
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
        [snapshots]
        every = "200ms"
        "#
    )
}

fn client<'a>(dir: &Path, addresses: impl IntoIterator<Item = &'a SocketAddr>) -> Client {
    let read = |name: &str| fs::read(dir.join(name)).unwrap();
    let security = Security::MutualTls {
        ca_pem: read("ca.pem"),
        cert_pem: read("admin.pem"),
        key_pem: read("admin.key"),
    };
    let config = ClientConfig {
        endpoints: addresses.into_iter().map(SocketAddr::to_string).collect(),
        security,
        timeout: Duration::from_secs(20),
        attempt_timeout: Duration::from_secs(5),
    };
    Client::new(config).unwrap()
}
