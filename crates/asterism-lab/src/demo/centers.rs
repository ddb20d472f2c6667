//! Chapters about the middle of the stars: a star-center dies, the root dies, and each comes back.

use std::time::Duration;

use anyhow::{Context, Result};
use asterism_lab::HostName;

use super::report::Chapter;
use super::stage::{BLUE, GREEN_POOL, PATIENCE, Stage, say};

/// How soon the living must reach one another again: the switches see to that by themselves.
const HEALED_WITHIN: Duration = Duration::from_millis(500);

/// The star-center of a pool that does not hold the root.
pub(super) fn kill_star_center(stage: &mut Stage) -> Result<Chapter> {
    let root = root(stage)?;
    let centers = stage.lab.star_centers(BLUE)?;
    // Of the pool with both networks, unless the root stands there.
    let other = |host: &&HostName| host.pool != root.pool;
    let center = centers.values().filter(other).max_by_key(|host| host.pool == GREEN_POOL);
    kill(stage, *center.context("every star-center is in the root's pool")?, root)
}

/// The root: star-center of the pool-center.
pub(super) fn kill_root(stage: &mut Stage) -> Result<Chapter> {
    let root = root(stage)?;
    kill(stage, root, root)
}

/// The host that died comes back, with the database that it had: stale tunnels, and another in its place.
pub(super) fn revive(stage: &mut Stage) -> Result<Chapter> {
    let host = stage.dead.take().context("no host is dead")?;
    let before = stage.before()?;
    stage.lab.revive_host(host)?;
    // One of a pool behind a XAPI boots with an empty switch.
    stage.lab.replug_vms(host)?;
    // All pairs again, its own VMs included; losses of these are those of a machine that boots.
    let healed = stage.wait_until_calm(&before)?;
    let own: Vec<String> =
        stage.lab.vms().filter(|vm| vm.host() == host).map(|vm| vm.name().to_owned()).collect();
    let probes = stage.probes_of(&before, |flow| !own.contains(&flow.from) && !own.contains(&flow.to))?;
    // Where the star has another center by now, its ends toward the revived host change too; no star moves back.
    let (needed, _) = stage.rows_since(&before, |_| true)?;
    let moved_back = stage.lab.star_centers(BLUE)?.values().any(|center| *center == host);
    Ok(Chapter::new(&probes)
        .nothing_lost()
        .rows_needed(needed)
        .promise(!moved_back, || format!("{host} became a center again though nobody asked for it"))
        .took("all pairs, its own too", healed, None))
}

fn kill(stage: &mut Stage, host: HostName, root: HostName) -> Result<Chapter> {
    let is_root = host == root;
    let heads_before = stage.lab.heads(BLUE)?;
    let before = stage.before()?;
    stage.lab.kill_host(host)?;
    stage.dead = Some(host);
    let healed = stage.wait_until_calm(&before)?;
    let probes = stage.probes_since(&before)?;
    say(stage.lab.asterctl_ok(&["topology", BLUE])?.trim_end());
    wait_for_another(stage, host)?;
    // A star-center's death concerns its pool, the root and the root's standby; the root's, all that lead up to these.
    let heads = &heads_before | &stage.lab.heads(BLUE)?;
    let concerned = |name: HostName| {
        let is_head = heads.contains(&name);
        name.pool == host.pool || is_head && (is_root || name.pool == root.pool)
    };
    let (needed, needless) = stage.rows_since(&before, concerned)?;
    Ok(Chapter::new(&probes)
        .no_row_changed(&needless)
        .rows_needed(needed)
        .took("living pairs reach one another", healed, Some(HEALED_WITHIN))
        .note(format!("{host} was killed")))
}

/// Waits until nobody takes the dead host for a center any more.
fn wait_for_another(stage: &Stage, dead: HostName) -> Result<()> {
    let replaced = || {
        let centers = stage.lab.star_centers(BLUE).map_err(|error| error.chain())?;
        if centers.values().any(|center| *center == dead) { Err(format!("{centers:?}")) } else { Ok(()) }
    };
    Ok(asterism_lab::wait::until("another center is elected", PATIENCE, replaced)?)
}

fn root(stage: &Stage) -> Result<HostName> {
    let root = stage.lab.topology(BLUE)?.root.context("the network has no root")?;
    Ok(root.parse()?)
}
