//! VMs of a pool behind a XAPI: records of the pool, started, stopped and moved by its calls. Their ports are its doing.

use asterism_model::{NetworkId, target::bridge_name};
use asterism_xapi_sim::{Database, Failure, Value};

use super::{XapiPool, label};
use crate::address::HostName;
use crate::error::{LabError, Result};
use crate::host::BridgeRef;
use crate::vm::{BRIDGE_DEADLINE, Vm};
use crate::wait::until;

impl XapiPool {
    /// Starts a VM on a host, with its VIF in the network of its bridge; leaves one that runs there alone. Waits until the
    /// network reaches the host.
    ///
    /// # Errors
    /// When that does not come within 60 s, or the VM does not start.
    pub(crate) fn start_vm(&self, vm: &Vm, host: HostName) -> Result<()> {
        let network = self.wait_for_network(vm, host)?;
        self.agent.learn_nic(vm.nic());
        self.register(vm, &network);
        let (database, name) = (self.simulator.database(), label(host));
        let record = self.simulator.vm(vm.name());
        let state = database.text("VM", &record, "power_state");
        if state == "Running" && database.text("VM", &record, "resident_on") == self.simulator.host(&name) {
            return Ok(());
        }
        let started = self.simulator.start_vm(vm.name(), &name);
        started.map_err(|failure| failed(vm, "starting", failure))
    }

    /// Stops a VM, if it runs.
    ///
    /// # Errors
    /// When its port stays.
    pub(crate) fn stop_vm(&self, vm: &Vm) -> Result<()> {
        let record = self.simulator.vm(vm.name());
        if self.simulator.database().text("VM", &record, "power_state") != "Running" {
            return Ok(());
        }
        self.simulator.stop_vm(vm.name()).map_err(|failure| failed(vm, "stopping", failure))
    }

    /// Moves a running VM within the pool.
    ///
    /// # Errors
    /// When the network does not reach the host within 60 s, or the move fails.
    pub(crate) fn migrate_vm(&self, vm: &Vm, to: HostName) -> Result<()> {
        self.wait_for_network(vm, to)?;
        let moved = self.simulator.migrate_vm(vm.name(), &label(to));
        moved.map_err(|failure| failed(vm, "moving", failure))
    }

    /// Waits until the pool has the VM's network, with a PIF on the host, and answers the network's reference.
    ///
    /// # Errors
    /// When that does not come within 60 s.
    pub(crate) fn wait_for_network(&self, vm: &Vm, host: HostName) -> Result<String> {
        let bridge = match &vm.spec().bridge {
            BridgeRef::Named(name) => name.clone(),
            BridgeRef::OfNetwork(id) => bridge_name(NetworkId(*id)),
        };
        until(format!("the network of {bridge} on {host}"), BRIDGE_DEADLINE, || {
            let database = self.simulator.database();
            let network = database.find("network", "bridge", &Value::text(&bridge));
            let network = network.ok_or_else(|| format!("p{} has no such network", host.pool))?;
            let (record, pifs) =
                (self.simulator.host(&label(host)), database.texts("network", &network, "PIFs"));
            let is_local = |pif: &String| database.text("PIF", pif, "host") == record;
            if pifs.iter().any(is_local) { Ok(network) } else { Err("it has no PIF there".into()) }
        })
    }

    /// Sees to it that the pool has a record of the VM, with a VIF in this network.
    fn register(&self, vm: &Vm, network: &str) {
        if self.simulator.database().find_by_name("VM", vm.name()).is_none() {
            self.simulator.create_vm(vm.name(), &[]);
        }
        let record = self.simulator.vm(vm.name());
        let has_vif = |database: &Database| {
            let vifs = database.texts("VM", &record, "VIFs");
            vifs.iter().any(|vif| database.text("VIF", vif, "network") == network)
        };
        if !has_vif(&self.simulator.database()) {
            self.simulator.create_vif(&record, network, Some(vm.nic().mac()));
        }
    }
}

fn failed(vm: &Vm, doing: &str, failure: Failure) -> LabError {
    LabError::Xapi { what: format!("{doing} {}", vm.name()), source: Box::new(failure) }
}
