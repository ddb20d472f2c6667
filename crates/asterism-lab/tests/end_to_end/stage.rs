//! What every test of this directory begins with: a founded cluster, networks through `asterctl`, a VM on each host.

use std::collections::BTreeMap;
use std::time::Duration;

use asterism_lab::probe::{Flow, Mark, Probe, ProbePlan};
use asterism_lab::rows::Journal;
use asterism_lab::sandbox::cannot_run;
use asterism_lab::{
    AllRows, BridgeRef, Cidr, Fence, Host, HostName, HostState, Lab, Result, TRANSPORT, VmSpec, find_program,
};

pub(crate) const LAB: Option<&str> = Some(env!("CARGO_BIN_EXE_asterism-lab"));
/// Longest that anything may take before it counts as not coming at all.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How long nothing may be lost before a network counts as healed.
pub(crate) const CALM: Duration = Duration::from_secs(1);
/// Time between two probes of a pair.
pub(crate) const TICK: Duration = Duration::from_millis(10);
/// Fits into every encapsulation.
const MTU: u16 = 1400;

/// The body of a test, in a sandbox of its own; says loudly where it cannot run.
macro_rules! end_to_end {
    ($body:expr) => {
        if $crate::stage::programs_are_built() {
            asterism_lab::in_sandbox!($body, $crate::stage::LAB);
        }
    };
}
pub(crate) use end_to_end;

/// The programs under test are built by other packages: `cargo build -p asterismd -p asterctl`.
pub(crate) fn programs_are_built() -> bool {
    let missing = ["asterismd", "asterctl"].into_iter().find_map(|program| find_program(program).err());
    if let Some(error) = &missing {
        let thread = std::thread::current();
        cannot_run(thread.name().unwrap_or("an end-to-end test"), &error.to_string());
    }
    missing.is_none()
}

/// Three controllers that know all of these hosts.
pub(crate) fn cluster(pools: u8, hosts: u8) -> Result<Lab> {
    let lab = Lab::builder().pools(pools).hosts(hosts).controllers(3).build()?;
    lab.found_cluster()?;
    Ok(lab)
}

/// Creates a network over these pools, with further options, and gives its id.
pub(crate) fn create(lab: &Lab, name: &str, pools: &[u8], options: &[&str]) -> Result<u32> {
    let pools: Vec<String> = pools.iter().map(|pool| format!("p{pool}:{TRANSPORT}")).collect();
    let pools = pools.iter().flat_map(|pool| ["--pool", pool]);
    let words: Vec<&str> =
        ["network", "create", name].into_iter().chain(pools).chain(options.iter().copied()).collect();
    lab.asterctl_ok(&words)?;
    Ok(lab.network(name)?.id)
}

/// Plugs a VM of the network, `NETWORK-pPhH`, into each of these hosts.
pub(crate) fn add_vms(lab: &mut Lab, network: &str, hosts: &[HostName]) -> Result<()> {
    let id = lab.network(network)?.id;
    hosts.iter().try_for_each(|host| lab.add_vm(vm(network, id, *host)))
}

/// The VM of a network on a host; its address follows from the host alone, so that networks share addresses.
pub(crate) fn vm(network: &str, id: u32, host: HostName) -> VmSpec {
    VmSpec {
        name: format!("{network}-{}", host.flat()),
        host,
        network: network.into(),
        bridge: BridgeRef::OfNetwork(id),
        cidr: Cidr::new([192, 168, 7, host.pool * 16 + host.host].into(), 24),
        mtu: MTU,
    }
}

pub(crate) fn hosts(lab: &Lab) -> Vec<HostName> {
    lab.hosts().map(Host::name).collect()
}

/// Probes all pairs, and waits until all answer.
pub(crate) fn probe(lab: &Lab) -> Result<Probe> {
    let probe = lab.probe(&ProbePlan::new().all_pairs(lab.vms(), TICK))?;
    probe.wait_until_calm(probe.mark(), CALM, PATIENCE, |_| true)?;
    Ok(probe)
}

/// Chooses pairs whose VMs both sit on running hosts.
pub(crate) fn living(lab: &Lab) -> impl Fn(&Flow) -> bool + use<> {
    let runs = |name: HostName| lab.host(name).is_ok_and(|host| host.state() == HostState::Running);
    let dead: Vec<String> = lab.vms().filter(|vm| !runs(vm.host())).map(|vm| vm.name().to_owned()).collect();
    move |flow| !dead.contains(&flow.from) && !dead.contains(&flow.to)
}

/// How things stood before an event.
pub(crate) struct Before {
    pub(crate) rows: AllRows,
    pub(crate) fences: BTreeMap<HostName, Fence>,
    journals: BTreeMap<HostName, Journal>,
}

impl Before {
    pub(crate) fn look(lab: &Lab) -> Result<Self> {
        Ok(Self { rows: lab.rows()?, fences: lab.fences()?, journals: lab.journals()? })
    }

    /// Nobody wrote anything but fences since, not even what was there already, and no fence went back.
    pub(crate) fn assert_untouched(&self, lab: &Lab) -> Result<()> {
        assert_eq!(lab.rows_changed_since(&self.rows)?, []);
        assert_eq!(lab.writes_since(&self.journals)?, []);
        self.assert_fences_kept(lab)
    }

    pub(crate) fn assert_fences_kept(&self, lab: &Lab) -> Result<()> {
        let now = lab.fences()?;
        for (host, before) in &self.fences {
            let after = now.get(host).map(|fence| (fence.epoch, fence.revision));
            assert!(after >= Some((before.epoch, before.revision)), "{host}: {before:?} -> {after:?}");
        }
        Ok(())
    }
}

/// No probe of these pairs was lost or answered twice since.
pub(crate) fn assert_nothing_lost(probe: &Probe, since: Mark) {
    let report = probe.report(since);
    assert_eq!((report.lost(), report.duplicates()), (0, 0), "{report}");
}

/// No pair of these was cut since. Where bridges come or go on a host, its userspace switch may drop a packet or two of others;
/// an outage costs what BFD takes to see it, which is thirty probes.
pub(crate) fn assert_no_outage(probe: &Probe, since: Mark, which: impl Fn(&Flow) -> bool) {
    const STRAYS: u64 = 10;
    let report = probe.report(since).only(which);
    let worst = report.flows.iter().map(|flow| flow.lost()).max().unwrap_or(0);
    assert!(worst <= STRAYS, "{worst} lost of a pair\n{report}");
}
