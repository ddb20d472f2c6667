//! A hypervisor host: a network namespace with its own `ovsdb-server` and `ovs-vswitchd` (userspace datapath).
//!
//! Laid out as XCP-ng does: the transport bridge `xenbr0` holds the transport address, the NIC `eth0` is its port, and
//! OVSDB listens on the management address. Faults of the host itself (death, freeze, reboot) live here; faults of its
//! cables in [`crate::fabric`].

mod daemons;
mod mute;
mod overheard;
mod unixctl;
mod vsctl;

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::address::{HostName, OVSDB_PORT};
use crate::daemon::Daemon;
use crate::error::{LabError, Result};
use crate::fabric::{Fabric, Underlay};
use crate::netns::Netns;
use crate::pki::OvsdbTls;
use crate::process::resident_kib;
use crate::rows::{self, Journal, RowSnapshot};

pub use mute::MuteHost;
pub use vsctl::{BridgeRef, Vsctl};

/// The bridge that holds a host's transport address.
pub const TRANSPORT_BRIDGE: &str = "xenbr0";

/// How a host's OVSDB listens on its management address.
#[derive(Clone, Debug)]
pub enum OvsdbListen {
    /// Plain TCP, as `ptcp:6640`.
    Tcp,
    /// TLS with the given files and ciphers, as `pssl:6640`.
    Tls(OvsdbTls),
    /// Not at all until its pool's XAPI has an SDN controller introduced; then as the pool says, with these ciphers.
    AsToldByPool(OvsdbTls),
}

/// Which daemons of a host are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Daemons {
    /// The whole host hangs: neither management nor forwarding goes on.
    Both,
    /// Only the database hangs: forwarding goes on.
    Ovsdb,
}

/// What state a host is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostState {
    Running,
    Frozen(Daemons),
    Dead,
}

/// A host with real Open vSwitch.
#[derive(Debug)]
pub struct Host {
    name: HostName,
    netns: Netns,
    dir: PathBuf,
    listen: OvsdbListen,
    state: HostState,
    ovsdb: Option<Daemon>,
    vswitchd: Option<Daemon>,
    /// Hosts whose transport MAC the switch is told.
    peers: BTreeSet<HostName>,
}

impl Host {
    /// Makes the namespace, plugs it into both underlays and starts Open vSwitch. Its files stand in `dir`.
    ///
    /// # Errors
    /// When a program fails or a daemon is not there within 30 s.
    pub fn build(name: HostName, fabric: &Fabric, dir: &Path, listen: OvsdbListen) -> Result<Self> {
        fs::create_dir_all(dir)
            .map_err(|source| LabError::io(format!("making {}", dir.display()), source))?;
        let netns = Netns::create(&name.flat())?;
        fabric.plug(&netns, Underlay::Transport, "eth0", name.transport())?;
        daemons::leave_to_the_switch(&netns, "eth0")?;
        fabric.attach(&netns, Underlay::Management, "mgmt0", name.management())?;
        let mut host = Self {
            name,
            netns,
            dir: dir.to_owned(),
            listen,
            state: HostState::Dead,
            ovsdb: None,
            vswitchd: None,
            peers: BTreeSet::new(),
        };
        host.install()?;
        host.start()?;
        Ok(host)
    }

    pub fn name(&self) -> HostName {
        self.name
    }

    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    pub fn state(&self) -> HostState {
        self.state
    }

    /// Directory of its database, sockets and logs.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Environment in which `ovs-vsctl`, `ovs-appctl` and `ovs-ofctl` talk to this host's daemons without flags.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        ["OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR"].map(|key| (key, self.dir.display().to_string())).to_vec()
    }

    /// Where its OVSDB is reached over the management network, as OVS writes it.
    pub fn ovsdb_remote(&self) -> String {
        let scheme = match self.listen {
            OvsdbListen::Tcp => "tcp",
            OvsdbListen::Tls(_) | OvsdbListen::AsToldByPool(_) => "ssl",
        };
        format!("{scheme}:{}:{OVSDB_PORT}", self.name.management())
    }

    pub(crate) fn listens(&self) -> &OvsdbListen {
        &self.listen
    }

    /// Talks to its database through the local socket, as an administrator on the host would.
    pub fn vsctl(&self) -> Vsctl<'_> {
        Vsctl::new(self)
    }

    /// All rows of its database, without what the switch itself counts and reports.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn rows(&self) -> Result<RowSnapshot> {
        rows::snapshot(self.name, &self.database_socket())
    }

    /// The transactions that its database has kept so far; see [`Journal::since`].
    ///
    /// # Errors
    /// When the database file cannot be read.
    pub fn journal(&self) -> Result<Journal> {
        Journal::read(&self.database_file())
    }

    /// Tells the switch the transport MAC of other hosts.
    ///
    /// The userspace datapath asks for a tunnel neighbour's MAC only when it translates a new flow: a request that is lost while
    /// the neighbour is dead is not repeated as long as traffic keeps that flow. Kernels do repeat it, and no hypervisor
    /// runs the userspace datapath, so the laboratory leaves ARP on the transport out of the picture.
    ///
    /// # Errors
    /// When the switch does not answer.
    pub fn introduce(&mut self, peers: impl IntoIterator<Item = HostName>) -> Result<()> {
        let own = self.name;
        self.peers.extend(peers.into_iter().filter(|peer| *peer != own));
        if self.state == HostState::Running { self.tell_neighbours() } else { Ok(()) }
    }

    /// SIGKILL to both daemons. The namespace and its cables stay.
    pub fn kill(&mut self) {
        self.vswitchd = None; // dropping a daemon kills it
        self.ovsdb = None;
        self.state = HostState::Dead;
    }

    /// Starts what [`Host::kill`] killed, with the database as it was left.
    ///
    /// # Errors
    /// When a daemon is not there within 30 s.
    pub fn start(&mut self) -> Result<()> {
        self.expect(HostState::Dead, "kill it first")?;
        self.start_ovsdb()?;
        self.start_vswitchd()?;
        self.state = HostState::Running;
        Ok(())
    }

    /// Kills the host and starts it as after a re-installation: nothing in its database but the transport bridge.
    ///
    /// # Errors
    /// As for [`Host::start`].
    pub fn reboot(&mut self) -> Result<()> {
        self.kill();
        self.forget_taps()?;
        self.install()?;
        self.start()
    }

    /// Stops the given daemons where they stand (SIGSTOP): connections stay open and nothing answers.
    ///
    /// # Errors
    /// When the host is not running.
    pub fn freeze(&mut self, which: Daemons) -> Result<()> {
        self.expect(HostState::Running, "thaw or start it first")?;
        self.signal(which, Signal::SIGSTOP)?;
        self.state = HostState::Frozen(which);
        Ok(())
    }

    /// Lets a frozen host go on.
    ///
    /// # Errors
    /// When the host is not frozen.
    pub fn thaw(&mut self) -> Result<()> {
        let HostState::Frozen(which) = self.state else {
            return Err(self.wrong_state("freeze it first"));
        };
        self.signal(which, Signal::SIGCONT)?;
        self.state = HostState::Running;
        self.tell_neighbours() // of hosts that came meanwhile
    }

    /// Kills the switch and starts it again on the same database, as an upgrade of the package does.
    ///
    /// # Errors
    /// When the host is not running, or the switch is not back within 30 s.
    pub fn restart_vswitchd(&mut self) -> Result<()> {
        self.expect(HostState::Running, "thaw or start it first")?;
        self.vswitchd = None;
        self.start_vswitchd()
    }

    /// Resident memory of both daemons in KiB, for the figures.
    pub fn memory_kib(&self) -> u64 {
        let daemons = [&self.ovsdb, &self.vswitchd];
        daemons.into_iter().flatten().map(|daemon| resident_kib(daemon.pid())).sum()
    }

    pub(crate) fn database_socket(&self) -> PathBuf {
        self.dir.join("db.sock")
    }

    fn database_file(&self) -> PathBuf {
        self.dir.join("conf.db")
    }

    fn signal(&mut self, which: Daemons, signal: Signal) -> Result<()> {
        let vswitchd = match which {
            Daemons::Both => self.vswitchd.as_mut(),
            Daemons::Ovsdb => None,
        };
        self.ovsdb.as_mut().into_iter().chain(vswitchd).try_for_each(|daemon| daemon.signal(signal))
    }

    fn expect(&self, state: HostState, hint: &'static str) -> Result<()> {
        if self.state == state { Ok(()) } else { Err(self.wrong_state(hint)) }
    }

    fn wrong_state(&self, hint: &'static str) -> LabError {
        LabError::WrongState { what: format!("host {}", self.name), state: format!("{:?}", self.state), hint }
    }

    /// Whether its OVSDB accepts TCP from `netns` (a controller's, or the operator's).
    ///
    /// # Errors
    /// When the namespace cannot be entered.
    pub fn accepts_from(&self, netns: &Netns) -> Result<bool> {
        let address = (self.name.management(), OVSDB_PORT).into();
        netns
            .enter(|| TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok())
            .map_err(|source| LabError::io("entering a namespace", source))
    }
}
