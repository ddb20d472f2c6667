//! What the pool has its hosts do: the edge between the simulated XAPI and whatever stands for a host.
//!
//! The simulator itself only keeps books. Where there are real hosts (the laboratory's, with Open vSwitch) they are behind a
//! [`HostAgent`]. Its methods run on the thread of the call that needs them, with no lock held: they may block.

use std::{fmt, sync::Mutex};

use crate::failure::Failure;

/// Which host is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentHost {
    /// The uuid of the host's record, also `external_ids:system-id` in its OVSDB.
    pub uuid: String,
    /// The name label that the host was made with.
    pub name: String,
    /// The address that its XAPI answers on.
    pub address: String,
}

/// A bridge that a host is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// Its name, the same on all hosts of the pool.
    pub name: String,
    /// `external_ids:xs-network-uuids`.
    pub network_uuid: String,
    /// `other_config:hwaddr`.
    pub hwaddr: String,
    /// `mtu_request` of the bridge's internal interface.
    pub mtu: i64,
    /// What it stands on.
    pub kind: BridgeKind,
}

/// What a bridge stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BridgeKind {
    /// A network interface of the host, or a bond of several.
    Uplink {
        /// The device of the PIF, `eth0` or `bond0`.
        device: String,
    },
    /// A VLAN of another bridge.
    Vlan {
        /// The bridge of the tagged PIF.
        parent: String,
        /// The VLAN's tag.
        tag: i64,
    },
    /// Tunnels, which the SDN controller adds.
    Tunnel,
    /// Nothing: an internal network of one host.
    Internal,
}

/// A VM's interface on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VifPort {
    /// The port's name, `vif<domid>.<device>`.
    pub name: String,
    /// The bridge that it is plugged into.
    pub bridge: String,
    /// `external_ids:xs-vif-uuid`.
    pub vif_uuid: String,
    /// `external_ids:xs-vm-uuid`.
    pub vm_uuid: String,
    /// `external_ids:xs-network-uuid`.
    pub network_uuid: String,
    /// `external_ids:attached-mac`.
    pub mac: String,
    /// The MTU of the interface.
    pub mtu: i64,
}

/// The SDN controller that a host's Open vSwitch is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SdnController {
    /// Who connects to whom.
    pub mode: SdnMode,
    /// The text of `sdn-controller-ca.pem`, if the host has that file.
    pub authority: Option<String>,
}

/// Who connects to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SdnMode {
    /// Controllers connect to the host: `set-manager pssl:6640`.
    Passive,
    /// The host connects to the one controller: `set-manager ssl:<address>:<port>`.
    Active {
        /// An IPv4 address.
        address: String,
        /// A TCP port.
        port: i64,
    },
}

/// What a host could not do. The call that needed it fails with INTERNAL_ERROR and this text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AgentError(pub String);

/// What really happens on hosts. Everything may be done twice: xapi repeats itself, and so does the simulator.
pub trait HostAgent: Send + Sync + 'static {
    /// Makes a bridge, or sees to it that it is as described.
    ///
    /// # Errors
    /// When the host cannot: the PIF stays unplugged.
    fn bridge_up(&self, _host: &AgentHost, _bridge: &Bridge) -> Result<(), AgentError> {
        Ok(())
    }

    /// Destroys a bridge with all its ports.
    ///
    /// # Errors
    /// When the host cannot: the PIF stays plugged.
    fn bridge_down(&self, _host: &AgentHost, _bridge: &str) -> Result<(), AgentError> {
        Ok(())
    }

    /// Plugs a VM's interface into its bridge.
    ///
    /// # Errors
    /// When the host cannot: the VIF stays unplugged.
    fn vif_up(&self, _host: &AgentHost, _vif: &VifPort) -> Result<(), AgentError> {
        Ok(())
    }

    /// Takes a VM's interface away.
    ///
    /// # Errors
    /// When the host cannot: the VIF stays plugged.
    fn vif_down(&self, _host: &AgentHost, _vif: &VifPort) -> Result<(), AgentError> {
        Ok(())
    }

    /// Tells Open vSwitch of the controller, or that there is none. If it is told so already nothing changes.
    ///
    /// # Errors
    /// When the host cannot. XAPI logs that, and says nothing to its caller.
    fn sdn_controller(
        &self,
        _host: &AgentHost,
        _controller: Option<&SdnController>,
    ) -> Result<(), AgentError> {
        Ok(())
    }

    /// Gives the host `sdn-controller-ca.pem`, or takes it away. Open vSwitch reads the file again when it changes.
    ///
    /// # Errors
    /// When the host cannot. XAPI logs that, and says nothing to its caller.
    fn sdn_authority(&self, _host: &AgentHost, _pem: Option<&str>) -> Result<(), AgentError> {
        Ok(())
    }

    /// Opens or closes UDP 4789 in the host's firewall.
    ///
    /// # Errors
    /// When the host cannot. XAPI logs that, and says nothing to its caller.
    fn vxlan_port(&self, _host: &AgentHost, _is_open: bool) -> Result<(), AgentError> {
        Ok(())
    }

    /// The host stops: what forwards on it stops with it, and its OVSDB is lost.
    fn stopped(&self, _host: &AgentHost) {}

    /// The host starts, with an empty OVSDB. Bridges of its interfaces and the SDN controller follow by the other methods.
    fn started(&self, _host: &AgentHost) {}

    /// Runs a plugin; `None` where the host has no such plugin.
    fn plugin(
        &self,
        _host: &AgentHost,
        _plugin: &str,
        _function: &str,
        _arguments: &[(String, String)],
    ) -> Option<Result<String, Failure>> {
        None
    }
}

/// An agent that succeeds at everything, does nothing, and remembers what it was told.
#[derive(Debug, Default)]
pub struct RecordingAgent(Mutex<Vec<AgentCall>>);

/// What an agent was told to do.
#[derive(Clone, PartialEq, Eq)]
pub struct AgentCall {
    /// The name of the host.
    pub host: String,
    /// What was to be done, and with what: `bridge up xapi0`.
    pub what: String,
}

impl fmt::Debug for AgentCall {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.host, self.what)
    }
}

impl RecordingAgent {
    /// All that it was told, in order.
    pub fn calls(&self) -> Vec<AgentCall> {
        self.0.lock().expect("nobody panics while recording").clone()
    }

    /// What one host was told, in order.
    pub fn calls_to(&self, host: &str) -> Vec<String> {
        self.calls().into_iter().filter(|call| call.host == host).map(|call| call.what).collect()
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.0.lock().expect("nobody panics while recording").clear();
    }

    fn note(&self, host: &AgentHost, what: String) {
        let call = AgentCall { host: host.name.clone(), what };
        self.0.lock().expect("nobody panics while recording").push(call);
    }
}

impl HostAgent for RecordingAgent {
    fn bridge_up(&self, host: &AgentHost, bridge: &Bridge) -> Result<(), AgentError> {
        self.note(host, format!("bridge up {}", bridge.name));
        Ok(())
    }

    fn bridge_down(&self, host: &AgentHost, bridge: &str) -> Result<(), AgentError> {
        self.note(host, format!("bridge down {bridge}"));
        Ok(())
    }

    fn vif_up(&self, host: &AgentHost, vif: &VifPort) -> Result<(), AgentError> {
        self.note(host, format!("vif up {} on {}", vif.name, vif.bridge));
        Ok(())
    }

    fn vif_down(&self, host: &AgentHost, vif: &VifPort) -> Result<(), AgentError> {
        self.note(host, format!("vif down {} on {}", vif.name, vif.bridge));
        Ok(())
    }

    fn sdn_controller(&self, host: &AgentHost, controller: Option<&SdnController>) -> Result<(), AgentError> {
        let what = match controller {
            None => "controller none".to_owned(),
            Some(SdnController { mode: SdnMode::Passive, authority }) => {
                format!("controller pssl, {} CA", if authority.is_some() { "with" } else { "without" })
            }
            Some(SdnController { mode: SdnMode::Active { address, port }, .. }) => {
                format!("controller ssl:{address}:{port}")
            }
        };
        self.note(host, what);
        Ok(())
    }

    fn vxlan_port(&self, host: &AgentHost, is_open: bool) -> Result<(), AgentError> {
        self.note(host, format!("UDP 4789 {}", if is_open { "open" } else { "closed" }));
        Ok(())
    }

    fn stopped(&self, host: &AgentHost) {
        self.note(host, "stopped".to_owned());
    }

    fn started(&self, host: &AgentHost) {
        self.note(host, "started".to_owned());
    }
}
