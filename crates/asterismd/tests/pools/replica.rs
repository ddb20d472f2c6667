//! One replica as a process, with a cluster of its own, and a client that asks it as asterctl does.

use crate::{outset, ports};
use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use asterism_api::{Client, ClientConfig, Failure, Security, client::Unary, v1};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// Longer than anything here takes on a busy machine: it ends a test that would wait for ever.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at what is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A cluster of one, and who may ask it. It ends with this.
pub struct Replica {
    process: Child,
    files: TempDir,
    pub client: Client,
}

impl Replica {
    /// A cluster that is initialised, and logs all that it can.
    pub async fn start() -> Self {
        let files = tempfile::tempdir().unwrap();
        outset::make(files.path(), [1]);
        let [address] = ports::free(1)[..] else { unreachable!("one was asked for") };
        fs::write(files.path().join("node.toml"), configuration(address)).unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_asterismd"))
            .arg("--config")
            .arg(files.path().join("node.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(files.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let client = client(files.path(), address);
        let mut replica = Self { process, files, client };
        replica.initialise(address).await;
        replica
    }

    async fn initialise(&mut self, address: SocketAddr) {
        let request = v1::InitClusterRequest {
            cluster_id: "00000000000000000000000000000007".into(),
            name: "test".into(),
            members: [(1, address.to_string())].into(),
        };
        let deadline = Instant::now() + PATIENCE;
        while let Err(failure) = self.client.call(request.clone()).await {
            assert!(Instant::now() < deadline, "the cluster is not made: {failure}; {}", self.log());
            sleep(LOOK_AGAIN).await;
        }
    }

    pub async fn call<R: Unary>(&mut self, request: R) -> Result<R::Answer, Failure> {
        self.client.call(request).await
    }

    pub async fn pools(&mut self) -> Vec<v1::Pool> {
        self.call(v1::ListPoolsRequest::default()).await.unwrap().pools
    }

    /// The pool of that name, once it is as it shall be.
    pub async fn pool_where(
        &mut self,
        name: &str,
        what: &str,
        fits: impl Fn(&v1::XapiPool) -> bool,
    ) -> v1::Pool {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let pools = self.pools().await;
            let pool = pools.into_iter().find(|pool| pool.name == name);
            match pool {
                Some(pool) if pool.xapi.as_ref().is_some_and(&fits) => return pool,
                other => assert!(Instant::now() < deadline, "{what}: {other:?}; {}", self.log()),
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// All that it has logged yet.
    pub fn log(&self) -> String {
        fs::read_to_string(self.files.path().join("log")).unwrap()
    }

    /// Whether a text is in any file that it wrote.
    pub fn has_written(&self, text: &str) -> Option<PathBuf> {
        let is_in = |path: &PathBuf| {
            let content = fs::read(path).unwrap_or_default();
            content.windows(text.len()).any(|window| window == text.as_bytes())
        };
        files_in(self.files.path()).into_iter().find(is_in)
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        // It may have ended by itself; a test that cares has seen it by then.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn files_in(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_in(&path) } else { vec![path] }).collect()
}

fn configuration(address: SocketAddr) -> String {
    format!(
        r#"
        node_id = 1
        cluster = "test"
        data_dir = "data"
        listen = "{address}"
        advertise = "{address}"
        [tls]
        ca = "ca.pem"
        cert = "node1.pem"
        key = "node1.key"
        [ovsdb.tls]
        cert = "ovsdb.pem"
        key = "ovsdb.key"
        [secrets]
        key = "cluster.key"
        [log]
        level = "trace,openraft=error"
        "#
    )
}

fn client(dir: &Path, address: SocketAddr) -> Client {
    let read = |name: &str| fs::read(dir.join(name)).unwrap();
    let security = Security::MutualTls {
        ca_pem: read("ca.pem"),
        cert_pem: read("admin.pem"),
        key_pem: read("admin.key"),
    };
    let config = ClientConfig {
        endpoints: vec![address.to_string()],
        security,
        timeout: Duration::from_secs(20),
        attempt_timeout: Duration::from_secs(5),
    };
    Client::new(config).unwrap()
}
