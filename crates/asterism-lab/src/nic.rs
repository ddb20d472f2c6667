//! The NIC of a VM: `eth0` inside, and the host's end, which stands in one namespace at a time, under one name.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fs, io};

use crate::error::{LabError, Result};
use crate::netns::Netns;
use crate::tool::Tool;
use crate::vm::Cidr;

/// The name of the host's end before it was plugged in anywhere.
const UNPLUGGED: &str = "unplugged";

/// Whether ARP entries are dropped when the carrier goes; Linux 5.16 and later.
const KEEP_NEIGHBOURS: &str = "/proc/sys/net/ipv4/conf/eth0/arp_evict_nocarrier";

/// A pair of virtual Ethernet devices, one of them the VM's.
#[derive(Debug)]
pub(crate) struct Nic {
    mac: String,
    /// Where the host's end is.
    end: Mutex<End>,
}

#[derive(Clone, Debug)]
struct End {
    netns: Netns,
    device: String,
}

impl Nic {
    /// Makes it, with the host's end in the VM's namespace at first.
    pub fn build(vm: &Netns, mac: String, cidr: Cidr, mtu: u16) -> Result<Self> {
        let lines = format!(
            "link add eth0 mtu {mtu} address {mac} type veth peer name {UNPLUGGED} mtu {mtu}\n\
             addr add {cidr} broadcast {} dev eth0\nlink set eth0 up\n",
            cidr.broadcast()
        );
        vm.ip("making the NIC", lines)?;
        // Checksums left to a NIC that does not exist never get written: pings would pass, TCP would hang.
        Tool::new("ethtool").args(["-K", "eth0", "tx", "off"]).inside(vm).run("turning offload off")?;
        // A guest that is moved keeps its neighbours: its driver goes on elsewhere, and no cable was pulled. Here one is.
        match vm.enter(|| fs::write(KEEP_NEIGHBOURS, "0")).and_then(|written| written) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(LabError::io(format!("writing {KEEP_NEIGHBOURS}"), error));
            }
            // An older kernel: a moved VM asks for its peers anew, which may take it a second.
            Ok(()) | Err(_) => {}
        }
        let end = End { netns: vm.clone(), device: UNPLUGGED.to_owned() };
        Ok(Self { mac, end: Mutex::new(end) })
    }

    pub fn mac(&self) -> &str {
        &self.mac
    }

    /// Puts the host's end into a namespace, under this name, and up. Where it was before it is no more.
    pub fn move_to(&self, netns: &Netns, device: &str) -> Result<()> {
        let mut end = self.end();
        if (end.netns.name(), end.device.as_str()) != (netns.name(), device) {
            let line = if end.netns.name() == netns.name() {
                format!("link set {} down\nlink set {} name {device}\n", end.device, end.device)
            } else {
                format!("link set {} netns {} name {device}\n", end.device, netns.name())
            };
            end.netns.ip("moving a NIC", line)?;
            *end = End { netns: netns.clone(), device: device.to_owned() };
        }
        netns.ip("bringing up a VM's port", format!("link set {device} up\n"))
    }

    fn end(&self) -> MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
