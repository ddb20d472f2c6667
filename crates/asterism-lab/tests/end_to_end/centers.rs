//! A star-center of a single star dies, then the root: the living find one another again, and only what must change is written.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use asterism_lab::probe::Probe;
use asterism_lab::rows::{Change, RowChange, RowDiff};
use asterism_lab::{AllRows, HostName, Lab, LabError, Result, wait};

use crate::stage::{self, CALM, PATIENCE, end_to_end};

const NETWORK: &str = "blue";

#[test]
fn when_a_star_center_and_then_the_root_die_the_living_reach_one_another_and_no_needless_row_changes() {
    end_to_end!(|| {
        let mut lab = stage::cluster(2, 3)?;
        let id = stage::create(&lab, NETWORK, &[1, 2], &["--resilience", "single", "--wait", "verified"])?;
        let hosts = stage::hosts(&lab);
        stage::add_vms(&mut lab, NETWORK, &hosts)?;
        let probe = stage::probe(&lab)?;

        let root = root(&lab)?;
        let other = |center: &HostName| center.pool != root.pool;
        let center = lab.star_centers(NETWORK)?.into_values().find(other).ok_or_else(no_center)?;
        // Its heir loses one tunnel's direction and gains two tunnels, its leaf and the root change one each.
        kill_and_check(&mut lab, &probe, id, center, 3)?;
        // Its heir takes over two: a leaf of its own pool, and the other pool's star-center.
        kill_and_check(&mut lab, &probe, id, root, 3)
    });
}

/// Kills a host and checks everything that is promised; `touched` hosts must change.
fn kill_and_check(lab: &mut Lab, probe: &Probe, network: u32, dead: HostName, touched: usize) -> Result<()> {
    let before = lab.rows()?;
    let killed = probe.mark();
    lab.kill_host(dead)?;
    let healed = probe.wait_until_calm(killed, CALM, PATIENCE, stage::living(lab))?;
    wait_for_star_of_stars(lab, network, dead)?;
    let report = probe.report(killed);
    assert_eq!(report.duplicates(), 0, "{report}");

    let diffs = lab.rows_changed_since(&before)?;
    let after = lab.rows()?;
    let heir = heir_of(lab, dead)?;
    for diff in &diffs {
        let (old, new) = (before[&diff.host].tunnels(network), after[&diff.host].tunnels(network));
        let ends = old.symmetric_difference(&new).count();
        // The heir's uplink to the dead leads down now. Others change ports in place, or have other ports on the bridge.
        let turned = usize::from(diff.host == heir);
        let of_table = |table: &str| diff.rows.iter().filter(|row| row.table == table).count();
        assert_eq!(of_table("Interface"), ends, "{diff}");
        assert!(of_table("Port") <= ends + turned && of_table("Bridge") <= 1, "{diff}");
        assert_eq!(diff.len(), of_table("Interface") + of_table("Port") + of_table("Bridge"), "{diff}");
        assert_eq!(diff.rows.iter().filter(|row| is_turned(row)).count(), turned, "{diff}");
        assert!(is_nothing_made_anew(diff), "{diff}");
    }
    assert_eq!(diffs.len(), touched, "{diffs:?}");
    let rows: usize = diffs.iter().map(RowDiff::len).sum();
    eprintln!("{dead} died: traffic back after {healed:?}, {rows} rows changed on {touched} hosts");
    assert_broadcasts_come_once(lab)
}

/// Waits until the tunnels of the living are those of a star of stars without the dead, at both ends, as the hosts hold
/// them, and no host but centers leads to the dead.
fn wait_for_star_of_stars(lab: &Lab, network: u32, dead: HostName) -> Result<()> {
    wait::until("a star of stars without the dead", PATIENCE, || {
        let centers = lab.star_centers(NETWORK).map_err(|error| error.chain())?;
        let root = root(lab).map_err(|error| error.chain())?;
        let rows = lab.rows().map_err(|error| error.chain())?;
        if centers.values().any(|center| *center == dead) || root == dead {
            return Err(format!("{dead} is a center still: {centers:?}"));
        }
        let expected = star_of_stars(&rows, &centers, root);
        let living: BTreeSet<Ipv4Addr> = rows.keys().map(|host| host.transport()).collect();
        let held: BTreeMap<HostName, BTreeSet<Ipv4Addr>> =
            rows.iter().map(|(host, rows)| (*host, &rows.tunnels(network) & &living)).collect();
        if held == expected { Ok(()) } else { Err(format!("{held:?}, expected {expected:?}")) }
    })
}

fn star_of_stars(
    living: &AllRows,
    centers: &BTreeMap<String, HostName>,
    root: HostName,
) -> BTreeMap<HostName, BTreeSet<Ipv4Addr>> {
    let mut tunnels: BTreeMap<HostName, BTreeSet<Ipv4Addr>> =
        living.keys().map(|host| (*host, BTreeSet::new())).collect();
    for host in living.keys().filter(|host| **host != root) {
        let center = centers.get(&host.pool_name()).copied().filter(|center| center != host);
        let up = center.unwrap_or(root);
        tunnels.entry(*host).or_default().insert(up.transport());
        tunnels.entry(up).or_default().insert(host.transport());
    }
    tunnels
}

/// The port is the same, and leads the other way.
fn is_turned(row: &RowChange) -> bool {
    let Change::Changed(columns) = &row.change else { return false };
    row.table == "Port" && columns.iter().all(|(column, ..)| column == "protected")
}

/// No row was deleted and inserted again under its name.
fn is_nothing_made_anew(diff: &RowDiff) -> bool {
    let names = |change: &Change| -> BTreeSet<(&String, &Option<String>)> {
        diff.rows.iter().filter(|row| row.change == *change).map(|row| (&row.table, &row.name)).collect()
    };
    names(&Change::Inserted).is_disjoint(&names(&Change::Deleted))
}

fn assert_broadcasts_come_once(lab: &Lab) -> Result<()> {
    let living: Vec<&str> = lab
        .vms()
        .filter(|vm| lab.rows().is_ok_and(|rows| rows.contains_key(&vm.host())))
        .map(|vm| vm.name())
        .collect();
    let mut ears = lab.ears(&living)?;
    for name in &living {
        ears.broadcast(lab.vm(name)?, name.as_bytes())?;
    }
    let heard = ears.listen(Duration::from_millis(300), PATIENCE)?;
    for to in &living {
        for from in living.iter().filter(|from| *from != to) {
            assert_eq!(heard[*to].get(from.as_bytes()), Some(&1), "{from} -> {to}: {heard:?}");
        }
    }
    Ok(())
}

/// Who is center of the dead one's pool now.
fn heir_of(lab: &Lab, dead: HostName) -> Result<HostName> {
    lab.star_centers(NETWORK)?.get(&dead.pool_name()).copied().ok_or_else(no_center)
}

fn root(lab: &Lab) -> Result<HostName> {
    lab.topology(NETWORK)?.root.ok_or_else(no_center)?.parse()
}

fn no_center() -> LabError {
    LabError::Invalid { what: "the network has no such center".into() }
}
