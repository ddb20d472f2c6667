//! Whatever becomes of the controllers: no packet is lost and no row is written.

use asterism_lab::{Controller, Result};

use crate::stage::{self, Before, CALM, PATIENCE, end_to_end};

const NETWORK: &str = "blue";

#[test]
fn a_cross_pool_network_outlives_its_leader_with_no_packet_lost_and_no_row_written() {
    end_to_end!(|| {
        let mut lab = cross_pool()?;
        let probe = stage::probe(&lab)?;
        let leader = lab.wait_for_leader(PATIENCE)?;
        let before = Before::look(&lab)?;
        assert_eq!(before.fences.len(), 4, "a leader has claimed every host: {:?}", before.fences);
        let killed = probe.mark();
        lab.controller_mut(leader)?.kill()?;
        lab.asterctl_ok(&["pool", "add", "spare", "--wait", "committed"])?;
        lab.wait_for_new_epoch(&before.fences, PATIENCE)?;
        probe.wait_until_calm(killed, CALM, PATIENCE, |_| true)?;
        stage::assert_nothing_lost(&probe, killed);
        before.assert_untouched(&lab)
    });
}

#[test]
fn three_controllers_killed_and_started_again_lose_no_packet_and_write_no_row() {
    end_to_end!(|| {
        let mut lab = cross_pool()?;
        let probe = stage::probe(&lab)?;
        let revision = lab.wait_for_all_replicas(PATIENCE)?;
        let before = Before::look(&lab)?;
        let killed = probe.mark();
        let nodes: Vec<u8> = lab.controllers().map(Controller::node).collect();
        for node in &nodes {
            lab.controller_mut(*node)?.kill()?;
        }
        // Nobody leads: the networks forward by themselves.
        probe.wait_until_calm(probe.mark(), CALM, PATIENCE, |_| true)?;
        for node in &nodes {
            lab.controller_mut(*node)?.start()?;
        }
        lab.wait_for_new_epoch(&before.fences, PATIENCE)?;
        assert_eq!(
            lab.wait_for_all_replicas(PATIENCE)?,
            revision,
            "nothing was forgotten, nothing decided anew"
        );
        probe.wait_until_calm(probe.mark(), CALM, PATIENCE, |_| true)?;
        stage::assert_nothing_lost(&probe, killed);
        before.assert_untouched(&lab)
    });
}

/// Two pools of two hosts, three controllers, a cross-pool network, a VM on each host.
fn cross_pool() -> Result<asterism_lab::Lab> {
    let mut lab = stage::cluster(2, 2)?;
    stage::create(&lab, NETWORK, &[1, 2], &["--wait", "verified"])?;
    let hosts = stage::hosts(&lab);
    stage::add_vms(&mut lab, NETWORK, &hosts)?;
    Ok(lab)
}
