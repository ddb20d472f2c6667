//! What a tunnel costs: the largest IP packet that passes is the one that the product says.

use asterism_lab::{Lab, Result, Tool, VmSpec};

use crate::stage::{self, PATIENCE, end_to_end};

/// More than any tunnel carries, so that the tunnel decides.
const VM_MTU: u16 = 1600;
/// IPv4's header and ICMP's: what `ping -s` adds.
const PING_HEADERS: u16 = 28;

#[test]
fn the_largest_packet_over_each_encapsulation_is_the_mtu_that_the_network_is_given() {
    end_to_end!(|| {
        let mut lab = stage::cluster(1, 2)?;
        for (encapsulation, expected) in [("vxlan", 1450), ("gre", 1458), ("geneve", 1450)] {
            let words = ["--encapsulation", encapsulation, "--wait", "verified"];
            let id = stage::create(&lab, encapsulation, &[1], &words)?;
            for host in stage::hosts(&lab) {
                lab.add_vm(VmSpec { mtu: VM_MTU, ..stage::vm(encapsulation, id, host) })?;
            }
            let [a, b] = ["p1h1", "p1h2"].map(|host| format!("{encapsulation}-{host}"));
            lab.wait_for_ping(&a, &b, PATIENCE)?;
            let given = lab.network(encapsulation)?.mtu;
            assert_eq!(given, expected, "{encapsulation}");
            assert!(is_answered(&lab, &a, &b, given)?, "{given} bytes pass over {encapsulation}");
            assert!(!is_answered(&lab, &a, &b, given + 1)?, "{} bytes don't over {encapsulation}", given + 1);
        }
        Ok(())
    });
}

/// Whether one of a few pings of that size with "don't fragment" is answered.
fn is_answered(lab: &Lab, from: &str, to: &str, size: u16) -> Result<bool> {
    let payload = (size - PING_HEADERS).to_string();
    let to = lab.vm(to)?.address().to_string();
    let output = Tool::new("ping")
        .args(["-n", "-q", "-M", "do", "-c", "2", "-i", "0.2", "-W", "1", "-s", &payload, &to])
        .inside(lab.vm(from)?.netns())
        .output(format!("pinging with {size} bytes"))?;
    Ok(output.status.success())
}
