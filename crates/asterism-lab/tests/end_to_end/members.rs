//! The controllers' own cluster changes, is put back to an earlier state, and is recovered from one survivor; hosts and VMs
//! notice nothing but the fence.

use asterism_lab::{Lab, Result, wait};

use crate::stage::{self, Before, CALM, PATIENCE, end_to_end};

const NETWORK: &str = "blue";
/// The first epoch of the second timeline.
const TIMELINE: u64 = 1 << 40;

#[test]
fn controllers_are_added_replaced_removed_and_restored_with_no_packet_lost_and_no_row_written() {
    end_to_end!(|| {
        let mut lab = Lab::builder().pools(2).hosts(2).controllers(6).build()?;
        lab.found_cluster_of(&[1, 2, 3])?;
        stage::create(&lab, NETWORK, &[1, 2], &["--wait", "verified"])?;
        let hosts = stage::hosts(&lab);
        stage::add_vms(&mut lab, NETWORK, &hosts)?;
        let probe = stage::probe(&lab)?;
        let before = Before::look(&lab)?;
        let began = probe.mark();

        for node in [4, 5] {
            let new = member(&mut lab, node)?;
            lab.asterctl_ok(&["member", "add", &new, "--wait", "60s"])?;
        }
        assert_eq!(voters(&lab)?, [1, 2, 3, 4, 5]);

        let leader = lab.wait_for_leader(PATIENCE)?;
        let next = (1..=3).find(|node| *node != leader).unwrap_or(1);
        lab.asterctl_ok(&["leader", "transfer", &next.to_string()])?;
        assert_eq!(lab.wait_for_leader(PATIENCE)?, next);

        let dead = (1..=3).find(|node| ![leader, next].contains(node)).unwrap_or(3);
        lab.controller_mut(dead)?.kill()?;
        let new = member(&mut lab, 6)?;
        lab.asterctl_ok(&["member", "replace", &dead.to_string(), &new, "--wait", "60s"])?;
        let old = member(&mut lab, dead)?;
        let refused = lab.asterctl(&["member", "add", &old])?;
        assert_eq!(refused.status.code(), Some(3), "{}", refused.stderr);
        assert!(refused.stderr.contains("its id is used up"), "{}", refused.stderr);

        for node in [4, 5] {
            lab.asterctl_ok(&["member", "remove", &node.to_string()])?;
        }
        let left: Vec<u8> = [1, 2, 3, 6].into_iter().filter(|node| *node != dead).collect();
        assert_eq!(voters(&lab)?, left);

        let file = lab.dir().join("kept.snapshot").display().to_string();
        lab.asterctl_ok(&["snapshot", "save", &file])?;
        lab.asterctl_ok(&["snapshot", "restore", &file, "--yes"])?;
        wait_for_timeline(&lab)?;
        probe.wait_until_calm(probe.mark(), CALM, PATIENCE, |_| true)?;
        stage::assert_nothing_lost(&probe, began);
        before.assert_untouched(&lab)
    });
}

#[test]
fn a_survivor_of_three_is_recovered_and_the_old_leader_that_wakes_up_is_refused_by_the_hosts() {
    end_to_end!(|| {
        let mut lab = stage::cluster(1, 2)?;
        stage::create(&lab, NETWORK, &[1], &["--wait", "verified"])?;
        let old = lab.wait_for_leader(PATIENCE)?;
        let others: Vec<u8> = (1..=3).filter(|node| *node != old).collect();
        let (survivor, lost) = (others[0], others[1]);
        lab.wait_for_all_replicas(PATIENCE)?;
        let before = Before::look(&lab)?;
        lab.controller_mut(old)?.pause()?;
        lab.controller_mut(lost)?.kill()?;
        lab.controller_mut(survivor)?.kill()?;

        let told = lab.controller_mut(survivor)?.recover(false)?;
        assert!(told.contains("May be lost:") && told.contains("Nothing was changed"), "{told}");
        lab.controller_mut(survivor)?.recover(true)?;
        lab.controller_mut(survivor)?.start()?;
        wait_for_timeline(&lab)?;
        before.assert_untouched(&lab)?;

        let recovered = Before::look(&lab)?;
        // With the other lost one it has a majority of the old members, and leads again as far as those two know.
        lab.controller_mut(lost)?.start()?;
        lab.controller_mut(old)?.resume()?;
        wait::until("a leader of the lost timeline steps down", PATIENCE, || {
            let logs: Vec<String> = [old, lost].into_iter().map(|node| log_of(&lab, node)).collect();
            let is_refused =
                |log: &String| log.contains("stepping down") && log.contains("was claimed for epoch");
            if logs.iter().any(is_refused) { Ok(()) } else { Err("nobody did".to_owned()) }
        })?;
        recovered.assert_untouched(&lab)?;
        let endpoint = lab.controller_mut(survivor)?.endpoint().to_string();
        let words = ["--endpoints", &endpoint, "pool", "add", "spare", "--wait", "committed"];
        lab.asterctl_ok(&words)?;
        recovered.assert_fences_kept(&lab)
    });
}

fn member(lab: &mut Lab, node: u8) -> Result<String> {
    Ok(lab.controller_mut(node)?.as_member())
}

fn voters(lab: &Lab) -> Result<Vec<u8>> {
    let replicas = lab.cluster_status()?.replicas;
    Ok(replicas.into_iter().filter_map(|replica| u8::try_from(replica.node).ok()).collect())
}

/// Waits until every host has been claimed by a leader of a later timeline than the first.
fn wait_for_timeline(lab: &Lab) -> Result<()> {
    wait::until("a leader of the new timeline claims every host", PATIENCE, || {
        let fences = lab.fences().map_err(|error| error.chain())?;
        let all = fences.len() == lab.hosts().count() && fences.values().all(|fence| fence.epoch > TIMELINE);
        if all { Ok(()) } else { Err(format!("{fences:?}")) }
    })
}

fn log_of(lab: &Lab, node: u8) -> String {
    std::fs::read_to_string(lab.dir().join(format!("c{node}/asterismd.log"))).unwrap_or_default()
}
