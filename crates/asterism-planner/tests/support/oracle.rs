//! What must hold of a world: never a ring of live links, and in the end everything as it shall be.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use asterism_model::{HostId, HostTarget, NetworkId};
use asterism_planner::{check, diff, moves::Layout, target};

use super::{FakeHost, World};

impl World {
    /// P7: no ring of live links, whichever hosts are alive: those that are not may come back as they are.
    pub fn check_rings(&self) {
        let networks: BTreeSet<NetworkId> = self.hosts.values().flat_map(FakeHost::networks).collect();
        for network in networks {
            let rings = Rings::of(self, network);
            for host in rings.hosts.keys() {
                if let Some(ring) = rings.through(*host) {
                    panic!("{ring:?} of {network} is a ring:\n{}", self.describe());
                }
            }
        }
    }

    /// Nothing is to do, everything is as it shall be, and every network is whole.
    pub fn check_healed(&self) {
        let leader = self.leader();
        assert!(!leader.is_silent, "the leader stepped down:\n{}", self.describe());
        assert!(leader.reconciler.is_at_rest(), "not at rest:\n{}", self.describe());
        let state = self.state();
        assert_eq!(check(state), Vec::new());
        for host in state.hosts().keys() {
            let difference = diff(&target(state, *host), &self.hosts[host].rows);
            assert!(difference.diff.is_empty(), "{host} differs: {difference:#?}\n{}", self.describe());
        }
        for network in state.networks().values() {
            let mut groups = Groups::default();
            let members: Vec<HostId> = state.members_of(network).map(|host| host.id).collect();
            for one in &members {
                for other in self.hosts[one].peers(network.id) {
                    if self.is_linked(network.id, *one, other) {
                        groups.join(*one, other);
                    }
                }
            }
            let stars = state.topologies().get(&network.id).map(|topology| &topology.stars);
            let able =
                |host: &HostId| stars.is_some_and(|stars| stars.contains_key(&state.hosts()[host].pool));
            let parts: BTreeSet<HostId> =
                members.iter().filter(|host| able(host)).map(|host| groups.find(*host)).collect();
            assert!(parts.len() <= 1, "{} is in parts:\n{}", network.id, self.describe());
        }
    }

    /// Every link that is wanted between two hosts that answer is there.
    pub fn check_links_of_those_who_answer(&self) {
        let state = self.state();
        let answering: Vec<HostId> =
            state.hosts().keys().copied().filter(|host| self.hosts[host].answers()).collect();
        for host in &answering {
            for (network, peer) in wanted(&target(state, *host)) {
                let both = answering.contains(&peer);
                assert!(
                    !both || self.is_linked(network, *host, peer),
                    "{host}-{peer} of {network} is missing:\n{}",
                    self.describe()
                );
            }
        }
    }

    /// For eyes, where a test fails.
    pub fn describe(&self) -> String {
        let mut out = self.story.iter().map(|line| format!("{line}\n")).collect::<String>();
        writeln!(out, "at {}, epoch {}", self.now, self.state().epoch()).unwrap();
        for (host, it) in &self.hosts {
            let label = self.state().host_label(*host);
            let flags = match (it.is_alive, it.is_reachable, self.cut.contains(host)) {
                (true, true, false) => "",
                (false, ..) => " dead",
                (true, false, _) => " unreachable",
                (true, true, true) => " cut off",
            };
            write!(out, "{host} {label}{flags} {:?}", it.rows.fence).unwrap();
            for network in it.networks() {
                let wants: BTreeSet<HostId> = wanted(&target(self.state(), *host))
                    .into_iter()
                    .filter_map(|(of, peer)| (of == network).then_some(peer))
                    .collect();
                write!(out, "  {network}: has {}, wants {wants:?}", it.layout(network)).unwrap();
            }
            out.push('\n');
        }
        if let Some(leader) = self.leaders.last() {
            for lane in leader.reconciler.lanes() {
                writeln!(
                    out,
                    "lane {}: {}, withheld {:?}, {:?}, {:?}",
                    lane.host, lane.phase, lane.withheld, lane.conflicts, lane.last_error
                )
                .unwrap();
            }
            writeln!(out, "findings {:?}", leader.reconciler.findings()).unwrap();
        }
        out
    }
}

/// The tunnels of a target.
fn wanted(target: &HostTarget) -> Vec<(NetworkId, HostId)> {
    let ports =
        target.bridges.values().flat_map(|bridge| bridge.ports.values().map(|port| (bridge.network, port)));
    ports.flat_map(|(network, port)| port.tunnels.iter().map(move |tunnel| (network, tunnel.peer))).collect()
}

/// Looks for rings of live links that pass each of their hosts from one port to another.
struct Rings {
    /// The ports of each host, with the peers that it is linked to.
    hosts: BTreeMap<HostId, Layout>,
}

impl Rings {
    fn of(world: &World, network: NetworkId) -> Self {
        let linked = |host: HostId, layout: &Layout| -> Layout {
            let ports: BTreeSet<HostId> = layout.entries().map(|(_, port)| port).collect();
            let of_port = |port: HostId| layout.entries().filter(move |(_, its)| *its == port);
            ports
                .into_iter()
                .map(|port| {
                    let peers = of_port(port).map(|(peer, _)| peer);
                    peers.filter(|peer| world.is_linked(network, host, *peer)).collect::<Vec<_>>()
                })
                .collect()
        };
        let layouts = world.hosts.iter().map(|(host, it)| (*host, linked(*host, &it.layout(network))));
        Self { hosts: layouts.filter(|(_, layout)| !layout.is_empty()).collect() }
    }

    /// A ring whose least host this is.
    fn through(&self, first: HostId) -> Option<Vec<HostId>> {
        self.hosts[&first].peers().find_map(|peer| self.extend(&mut vec![first, peer]))
    }

    fn extend(&self, way: &mut Vec<HostId>) -> Option<Vec<HostId>> {
        let [first, second, ..] = way[..] else { return None };
        let [.., before, last] = way[..] else { return None };
        let layout = self.hosts.get(&last)?;
        for next in layout.peers().filter(|next| layout.separates(before, *next)) {
            if next == first && self.hosts[&first].separates(second, last) {
                return Some(way.clone());
            }
            if next > first && !way.contains(&next) {
                way.push(next);
                if let Some(ring) = self.extend(way) {
                    return Some(ring);
                }
                way.pop();
            }
        }
        None
    }
}

/// Which hosts are joined.
#[derive(Default)]
pub struct Groups(BTreeMap<HostId, HostId>);

impl Groups {
    fn find(&self, host: HostId) -> HostId {
        self.0.get(&host).map_or(host, |parent| self.find(*parent))
    }

    /// Whether they were not joined yet.
    pub fn join(&mut self, one: HostId, other: HostId) -> bool {
        let (one, other) = (self.find(one), self.find(other));
        one != other && self.0.insert(one, other).is_none()
    }
}
