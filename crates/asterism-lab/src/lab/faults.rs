//! Every fault by name: of hosts, of cables, of a controller's reach. Each has its way back.

use super::Lab;
use crate::address::HostName;
use crate::error::Result;
use crate::fabric::{Loss, Underlay};
use crate::host::Daemons;

impl Lab {
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
}
