//! Whether the hosts have what the state wants of them, and whether it works. Pure: from the state and the leader's view.
//!
//! Looks at everything and judges nothing by its name alone: a host that does not answer is broken only if no peer's BFD
//! vouches for it, rows that differ are drift only if nothing is under way about them, and a tunnel that was made a moment
//! ago is coming up.

use std::collections::BTreeSet;

use asterism_model::{Host, HostId, Mode, NetworkId, NetworkState, PrivateNetwork, Resilience, Uplinks};

use crate::{
    Evidence, Finding, Graces, LaneStatus, Phase, Targets, Tick, Verdict, Verdicts, diff::diff_within, judge,
    links::Fabric, scope::Scope,
};

/// What the leader sees, and when.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub evidence: &'a Evidence,
    pub graces: &'a Graces,
    pub now: Tick,
    /// In order of the hosts' ids.
    pub lanes: &'a [LaneStatus],
    /// Of the last plan.
    pub findings: &'a [Finding],
}

/// What was found, worst first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verification {
    pub problems: Vec<Problem>,
    pub networks: usize,
    /// Hosts of these networks.
    pub hosts: usize,
    /// Pairs of hosts with a tunnel in a network.
    pub links: usize,
}

impl Verification {
    pub fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.severity == severity).count()
    }

    /// Nothing is worse than a note.
    pub fn is_well(&self) -> bool {
        self.problems.iter().all(|problem| problem.severity == Severity::Note)
    }
}

/// One thing that is not as it shall be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub severity: Severity,
    /// `None` where it is a matter of the whole host.
    pub network: Option<NetworkId>,
    /// `None` where it is a matter of a whole pool or network.
    pub host: Option<HostId>,
    /// The other end of a link.
    pub peer: Option<HostId>,
    pub kind: Kind,
    /// One sentence for people.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Frames don't get through, or nobody can tell whether they do.
    Broken,
    /// Frames get through, and the next failure costs more than it should.
    Degraded,
    /// Frames may not get through yet. Gone in a moment, or else degraded or broken.
    ComingUp,
    /// To be known, and in order.
    Note,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The host's OVSDB does not answer.
    Unreachable,
    /// The host is given up on evidence, though its session has not ended yet.
    Dead,
    /// The leader may not write to the host, or a foreign row has a name that is needed.
    Blocked,
    /// Rows of ours differ, and nothing is under way about it.
    Drift,
    /// Rows of ours differ, and are being changed or wait for another host.
    Changing,
    /// BFD is not up at the host's end, and both ends answer.
    LinkDown,
    /// BFD has never been up at one of the link's ends, which was made less than [`Graces::come_up`] ago.
    ComingUp,
    /// The host has no way toward the root that is up.
    CutOff,
    /// A pool of the network has no star-center.
    NoCenter,
    /// Dual resilience, and a pool of several hosts has no standby.
    NoStandby,
    /// Dual resilience, and the host cannot bond.
    OneUplink,
    /// The switch could not make an interface of ours.
    InterfaceError,
    /// A planned move is under way and waits.
    Moving,
}

/// Looks at one network, or at all of them.
pub fn verify(state: &NetworkState, view: View<'_>, only: Option<NetworkId>) -> Verification {
    let targets = Targets::of(state);
    let verdicts = judge(view.evidence, view.graces, view.now);
    let networks: Vec<&PrivateNetwork> =
        state.networks().values().filter(|network| only.is_none_or(|only| network.id == only)).collect();
    let scope = match only {
        Some(only) => Scope::Networks(BTreeSet::from([only])),
        None => Scope::All,
    };
    let mut inspector = Inspector {
        state,
        view,
        verdicts: &verdicts,
        targets: &targets,
        scope: &scope,
        found: Verification::default(),
    };
    inspector.found.networks = networks.len();
    let members = |host: &&Host| networks.iter().any(|network| network.spans(host));
    for host in state.hosts().values().filter(|host| host.is_member()).filter(members) {
        inspector.found.hosts += 1;
        inspector.inspect_host(host, &networks);
    }
    for network in networks {
        inspector.inspect_network(network);
    }
    inspector.found.problems.sort();
    inspector.found
}

struct Inspector<'a> {
    verdicts: &'a Verdicts,
    state: &'a NetworkState,
    view: View<'a>,
    targets: &'a Targets<'a>,
    scope: &'a Scope,
    found: Verification,
}

impl Inspector<'_> {
    fn report(&mut self, severity: Severity, kind: Kind, place: Place, text: String) {
        let Place { network, host, peer } = place;
        self.found.problems.push(Problem { severity, network, host, peer, kind, text });
    }

    fn label(&self, host: HostId) -> String {
        self.state.host_label(host)
    }

    fn lane(&self, host: HostId) -> Option<&LaneStatus> {
        let at = self.view.lanes.binary_search_by_key(&host, |lane| lane.host).ok()?;
        self.view.lanes.get(at)
    }

    fn inspect_host(&mut self, host: &Host, networks: &[&PrivateNetwork]) {
        let (id, label) = (host.id, self.label(host.id));
        if !self.view.evidence.answers(id) {
            let mut others = self.view.evidence.hosts.keys();
            let (severity, word) = if others.any(|other| self.view.evidence.is_joined(id, *other)) {
                (Severity::Degraded, "; its tunnels are up")
            } else {
                (Severity::Broken, ", and no tunnel to it is up")
            };
            let text = format!("{label}: its OVSDB does not answer{word}");
            return self.report(severity, Kind::Unreachable, Place::host(id), text);
        }
        if let Verdict::Dead(why) = self.verdicts.of(id) {
            let text = format!("{label}: given up: {why}");
            self.report(Severity::Broken, Kind::Dead, Place::host(id), text);
        }
        self.inspect_obstacles(id, &label);
        self.inspect_rows(id, &label, networks);
    }

    fn inspect_obstacles(&mut self, id: HostId, label: &str) {
        let Some(seen) = self.view.evidence.hosts.get(&id).cloned() else { return };
        if let Some(why) = &seen.barred {
            self.report(Severity::Degraded, Kind::Blocked, Place::host(id), format!("{label}: {why}"));
        }
        for (network, why) in seen.hindered.iter().filter(|(network, _)| self.scope.contains(**network)) {
            let place = Place::host(id).in_network(*network);
            self.report(Severity::Broken, Kind::Blocked, place, format!("{label}: {why}"));
        }
        let hindered: BTreeSet<&String> = seen.hindered.values().collect();
        let conflicts = self.lane(id).map(|lane| lane.conflicts.clone()).unwrap_or_default();
        for why in conflicts.iter().filter(|why| !hindered.contains(why)) {
            self.report(Severity::Degraded, Kind::Blocked, Place::host(id), format!("{label}: {why}"));
        }
    }

    fn inspect_rows(&mut self, id: HostId, label: &str, networks: &[&PrivateNetwork]) {
        let Some(picture) = self.view.evidence.pictures.get(&id).cloned() else { return };
        let target = self.targets.part(id, networks.iter().copied());
        let rows = diff_within(self.scope, &target, &picture).diff.len();
        if rows > 0 {
            let (severity, kind, [one, several]) = if self.is_worked_on(id) {
                (Severity::Note, Kind::Changing, ["row is being changed", "rows are being changed"])
            } else {
                (
                    Severity::Degraded,
                    Kind::Drift,
                    ["row differs from the target", "rows differ from the target"],
                )
            };
            let word = if rows == 1 { one } else { several };
            self.report(severity, kind, Place::host(id), format!("{label}: {rows} {word}"));
        }
        let ports = picture.bridges.values().flat_map(|bridge| bridge.ports.values());
        for (network, interface) in
            ports.flat_map(|port| port.interfaces.values().map(|interface| (port.network, interface)))
        {
            let Some(network) = network.filter(|network| self.scope.contains(*network)) else { continue };
            let Some(error) = &interface.error else { continue };
            let text = format!("{label}: the switch could not make {}: {error}", interface.name);
            let place = Place::host(id).in_network(network);
            self.report(Severity::Broken, Kind::InterfaceError, place, text);
        }
    }

    /// Whether what differs on a host is about to be changed.
    fn is_worked_on(&self, host: HostId) -> bool {
        let is_left = self.lane(host).is_some_and(|lane| {
            let is_done = matches!(lane.phase, Phase::Ready { .. }) && lane.settled_at.is_some();
            matches!(lane.phase, Phase::Barred { .. }) || is_done && lane.withheld.is_empty()
        });
        !is_left && self.state.settings().mode == Mode::Active
    }

    fn inspect_network(&mut self, network: &PrivateNetwork) {
        let name = &network.name;
        let topology = self.state.topologies().get(&network.id);
        let place = Place::network(network.id);
        for pool in network.pools.keys() {
            let (label, size) =
                (self.state.pool_label(*pool), self.targets.members().of_star(network, *pool).len());
            let star = topology.and_then(|topology| topology.stars.get(pool));
            match star {
                None => {
                    let severity = if size > 0 { Severity::Broken } else { Severity::Degraded };
                    let text = format!("network {name}: pool {label} has no star-center");
                    self.report(severity, Kind::NoCenter, place, text);
                }
                Some(star)
                    if network.resilience == Resilience::Dual && size > 1 && star.standby.is_none() =>
                {
                    let text = format!("network {name}: pool {label} has no standby");
                    self.report(Severity::Degraded, Kind::NoStandby, place, text);
                }
                Some(_) => {}
            }
        }
        let targets = self.targets;
        for host in targets.members().of_network(network) {
            if network.resilience == Resilience::Dual && host.uplinks == Uplinks::One {
                let text = format!("network {name}: {} cannot bond: it has one uplink", self.label(host.id));
                self.report(Severity::Note, Kind::OneUplink, place.at(host.id), text);
            }
        }
        if let Some(fabric) = Fabric::of(targets.members(), network) {
            for (host, uplinks) in fabric.links() {
                self.inspect_uplinks(network, host, &uplinks);
            }
        }
        for finding in self.view.findings.iter().filter(|finding| finding.network() == network.id) {
            if matches!(finding, Finding::Waiting { .. }) {
                let text = format!("network {name}: {}", finding.describe(self.state));
                self.report(Severity::Note, Kind::Moving, place, text);
            }
        }
    }
}

/// What a problem is about.
#[derive(Clone, Copy)]
struct Place {
    network: Option<NetworkId>,
    host: Option<HostId>,
    peer: Option<HostId>,
}

impl Place {
    fn host(host: HostId) -> Self {
        Self { network: None, host: Some(host), peer: None }
    }

    fn network(network: NetworkId) -> Self {
        Self { network: Some(network), host: None, peer: None }
    }

    fn in_network(self, network: NetworkId) -> Self {
        Self { network: Some(network), ..self }
    }

    fn at(self, host: HostId) -> Self {
        Self { host: Some(host), ..self }
    }
}

mod links;
#[cfg(test)]
mod tests;
