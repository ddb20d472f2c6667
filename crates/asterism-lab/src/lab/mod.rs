//! The laboratory as a whole: what there is, by name. Faults stand in [`faults`], VMs in [`vms`], measuring in [`watch`].
//!
//! One per sandbox. Everything that waits has a deadline; everything that fails says what and where. Dropping it kills
//! its daemons; the sandbox's end takes the rest.

mod faults;
mod vms;
mod watch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::address::HostName;
use crate::builder::{LabBuilder, OvsdbAuthority};
use crate::controller::Controller;
use crate::error::{LabError, Result};
use crate::fabric::Fabric;
use crate::host::{Host, MuteHost, OvsdbListen};
use crate::netns::Netns;
use crate::operator::Operator;
use crate::outsider::Outsider;
use crate::pki::Authority;
use crate::tool::Output;
use crate::vm::Vm;
use crate::xapi::XapiPool;

pub use watch::AllRows;

/// A running laboratory.
#[derive(Debug)]
pub struct Lab {
    pub(crate) dir: PathBuf,
    pub(crate) fabric: Fabric,
    pub(crate) listen: Listening,
    pub(crate) hosts: BTreeMap<HostName, Host>,
    /// By the pool's number.
    pub(crate) xapi: BTreeMap<u8, XapiPool>,
    pub(crate) mutes: BTreeMap<HostName, MuteHost>,
    pub(crate) vms: BTreeMap<String, Vm>,
    pub(crate) vms_made: u16,
    pub(crate) controllers: BTreeMap<u8, Controller>,
    /// Of the controllers and their operator.
    pub(crate) authority: Authority,
    pub(crate) operator: Operator,
    pub(crate) outsider: Outsider,
}

/// How the OVSDBs of hosts listen.
#[derive(Debug)]
pub(crate) struct Listening {
    /// The first so many pools are behind a XAPI.
    pub xapi_pools: u8,
    /// Whether those of static pools listen with TLS.
    pub is_tls: bool,
    pub authority: Option<OvsdbAuthority>,
}

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
        let known: Vec<HostName> = self.hosts.keys().copied().collect();
        self.hosts.get_mut(&name).ok_or_else(|| unknown("host", name, known))
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

    /// Whether a pool's hosts are listed by a XAPI, and not by the operator.
    pub fn is_behind_xapi(&self, pool: u8) -> bool {
        self.xapi.contains_key(&pool)
    }

    /// The XAPI of a pool.
    ///
    /// # Errors
    /// [`LabError::Unknown`] with the pools that have one.
    pub fn xapi(&self, pool: u8) -> Result<&XapiPool> {
        let known = self.xapi.keys().map(|pool| format!("p{pool}"));
        self.xapi.get(&pool).ok_or_else(|| unknown("pool behind a XAPI", format!("p{pool}"), known))
    }

    /// Adds a running host with the next free number of a pool (which may be new). To one behind a XAPI it is joined.
    ///
    /// # Errors
    /// When it does not start.
    pub fn add_host(&mut self, pool: u8) -> Result<HostName> {
        let name = self.free_name(pool)?;
        let listen = self.listen.of(name)?;
        let host = Host::build(name, &self.fabric, &self.dir.join(name.flat()), listen)?;
        self.hosts.insert(name, host);
        introduce_all(&mut self.hosts)?;
        if let Some(xapi) = self.xapi.get(&pool) {
            xapi.join(self.host(name)?)?;
        }
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

    // Controllers.

    pub fn controllers(&self) -> impl Iterator<Item = &Controller> {
        self.controllers.values()
    }

    /// # Errors
    /// [`LabError::Unknown`] with the numbers that there are.
    pub fn controller_mut(&mut self, node: u8) -> Result<&mut Controller> {
        let known: Vec<String> = self.controllers.keys().map(|node| format!("c{node}")).collect();
        self.controllers.get_mut(&node).ok_or_else(|| unknown("controller", format!("c{node}"), known))
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

    /// Who signs certificates for the controllers and their operator; for tests with others.
    pub fn authority(&self) -> &Authority {
        &self.authority
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

impl Listening {
    pub(crate) fn of(&self, name: HostName) -> Result<OvsdbListen> {
        let is_xapi = name.pool <= self.xapi_pools;
        match &self.authority {
            Some(authority) if is_xapi => Ok(OvsdbListen::AsToldByPool(authority.issue(name)?)),
            Some(authority) if self.is_tls => Ok(OvsdbListen::Tls(authority.issue(name)?)),
            Some(_) | None => Ok(OvsdbListen::Tcp),
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
