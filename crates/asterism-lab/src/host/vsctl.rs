//! What an administrator does on a host by hand: `ovs-vsctl` on the local socket.
//!
//! The laboratory uses it for what is *not* the controllers' (VM ports, hand-made tunnels in tests), never for their rows.

use std::time::Duration;

use asterism_model::{NetworkId, target::bridge_name};

use crate::error::Result;
use crate::host::Host;
use crate::rows::FENCE_KEY;
use crate::tool::Tool;
use crate::wait::until;

/// Seconds after which `ovs-vsctl` gives up on a database or switch that does not answer.
const TIMEOUT: &str = "--timeout=30";

/// A private bridge, by its name or by the network whose mark it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BridgeRef {
    /// By the bridge's own name.
    Named(String),
    /// The bridge of this network: made by the controllers, `external_ids:asterism-network=<id>`, or by the host's pool under
    /// the network's name.
    OfNetwork(u32),
}

/// `ovs-vsctl` of one host.
#[derive(Debug)]
pub struct Vsctl<'a> {
    host: &'a Host,
}

impl<'a> Vsctl<'a> {
    pub(super) fn new(host: &'a Host) -> Self {
        Self { host }
    }

    /// Runs a command line (split at blanks) and waits until the switch has taken it up.
    ///
    /// # Errors
    /// As `ovs-vsctl` words it; or when it does not answer in 30 s.
    pub fn run(&self, line: &str) -> Result<String> {
        self.tool().args(line.split_whitespace()).run(format!("ovs-vsctl on {}", self.host.name))
    }

    /// The same without waiting for the switch, which may not run.
    pub(super) fn run_without_switch(&self, line: &str) -> Result<String> {
        let tool = self.tool().arg("--no-wait").args(line.split_whitespace());
        tool.run(format!("ovs-vsctl on {}", self.host.name))
    }

    /// Adds a private bridge by hand.
    ///
    /// # Errors
    /// As [`Vsctl::run`].
    pub fn add_bridge(&self, bridge: &str) -> Result<()> {
        self.run(&format!("add-br {bridge} -- set Bridge {bridge} datapath_type=netdev")).map(drop)
    }

    /// Adds a tunnel by hand: `kind` is vxlan, gre or geneve.
    ///
    /// # Errors
    /// As [`Vsctl::run`].
    pub fn add_tunnel(&self, bridge: &str, port: &str, kind: &str, peer: &Host, key: u32) -> Result<()> {
        let (local, remote) = (self.host.name.transport(), peer.name.transport());
        self.run(&format!(
            "add-port {bridge} {port} -- set Interface {port} type={kind} options:remote_ip={remote} \
             options:local_ip={local} options:key={key}"
        ))
        .map(drop)
    }

    /// Waits for a bridge and gives its name.
    ///
    /// # Errors
    /// [`crate::LabError::Deadline`] when it is not there in time.
    pub fn wait_for_bridge(&self, bridge: &BridgeRef, deadline: Duration) -> Result<String> {
        until(format!("the bridge {bridge:?} on {}", self.host.name), deadline, || self.find(bridge))
    }

    /// Name of the bridge of a network, if there is one.
    ///
    /// # Errors
    /// As [`Vsctl::run`].
    pub fn bridge_of(&self, network: u32) -> Result<Option<String>> {
        let name = bridge_name(NetworkId(network));
        let ours = format!("--columns=name find Bridge external_ids:asterism-network={network}");
        let of_pool = format!("--columns=name find Bridge name={name}");
        let found = self.run_without_switch(&format!("--bare {ours} -- {of_pool}"))?;
        Ok(found.lines().find(|line| !line.is_empty()).map(str::to_owned))
    }

    /// The fence that the last leader left, as it stands in the root row; `None` where no leader came yet.
    ///
    /// # Errors
    /// As [`Vsctl::run`].
    pub fn fence(&self) -> Result<Option<String>> {
        let text =
            self.run_without_switch(&format!("--if-exists get Open_vSwitch . external_ids:{FENCE_KEY}"))?;
        let text = text.trim().trim_matches('"');
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    /// Names of all bridges.
    ///
    /// # Errors
    /// As [`Vsctl::run`].
    pub fn bridges(&self) -> Result<Vec<String>> {
        Ok(self.run("list-br")?.lines().map(str::to_owned).collect())
    }

    fn find(&self, bridge: &BridgeRef) -> Result<String, String> {
        let found = match bridge {
            BridgeRef::Named(name) => self
                .run_without_switch("list-br")
                .map(|names| names.lines().find(|bridge| bridge == name).map(str::to_owned)),
            BridgeRef::OfNetwork(id) => self.bridge_of(*id),
        };
        found.map_err(|error| error.chain())?.ok_or_else(|| "no such bridge".into())
    }

    fn tool(&self) -> Tool {
        let database = format!("--db=unix:{}", self.host.database_socket().display());
        Tool::new("ovs-vsctl").arg(database).arg(TIMEOUT)
    }
}
