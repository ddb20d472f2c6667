//! The opening: two networks through `asterctl`, VMs with the same addresses in both, and who hears whom.

use std::time::Duration;

use anyhow::{Context, Result};
use asterism_lab::{EARS_PORT, HostName, Vm, broadcast_frame};

use super::report::Chapter;
use super::stage::{BLUE, GREEN, GREEN_POOL, PATIENCE, Stage, say};

/// How long nothing must come before all that was sent counts as heard.
const QUIET: Duration = Duration::from_millis(500);

/// Creates the networks, shows their topology, starts a VM on each host and pings all pairs.
pub(super) fn create_networks(stage: &mut Stage) -> Result<Chapter> {
    let hosts: Vec<HostName> = stage.lab.hosts().map(asterism_lab::Host::name).collect();
    let mut pools: Vec<u8> = hosts.iter().map(|host| host.pool).collect();
    pools.dedup();
    let start = std::time::Instant::now();
    create(stage, BLUE, "vxlan", &pools)?;
    create(stage, GREEN, "gre", &[GREEN_POOL])?;
    let took = start.elapsed();
    say(stage.lab.asterctl_ok(&["topology"])?.trim_end());
    for (number, host) in (1..).zip(&hosts) {
        stage.add_vm(&format!("blue-{}", host.flat()), BLUE, *host, number)?;
    }
    for (number, host) in (1..).zip(hosts.iter().filter(|host| host.pool == GREEN_POOL)) {
        stage.add_vm(&format!("green-{}", host.flat()), GREEN, *host, number)?;
    }
    stage.probe_all()?;
    stage.wait_until_calm_since(stage.probe()?.mark())?;
    // Neighbours are known and paths learned: from here on nothing may be lost.
    let before = stage.before()?;
    stage.wait_until_calm(&before)?;
    let probes = stage.probes_since(&before)?;
    Ok(Chapter::new(&probes).nothing_lost().took("both networks verified", took, None))
}

/// Broadcasts arrive once, networks with equal addresses do not hear one another, a stranger reaches nobody.
pub(super) fn isolation(stage: &mut Stage) -> Result<Chapter> {
    let before = stage.before()?;
    let lab = &stage.lab;
    let names: Vec<&str> = lab.vms().map(Vm::name).collect();
    let mut ears = lab.ears(&names)?;
    for vm in lab.vms() {
        ears.broadcast(vm, format!("from {}", vm.name()).as_bytes())?;
    }
    let vni = lab.network(BLUE)?.vni.context("the network has no VNI")?;
    let everybody = lab.vms().next().context("there are no VMs")?.spec().cidr.broadcast();
    let frame = broadcast_frame([192, 168, 7, 200].into(), everybody, EARS_PORT, b"from a stranger");
    for host in lab.hosts() {
        lab.outsider().send_vxlan(host.name().transport(), vni, &frame, 3)?;
    }
    let heard = ears.listen(QUIET, PATIENCE)?;
    let mut wrong = Vec::new();
    for to in lab.vms() {
        for from in lab.vms() {
            let payload = format!("from {}", from.name()).into_bytes();
            let copies = heard[to.name()].get(&payload).copied().unwrap_or(0);
            let same = to.spec().network == from.spec().network;
            // Whether a host hears its own broadcast is its own affair.
            if copies != usize::from(same) && to.name() != from.name() {
                wrong.push(format!("{} heard {} {copies} times", to.name(), from.name()));
            }
        }
        if heard[to.name()].contains_key(b"from a stranger".as_slice()) {
            wrong.push(format!("{} heard the stranger", to.name()));
        }
    }
    let probes = stage.probes_since(&before)?;
    Ok(Chapter::new(&probes).nothing_lost().promise(wrong.is_empty(), || wrong.join("; ")))
}

fn create(stage: &Stage, name: &str, encapsulation: &str, pools: &[u8]) -> Result<()> {
    let attached: Vec<String> = pools.iter().map(|pool| stage.lab.attachment(*pool)).collect();
    let pools = attached.iter().flat_map(|pool| ["--pool", pool]);
    let head = ["network", "create", name, "--encapsulation", encapsulation, "--wait", "verified"];
    let words: Vec<&str> = head.into_iter().chain(pools).collect();
    say(&format!("   asterctl {}", words.join(" ")));
    stage.lab.asterctl_ok(&words).map(drop).with_context(|| format!("creating network {name}"))
}
