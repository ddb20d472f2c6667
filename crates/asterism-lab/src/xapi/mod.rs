//! Pools behind a XAPI: the simulator answers on each host's management address, and what it has its hosts do is done to
//! their real Open vSwitch.
//!
//! Hosts of such a pool are laid out as XCP-ng lays them out: `eth0` and `xenbr0` are the transport, the management network
//! is `xenbr1`; OVSDB listens once an SDN controller is introduced, and shows the certificate that XAPI shows on 443. What
//! is not as in XCP-ng: the management interface has no bridge of Open vSwitch, and the firewall of UDP 4789 has no effect,
//! since the userspace datapath takes frames before it.

mod agent;
mod vms;

use std::fs;
use std::io;
use std::net::{IpAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use asterism_xapi_sim::{HostSpec, Identity, Listen, PoolSpec, Simulator};

use crate::address::{HostName, PREFIX};
use crate::error::{LabError, Result};
use crate::host::{Host, OvsdbListen};
use agent::LabAgent;

/// Port of XAPI behind stunnel.
const HTTPS_PORT: u16 = 443;
/// Who logs in.
pub const XAPI_USER: &str = "root";
/// With which password; a secret of this laboratory alone.
pub const XAPI_PASSWORD: &str = "laboratory";

/// A pool behind a XAPI.
pub struct XapiPool {
    simulator: Simulator,
    agent: Arc<LabAgent>,
}

impl XapiPool {
    /// Starts the XAPI of a pool of running hosts; the first is master.
    ///
    /// # Errors
    /// When there is no host, or an address can't be listened on.
    pub(crate) fn start<'a>(pool: u8, hosts: impl Iterator<Item = &'a Host>) -> Result<Self> {
        let agent = Arc::new(LabAgent::default());
        let mut specs = Vec::new();
        for host in hosts {
            agent.learn(host)?;
            specs.push(spec(host)?);
        }
        let spec = PoolSpec {
            user: XAPI_USER.into(),
            password: XAPI_PASSWORD.into(),
            seed: pool.into(),
            ..PoolSpec::new(&format!("p{pool}"), specs)
        };
        let binder = Arc::clone(&agent);
        let listen = Listen::https(HTTPS_PORT).with_binder(move |address| binder.bind(address));
        let simulator = Simulator::start(spec, Arc::clone(&agent) as _, listen).map_err(|error| {
            LabError::Xapi { what: format!("starting the XAPI of p{pool}"), source: Box::new(error) }
        })?;
        Ok(Self { simulator, agent })
    }

    /// The XAPI itself: its faults, its database, the calls that it served. Hosts are named `h1` and up.
    pub fn simulator(&self) -> &Simulator {
        &self.simulator
    }

    /// A host joins, disabled at first.
    pub(crate) fn join(&self, host: &Host) -> Result<()> {
        self.agent.learn(host)?;
        let what = || format!("{} joins its pool", host.name());
        let joined = self.simulator.add_host(&spec(host)?);
        joined.map_err(|error| LabError::Xapi { what: what(), source: Box::new(error) })
    }
}

impl std::fmt::Debug for XapiPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("XapiPool").finish_non_exhaustive()
    }
}

/// What a host is called in its pool.
pub fn label(name: HostName) -> String {
    format!("h{}", name.host)
}

/// Where its XAPI answers.
pub fn url(name: HostName) -> String {
    format!("https://{}", name.management())
}

fn spec(host: &Host) -> Result<HostSpec> {
    let name = host.name();
    let address = |address| Some((IpAddr::V4(address), PREFIX));
    let spec = HostSpec::new(&label(name), name.management().into())
        .with_interface("eth0", address(name.transport()))
        .with_interface("eth1", address(name.management()));
    Ok(spec.with_identity(identity(host)?))
}

fn identity(host: &Host) -> Result<Identity> {
    let OvsdbListen::AsToldByPool(tls) = host.listens() else {
        return Err(LabError::Invalid { what: format!("{} is of a static pool", host.name()) });
    };
    Ok(Identity { certificate: read(&tls.identity.cert)?, key: read(&tls.identity.key)? })
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|source| LabError::io(format!("reading {}", path.display()), source))
}

/// Where a host keeps the CA that its pool installed for SDN controllers.
fn authority_file(dir: &Path) -> PathBuf {
    dir.join("sdn-controller-ca.pem")
}

/// A listener inside a namespace.
fn bind(netns: &crate::netns::Netns, address: std::net::SocketAddr) -> io::Result<TcpListener> {
    netns.enter(|| TcpListener::bind(address))?
}
