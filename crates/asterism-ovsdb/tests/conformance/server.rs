//! A real `ovsdb-server`, in a directory of its own, that dies with its handle.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use asterism_model::OvsdbEndpoint;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

pub const SCHEMA: &str = "/usr/share/openvswitch/vswitch.ovsschema";
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Server {
    dir: TempDir,
    options: Vec<String>,
    scheme: &'static str,
    port: u16,
    child: Child,
}

impl Server {
    /// A server with an initialised database, on a Unix socket and a TCP port of its choice.
    pub fn start() -> Self {
        let server = Self::start_uninitialised();
        server.vsctl(&["init"]);
        server
    }

    /// As [`Server::start`], with a database that nobody initialised.
    pub fn start_uninitialised() -> Self {
        Self::start_with("tcp", &fs::read_to_string(SCHEMA).unwrap(), Vec::new())
    }

    /// A server whose schema was changed as told.
    pub fn start_with_schema(change: impl Fn(&mut serde_json::Value)) -> Self {
        let mut schema = serde_json::from_str(&fs::read_to_string(SCHEMA).unwrap()).unwrap();
        change(&mut schema);
        let server = Self::start_with("tcp", &schema.to_string(), Vec::new());
        server.vsctl(&["init"]);
        server
    }

    /// A server that speaks TLS, with these further options.
    pub fn start_tls(options: Vec<String>) -> Self {
        let server = Self::start_with("ssl", &fs::read_to_string(SCHEMA).unwrap(), options);
        server.vsctl(&["init"]);
        server
    }

    fn start_with(scheme: &'static str, schema: &str, options: Vec<String>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("schema"), schema).unwrap();
        create_database(dir.path());
        let (child, port) = spawn(dir.path(), scheme, 0, &options);
        Self { dir, options, scheme, port, child }
    }

    pub fn endpoint(&self) -> OvsdbEndpoint {
        format!("{}:127.0.0.1:{}", self.scheme, self.port).parse().unwrap()
    }

    /// Where its files and sockets are.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn unix_endpoint(&self) -> OvsdbEndpoint {
        format!("unix:{}", socket(self.dir.path()).display()).parse().unwrap()
    }

    pub fn vsctl(&self, arguments: &[&str]) -> String {
        let database = format!("--db=unix:{}", socket(self.dir.path()).display());
        run(Command::new("ovs-vsctl").args(["--no-wait", "--timeout=20", &database]).args(arguments))
    }

    /// All rows of all tables, in a stable order.
    pub fn dump(&self) -> String {
        run(Command::new("ovsdb-client")
            .arg("dump")
            .arg(format!("unix:{}", socket(self.dir.path()).display())))
    }

    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    pub fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    pub fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.child.wait().unwrap();
    }

    /// Starts the killed server again, on the same port.
    pub fn restart(&mut self) {
        let (child, port) = spawn(self.dir.path(), self.scheme, self.port, &self.options);
        (self.child, self.port) = (child, port);
    }

    /// Puts an empty, initialised database in the place of the killed server's, and starts it.
    pub fn restart_empty(&mut self) {
        fs::remove_file(self.dir.path().join("conf.db")).unwrap();
        create_database(self.dir.path());
        self.restart();
        self.vsctl(&["init"]);
    }

    /// Takes the database away from the running server, and gives it an empty one of the same name.
    pub fn replace_database(&self) {
        let control = self.dir.path().join("ctl");
        let control =
            |arguments: &[&str]| run(Command::new("ovs-appctl").arg("-t").arg(&control).args(arguments));
        control(&["ovsdb-server/remove-db", "Open_vSwitch"]);
        fs::remove_file(self.dir.path().join("conf.db")).unwrap();
        create_database(self.dir.path());
        control(&["ovsdb-server/add-db", self.dir.path().join("conf.db").to_str().unwrap()]);
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGKILL reaches a stopped process too; it may be dead already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn socket(dir: &Path) -> PathBuf {
    dir.join("db.sock")
}

fn create_database(dir: &Path) {
    run(Command::new("ovsdb-tool").arg("create").arg(dir.join("conf.db")).arg(dir.join("schema")));
}

/// Starts the server and waits until it listens; port 0 lets it choose.
fn spawn(dir: &Path, scheme: &str, port: u16, options: &[String]) -> (Child, u16) {
    let log = dir.join("log");
    drop(fs::remove_file(&log));
    let mut child = Command::new("ovsdb-server")
        .arg(dir.join("conf.db"))
        .arg(format!("--remote=punix:{}", socket(dir).display()))
        .arg(format!("--remote=p{scheme}:{port}:127.0.0.1"))
        .arg(format!("--unixctl={}", dir.join("ctl").display()))
        .arg(format!("--log-file={}", log.display()))
        .args(["-vconsole:off", "-vfile:info"])
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("ovsdb-server is installed");
    let began = Instant::now();
    loop {
        let text = fs::read_to_string(&log).unwrap_or_default();
        // The last line that a start writes; the port stands in an earlier one if it was chosen.
        if text.contains("ovsdb-server (Open vSwitch)") {
            let chosen = text.split("listening on port ").nth(1).map(|rest| {
                rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
            });
            return (child, chosen.unwrap_or(port));
        }
        if let Some(status) = child.try_wait().unwrap() {
            panic!("ovsdb-server ended with {status}: {text}");
        }
        assert!(began.elapsed() < PATIENCE, "ovsdb-server does not start: {text}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Runs a tool of Open vSwitch, which must succeed.
pub fn run(command: &mut Command) -> String {
    let output = command.output().expect("Open vSwitch's tools are installed");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
