//! Hosts that hang: one that accepts connections and never says a word, one that is stopped where it stands.

use asterism_lab::{BridgeRef, Daemons, HostName, TRANSPORT, wait};

use crate::stage::{self, CALM, PATIENCE, end_to_end};

#[test]
fn a_mute_host_and_a_frozen_one_keep_nobody_waiting_and_the_frozen_one_is_brought_to_target_on_its_return() {
    end_to_end!(|| {
        let mut lab = stage::cluster(1, 3)?;
        let mute = lab.add_mute_host(1)?.name();
        lab.register_host(mute)?;
        let frozen = HostName::new(1, 3);
        lab.freeze(frozen, Daemons::Both)?;

        let attached = format!("p1:{TRANSPORT}");
        let created = lab.asterctl(&["network", "create", "blue", "--pool", &attached])?;
        assert_eq!(created.code(), 0, "programmed as far as hosts answer: {created:?}");
        for hanging in [mute, frozen] {
            assert!(created.stderr.contains(&hanging.to_string()), "{hanging} is named: {}", created.stderr);
        }
        let answering = [HostName::new(1, 1), HostName::new(1, 2)];
        stage::add_vms(&mut lab, "blue", &answering)?;
        let probe = stage::probe(&lab)?;

        let thawed = probe.mark();
        lab.thaw(frozen)?;
        let id = lab.network("blue")?.id;
        lab.host(frozen)?.vsctl().wait_for_bridge(&BridgeRef::OfNetwork(id), PATIENCE)?;
        stage::add_vms(&mut lab, "blue", &[frozen])?;
        lab.wait_for_ping("blue-p1h3", "blue-p1h1", PATIENCE)?;
        lab.wait_for_ping("blue-p1h3", "blue-p1h2", PATIENCE)?;
        let status = wait::until("the frozen host is at its target", PATIENCE, || {
            let status = lab.host_status(frozen).map_err(|error| error.chain())?;
            if status.target == "reached" { Ok(status) } else { Err(format!("{status:?}")) }
        })?;
        assert_ne!(status.ovs_version, "", "its switch is told by its version");
        probe.wait_until_calm(thawed, CALM, PATIENCE, |_| true)?;
        Ok(())
    });
}
