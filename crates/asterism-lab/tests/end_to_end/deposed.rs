//! Leaders that do not know that they were deposed. Nothing that they send moves a row, and hosts say so.

use asterism_lab::{Lab, Result, controller_address, wait};

use crate::stage::{self, Before, PATIENCE, end_to_end};

const NETWORK: &str = "red";
const HOSTS: u8 = 3;
/// Where hosts listen for peers that may be silent.
const PATIENT_PORT: u16 = 6641;

#[test]
fn a_leader_that_is_stopped_with_writes_under_way_wakes_up_to_refusals_and_follows() {
    end_to_end!(|| {
        let mut lab = patient_cluster()?;
        let (old, first) = writes_under_way(&mut lab)?;
        lab.controller_mut(old)?.pause()?;
        let claimed = another_has_programmed(&lab, &first)?;
        // The old leader's kernel repeats what it sent.
        lab.release_writes(old)?;
        let refused = wait_for_refusals(&lab, old, HOSTS)?;
        claimed.assert_untouched(&lab)?;
        lab.controller_mut(old)?.resume()?;
        assert_follows(&lab, old)?;
        eprintln!("hosts refused {refused} writes of c{old}");
        claimed.assert_untouched(&lab)
    });
}

#[test]
fn a_leader_cut_off_from_its_followers_is_refused_by_the_hosts_and_steps_down() {
    end_to_end!(|| {
        let mut lab = patient_cluster()?;
        let (old, first) = writes_under_way(&mut lab)?;
        lab.part_controller(old)?;
        let claimed = another_has_programmed(&lab, &first)?;
        lab.release_writes(old)?;
        // The first refusal makes it step down, which ends its sessions: a write that is still held back then never arrives.
        let refused = wait_for_refusals(&lab, old, 1)?;
        wait::until("the old leader steps down", PATIENCE, || {
            let log = log_of(&lab, old).map_err(|error| error.chain())?;
            let told = ["transaction fenced", "stepping down"].map(|words| log.matches(words).count());
            if told.into_iter().all(|count| count > 0) { Ok(()) } else { Err(format!("{told:?}")) }
        })?;
        claimed.assert_untouched(&lab)?;
        lab.rejoin_controller(old)?;
        assert_follows(&lab, old)?;
        eprintln!("hosts refused {refused} writes of c{old}");
        claimed.assert_untouched(&lab)
    });
}

/// A cluster in which neither controllers nor hosts give a silent peer up, so that a write stays under way until the test
/// lets it arrive, however slow the machine.
fn patient_cluster() -> Result<Lab> {
    let lab = Lab::builder().hosts(HOSTS).controllers(3).ovsdb_patience(PATIENCE).build()?;
    lab.init_cluster()?;
    lab.asterctl_ok(&["pool", "add", "p1"])?;
    for host in lab.hosts() {
        let address = host.name().management();
        host.vsctl().run(&format!(
            "-- --id=@m create Manager target=\"ptcp:{PATIENT_PORT}:{address}\" inactivity_probe=0 \
             -- set Open_vSwitch . manager_options=@m"
        ))?;
        lab.register_host_at(host.name(), &format!("tcp:{address}:{PATIENT_PORT}"))?;
    }
    Ok(lab)
}

/// Brings the leader to where it has sent a transaction to every host and none has arrived. Gives its number and how
/// things stood.
fn writes_under_way(lab: &mut Lab) -> Result<(u8, Before)> {
    let leader = lab.wait_for_leader(PATIENCE)?;
    wait_for_phase(lab, "settled")?;
    let before = Before::look(lab)?;
    for host in lab.hosts() {
        host.overhear_database()?;
    }
    lab.hold_back_writes(leader)?;
    stage::create(lab, NETWORK, &[1], &["--wait", "committed"])?;
    wait_for_phase(lab, "writing")?;
    Ok((leader, before))
}

fn wait_for_phase(lab: &Lab, phase: &str) -> Result<()> {
    wait::until(format!("every host is {phase}"), PATIENCE, || {
        let statuses = lab.hosts().map(|host| lab.host_status(host.name())).collect::<Result<Vec<_>>>();
        let statuses = statuses.map_err(|error| error.chain())?;
        let all = statuses.iter().all(|status| status.phase == phase);
        if all { Ok(()) } else { Err(format!("{statuses:?}")) }
    })
}

/// Waits until a later leader has claimed all hosts and made the network's star on them; gives how things stand then.
fn another_has_programmed(lab: &Lab, first: &Before) -> Result<Before> {
    lab.wait_for_new_epoch(&first.fences, PATIENCE)?;
    // A center, its standby and a leaf: each has a tunnel to each other.
    let ends = usize::from(HOSTS) * (usize::from(HOSTS) - 1);
    wait::until("the network is programmed", PATIENCE, || {
        let rows = lab.rows().map_err(|error| error.chain())?;
        // The first network of all has id 1.
        let held: usize = rows.values().map(|rows| rows.tunnels(1).len()).sum();
        if held == ends { Ok(()) } else { Err(format!("{held} tunnel ends of {ends}")) }
    })?;
    Before::look(lab)
}

/// Waits until so many hosts have refused a write of the old leader; gives how many writes all hosts refused.
fn wait_for_refusals(lab: &Lab, old: u8, hosts: u8) -> Result<usize> {
    wait::until(format!("{hosts} hosts refuse the old leader"), PATIENCE, || {
        let refused = lab.hosts().map(|host| host.refused_writes_of(controller_address(old)));
        let refused = refused.collect::<Result<Vec<_>>>().map_err(|error| error.chain())?;
        let refusing = refused.iter().filter(|count| **count > 0).count();
        if refusing >= usize::from(hosts) { Ok(refused.iter().sum()) } else { Err(format!("{refused:?}")) }
    })
}

/// Waits until the old leader follows another one, with the same state.
fn assert_follows(lab: &Lab, old: u8) -> Result<()> {
    wait::until("the old leader follows", PATIENCE, || {
        match lab.role_of(old).map_err(|error| error.chain())?.as_deref() {
            Some("follower") => Ok(()),
            role => Err(format!("{role:?}")),
        }
    })?;
    lab.wait_for_all_replicas(PATIENCE).map(drop)
}

fn log_of(lab: &Lab, node: u8) -> Result<String> {
    let file = lab.dir().join(format!("c{node}/asterismd.log"));
    std::fs::read_to_string(&file)
        .map_err(|source| asterism_lab::LabError::io(format!("reading {}", file.display()), source))
}
