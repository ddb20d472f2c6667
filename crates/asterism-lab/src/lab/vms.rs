//! VMs: made, plugged in by whoever does so on their host, moved.

use super::{Lab, unknown};
use crate::address::HostName;
use crate::error::{LabError, Result};
use crate::host::HostState;
use crate::vm::{Vm, VmSpec};

impl Lab {
    pub fn vms(&self) -> impl Iterator<Item = &Vm> {
        self.vms.values()
    }

    /// # Errors
    /// [`LabError::Unknown`] with the names that there are.
    pub fn vm(&self, name: &str) -> Result<&Vm> {
        self.vms.get(name).ok_or_else(|| unknown("VM", name, self.vms.keys()))
    }

    /// Makes a VM and plugs it in; waits up to 60 s for its bridge, or for its pool to be able to start it.
    ///
    /// # Errors
    /// When name, host or bridge do not fit.
    pub fn add_vm(&mut self, spec: VmSpec) -> Result<()> {
        let name = spec.name.clone();
        if self.vms.contains_key(&name) {
            return Err(LabError::Invalid { what: format!("there is a VM named {name} already") });
        }
        self.host(spec.host)?;
        self.vms_made += 1;
        let vm = Vm::build(spec, self.vms_made)?;
        self.plug(&vm)?;
        self.vms.insert(name, vm);
        Ok(())
    }

    /// Moves a running VM to another host, of whatever pool: a live migration within a pool behind a XAPI, else unplugged here
    /// and plugged in there. It ends with a broadcast of the VM's, which tells the switches where it is, as a guest's driver does.
    ///
    /// # Errors
    /// When there is no such VM or host, or the private network does not reach there within 60 s: it is looked for before
    /// anything is unplugged.
    pub fn move_vm(&mut self, name: &str, to: HostName) -> Result<()> {
        let Some(mut vm) = self.vms.remove(name) else { return Err(unknown("VM", name, self.vms.keys())) };
        let moved = self.relocate(&mut vm, to);
        self.vms.insert(name.to_owned(), vm);
        moved
    }

    /// Plugs the VMs of a host in again whose ports were lost (a reboot), or which were stopped; waits up to 60 s for each.
    ///
    /// # Errors
    /// When a bridge does not come back.
    pub fn replug_vms(&self, name: HostName) -> Result<()> {
        self.host(name)?;
        self.vms.values().filter(|vm| vm.host() == name).try_for_each(|vm| self.plug(vm))
    }

    /// Stops the VMs of a host, so that nothing is plugged in there any more.
    ///
    /// # Errors
    /// When the host's database does not answer.
    pub fn unplug_vms(&self, name: HostName) -> Result<()> {
        self.host(name)?;
        self.vms.values().filter(|vm| vm.host() == name).try_for_each(|vm| self.unplug(vm))
    }

    fn relocate(&self, vm: &mut Vm, to: HostName) -> Result<()> {
        let (from, target) = (vm.host(), self.host(to)?);
        match self.xapi.get(&to.pool) {
            Some(pool) if from.pool == to.pool => pool.migrate_vm(vm, to)?,
            Some(pool) => {
                pool.wait_for_network(vm, to)?;
                self.unplug(vm)?;
                pool.start_vm(vm, to)?;
            }
            None => {
                target.vsctl().wait_for_bridge(&vm.spec().bridge, crate::vm::BRIDGE_DEADLINE)?;
                self.unplug(vm)?;
                vm.plug(target)?;
            }
        }
        vm.now_on(to);
        vm.announce()
    }

    fn plug(&self, vm: &Vm) -> Result<()> {
        match self.xapi.get(&vm.host().pool) {
            Some(pool) => pool.start_vm(vm, vm.host()),
            None => vm.plug(self.host(vm.host())?),
        }
    }

    fn unplug(&self, vm: &Vm) -> Result<()> {
        let host = self.host(vm.host())?;
        match self.xapi.get(&vm.host().pool) {
            Some(pool) => pool.stop_vm(vm),
            None if host.state() == HostState::Running => vm.unplug(host),
            None => Ok(()),
        }
    }
}
