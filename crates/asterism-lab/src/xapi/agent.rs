//! What a pool has its hosts do, done to the laboratory's: bridges, VIFs' ports, the listener of OVSDB.
//!
//! By `ovs-vsctl` on each host's own socket, as networkd and the plugin of XCP-ng do it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use asterism_xapi_sim::{
    AgentError, AgentHost, Bridge, BridgeKind, HostAgent, SdnController, SdnMode, VifPort,
};

use crate::error::{LabError, Result};
use crate::host::{Host, OvsdbListen};
use crate::netns::Netns;
use crate::nic::Nic;
use crate::pki::OvsdbTls;
use crate::tool::Tool;

/// Seconds after which a database that does not answer is given up.
const TIMEOUT: &str = "--timeout=30";

/// The hands of a pool on its hosts.
#[derive(Debug, Default)]
pub(super) struct LabAgent {
    hosts: Mutex<BTreeMap<String, Hands>>,
    /// The NICs of the pool's VMs, by MAC.
    nics: Mutex<BTreeMap<String, Arc<Nic>>>,
}

/// What it takes to do something on a host.
#[derive(Clone, Debug)]
struct Hands {
    netns: Netns,
    address: SocketAddr,
    dir: PathBuf,
    socket: PathBuf,
    tls: OvsdbTls,
}

impl LabAgent {
    pub fn learn(&self, host: &Host) -> Result<()> {
        let OvsdbListen::AsToldByPool(tls) = host.listens() else {
            return Err(LabError::Invalid { what: format!("{} is of a static pool", host.name()) });
        };
        let hands = Hands {
            netns: host.netns().clone(),
            address: SocketAddr::new(host.name().management().into(), 0),
            dir: host.dir().to_owned(),
            socket: host.database_socket(),
            tls: tls.clone(),
        };
        self.lock().insert(super::label(host.name()), hands);
        Ok(())
    }

    /// A VM with this NIC may be started on the hosts.
    pub fn learn_nic(&self, nic: &Arc<Nic>) {
        self.nics().insert(nic.mac().to_owned(), Arc::clone(nic));
    }

    fn nics(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Nic>>> {
        self.nics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens in the namespace of the host that has the address.
    pub fn bind(&self, address: SocketAddr) -> io::Result<TcpListener> {
        let netns =
            self.lock().values().find(|hands| hands.address.ip() == address.ip()).map(|it| it.netns.clone());
        let netns = netns
            .ok_or_else(|| io::Error::new(io::ErrorKind::AddrNotAvailable, "no host has that address"))?;
        super::bind(&netns, address)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Hands>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hands(&self, host: &AgentHost) -> std::result::Result<Hands, AgentError> {
        self.lock()
            .get(&host.name)
            .cloned()
            .ok_or_else(|| AgentError(format!("there is no host {}", host.name)))
    }

    fn vsctl(&self, host: &AgentHost, line: &str) -> std::result::Result<String, AgentError> {
        self.hands(host)?.vsctl(line).map_err(|error| AgentError(error.chain()))
    }
}

impl Hands {
    fn vsctl(&self, line: &str) -> Result<String> {
        let database = format!("--db=unix:{}", self.socket.display());
        let tool = Tool::new("ovs-vsctl").arg(database).arg(TIMEOUT).arg("--no-wait");
        tool.args(line.split_whitespace()).run(format!("ovs-vsctl in {}", self.netns.name()))
    }

    /// As `openvswitch-config-update` does, and nothing if it is so already.
    fn listen(&self, authority: Option<&str>) -> Result<()> {
        const MANAGER: &str = "pssl:6640";
        let file = self.keep(authority)?;
        if self.vsctl("get-manager")?.lines().any(|manager| manager == MANAGER) {
            return Ok(());
        }
        let (key, cert) = (self.tls.identity.key.display(), self.tls.identity.cert.display());
        self.vsctl("emer-reset")?;
        let line = format!(
            "del-manager -- del-ssl -- set-ssl {key} {cert} {} -- set-manager {MANAGER}",
            file.display()
        );
        self.vsctl(&line).map(drop)
    }

    /// Keeps the CA of SDN controllers where Open vSwitch looks for it.
    fn keep(&self, authority: Option<&str>) -> Result<PathBuf> {
        let file = super::authority_file(&self.dir);
        if let Some(pem) = authority {
            fs::write(&file, pem)
                .map_err(|source| LabError::io(format!("writing {}", file.display()), source))?;
        }
        Ok(file)
    }

    fn listen_no_more(&self) -> Result<()> {
        self.vsctl("del-manager -- del-ssl").map(drop)
    }
}

impl HostAgent for LabAgent {
    fn bridge_up(&self, host: &AgentHost, bridge: &Bridge) -> std::result::Result<(), AgentError> {
        let Bridge { name, network_uuid, hwaddr, mtu, kind } = bridge;
        let mark = format!("set Bridge {name} external_ids:xs-network-uuids={network_uuid}");
        match kind {
            // The laboratory has made the transport's with the host, and gives the management's none.
            BridgeKind::Uplink { device } if device == "eth0" => self.vsctl(host, &format!("--if-exists {mark}")),
            BridgeKind::Uplink { .. } => Ok(String::new()),
            BridgeKind::Vlan { .. } => Err(AgentError("the laboratory's hosts have no VLANs".into())),
            BridgeKind::Tunnel | BridgeKind::Internal => self.vsctl(
                host,
                &format!(
                    "--may-exist add-br {name} -- set Bridge {name} datapath_type=netdev fail_mode=standalone \
                     other_config:hwaddr={hwaddr} -- {mark} -- set Interface {name} mtu_request={mtu}"
                ),
            ),
        }
        .map(drop)
    }

    fn bridge_down(&self, host: &AgentHost, bridge: &str) -> std::result::Result<(), AgentError> {
        self.vsctl(host, &format!("--if-exists del-br {bridge}")).map(drop)
    }

    fn vif_up(&self, host: &AgentHost, vif: &VifPort) -> std::result::Result<(), AgentError> {
        let VifPort { name, bridge, vif_uuid, vm_uuid, network_uuid, mac, mtu: _ } = vif;
        let nic = self.nics().get(mac).cloned();
        let nic = nic.ok_or_else(|| AgentError(format!("no VM of the laboratory has the MAC {mac}")))?;
        // In a live migration this is the moment in which the VM stops there and goes on here.
        nic.move_to(&self.hands(host)?.netns, name).map_err(|error| AgentError(error.chain()))?;
        let line = format!(
            "--may-exist add-port {bridge} {name} -- set Interface {name} external_ids:xs-vif-uuid={vif_uuid} \
             external_ids:xs-vm-uuid={vm_uuid} external_ids:xs-network-uuid={network_uuid} \
             external_ids:attached-mac=\"{mac}\""
        );
        self.vsctl(host, &line).map(drop)
    }

    fn vif_down(&self, host: &AgentHost, vif: &VifPort) -> std::result::Result<(), AgentError> {
        self.vsctl(host, &format!("--if-exists del-port {}", vif.name)).map(drop)
    }

    fn sdn_authority(&self, host: &AgentHost, pem: Option<&str>) -> std::result::Result<(), AgentError> {
        self.hands(host)?.keep(pem).map(drop).map_err(|error| AgentError(error.chain()))
    }

    fn sdn_controller(
        &self,
        host: &AgentHost,
        controller: Option<&SdnController>,
    ) -> std::result::Result<(), AgentError> {
        let hands = self.hands(host)?;
        let done = match controller {
            Some(SdnController { mode: SdnMode::Passive, authority }) => hands.listen(authority.as_deref()),
            // The laboratory has no controllers of others to dial.
            Some(SdnController { mode: SdnMode::Active { .. }, .. }) | None => hands.listen_no_more(),
        };
        done.map_err(|error| AgentError(error.chain()))
    }
}
