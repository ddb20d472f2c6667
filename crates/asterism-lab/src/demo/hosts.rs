//! Chapters about single hosts: mute, frozen, new, rebooted. The others go on as if nothing were.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use asterism_lab::{Daemons, HostName, wait};

use super::report::Chapter;
use super::stage::{BLUE, GREEN_POOL, PATIENCE, Stage};

/// A network that comes and goes, to see that hosts are programmed.
const RED: &str = "red";
/// A pool whose hosts are listed by the operator.
const STATIC_POOL: u8 = 3;

/// What a bridge that comes or goes may cost the other networks of its host. Zero is not to be had: the userspace switch
/// itself drops a packet or two then, as it does when the bridge is made by hand with `ovs-vsctl`.
const BRIDGE_GAP: Duration = Duration::from_millis(100);

/// A host whose OVSDB accepts connections and never answers is registered; everybody else is programmed all the same.
pub(super) fn mute(stage: &mut Stage) -> Result<Chapter> {
    let before = stage.before()?;
    let name = stage.lab.add_mute_host(STATIC_POOL)?.name();
    stage.lab.register_host(name)?;
    let took = create_and_see(stage, RED, STATIC_POOL, &[name])?;
    remove_and_see(stage, RED, &[name])?;
    stage.lab.asterctl_ok(&["host", "remove", &name.to_string(), "--force", "--wait", "committed"])?;
    stage.wait_until_calm(&before)?;
    let probes = stage.probes_since(&before)?;
    Ok(Chapter::new(&probes).no_gap_above(BRIDGE_GAP).took("the others programmed", took, None))
}

/// A host's database is stopped; the others are programmed; it is brought to target when it goes on.
pub(super) fn frozen(stage: &mut Stage) -> Result<Chapter> {
    let name = leaf(stage, STATIC_POOL)?;
    let before = stage.before()?;
    stage.lab.freeze(name, Daemons::Ovsdb)?;
    create_and_see(stage, RED, STATIC_POOL, &[name])?;
    let thawed = Instant::now();
    stage.lab.thaw(name)?;
    let id = stage.lab.network(RED)?.id;
    let bridge = asterism_lab::BridgeRef::OfNetwork(id);
    stage.lab.host(name)?.vsctl().wait_for_bridge(&bridge, PATIENCE)?;
    let took = thawed.elapsed();
    remove_and_see(stage, RED, &[])?;
    stage.wait_until_calm(&before)?;
    let probes = stage.probes_since(&before)?;
    Ok(Chapter::new(&probes)
        .no_gap_above(BRIDGE_GAP)
        .took("brought to target", took, None)
        .note(format!("{name} was frozen")))
}

/// A host is added to a pool of the network and gets a VM.
pub(super) fn add(stage: &mut Stage) -> Result<Chapter> {
    let before = stage.before()?;
    let start = Instant::now();
    let name = stage.lab.add_host(STATIC_POOL)?;
    stage.lab.register_host(name)?;
    stage.add_vm(&format!("blue-{}", name.flat()), BLUE, name, 100)?;
    let any = stage.lab.vms().find(|vm| vm.host().pool == 1).context("pool 1 has no VM")?.name().to_owned();
    stage.lab.wait_for_ping(&format!("blue-{}", name.flat()), &any, PATIENCE)?;
    let took = start.elapsed();
    let probes = stage.probes_since(&before)?;
    // Its center and its standby are its uplinks.
    let heads = stage.lab.heads(BLUE)?;
    let is_above = |host: HostName| host.pool == name.pool && heads.contains(&host);
    let (needed, needless) = stage.rows_since(&before, is_above)?;
    stage.probe_all()?;
    stage.wait_until_calm_since(stage.probe()?.mark())?;
    Ok(Chapter::new(&probes)
        .nothing_lost()
        .no_row_changed(&needless)
        .rows_needed(needed)
        .took("from power-on to a VM's ping", took, None)
        .note(format!("{name} was added")))
}

/// A leaf reboots: its OVSDB comes back empty, it is programmed again, its VMs are plugged in again.
pub(super) fn reboot(stage: &mut Stage) -> Result<Chapter> {
    let name = leaf(stage, 1)?;
    let before = stage.before()?;
    stage.lab.reboot_host(name)?;
    let back = Instant::now();
    stage.lab.replug_vms(name)?;
    stage.wait_until_calm(&before)?;
    let own: Vec<String> =
        stage.lab.vms().filter(|vm| vm.host() == name).map(|vm| vm.name().to_owned()).collect();
    let of_others = |from: &str, to: &str| !own.iter().any(|vm| vm == from || vm == to);
    let probes = stage.probes_of(&before, |flow| of_others(&flow.from, &flow.to))?;
    let (needed, needless) = stage.rows_since(&before, |host| host == name)?;
    let took = back.elapsed().saturating_sub(super::stage::CALM);
    Ok(Chapter::new(&probes)
        .nothing_lost()
        .no_row_changed(&needless)
        .rows_needed(needed)
        .took("from its return to its VMs' traffic", took, None)
        .note(format!("{name} rebooted")))
}

/// A running host of this pool that is nobody's center; nobody's standby either, if there is one.
pub(super) fn leaf(stage: &Stage, pool: u8) -> Result<HostName> {
    let mut centers: Vec<HostName> = stage.lab.star_centers(BLUE)?.into_values().collect();
    centers.extend(stage.lab.star_centers(super::stage::GREEN)?.into_values());
    let heads = &stage.lab.heads(BLUE)? | &stage.lab.heads(super::stage::GREEN)?;
    let hosts = stage.lab.hosts().map(asterism_lab::Host::name);
    let hosts = hosts.filter(|host| host.pool == pool && !centers.contains(host));
    let found = hosts.min_by_key(|host| (heads.contains(host), *host));
    found.with_context(|| {
        format!("pool p{pool} has no host that is not a center (green lives in p{GREEN_POOL})")
    })
}

/// Creates a network over one pool and waits until every host of it but `except` has its bridge.
fn create_and_see(stage: &Stage, network: &str, pool: u8, except: &[HostName]) -> Result<Duration> {
    let start = Instant::now();
    let attached = stage.lab.attachment(pool);
    stage.lab.asterctl_ok(&["network", "create", network, "--pool", &attached, "--wait", "committed"])?;
    let bridge = asterism_lab::BridgeRef::OfNetwork(stage.lab.network(network)?.id);
    for host in stage.lab.hosts().filter(|host| host.name().pool == pool && !except.contains(&host.name())) {
        host.vsctl().wait_for_bridge(&bridge, PATIENCE)?;
    }
    Ok(start.elapsed())
}

/// Deletes it and waits until no host but `except` has its bridge.
fn remove_and_see(stage: &Stage, network: &str, except: &[HostName]) -> Result<()> {
    let id = stage.lab.network(network)?.id;
    stage.lab.asterctl_ok(&["network", "delete", network, "--wait", "committed"])?;
    for host in stage.lab.hosts().filter(|host| !except.contains(&host.name())) {
        let gone = || match host.vsctl().bridge_of(id) {
            Ok(None) => Ok(()),
            Ok(Some(bridge)) => Err(format!("{bridge} is there")),
            Err(error) => Err(error.chain()),
        };
        wait::until(format!("the bridge of {network} leaves {}", host.name()), PATIENCE, gone)?;
    }
    Ok(())
}
