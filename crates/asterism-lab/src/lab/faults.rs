//! Every fault by name: of hosts, of cables, of a controller's reach. Each has its way back.

use std::net::Ipv4Addr;

use super::Lab;
use crate::address::{self, HostName};
use crate::error::Result;
use crate::fabric::{Loss, Underlay};
use crate::host::Daemons;
use crate::xapi;

impl Lab {
    /// A host dies as by a power failure: both cables pulled, then both daemons killed. In this order, since a machine without
    /// power closes no connections.
    ///
    /// # Errors
    /// When there is no such host.
    pub fn kill_host(&mut self, name: HostName) -> Result<()> {
        Underlay::BOTH.into_iter().try_for_each(|underlay| self.cut(name, underlay))?;
        self.host_mut(name)?.kill();
        if let Some(pool) = self.xapi.get(&name.pool) {
            pool.simulator().crash_host(&xapi::label(name));
        }
        Ok(())
    }

    /// A dead host comes back with the database that it had; one of a pool behind a XAPI with an empty one, as it keeps it in
    /// memory.
    ///
    /// # Errors
    /// When it is not dead, or does not start.
    pub fn revive_host(&mut self, name: HostName) -> Result<()> {
        if self.xapi.contains_key(&name.pool) {
            return self.boot(name);
        }
        Underlay::BOTH.into_iter().try_for_each(|underlay| self.restore(name, underlay))?;
        self.host_mut(name)?.start()
    }

    /// A host reboots as XCP-ng does: its database comes back empty but for the transport bridge. Its VMs stay unplugged
    /// until [`Lab::replug_vms`].
    ///
    /// # Errors
    /// When it does not come back.
    pub fn reboot_host(&mut self, name: HostName) -> Result<()> {
        if let Some(pool) = self.xapi.get(&name.pool) {
            // In good order: the pool knows before it happens.
            pool.simulator().shut_down_host(&xapi::label(name));
        }
        Underlay::BOTH.into_iter().try_for_each(|underlay| self.cut(name, underlay))?;
        self.host_mut(name)?.kill();
        self.boot(name)
    }

    /// A host is taken out of its pool, its VMs stopped: it reboots as the master of a pool of its own, with the same password,
    /// and its switch knows of nothing any more.
    ///
    /// # Errors
    /// When its pool is a static one, or it does not come back.
    pub fn eject_host(&mut self, name: HostName) -> Result<()> {
        self.unplug_vms(name)?;
        self.xapi(name.pool)?.simulator().eject_host(&xapi::label(name));
        self.host_mut(name)?.reboot()
    }

    /// A host starts with an empty database; its pool, if it is behind a XAPI, sees to its bridges.
    fn boot(&mut self, name: HostName) -> Result<()> {
        Underlay::BOTH.into_iter().try_for_each(|underlay| self.restore(name, underlay))?;
        self.host_mut(name)?.reboot()?;
        if let Some(pool) = self.xapi.get(&name.pool) {
            pool.simulator().boot_host(&xapi::label(name));
        }
        Ok(())
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

    /// Ends the losses that `which` chooses.
    ///
    /// # Errors
    /// When nftables refuses.
    pub fn end_losses(&mut self, which: impl Fn(&Loss) -> bool) -> Result<()> {
        self.fabric.end_losses(which)
    }

    /// Cuts a controller off from everybody.
    ///
    /// # Errors
    /// When there is no such controller.
    pub fn isolate_controller(&mut self, node: u8) -> Result<()> {
        self.fabric.pull(&self.node(&controller_node(node))?, Underlay::Management)
    }

    /// Cuts a controller off from the other controllers, both ways. Hosts and the operator still reach it, and it them.
    ///
    /// # Errors
    /// When there is no such controller.
    pub fn part_controller(&mut self, node: u8) -> Result<()> {
        let parted = self.node(&controller_node(node))?;
        let others: Vec<u8> = self.controllers.keys().copied().filter(|other| *other != node).collect();
        for other in others {
            self.lose(silence(parted.clone(), address::controller(other)))?;
            self.lose(silence(controller_node(other), address::controller(node)))?;
        }
        Ok(())
    }

    /// Lets vanish what a controller sends to the hosts. What it has sent already and is not acknowledged stays with its
    /// kernel, which repeats it until it arrives: a write that is under way for as long as one likes.
    ///
    /// # Errors
    /// When there is no such controller.
    pub fn hold_back_writes(&mut self, node: u8) -> Result<()> {
        let node = self.node(&controller_node(node))?;
        let hosts: Vec<HostName> = self.hosts.keys().copied().collect();
        hosts.into_iter().try_for_each(|host| self.lose(silence(node.clone(), host.management())))
    }

    /// Lets through what [`Lab::hold_back_writes`] held back.
    ///
    /// # Errors
    /// When nftables refuses.
    pub fn release_writes(&mut self, node: u8) -> Result<()> {
        let hosts: Vec<HostName> = self.hosts.keys().copied().collect();
        let held: Vec<Loss> =
            hosts.iter().map(|host| silence(controller_node(node), host.management())).collect();
        self.end_losses(|loss| held.contains(loss))
    }

    /// Plugs a controller in again, and ends all losses from and to it.
    ///
    /// # Errors
    /// When there is no such controller.
    pub fn rejoin_controller(&mut self, node: u8) -> Result<()> {
        let name = self.node(&controller_node(node))?;
        let address = address::controller(node);
        self.fabric.end_losses(|loss| {
            loss.touches(&name) || matches!(loss, Loss::Between { to, .. } if *to == address)
        })?;
        self.fabric.put_back(&name, Underlay::Management)
    }
}

fn controller_node(node: u8) -> String {
    format!("c{node}")
}

/// One node's frames to one address on the management network vanish.
fn silence(node: String, to: Ipv4Addr) -> Loss {
    Loss::Between { node, underlay: Underlay::Management, to }
}
