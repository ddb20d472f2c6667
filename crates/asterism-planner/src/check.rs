//! Every invariant of a plan in one place: used by each test, by the chaos oracle, and from the command line.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use asterism_model::{Host, HostId, HostTarget, NetworkId, NetworkState, PrivateNetwork};

use crate::{Targets, links::Fabric, members::Members};

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub network: Option<NetworkId>,
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.network {
            Some(network) => write!(f, "{network}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// Checks a state and the targets that follow from it. Empty unless there is a bug.
pub fn check(state: &NetworkState) -> Vec<Violation> {
    let mut found: Vec<Violation> =
        state.violations().into_iter().map(|what| Violation { network: None, what }).collect();
    let derive = Targets::of(state);
    let members = derive.members();
    let targets: BTreeMap<HostId, HostTarget> =
        state.hosts().keys().map(|host| (*host, derive.host(*host))).collect();
    for host in targets.values() {
        check_rows(host, &mut found);
    }
    for network in state.networks().values() {
        let mut report = |what: String| found.push(Violation { network: Some(network.id), what });
        check_ends(network, &targets, &mut report);
        if let Some(fabric) = Fabric::of(members, network) {
            check_ranks(members, network, &fabric, &mut report);
            check_reach(members, network, &fabric, &mut report);
        }
    }
    found
}

/// Names are unique on a host and short enough; no two tunnels of a host take the same packets.
fn check_rows(target: &HostTarget, found: &mut Vec<Violation>) {
    let mut names = BTreeSet::new();
    let mut tunnels = BTreeSet::new();
    let mut report = |network, what: String| {
        found.push(Violation { network: Some(network), what: format!("{}: {what}", target.host) })
    };
    for bridge in target.bridges.values() {
        let ports = bridge.ports.values();
        for name in ports.clone().map(|port| &port.name).chain([&bridge.name]) {
            if name.len() > 15 || !names.insert(name.clone()) {
                report(bridge.network, format!("name {name} is too long or used twice"));
            }
        }
        for tunnel in ports.flat_map(|port| &port.tunnels) {
            if !tunnels.insert((tunnel.encapsulation, tunnel.local_ip, tunnel.remote_ip, tunnel.key)) {
                report(bridge.network, format!("tunnel {} takes another one's packets", tunnel.name));
            }
        }
    }
}

/// Every tunnel has two ends which agree.
fn check_ends(
    network: &PrivateNetwork,
    targets: &BTreeMap<HostId, HostTarget>,
    report: &mut impl FnMut(String),
) {
    for (host, target) in targets {
        let ports = target.bridges.get(&network.id).into_iter().flat_map(|bridge| bridge.ports.values());
        for near in ports.flat_map(|port| &port.tunnels) {
            let bridge = targets.get(&near.peer).and_then(|target| target.bridges.get(&network.id));
            let far = bridge
                .into_iter()
                .flat_map(|bridge| bridge.ports.values())
                .flat_map(|port| &port.tunnels)
                .find(|far| far.peer == *host);
            let agree = far.is_some_and(|far| {
                far.key == near.key
                    && far.encapsulation == near.encapsulation
                    && far.remote_ip == near.local_ip
                    && far.local_ip == near.remote_ip
            });
            if !agree {
                report(format!("the tunnel from {host} to {} has no matching other end", near.peer));
            }
        }
    }
}

/// Uplinks descend in rank, which is why they can close no ring.
fn check_ranks(
    members: &Members<'_>,
    network: &PrivateNetwork,
    fabric: &Fabric<'_>,
    report: &mut impl FnMut(String),
) {
    for host in members.of_network(network) {
        for uplink in fabric.uplinks(host) {
            let above = members.get(uplink).and_then(|uplink| fabric.rank(uplink));
            if above.is_none() || above >= fabric.rank(host) {
                report(format!("the uplink from {} to {uplink} does not descend in rank", host.id));
            }
        }
    }
}

/// Over first uplinks, every host of a pool with a star comes to the root.
fn check_reach(
    members: &Members<'_>,
    network: &PrivateNetwork,
    fabric: &Fabric<'_>,
    report: &mut impl FnMut(String),
) {
    if !fabric.is_whole() {
        // The planner is about to mend that.
        return;
    }
    let root = fabric.topology().root();
    let links = fabric.links();
    let has_star = |host: &&Host| fabric.topology().stars.contains_key(&host.pool);
    for host in members.of_network(network).filter(has_star) {
        let mut at = host.id;
        for _ in 0..links.len() {
            match links.get(&at).and_then(|uplinks| uplinks.first()) {
                Some(next) => at = *next,
                None => break,
            }
        }
        if Some(at) != root {
            report(format!("the way up from {} ends at {at}, which is not the root", host.id));
        }
    }
}
