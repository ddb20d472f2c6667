//! The laboratory as a whole: fabric, hosts, VMs, controllers, and every fault by name.
//!
//! One per sandbox. Everything that waits has a deadline; everything that fails says what and where. Dropping it kills
//! its daemons; the sandbox's end takes the rest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::address::HostName;
use crate::builder::LabBuilder;
use crate::controller::Controller;
use crate::ears::Ears;
use crate::error::{LabError, Result};
use crate::fabric::{Fabric, Loss, Underlay};
use crate::host::{Daemons, Host, HostState, MuteHost, OvsdbListen};
use crate::netns::Netns;
use crate::operator::Operator;
use crate::outsider::Outsider;
use crate::probe::{Endpoint, Probe, ProbePlan};
use crate::rows::{Journal, JournalEntry, RowDiff, RowSnapshot};
use crate::tool::Output;
use crate::vm::{Vm, VmSpec};
use crate::wait::until;

/// A running laboratory.
#[derive(Debug)]
pub struct Lab {
    pub(crate) dir: PathBuf,
    pub(crate) fabric: Fabric,
    pub(crate) listen: ListenAs,
    pub(crate) hosts: BTreeMap<HostName, Host>,
    pub(crate) mutes: BTreeMap<HostName, MuteHost>,
    pub(crate) vms: BTreeMap<String, Vm>,
    pub(crate) vms_made: u16,
    pub(crate) controllers: BTreeMap<u8, Controller>,
    pub(crate) operator: Operator,
    pub(crate) outsider: Outsider,
}

/// How the OVSDB of hosts added later listens.
#[derive(Debug)]
pub(crate) enum ListenAs {
    Tcp,
    Tls(Box<crate::builder::OvsdbAuthority>),
}

/// Rows of all living hosts, at one moment.
pub type AllRows = BTreeMap<HostName, RowSnapshot>;

impl Lab {
    /// Says what the laboratory is to consist of.
    pub fn builder() -> LabBuilder {
        LabBuilder::default()
    }

    /// Directory of all files of this run, in the sandbox's own memory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn fabric(&self) -> &Fabric {
        &self.fabric
    }

    pub fn outsider(&self) -> &Outsider {
        &self.outsider
    }

    // Hosts.

    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.hosts.values()
    }

    /// # Errors
    /// [`LabError::Unknown`] with the names that there are.
    pub fn host(&self, name: HostName) -> Result<&Host> {
        self.hosts.get(&name).ok_or_else(|| unknown("host", name, self.hosts.keys()))
    }

    /// For faults of one host that need no more than the host.
    ///
    /// # Errors
    /// [`LabError::Unknown`] with the names that there are.
    pub fn host_mut(&mut self, name: HostName) -> Result<&mut Host> {
        if !self.hosts.contains_key(&name) {
            return Err(unknown("host", name, self.hosts.keys()));
        }
        self.hosts.get_mut(&name).ok_or_else(|| unknown("host", name, [name].iter()))
    }

    /// Where the OVSDB of a host, mute or not, is reached over the management network, as OVS writes it.
    ///
    /// # Errors
    /// [`LabError::Unknown`] with the names that there are.
    pub fn ovsdb_remote(&self, name: HostName) -> Result<String> {
        match self.mutes.get(&name) {
            Some(mute) => Ok(mute.ovsdb_remote()),
            None => Ok(self.host(name)?.ovsdb_remote()),
        }
    }

    /// Adds a running host with the next free number of a pool (which may be new).
    ///
    /// # Errors
    /// When it does not start.
    pub fn add_host(&mut self, pool: u8) -> Result<HostName> {
        let name = self.free_name(pool)?;
        let listen = self.listen.of(name)?;
        let host = Host::build(name, &self.fabric, &self.dir.join(name.flat()), listen)?;
        self.hosts.insert(name, host);
        introduce_all(&mut self.hosts)?;
        Ok(name)
    }

    /// Adds a host whose OVSDB accepts connections and never answers.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn add_mute_host(&mut self, pool: u8) -> Result<&MuteHost> {
        let name = self.free_name(pool)?;
        let mute = MuteHost::build(name, &self.fabric)?;
        Ok(self.mutes.entry(name).or_insert(mute))
    }

    /// A host dies as by a power failure: both cables pulled, then both daemons killed. In this order, since a machine without
    /// power closes no connections.
    ///
    /// # Errors
    /// When there is no such host.
    pub fn kill_host(&mut self, name: HostName) -> Result<()> {
        Underlay::BOTH.into_iter().try_for_each(|underlay| self.cut(name, underlay))?;
        self.host_mut(name)?.kill();
        Ok(())
    }

    /// A dead host comes back with the database that it had.
    ///
    /// # Errors
    /// When it is not dead, or does not start.
    pub fn revive_host(&mut self, name: HostName) -> Result<()> {
        Underlay::BOTH.into_iter().try_for_each(|underlay| self.restore(name, underlay))?;
        self.host_mut(name)?.start()
    }

    /// A host reboots as XCP-ng does: its database comes back empty but for the transport bridge. Its VMs stay unplugged
    /// until [`Lab::replug_vms`].
    ///
    /// # Errors
    /// When it does not come back.
    pub fn reboot_host(&mut self, name: HostName) -> Result<()> {
        self.kill_host(name)?;
        Underlay::BOTH.into_iter().try_for_each(|underlay| self.restore(name, underlay))?;
        self.host_mut(name)?.reboot()
    }

    /// # Errors
    /// When it is not running.
    pub fn freeze(&mut self, name: HostName, which: Daemons) -> Result<()> {
        self.host_mut(name)?.freeze(which)
    }

    /// # Errors
    /// When it is not frozen.
    pub fn thaw(&mut self, name: HostName) -> Result<()> {
        self.host_mut(name)?.thaw()
    }

    /// # Errors
    /// When it is not running, or the switch does not come back.
    pub fn restart_vswitchd(&mut self, name: HostName) -> Result<()> {
        self.host_mut(name)?.restart_vswitchd()
    }

    // Cables.

    /// Pulls a cable of a host.
    ///
    /// # Errors
    /// When there is no such host.
    pub fn cut(&mut self, name: HostName, underlay: Underlay) -> Result<()> {
        self.fabric.pull(&self.node(&name.flat())?, underlay)
    }

    /// Puts it back, and ends losses on the way from and to this host.
    ///
    /// # Errors
    /// When there is no such host.
    pub fn restore(&mut self, name: HostName, underlay: Underlay) -> Result<()> {
        let node = self.node(&name.flat())?;
        self.fabric.stop_losing(&node)?;
        self.fabric.put_back(&node, underlay)
    }

    /// Lets frames vanish in the fabric without any carrier going.
    ///
    /// # Errors
    /// When nftables refuses.
    pub fn lose(&mut self, loss: Loss) -> Result<()> {
        self.fabric.lose(loss)
    }

    /// Cuts a controller off from everybody.
    ///
    /// # Errors
    /// When there is no such controller.
    pub fn isolate_controller(&mut self, node: u8) -> Result<()> {
        self.fabric.pull(&self.node(&format!("c{node}"))?, Underlay::Management)
    }

    /// # Errors
    /// When there is no such controller.
    pub fn rejoin_controller(&mut self, node: u8) -> Result<()> {
        self.fabric.put_back(&self.node(&format!("c{node}"))?, Underlay::Management)
    }

    // VMs.

    pub fn vms(&self) -> impl Iterator<Item = &Vm> {
        self.vms.values()
    }

    /// # Errors
    /// [`LabError::Unknown`] with the names that there are.
    pub fn vm(&self, name: &str) -> Result<&Vm> {
        self.vms.get(name).ok_or_else(|| unknown("VM", name, self.vms.keys()))
    }

    /// Makes a VM and plugs it in; waits up to 60 s for its bridge.
    ///
    /// # Errors
    /// When name, host or bridge do not fit.
    pub fn add_vm(&mut self, spec: VmSpec) -> Result<()> {
        let name = spec.name.clone();
        if self.vms.contains_key(&name) {
            return Err(LabError::Invalid { what: format!("there is a VM named {name} already") });
        }
        self.vms_made += 1;
        let vm = Vm::build(spec.clone(), self.vms_made, self.host(spec.host)?)?;
        self.vms.insert(name, vm);
        Ok(())
    }

    /// Moves a VM to another host, of whatever pool.
    ///
    /// # Errors
    /// When there is no such VM or host, or the private network does not reach there within 60 s.
    pub fn move_vm(&mut self, name: &str, to: HostName) -> Result<()> {
        let Some(mut vm) = self.vms.remove(name) else { return Err(unknown("VM", name, self.vms.keys())) };
        let moved = self.host(vm.host()).and_then(|old| vm.move_to(old, self.host(to)?));
        self.vms.insert(name.to_owned(), vm);
        moved
    }

    /// Plugs the VMs of a rebooted host in again; waits up to 60 s for each bridge.
    ///
    /// # Errors
    /// When a bridge does not come back.
    pub fn replug_vms(&self, name: HostName) -> Result<()> {
        let host = self.host(name)?;
        self.vms.values().filter(|vm| vm.host() == name).try_for_each(|vm| vm.replug(host))
    }

    // Watching.

    /// Waits until one VM pings another.
    ///
    /// # Errors
    /// [`LabError::Deadline`] when it does not come to that.
    pub fn wait_for_ping(&self, from: &str, to: &str, deadline: Duration) -> Result<()> {
        let (from_vm, to_vm) = (self.vm(from)?, self.vm(to)?);
        until(format!("{from} pings {to}"), deadline, || match from_vm.netns().ping(to_vm.address().into()) {
            Ok(true) => Ok(()),
            Ok(false) => Err("no answer".into()),
            Err(error) => Err(error.chain()),
        })
    }

    /// Starts constant probing; it goes on until the returned value is dropped.
    ///
    /// # Errors
    /// When the plan names an unknown VM.
    pub fn probe(&self, plan: &ProbePlan) -> Result<Probe> {
        let endpoints: Vec<_> = self
            .vms
            .values()
            .filter(|vm| plan.flows().iter().any(|flow| flow.from == vm.name() || flow.to == vm.name()))
            .map(|vm| Endpoint { name: vm.name().into(), netns: vm.netns().clone(), address: vm.address() })
            .collect();
        Probe::start(plan, &endpoints)
    }

    /// Opens ears in the named VMs.
    ///
    /// # Errors
    /// When there is no such VM.
    pub fn ears(&self, vms: &[&str]) -> Result<Ears> {
        Ears::open(vms.iter().map(|name| self.vm(name)).collect::<Result<Vec<_>>>()?)
    }

    /// Rows of all running hosts.
    ///
    /// # Errors
    /// When one of them does not answer.
    pub fn rows(&self) -> Result<AllRows> {
        let running = self.hosts.values().filter(|host| host.state() == HostState::Running);
        running.map(|host| Ok((host.name(), host.rows()?))).collect()
    }

    /// What changed on each host since `before`, fences apart. Hosts that were not there or do not run are left out.
    ///
    /// # Errors
    /// When a host does not answer.
    pub fn rows_changed_since(&self, before: &AllRows) -> Result<Vec<RowDiff>> {
        let after = self.rows()?;
        let pairs = after.iter().filter_map(|(name, after)| Some((before.get(name)?, after)));
        Ok(pairs.map(|(old, new)| old.diff(new).without_fence()).filter(|diff| !diff.is_empty()).collect())
    }

    /// The transaction logs of all running hosts.
    ///
    /// # Errors
    /// When a database file cannot be read.
    pub fn journals(&self) -> Result<BTreeMap<HostName, Journal>> {
        let running = self.hosts.values().filter(|host| host.state() == HostState::Running);
        running.map(|host| Ok((host.name(), host.journal()?))).collect()
    }

    /// Transactions since `before` that somebody other than the switch itself made, claims of a leader apart.
    /// Hosts whose database was made anew are left out.
    ///
    /// # Errors
    /// When a database file cannot be read.
    pub fn writes_since(
        &self,
        before: &BTreeMap<HostName, Journal>,
    ) -> Result<Vec<(HostName, JournalEntry)>> {
        let mut writes = Vec::new();
        for (name, after) in self.journals()? {
            let Some(Ok(entries)) = before.get(&name).map(|earlier| after.since(earlier)) else { continue };
            let written = entries.iter().filter(|entry| !entry.is_of_switch() && !entry.is_fence_only());
            writes.extend(written.map(|entry| (name, entry.clone())));
        }
        Ok(writes)
    }

    // Controllers.

    pub fn controllers(&self) -> impl Iterator<Item = &Controller> {
        self.controllers.values()
    }

    /// # Errors
    /// [`LabError::Unknown`] with the numbers that there are.
    pub fn controller_mut(&mut self, node: u8) -> Result<&mut Controller> {
        let known: Vec<u8> = self.controllers.keys().copied().collect();
        self.controllers.get_mut(&node).ok_or_else(|| unknown("controller", node, known.iter()))
    }

    /// Runs `asterctl` on the operator's machine against all controllers, whatever its exit code.
    ///
    /// # Errors
    /// When it is not built, or does not end.
    pub fn asterctl(&self, args: &[&str]) -> Result<Output> {
        self.operator.asterctl(&self.endpoints(), args)
    }

    /// The same; a failure of `asterctl` is an error. Gives its standard output.
    ///
    /// # Errors
    /// As [`Lab::asterctl`], and when it fails.
    pub fn asterctl_ok(&self, args: &[&str]) -> Result<String> {
        self.operator.asterctl_ok(&self.endpoints(), args)
    }

    /// Environment in which `asterctl` reaches the controllers without flags.
    pub fn operator_environment(&self) -> Vec<(&'static str, String)> {
        self.operator.environment(&self.endpoints())
    }

    /// Addresses of all controllers.
    pub fn endpoints(&self) -> Vec<std::net::SocketAddrV4> {
        self.controllers.values().map(Controller::endpoint).collect()
    }

    // Names.

    /// Namespace of anything that has one: `p1/h1`, `c1`, `operator`, `outsider`, `fabric`, or a VM's name.
    ///
    /// # Errors
    /// [`LabError::Unknown`] with all names.
    pub fn netns(&self, node: &str) -> Result<Netns> {
        let host = node.parse::<HostName>().ok();
        let of_host = host.and_then(|name| self.hosts.get(&name).map(Host::netns));
        let of_mute = || host.and_then(|name| self.mutes.get(&name).map(MuteHost::netns));
        let of_vm = || self.vms.get(node).map(Vm::netns);
        let of_controller = || {
            let number = node.strip_prefix('c')?.parse().ok()?;
            self.controllers.get(&number).map(Controller::netns)
        };
        let of_other = || match node {
            "operator" => Some(self.operator.netns()),
            "outsider" => Some(self.outsider.netns()),
            "fabric" => Some(self.fabric.netns()),
            _ => None,
        };
        let found = of_host.or_else(of_mute).or_else(of_vm).or_else(of_controller).or_else(of_other);
        found.cloned().ok_or_else(|| {
            let hosts = self.hosts.keys().chain(self.mutes.keys()).map(ToString::to_string);
            let controllers = self.controllers.keys().map(|node| format!("c{node}"));
            let others = ["operator", "outsider", "fabric"].map(str::to_owned);
            let known: Vec<_> =
                hosts.chain(controllers).chain(self.vms.keys().cloned()).chain(others).collect();
            LabError::Unknown { kind: "node", name: node.into(), known: known.join(", ") }
        })
    }

    /// Name of a node in the fabric, once it is known to exist.
    fn node(&self, node: &str) -> Result<String> {
        Ok(self.netns(node)?.name().to_owned())
    }

    fn free_name(&self, pool: u8) -> Result<HostName> {
        let taken = |name: &HostName| self.hosts.contains_key(name) || self.mutes.contains_key(name);
        let mut names = (1..=crate::address::HOSTS_MAX).map(|host| HostName::new(pool, host));
        let free = names.find(|name| !taken(name));
        // Through the parser, which knows the limits of the plan.
        free.ok_or_else(|| LabError::Invalid { what: format!("pool p{pool} is full") })?.to_string().parse()
    }
}

/// Lets every host know every other.
pub(crate) fn introduce_all(hosts: &mut BTreeMap<HostName, Host>) -> Result<()> {
    let names: Vec<HostName> = hosts.keys().copied().collect();
    hosts.values_mut().try_for_each(|host| host.introduce(names.iter().copied()))
}

impl ListenAs {
    pub(crate) fn of(&self, name: HostName) -> Result<OvsdbListen> {
        match self {
            Self::Tcp => Ok(OvsdbListen::Tcp),
            Self::Tls(authority) => Ok(OvsdbListen::Tls(authority.issue(name)?)),
        }
    }
}

fn unknown<T: ToString>(
    kind: &'static str,
    name: impl ToString,
    known: impl IntoIterator<Item = T>,
) -> LabError {
    let known: Vec<_> = known.into_iter().map(|name| name.to_string()).collect();
    LabError::Unknown { kind, name: name.to_string(), known: known.join(", ") }
}
