//! Measuring: pings, probes, broadcasts, rows and transactions, over the whole laboratory.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Lab;
use crate::address::HostName;
use crate::ears::Ears;
use crate::error::Result;
use crate::host::HostState;
use crate::probe::{Endpoint, Probe, ProbePlan};
use crate::rows::{Journal, JournalEntry, RowDiff, RowSnapshot};
use crate::wait::until;

/// Rows of all living hosts, at one moment.
pub type AllRows = BTreeMap<HostName, RowSnapshot>;

impl Lab {
    /// Waits until one VM pings another.
    ///
    /// # Errors
    /// [`crate::LabError::Deadline`] when it does not come to that.
    pub fn wait_for_ping(&self, from: &str, to: &str, deadline: Duration) -> Result<()> {
        let (from_vm, to_vm) = (self.vm(from)?, self.vm(to)?);
        until(format!("{from} pings {to}"), deadline, || match from_vm.netns().ping(to_vm.address().into()) {
            Ok(true) => Ok(()),
            Ok(false) => Err("no answer".into()),
            Err(error) => Err(error.chain()),
        })
    }

    /// Starts constant probing; it goes on until the returned value is dropped.
    ///
    /// # Errors
    /// When the plan names an unknown VM.
    pub fn probe(&self, plan: &ProbePlan) -> Result<Probe> {
        let endpoints: Vec<_> = self
            .vms
            .values()
            .filter(|vm| plan.flows().iter().any(|flow| flow.from == vm.name() || flow.to == vm.name()))
            .map(|vm| Endpoint { name: vm.name().into(), netns: vm.netns().clone(), address: vm.address() })
            .collect();
        Probe::start(plan, &endpoints)
    }

    /// Opens ears in the named VMs.
    ///
    /// # Errors
    /// When there is no such VM.
    pub fn ears(&self, vms: &[&str]) -> Result<Ears> {
        Ears::open(vms.iter().map(|name| self.vm(name)).collect::<Result<Vec<_>>>()?)
    }

    /// Rows of all running hosts.
    ///
    /// # Errors
    /// When one of them does not answer.
    pub fn rows(&self) -> Result<AllRows> {
        let running = self.hosts.values().filter(|host| host.state() == HostState::Running);
        running.map(|host| Ok((host.name(), host.rows()?))).collect()
    }

    /// What changed on each host since `before`, fences apart. Hosts that were not there or do not run are left out.
    ///
    /// # Errors
    /// When a host does not answer.
    pub fn rows_changed_since(&self, before: &AllRows) -> Result<Vec<RowDiff>> {
        let after = self.rows()?;
        let pairs = after.iter().filter_map(|(name, after)| Some((before.get(name)?, after)));
        Ok(pairs.map(|(old, new)| old.diff(new).without_fence()).filter(|diff| !diff.is_empty()).collect())
    }

    /// The transaction logs of all running hosts.
    ///
    /// # Errors
    /// When a database file cannot be read.
    pub fn journals(&self) -> Result<BTreeMap<HostName, Journal>> {
        let running = self.hosts.values().filter(|host| host.state() == HostState::Running);
        running.map(|host| Ok((host.name(), host.journal()?))).collect()
    }

    /// Transactions since `before` that somebody other than the switch itself made, claims of a leader apart.
    /// Hosts whose database was made anew are left out.
    ///
    /// # Errors
    /// When a database file cannot be read.
    pub fn writes_since(
        &self,
        before: &BTreeMap<HostName, Journal>,
    ) -> Result<Vec<(HostName, JournalEntry)>> {
        let mut writes = Vec::new();
        for (name, after) in self.journals()? {
            let Some(Ok(entries)) = before.get(&name).map(|earlier| after.since(earlier)) else { continue };
            let written = entries.iter().filter(|entry| !entry.is_of_switch() && !entry.is_fence_only());
            writes.extend(written.map(|entry| (name, entry.clone())));
        }
        Ok(writes)
    }
}
