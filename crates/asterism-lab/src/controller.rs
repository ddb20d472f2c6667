//! A controller replica: a real `asterismd` in a namespace of its own on the management network.
//!
//! Its data, configuration, certificate and log stand in its directory, and stay through kill and start.

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::address::{self, CONTROLLER_PORT};
use crate::binaries;
use crate::daemon::Daemon;
use crate::error::{LabError, Result};
use crate::fabric::{Fabric, Underlay};
use crate::netns::Netns;
use crate::pki::{Authority, Identity};
use crate::process::{processor_time, resident_kib};
use crate::tool::Tool;

/// Time that a replica may take to hand leadership over and end.
const STOP_DEADLINE: Duration = Duration::from_secs(15);

/// What state a replica's process is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControllerState {
    Running,
    Paused,
    Stopped,
}

/// How replicas speak with hosts, as far as it is not built into them.
#[derive(Debug)]
pub struct HostSessions {
    /// Whom they show themselves as, over TLS; plain TCP without it.
    pub identity: Option<Identity>,
    /// How long they wait for answers and signs of life.
    pub patience: Option<Duration>,
    /// With what they seal the passwords of pools.
    pub cluster_key: PathBuf,
}

impl HostSessions {
    /// The tables `[ovsdb]`, `[ovsdb.tls]` and `[secrets]` of a configuration.
    fn config_text(&self) -> String {
        let patience = self.patience.map(|patience| {
            let seconds = patience.as_secs();
            format!("\n[ovsdb]\ncall_timeout = \"{seconds}s\"\nprobe_timeout = \"{seconds}s\"\n")
        });
        let tls = self.identity.as_ref().map(|client| {
            let (ca, cert, key) = (client.ca.display(), client.cert.display(), client.key.display());
            // One authority vouches for hosts and controllers alike.
            format!(
                "\n[ovsdb.tls]\nca = \"{ca}\"\nauthority = \"{ca}\"\ncert = \"{cert}\"\nkey = \"{key}\"\n"
            )
        });
        let secrets = format!("\n[secrets]\nkey = \"{}\"\n", self.cluster_key.display());
        patience.into_iter().chain(tls).chain([secrets]).collect()
    }
}

/// One replica.
#[derive(Debug)]
pub struct Controller {
    node: u8,
    netns: Netns,
    dir: PathBuf,
    daemon: Option<Daemon>,
    paused: bool,
}

impl Controller {
    /// Makes namespace, certificate and configuration. The process is not started yet.
    ///
    /// # Errors
    /// When one of them cannot be made.
    pub fn prepare(
        node: u8,
        fabric: &Fabric,
        dir: &Path,
        authority: &Authority,
        hosts: &HostSessions,
    ) -> Result<Self> {
        let data = dir.join("data");
        fs::create_dir_all(&data)
            .map_err(|source| LabError::io(format!("making {}", data.display()), source))?;
        let netns = Netns::create(&format!("c{node}"))?;
        let address = address::controller(node);
        fabric.attach(&netns, Underlay::Management, "eth0", address)?;
        let names = ["controller.asterism".to_owned(), format!("node-{node}.asterism")];
        let identity = authority.issue(&format!("node-{node}"), &names, &[address])?;
        let config = config_text(node, &data, address, &identity, hosts);
        let file = dir.join("asterismd.toml");
        fs::write(&file, config)
            .map_err(|source| LabError::io(format!("writing {}", file.display()), source))?;
        Ok(Self { node, netns, dir: dir.to_owned(), daemon: None, paused: false })
    }

    /// Replica number, 1 and up; its name in the laboratory is `c<node>`.
    pub fn node(&self) -> u8 {
        self.node
    }

    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    pub fn endpoint(&self) -> SocketAddrV4 {
        SocketAddrV4::new(address::controller(self.node), CONTROLLER_PORT)
    }

    /// As `asterctl` takes it: `4=10.30.0.4:7400`.
    pub fn as_member(&self) -> String {
        format!("{}={}", self.node, self.endpoint())
    }

    /// Runs `asterismd recover` on the data of a replica that is stopped; gives what it said.
    ///
    /// # Errors
    /// When it runs, or there is nothing to recover.
    pub fn recover(&mut self, is_confirmed: bool) -> Result<String> {
        if self.state() != ControllerState::Stopped {
            return Err(self.wrong_state("kill or stop it first"));
        }
        let config = self.dir.join("asterismd.toml").display().to_string();
        let confirmed = is_confirmed.then_some("--yes");
        let words: Vec<&str> = ["recover", "--config", &config].into_iter().chain(confirmed).collect();
        let tool =
            Tool::new(binaries::find("asterismd")?).args(&words).inside(&self.netns).deadline(STOP_DEADLINE);
        let output = tool.output(format!("asterismd {}", words.join(" ")))?;
        if output.status.success() {
            return Ok(output.stderr);
        }
        Err(LabError::Command {
            doing: format!("recovering c{}", self.node),
            command: format!("asterismd {}", words.join(" ")),
            status: output.status.to_string(),
            stderr: output.stderr.trim().to_owned(),
        })
    }

    pub fn log(&self) -> PathBuf {
        self.dir.join("asterismd.log")
    }

    pub fn state(&mut self) -> ControllerState {
        let running = self.daemon.as_mut().is_some_and(|daemon| daemon.ended().is_none());
        match (running, self.paused) {
            (true, false) => ControllerState::Running,
            (true, true) => ControllerState::Paused,
            (false, true | false) => ControllerState::Stopped,
        }
    }

    /// Starts the process on whatever data its directory holds. Does not wait until it serves.
    ///
    /// # Errors
    /// When it runs already, or the program is not built.
    pub fn start(&mut self) -> Result<()> {
        if self.state() != ControllerState::Stopped {
            return Err(self.wrong_state("kill or stop it first"));
        }
        let mut command = Command::new(binaries::find("asterismd")?);
        command.arg("--config").arg(self.dir.join("asterismd.toml")).current_dir(&self.dir);
        self.daemon =
            Some(Daemon::start(format!("asterismd {}", self.node), command, &self.netns, &self.log())?);
        self.paused = false;
        Ok(())
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// When it is not running.
    pub fn kill(&mut self) -> Result<()> {
        self.running_daemon()?.kill();
        self.daemon = None;
        self.paused = false;
        Ok(())
    }

    /// SIGSTOP: it stands still, and believes afterwards that no time has passed.
    ///
    /// # Errors
    /// When it is not running.
    pub fn pause(&mut self) -> Result<()> {
        self.running_daemon()?.signal(Signal::SIGSTOP)?;
        self.paused = true;
        Ok(())
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// When it is not running.
    pub fn resume(&mut self) -> Result<()> {
        self.running_daemon()?.signal(Signal::SIGCONT)?;
        self.paused = false;
        Ok(())
    }

    /// SIGTERM, and waits until it has ended.
    ///
    /// # Errors
    /// When it is not running, or still there after 15 s.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        let status = self.running_daemon()?.stop(STOP_DEADLINE)?;
        self.daemon = None;
        Ok(status)
    }

    /// Resident memory in KiB; 0 when it does not run.
    pub fn memory_kib(&self) -> u64 {
        self.daemon.as_ref().map_or(0, |daemon| resident_kib(daemon.pid()))
    }

    /// User and system time that it has used since it was started; zero when it does not run.
    pub fn processor_time(&self) -> Duration {
        self.daemon.as_ref().map_or(Duration::ZERO, |daemon| processor_time(daemon.pid()))
    }

    /// The last lines of its log, for error messages.
    pub fn log_tail(&self, lines: usize) -> String {
        self.daemon.as_ref().map_or_else(String::new, |daemon| daemon.log_tail(lines))
    }

    fn running_daemon(&mut self) -> Result<&mut Daemon> {
        if self.state() == ControllerState::Stopped {
            return Err(self.wrong_state("start it first"));
        }
        self.daemon.as_mut().ok_or_else(|| unreachable_stopped(self.node))
    }

    fn wrong_state(&mut self, hint: &'static str) -> LabError {
        let state = format!("{:?}", self.state());
        LabError::WrongState { what: format!("controller c{}", self.node), state, hint }
    }
}

fn unreachable_stopped(node: u8) -> LabError {
    LabError::WrongState {
        what: format!("controller c{node}"),
        state: "Stopped".into(),
        hint: "start it first",
    }
}

fn config_text(
    node: u8,
    data: &Path,
    address: Ipv4Addr,
    identity: &Identity,
    hosts: &HostSessions,
) -> String {
    let endpoint = SocketAddrV4::new(address, CONTROLLER_PORT);
    let ovsdb = hosts.config_text();
    format!(
        "node_id = {node}\ncluster = \"lab\"\ndata_dir = \"{data}\"\nlisten = \"{endpoint}\"\n\
         advertise = \"{endpoint}\"\n\n[tls]\nca = \"{ca}\"\ncert = \"{cert}\"\nkey = \"{key}\"\n{ovsdb}\n\
         [log]\nlevel = \"info\"\nformat = \"text\"\n",
        data = data.display(),
        ca = identity.ca.display(),
        cert = identity.cert.display(),
        key = identity.key.display(),
    )
}
