//! The stage of the demonstration: the laboratory, its VMs, the probing that never stops, and the measuring around an event.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use asterism_lab::probe::{Flow, Mark, Probe, ProbePlan, ProbeReport};
use asterism_lab::rows::{Journal, RowDiff};
use asterism_lab::{AllRows, BridgeRef, Cidr, HostName, HostState, Lab, LabBuilder, MTU_DEFAULT, VmSpec};

/// The cross-pool network, VXLAN.
pub(super) const BLUE: &str = "blue";
/// The pool-wide network, GRE, with the same addresses in its VMs.
pub(super) const GREEN: &str = "green";
/// The pool of the pool-wide network.
pub(super) const GREEN_POOL: u8 = 2;
/// Time between two probes of a pair.
pub(super) const TICK: Duration = Duration::from_millis(10);
/// How long nothing may be lost before a network counts as healed: many times BFD's and OVSDB's own delays.
pub(super) const CALM: Duration = Duration::from_secs(1);
/// Longest that anything in this story may take before it counts as not coming at all.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Stage {
    pub(super) lab: Lab,
    probe: Option<Probe>,
    /// The host that died last and is to return.
    pub(super) dead: Option<HostName>,
}

/// How things stood before an event.
pub(super) struct Before {
    mark: Mark,
    rows: AllRows,
    journals: BTreeMap<HostName, Journal>,
}

/// Tells the audience; the table on standard output comes last.
pub(super) fn say(text: &str) {
    eprintln!("{text}");
}

impl Stage {
    pub(super) fn build(builder: LabBuilder) -> Result<Self> {
        let lab = builder.build().context("building the laboratory")?;
        if let Err(error) = lab.found_cluster() {
            crate::cli::show_logs(&lab);
            return Err(error).context("founding the cluster");
        }
        Ok(Self { lab, probe: None, dead: None })
    }

    /// A VM of a network on a host; its address follows from its number.
    pub(super) fn add_vm(&mut self, name: &str, network: &str, host: HostName, number: u8) -> Result<()> {
        let bridge = BridgeRef::OfNetwork(self.lab.network(network)?.id);
        let cidr = Cidr::new([192, 168, 7, number].into(), 24);
        let spec =
            VmSpec { name: name.into(), host, network: network.into(), bridge, cidr, mtu: MTU_DEFAULT };
        self.lab.add_vm(spec).with_context(|| format!("adding VM {name}"))
    }

    /// Probes all pairs of all networks from here on, whatever VMs there are.
    pub(super) fn probe_all(&mut self) -> Result<()> {
        self.probe = None;
        self.probe = Some(self.lab.probe(&ProbePlan::new().all_pairs(self.lab.vms(), TICK))?);
        Ok(())
    }

    pub(super) fn probe(&self) -> Result<&Probe> {
        self.probe.as_ref().context("the probing has not begun: an earlier chapter failed")
    }

    /// Looks before an event: from here on losses, rows and transactions count.
    pub(super) fn before(&self) -> Result<Before> {
        let (rows, journals) = (self.lab.rows()?, self.lab.journals()?);
        Ok(Before { mark: self.probe()?.mark(), rows, journals })
    }

    /// Waits until the pairs of all VMs on running hosts have lost nothing for a while; gives the time from `before` until
    /// then began.
    pub(super) fn wait_until_calm(&self, before: &Before) -> Result<Duration> {
        self.wait_until_calm_since(before.mark)
    }

    pub(super) fn wait_until_calm_since(&self, mark: Mark) -> Result<Duration> {
        let living = self.living();
        Ok(self.probe()?.wait_until_calm(mark, CALM, PATIENCE, |flow| living(flow))?)
    }

    /// What the probes of all VMs on running hosts saw since.
    pub(super) fn probes_since(&self, before: &Before) -> Result<ProbeReport> {
        self.probes_of(before, |_| true)
    }

    /// The same, of some of these pairs.
    pub(super) fn probes_of(&self, before: &Before, which: impl Fn(&Flow) -> bool) -> Result<ProbeReport> {
        let living = self.living();
        let report = self.probe()?.report(before.mark);
        Ok(report.only(|flow| living(flow) && which(flow)))
    }

    /// What was written since: rows that differ, and transactions, fences apart; one sentence each.
    pub(super) fn written_since(&self, before: &Before) -> Result<Vec<String>> {
        let rows = self.lab.rows_changed_since(&before.rows)?;
        let mut written: Vec<String> = rows.iter().flat_map(sentences).collect();
        if written.is_empty() {
            let writes = self.lab.writes_since(&before.journals)?;
            written
                .extend(writes.iter().map(|(host, entry)| format!("{host}: rewritten as it was: {entry}")));
        }
        Ok(written)
    }

    /// Rows changed since, on hosts that had to change, and sentences for those on all others.
    pub(super) fn rows_since(
        &self,
        before: &Before,
        had_to: impl Fn(HostName) -> bool,
    ) -> Result<(usize, Vec<String>)> {
        let diffs = self.lab.rows_changed_since(&before.rows)?;
        let (needed, needless): (Vec<RowDiff>, Vec<RowDiff>) =
            diffs.into_iter().partition(|diff| had_to(diff.host));
        let count = needed.iter().map(RowDiff::len).sum();
        Ok((count, needless.iter().flat_map(sentences).collect()))
    }

    pub(super) fn show_controller_logs(&self) {
        crate::cli::show_logs(&self.lab);
    }

    /// Copies configurations, logs and databases out of the sandbox.
    pub(super) fn keep_files(&self, to: &Path) -> Result<()> {
        std::fs::create_dir_all(to)?;
        let from = format!("{}/.", self.lab.dir().display());
        asterism_lab::Tool::new("cp")
            .args(["--recursive", "--no-dereference"])
            .arg(from)
            .arg(to)
            .run("copying")?;
        say(&format!("logs, configurations and databases are in {}", to.display()));
        Ok(())
    }

    /// Chooses pairs whose VMs both sit on running hosts.
    fn living(&self) -> impl Fn(&Flow) -> bool + use<> {
        let runs = |name: HostName| self.lab.host(name).is_ok_and(|host| host.state() == HostState::Running);
        let alive: std::collections::BTreeSet<String> =
            self.lab.vms().filter(|vm| runs(vm.host())).map(|vm| vm.name().to_owned()).collect();
        move |flow| alive.contains(&flow.from) && alive.contains(&flow.to)
    }
}

fn sentences(diff: &RowDiff) -> Vec<String> {
    diff.rows.iter().map(|row| format!("{}: {row}", diff.host)).collect()
}
