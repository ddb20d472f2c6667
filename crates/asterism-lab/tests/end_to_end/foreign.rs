//! What is not the controllers': rows that others made, other networks' frames, and frames from outside.

use std::collections::BTreeMap;
use std::time::Duration;

use asterism_lab::rows::RowSnapshot;
use asterism_lab::{EARS_PORT, HostName, Lab, LabError, Result, broadcast_frame, send_vxlan_from, wait};

use crate::stage::{self, PATIENCE, end_to_end};

/// How long nothing must come before all that was sent counts as heard.
const QUIET: Duration = Duration::from_millis(300);

#[test]
fn rows_of_others_are_untouched_while_networks_come_are_rewired_and_go() {
    end_to_end!(|| {
        let mut lab = stage::cluster(2, 2)?;
        let hosts = stage::hosts(&lab);
        hosts.iter().try_for_each(|host| furnish(&lab, *host))?;
        let before = foreign_rows(&lab)?;

        let id = stage::create(&lab, "blue", &[1, 2], &["--wait", "verified"])?;
        assert_eq!(foreign_rows(&lab)?, before, "a network was created");

        // A port of somebody else on a bridge of ours is not ours either.
        stage::add_vms(&mut lab, "blue", &hosts)?;
        let plugged = foreign_rows(&lab)?;
        let center = root(&lab)?;
        lab.asterctl_ok(&["host", "disable", &center.to_string(), "--wait", "programmed"])?;
        wait::until("another root", PATIENCE, || match root(&lab) {
            Ok(root) if root != center => Ok(()),
            other => Err(format!("{other:?}")),
        })?;
        lab.wait_for_ping("blue-p1h1", "blue-p2h2", PATIENCE)?;
        lab.wait_for_ping("blue-p1h2", "blue-p2h1", PATIENCE)?;
        assert_eq!(foreign_rows(&lab)?, plugged, "another root was elected");

        lab.asterctl_ok(&["network", "delete", "blue", "--wait", "committed"])?;
        wait_for_no_tunnels(&lab, id)?;
        for host in &hosts {
            let vsctl = lab.host(*host)?.vsctl();
            assert!(vsctl.bridge_of(id)?.is_some(), "{host}: a bridge that holds others' ports stays");
        }
        assert_eq!(foreign_rows(&lab)?, plugged, "the network was deleted");
        for host in &hosts {
            lab.host(*host)?.vsctl().run(&format!("del-port vm-blue-{}", host.flat()))?;
            wait_for_no_bridge(&lab, *host, id)?;
        }
        assert_eq!(foreign_rows(&lab)?, before, "the last bridge is gone");
        Ok(())
    });
}

#[test]
fn networks_with_equal_addresses_do_not_hear_one_another_nor_a_stranger_with_the_right_vni() {
    end_to_end!(|| {
        let mut lab = stage::cluster(1, 3)?;
        for network in ["blue", "green"] {
            stage::create(&lab, network, &[1], &["--wait", "verified"])?;
            let hosts = stage::hosts(&lab);
            stage::add_vms(&mut lab, network, &hosts)?;
        }
        let vms: Vec<(String, String)> =
            lab.vms().map(|vm| (vm.name().to_owned(), vm.spec().network.clone())).collect();
        let mut ears = lab.ears(&vms.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>())?;
        for (name, _) in &vms {
            ears.broadcast(lab.vm(name)?, name.as_bytes())?;
        }
        let vni = lab.network("blue")?.vni.ok_or_else(missing)?;
        let everybody = lab.vm("blue-p1h1")?.spec().cidr.broadcast();
        let frame = |words: &[u8]| broadcast_frame([192, 168, 7, 200].into(), everybody, EARS_PORT, words);
        for host in lab.hosts() {
            lab.outsider().send_vxlan(host.name().transport(), vni, &frame(b"from a stranger"), 3)?;
        }
        // The same frame from where a tunnel does lead to: it is the sender's address that keeps the stranger out.
        let root = root(&lab)?;
        let leaf = stage::hosts(&lab).into_iter().find(|host| *host != root).ok_or_else(missing)?;
        let inside = lab.netns(&leaf.to_string())?;
        let witness = frame(b"from a host");
        send_vxlan_from(&inside, leaf.transport(), root.transport(), vni, &witness, 1)?;

        let heard = ears.listen(QUIET, PATIENCE)?;
        for (to, network) in &vms {
            let copies = |words: &[u8]| heard[to].get(words).copied().unwrap_or(0);
            for (from, other) in vms.iter().filter(|(from, _)| from != to) {
                assert_eq!(
                    copies(from.as_bytes()),
                    usize::from(network == other),
                    "{from} -> {to}: {heard:?}"
                );
            }
            assert_eq!(copies(b"from a stranger"), 0, "{to}: {heard:?}");
        }
        let at_root = &heard[&format!("blue-{}", root.flat())];
        assert_eq!(at_root.get(b"from a host".as_slice()), Some(&1), "the witness is heard: {heard:?}");
        Ok(())
    });
}

/// Gives a host what an administrator or another program may keep there: a bridge with a port, tunnels that look much like
/// ours, and keys of their own.
fn furnish(lab: &Lab, name: HostName) -> Result<()> {
    let host = lab.host(name)?;
    let peer = stage::hosts(lab).into_iter().find(|peer| *peer != name).ok_or_else(missing)?;
    let vsctl = host.vsctl();
    vsctl.add_bridge("hand0")?;
    vsctl.add_tunnel("hand0", "hand-vxlan", "vxlan", lab.host(peer)?, 4_000_000)?;
    vsctl.add_tunnel("hand0", "hand-gre", "gre", lab.host(peer)?, 4_000_001)?;
    let lines = [
        "set Bridge hand0 external_ids:owner=admin other_config:forward-bpdu=true",
        "set Port hand-vxlan external_ids:owner=admin",
        "set Interface hand-vxlan external_ids:note=mine bfd:enable=false",
        "set Open_vSwitch . external_ids:site=here other_config:max-idle=20000",
        "-- --id=@q create QoS type=linux-htb other_config:max-rate=1000000 -- set Port hand-gre qos=@q",
    ];
    lines.iter().try_for_each(|line| vsctl.run(line).map(drop))
}

fn foreign_rows(lab: &Lab) -> Result<BTreeMap<HostName, RowSnapshot>> {
    Ok(lab.rows()?.into_iter().map(|(host, rows)| (host, rows.foreign())).collect())
}

fn wait_for_no_tunnels(lab: &Lab, network: u32) -> Result<()> {
    wait::until("the network's tunnels are gone", PATIENCE, || {
        let rows = lab.rows().map_err(|error| error.chain())?;
        let left = rows.iter().filter(|(_, rows)| !rows.tunnels(network).is_empty());
        let left: Vec<String> = left.map(|(host, _)| host.to_string()).collect();
        if left.is_empty() { Ok(()) } else { Err(left.join(", ")) }
    })
}

fn wait_for_no_bridge(lab: &Lab, host: HostName, network: u32) -> Result<()> {
    let vsctl = lab.host(host)?.vsctl();
    wait::until(format!("the bridge leaves {host}"), PATIENCE, || match vsctl.bridge_of(network) {
        Ok(None) => Ok(()),
        Ok(Some(bridge)) => Err(format!("{bridge} is there")),
        Err(error) => Err(error.chain()),
    })
}

fn root(lab: &Lab) -> Result<HostName> {
    lab.topology("blue")?.root.ok_or_else(missing)?.parse()
}

fn missing() -> LabError {
    LabError::Invalid { what: "the network has no root, host or VNI".into() }
}
