//! The witnesses: probes, broadcasts, and the stranger who must not be heard.

use std::time::Duration;

use asterism_lab::probe::ProbePlan;
use asterism_lab::{
    BridgeRef, Cidr, EARS_PORT, HostName, Lab, Result, Underlay, VmSpec, broadcast_frame, in_sandbox, wait,
};

const LAB: Option<&str> = Some(env!("CARGO_BIN_EXE_asterism-lab"));
const SOON: Duration = Duration::from_secs(20);
const TICK: Duration = Duration::from_millis(10);
const VNI: u32 = 77;

/// A star of three hosts by hand, center `p1/h1`, with VMs `v1` to `v3`.
fn star() -> Result<Lab> {
    let mut lab = Lab::builder().pools(1).hosts(3).build()?;
    let center = HostName::new(1, 1);
    for name in lab.hosts().map(asterism_lab::Host::name).collect::<Vec<_>>() {
        lab.host(name)?.vsctl().add_bridge("net")?;
        if name != center {
            lab.host(name)?.vsctl().add_tunnel("net", "up", "vxlan", lab.host(center)?, VNI)?;
            let down = format!("down{}", name.host);
            lab.host(center)?.vsctl().add_tunnel("net", &down, "vxlan", lab.host(name)?, VNI)?;
        }
    }
    for host in 1..=3 {
        lab.add_vm(VmSpec {
            name: format!("v{host}"),
            host: HostName::new(1, host),
            network: "net".into(),
            bridge: BridgeRef::Named("net".into()),
            cidr: Cidr::new([192, 168, 7, host].into(), 24),
            mtu: 1400,
        })?;
    }
    lab.wait_for_ping("v2", "v3", SOON)?;
    Ok(lab)
}

#[test]
fn probes_see_a_pulled_cable_on_the_pairs_that_use_it_and_on_no_other() {
    in_sandbox!(
        || {
            let mut lab = star()?;
            let probe = lab.probe(&ProbePlan::new().all_pairs(lab.vms(), TICK))?;
            let start = probe.mark();
            probe.wait_until_calm(start, Duration::from_millis(500), SOON, |_| true)?;
            let calm = probe.report(start);
            assert_eq!((calm.flows.len(), calm.lost(), calm.duplicates()), (3, 0, 0), "{calm}");
            assert!(calm.sent() >= 150, "{calm}");

            let pulled = probe.mark();
            lab.cut(HostName::new(1, 3), Underlay::Transport)?;
            until_lost(&probe, pulled)?;
            lab.restore(HostName::new(1, 3), Underlay::Transport)?;
            let back = probe.mark();
            probe.wait_until_calm(back, Duration::from_millis(300), SOON, |_| true)?;
            let report = probe.report(pulled);
            for flow in &report.flows {
                let uses_it = flow.flow.from == "v3" || flow.flow.to == "v3";
                assert_eq!(flow.lost() > 0, uses_it, "{report}");
                assert_eq!(flow.longest_gap > Duration::ZERO, uses_it, "{report}");
            }
            Ok(())
        },
        LAB
    );
}

/// Waits until the pairs of `v3` have lost for certain (nothing answered for a second), not merely not answered yet.
fn until_lost(probe: &asterism_lab::probe::Probe, since: asterism_lab::probe::Mark) -> Result<()> {
    wait::until("losses", SOON, || {
        let report = probe.report_between(since, probe.mark());
        let gap = report.longest_gap();
        if gap > Duration::from_millis(500) { Ok(()) } else { Err(format!("longest gap {gap:?}")) }
    })
}

#[test]
fn a_broadcast_comes_once_to_each_in_a_star_and_a_ring_is_called_a_storm() {
    in_sandbox!(
        || {
            let lab = star()?;
            let mut ears = lab.ears(&["v1", "v2", "v3"])?;
            for (from, payload) in [("v1", b"one".as_slice()), ("v2", b"two"), ("v3", b"three")] {
                ears.broadcast(lab.vm(from)?, payload)?;
            }
            let heard = ears.listen(Duration::from_millis(300), SOON)?;
            for vm in ["v1", "v2", "v3"] {
                let copies: Vec<usize> = heard[vm].values().copied().collect();
                assert!(copies.iter().all(|copies| *copies == 1), "{vm}: {heard:?}");
                assert!(heard[vm].len() >= 2, "{vm}: {heard:?}");
            }
            // Close a ring between the leaves: the witness must see it.
            let (b, c) = (lab.host(HostName::new(1, 2))?, lab.host(HostName::new(1, 3))?);
            b.vsctl().add_tunnel("net", "ring", "vxlan", c, VNI)?;
            c.vsctl().add_tunnel("net", "ring", "vxlan", b, VNI)?;
            ears.broadcast(lab.vm("v1")?, b"round and round")?;
            let storm = ears.listen(Duration::from_millis(300), Duration::from_secs(1)).unwrap_err();
            assert!(storm.to_string().starts_with("quiet on the private network"), "{storm}");
            Ok(())
        },
        LAB
    );
}

#[test]
fn a_stranger_with_the_right_vni_reaches_nobody() {
    in_sandbox!(
        || {
            let lab = star()?;
            let mut ears = lab.ears(&["v1", "v2", "v3"])?;
            let v1 = lab.vm("v1")?;
            let to = v1.spec().cidr.broadcast();
            let frame = broadcast_frame([192, 168, 7, 9].into(), to, EARS_PORT, b"let me in");
            for host in lab.hosts() {
                lab.outsider().send_vxlan(host.name().transport(), VNI, &frame, 5)?;
            }
            ears.broadcast(v1, b"control")?;
            let heard = ears.listen(Duration::from_millis(300), SOON)?;
            assert!(heard.values().all(|frames| !frames.contains_key(b"let me in".as_slice())), "{heard:?}");
            assert_eq!(heard["v2"].get(b"control".as_slice()), Some(&1), "the ears do hear");

            // The same frames from the address of a host do get in: the test would see them.
            let (inside, center) = (lab.netns("p1/h2")?, lab.host(HostName::new(1, 1))?.name());
            asterism_lab::send_vxlan_from(
                &inside,
                HostName::new(1, 2).transport(),
                center.transport(),
                VNI,
                &frame,
                1,
            )?;
            let heard = ears.listen(Duration::from_millis(300), SOON)?;
            assert_eq!(heard["v1"].get(b"let me in".as_slice()), Some(&1), "{heard:?}");
            Ok(())
        },
        LAB
    );
}
