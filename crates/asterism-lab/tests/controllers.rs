//! End to end: three real controllers, real Open vSwitch, real `asterctl`, and probes that never stop.

use std::time::Duration;

use asterism_lab::probe::ProbePlan;
use asterism_lab::sandbox::cannot_run;
use asterism_lab::{BridgeRef, Cidr, HostName, Lab, Result, TRANSPORT, VmSpec, find_program, in_sandbox};

const LAB: Option<&str> = Some(env!("CARGO_BIN_EXE_asterism-lab"));
const PATIENCE: Duration = Duration::from_secs(60);
const CALM: Duration = Duration::from_secs(1);
const NETWORK: &str = "blue";

/// The programs under test are built by other packages: `cargo build -p asterismd -p asterctl`.
fn programs_are_built(test: &str) -> bool {
    let missing = ["asterismd", "asterctl"].into_iter().find_map(|program| find_program(program).err());
    if let Some(error) = &missing {
        cannot_run(test, &error.to_string());
    }
    missing.is_none()
}

/// Two pools of two hosts, three controllers, a cross-pool network, a VM on each host.
fn cross_pool() -> Result<Lab> {
    let mut lab = Lab::builder().pools(2).hosts(2).controllers(3).build()?;
    lab.found_cluster()?;
    let pools = ["p1", "p2"].map(|pool| format!("{pool}:{TRANSPORT}"));
    lab.asterctl_ok(&[
        "network", "create", NETWORK, "--pool", &pools[0], "--pool", &pools[1], "--wait", "verified",
    ])?;
    let bridge = BridgeRef::OfNetwork(lab.network(NETWORK)?.id);
    let hosts: Vec<HostName> = lab.hosts().map(asterism_lab::Host::name).collect();
    for (number, host) in (1..).zip(hosts) {
        lab.add_vm(VmSpec {
            name: format!("v{number}"),
            host,
            network: NETWORK.into(),
            bridge: bridge.clone(),
            cidr: Cidr::new([192, 168, 7, number].into(), 24),
            mtu: 1400,
        })?;
    }
    Ok(lab)
}

#[test]
fn a_cross_pool_network_outlives_its_leader_with_no_packet_lost_and_no_row_written() {
    if !programs_are_built("the end-to-end test of a leader's death") {
        return;
    }
    in_sandbox!(
        || {
            let mut lab = cross_pool()?;
            let probe = lab.probe(&ProbePlan::new().all_pairs(lab.vms(), Duration::from_millis(10)))?;
            probe.wait_until_calm(probe.mark(), CALM, PATIENCE, |_| true)?;

            let leader = lab.wait_for_leader(PATIENCE)?;
            let (fences, rows, journals) = (lab.fences()?, lab.rows()?, lab.journals()?);
            assert_eq!(fences.len(), 4, "a leader has claimed every host: {fences:?}");
            let killed = probe.mark();
            lab.controller_mut(leader)?.kill()?;
            lab.asterctl_ok(&["pool", "add", "spare", "--wait", "committed"])?;
            lab.wait_for_new_epoch(&fences, PATIENCE)?;
            probe.wait_until_calm(killed, CALM, PATIENCE, |_| true)?;

            let report = probe.report(killed);
            assert_eq!((report.lost(), report.duplicates()), (0, 0), "{report}");
            assert_eq!(lab.rows_changed_since(&rows)?, []);
            assert_eq!(lab.writes_since(&journals)?, []);
            Ok(())
        },
        LAB
    );
}
