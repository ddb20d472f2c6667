//! Says what a laboratory consists of, and builds it: hosts in parallel, since each waits for its own daemons.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::address::{HOSTS_MAX, HostName, POOLS_MAX};
use crate::controller::{Controller, HostSessions};
use crate::error::{LabError, Result};
use crate::fabric::Fabric;
use crate::host::Host;
use crate::lab::{Lab, Listening, introduce_all};
use crate::operator::Operator;
use crate::outsider::Outsider;
use crate::pki::{Authority, Identity, Keys, OvsdbTls, XCP_NG_CIPHERS, XCP_NG_PROTOCOLS};
use crate::sandbox;
use crate::xapi::XapiPool;

/// Where the files of a run stand: on the sandbox's own tmpfs, gone with it.
const DIR: &str = "/run/asterism-lab";
/// Hosts started at once. Each is two daemons' start-up, which is processor time: more than a few gain nothing.
const STARTS_AT_ONCE: usize = 4;

/// What a laboratory is to consist of. The default: one pool of two hosts, plain TCP, no controllers.
#[derive(Clone, Debug)]
pub struct LabBuilder {
    pools: u8,
    xapi_pools: u8,
    hosts: u8,
    controllers: u8,
    tls: bool,
    ovsdb_patience: Option<Duration>,
    dir: PathBuf,
}

impl Default for LabBuilder {
    fn default() -> Self {
        Self {
            pools: 1,
            xapi_pools: 0,
            hosts: 2,
            controllers: 0,
            tls: false,
            ovsdb_patience: None,
            dir: DIR.into(),
        }
    }
}

impl LabBuilder {
    /// Number of pools, `p1` and up.
    #[must_use]
    pub fn pools(mut self, pools: u8) -> Self {
        self.pools = pools;
        self
    }

    /// How many of the pools are behind a XAPI; the first ones. The others are static.
    #[must_use]
    pub fn xapi_pools(mut self, pools: u8) -> Self {
        self.xapi_pools = pools;
        self
    }

    /// Number of hosts in each pool, `h1` and up.
    #[must_use]
    pub fn hosts(mut self, hosts: u8) -> Self {
        self.hosts = hosts;
        self
    }

    /// Number of controller replicas, started but not made a cluster yet.
    #[must_use]
    pub fn controllers(mut self, controllers: u8) -> Self {
        self.controllers = controllers;
        self
    }

    /// OVSDB over TLS with the ciphers of XCP-ng 8.3, in place of plain TCP.
    #[must_use]
    pub fn ovsdb_tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// How long controllers wait for a host's answers and signs of life, in place of what is built into them.
    #[must_use]
    pub fn ovsdb_patience(mut self, patience: Duration) -> Self {
        self.ovsdb_patience = Some(patience);
        self
    }

    /// Builds it all and waits until every host runs.
    ///
    /// # Errors
    /// Outside of the sandbox, for sizes that the address plan does not hold, or when a part does not start.
    pub fn build(self) -> Result<Lab> {
        sandbox::require()?;
        self.check_sizes()?;
        let pki = self.dir.join("pki");
        let fabric = Fabric::build()?;
        let authority = Authority::create(&pki, "asterism laboratory", Keys::Ecdsa)?;
        let needs_tls = self.tls || self.xapi_pools > 0;
        let listen = Listening {
            xapi_pools: self.xapi_pools,
            is_tls: self.tls,
            authority: needs_tls.then(|| OvsdbAuthority::create(&self.dir)).transpose()?,
        };
        let operator = Operator::build(&fabric, &authority)?;
        let outsider = Outsider::build(&fabric)?;
        let hosts = self.start_hosts(&fabric, &listen)?;
        let xapi = start_pools(self.xapi_pools, &hosts)?;
        let controllers = self.start_controllers(&fabric, &authority, &listen)?;
        Ok(Lab {
            dir: self.dir,
            fabric,
            listen,
            hosts,
            xapi,
            mutes: BTreeMap::new(),
            vms: BTreeMap::new(),
            vms_made: 0,
            controllers,
            authority,
            operator,
            outsider,
        })
    }

    fn check_sizes(&self) -> Result<()> {
        let sizes = [
            ("pools", self.pools, POOLS_MAX),
            ("pools behind a XAPI", self.xapi_pools, self.pools),
            ("hosts", self.hosts, HOSTS_MAX),
            ("controllers", self.controllers, 9),
        ];
        match sizes.into_iter().find(|(_, asked, most)| asked > most) {
            Some((what, asked, most)) => {
                Err(LabError::Invalid { what: format!("{asked} {what}: a laboratory holds at most {most}") })
            }
            None => Ok(()),
        }
    }

    fn start_hosts(&self, fabric: &Fabric, listen: &Listening) -> Result<BTreeMap<HostName, Host>> {
        let names: Vec<HostName> = (1..=self.pools)
            .flat_map(|pool| (1..=self.hosts).map(move |host| HostName::new(pool, host)))
            .collect();
        let mut hosts = BTreeMap::new();
        for batch in names.chunks(STARTS_AT_ONCE) {
            let built: Vec<Result<Host>> = thread::scope(|scope| {
                let start = |name: HostName| {
                    let dir = self.dir.join(name.flat());
                    scope.spawn(move || Host::build(name, fabric, &dir, listen.of(name)?))
                };
                let threads: Vec<_> = batch.iter().copied().map(start).collect();
                let join = |thread: thread::ScopedJoinHandle<'_, _>| {
                    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                };
                threads.into_iter().map(join).collect()
            });
            for host in built {
                let host = host?;
                hosts.insert(host.name(), host);
            }
        }
        introduce_all(&mut hosts)?;
        Ok(hosts)
    }

    fn start_controllers(
        &self,
        fabric: &Fabric,
        authority: &Authority,
        listen: &Listening,
    ) -> Result<BTreeMap<u8, Controller>> {
        let identity = listen.authority.as_ref().map(|authority| authority.client.clone());
        let hosts =
            HostSessions { identity, patience: self.ovsdb_patience, cluster_key: cluster_key(&self.dir)? };
        let mut controllers = BTreeMap::new();
        for node in 1..=self.controllers {
            let dir = self.dir.join(format!("c{node}"));
            let mut controller = Controller::prepare(node, fabric, &dir, authority, &hosts)?;
            controller.start()?;
            controllers.insert(node, controller);
        }
        Ok(controllers)
    }
}

fn start_pools(count: u8, hosts: &BTreeMap<HostName, Host>) -> Result<BTreeMap<u8, XapiPool>> {
    let start = |pool: u8| {
        let hosts = hosts.values().filter(|host| host.name().pool == pool);
        Ok((pool, XapiPool::start(pool, hosts)?))
    };
    (1..=count).map(start).collect()
}

/// What the controllers seal passwords of pools with: a secret of this laboratory alone.
fn cluster_key(dir: &Path) -> Result<PathBuf> {
    let file = dir.join("cluster.key");
    fs::write(&file, "5a".repeat(32))
        .and_then(|()| fs::set_permissions(&file, fs::Permissions::from_mode(0o600)))
        .map_err(|source| LabError::io(format!("writing {}", file.display()), source))?;
    Ok(file)
}

/// Certificates for OVSDB over TLS: the hosts' and the controllers' toward them.
#[derive(Debug)]
pub(crate) struct OvsdbAuthority {
    authority: Authority,
    client: Identity,
}

impl OvsdbAuthority {
    fn create(dir: &Path) -> Result<Self> {
        let authority = Authority::create(&dir.join("ovsdb-pki"), "asterism laboratory hosts", Keys::Rsa)?;
        let client = authority.issue("controller", &["controller.asterism".to_owned()], &[])?;
        Ok(Self { authority, client })
    }

    pub(crate) fn issue(&self, name: HostName) -> Result<OvsdbTls> {
        let names = [format!("{}.host.asterism", name.flat())];
        Ok(OvsdbTls {
            identity: self.authority.issue(&name.flat(), &names, &[name.management()])?,
            ciphers: XCP_NG_CIPHERS.to_owned(),
            protocols: XCP_NG_PROTOCOLS.to_owned(),
        })
    }
}
