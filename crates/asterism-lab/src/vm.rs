//! A virtual machine: a network namespace with one NIC, plugged into a private bridge of a host.
//!
//! Its port on the bridge is a row that is not the controllers': on a host of a static pool it is made here with `ovs-vsctl`, on
//! one behind a XAPI by the pool ([`crate::xapi`]). A move to another host keeps the VM's namespace, MAC, address and open
//! sockets.

use std::fmt;
use std::net::{Ipv4Addr, UdpSocket};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::address::{HostName, vm_mac};
use crate::error::{LabError, Result};
use crate::host::BridgeRef;
use crate::host::Host;
use crate::netns::Netns;
use crate::nic::Nic;

/// Time that a private bridge may take to appear on the VM's host.
pub(crate) const BRIDGE_DEADLINE: Duration = Duration::from_secs(60);
/// Fits into VXLAN, GRE and Geneve over an underlay of 1500, with room for IPsec.
pub const MTU_DEFAULT: u16 = 1400;

/// An IPv4 address with its prefix length, `192.168.7.1/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    pub address: Ipv4Addr,
    pub prefix: u8,
}

impl Cidr {
    pub const fn new(address: Ipv4Addr, prefix: u8) -> Self {
        Self { address, prefix }
    }

    /// The address that reaches everybody in the subnet.
    pub fn broadcast(self) -> Ipv4Addr {
        let host_bits = u32::MAX.checked_shr(u32::from(self.prefix)).unwrap_or(0);
        Ipv4Addr::from_bits(self.address.to_bits() | host_bits)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl FromStr for Cidr {
    type Err = LabError;

    fn from_str(text: &str) -> Result<Self> {
        let parse = || {
            let (address, prefix) = text.split_once('/')?;
            let prefix = prefix.parse().ok().filter(|prefix| (1..=30).contains(prefix))?;
            Some(Self { address: address.parse().ok()?, prefix })
        };
        parse().ok_or_else(|| LabError::Invalid {
            what: format!("{text} is no address with prefix: valid is such as 192.168.7.1/24"),
        })
    }
}

/// What a VM is to be.
#[derive(Clone, Debug)]
pub struct VmSpec {
    /// Lower-case letters, digits and dashes; at most 11 bytes.
    pub name: String,
    pub host: HostName,
    /// The private network, by its label: VMs of one label are probed with one another.
    pub network: String,
    pub bridge: BridgeRef,
    pub cidr: Cidr,
    /// Bytes of an IP packet that leave its NIC in one piece.
    pub mtu: u16,
}

/// A VM that exists.
#[derive(Debug)]
pub struct Vm {
    spec: VmSpec,
    netns: Netns,
    nic: Arc<Nic>,
}

impl Vm {
    /// Makes the VM, plugged in nowhere. `number` makes its MAC.
    ///
    /// # Errors
    /// When the name does not fit.
    pub(crate) fn build(spec: VmSpec, number: u16) -> Result<Self> {
        check_name(&spec.name)?;
        let netns = Netns::create(&format!("vm-{}", spec.name))?;
        let nic = Arc::new(Nic::build(&netns, vm_mac(number), spec.cidr, spec.mtu)?);
        Ok(Self { spec, netns, nic })
    }

    pub fn name(&self) -> &str {
        &self.spec.name
    }

    pub fn spec(&self) -> &VmSpec {
        &self.spec
    }

    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    pub fn host(&self) -> HostName {
        self.spec.host
    }

    pub fn address(&self) -> Ipv4Addr {
        self.spec.cidr.address
    }

    pub(crate) fn nic(&self) -> &Arc<Nic> {
        &self.nic
    }

    /// It runs on another host from now on.
    pub(crate) fn now_on(&mut self, host: HostName) {
        self.spec.host = host;
    }

    /// Plugs it in on a host of a static pool, once its bridge is there.
    ///
    /// # Errors
    /// When the bridge is not there within 60 s.
    pub(crate) fn plug(&self, host: &Host) -> Result<()> {
        let (port, bridge) = (self.port(), host.vsctl().wait_for_bridge(&self.spec.bridge, BRIDGE_DEADLINE)?);
        self.nic.move_to(host.netns(), &port)?;
        host.vsctl().run(&format!("--may-exist add-port {bridge} {port}")).map(drop)
    }

    /// Takes its port on a host of a static pool away.
    ///
    /// # Errors
    /// When the host's database does not answer.
    pub(crate) fn unplug(&self, host: &Host) -> Result<()> {
        host.vsctl().run(&format!("--if-exists del-port {}", self.port())).map(drop)
    }

    /// Name of its port on a bridge of a static pool.
    fn port(&self) -> String {
        format!("vm-{}", self.spec.name)
    }

    /// Sends one broadcast, so that every switch learns where its MAC is.
    ///
    /// # Errors
    /// When the frame cannot be sent.
    pub fn announce(&self) -> Result<()> {
        const DISCARD: u16 = 9; // RFC 863: nobody answers
        let to = (self.spec.cidr.broadcast(), DISCARD);
        self.netns
            .enter(|| {
                let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
                socket.set_broadcast(true)?;
                socket.send_to(b"here", to).map(drop)
            })
            .and_then(|sent| sent)
            .map_err(|source| LabError::io(format!("announcing {}", self.spec.name), source))
    }
}

fn check_name(name: &str) -> Result<()> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=11).contains(&name.len()) && name.bytes().all(fits) {
        return Ok(());
    }
    Err(LabError::Invalid {
        what: format!("{name:?} is no name for a VM: 1 to 11 lower-case letters, digits and dashes"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_knows_its_broadcast_address() {
        let cidr: Cidr = "192.168.7.1/24".parse().unwrap();
        assert_eq!(cidr.broadcast(), Ipv4Addr::new(192, 168, 7, 255));
        assert_eq!("10.1.2.3/20".parse::<Cidr>().unwrap().broadcast(), Ipv4Addr::new(10, 1, 15, 255));
    }

    #[test]
    fn a_name_too_long_for_an_interface_is_refused() {
        assert!(check_name("web-1").is_ok());
        assert!(check_name("a-very-long-name").is_err());
        assert!(check_name("Web").is_err());
    }
}
