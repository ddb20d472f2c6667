//! How often each host's BFD speaks: as often as the networks ask for, within what the host may send in a second.
//!
//! The interval of a host's tunnels is a function of how many of them it has. It steps down a ladder, so that rows change
//! only when a step is passed: the tunnels of networks with fast detection are slowed down first, then all together. Both
//! ends of a tunnel keep the longer of their two intervals (RFC 5880 §6.8.3), so that a host never sends more than this for
//! a peer's sake.
//!
//! Tunnels are counted by pool and by head, never one by one: leaves of a pool have as many as there are heads, and of heads
//! there are two in each pool.

use std::{collections::BTreeMap, time::Duration};

use asterism_model::{
    Detection, Host, HostId, PoolId, PrivateNetwork, Shape, Topology, TransportName, Uplinks,
};

use crate::{links::Fabric, members::Members};

/// In milliseconds, for networks with fast detection, while all others have the first of [`STEPS_MS`].
const FAST_STEPS_MS: [u32; 5] = [15, 20, 30, 50, 100];
/// In milliseconds, for all. The last is for whoever has more tunnels than any budget bears: three of them are half a
/// minute, in which an election has long come of other evidence.
const STEPS_MS: [u32; 10] = [100, 150, 200, 300, 500, 1000, 2000, 3000, 5000, 10_000];

/// Packets in a row that must be lost before a tunnel is down (RFC 5880 §6.8.4, Detect Mult; Open vSwitch's default, which
/// is left as it is).
const LOST_IN_A_ROW: u32 = 3;

/// The interval that a network asks for, in milliseconds: what its hosts have as long as their budgets allow.
pub fn wanted_ms(detection: Detection) -> u32 {
    match detection {
        Detection::Normal => STEPS_MS[0],
        Detection::Fast => FAST_STEPS_MS[0],
    }
}

/// What BFD costs every host of one state, and how often it speaks there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Budget {
    hosts: BTreeMap<HostId, BfdLoad>,
}

/// One host's tunnels, and the interval of their BFD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BfdLoad {
    pub sessions: Sessions,
    /// In milliseconds, in networks with normal detection.
    pub normal_ms: u32,
    /// In milliseconds, in networks with fast detection.
    pub fast_ms: u32,
}

/// Tunnels of one host, by what their networks ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sessions {
    pub normal: u32,
    pub fast: u32,
}

impl Sessions {
    pub fn total(self) -> u32 {
        self.normal.saturating_add(self.fast)
    }

    fn packets(self, normal_ms: u32, fast_ms: u32) -> u64 {
        let rate = |sessions: u32, interval: u32| (u64::from(sessions) * 1000).div_ceil(u64::from(interval));
        rate(self.normal, normal_ms) + rate(self.fast, fast_ms)
    }
}

impl BfdLoad {
    /// The shortest intervals with which a host stays within its budget of packets a second.
    pub fn of(sessions: Sessions, budget: u32) -> Self {
        let fits = |normal, fast| sessions.packets(normal, fast) <= u64::from(budget);
        let slow_fast = FAST_STEPS_MS.into_iter().map(|fast| (STEPS_MS[0], fast));
        let slow_all = STEPS_MS.into_iter().map(|all| (all, all));
        let slowest = STEPS_MS[STEPS_MS.len() - 1];
        let found = slow_fast.chain(slow_all).find(|(normal, fast)| fits(*normal, *fast));
        let (normal_ms, fast_ms) = found.unwrap_or((slowest, slowest));
        Self { sessions, normal_ms, fast_ms }
    }

    /// How many tunnels it has in networks with that detection.
    pub fn sessions(self, detection: Detection) -> u32 {
        match detection {
            Detection::Normal => self.sessions.normal,
            Detection::Fast => self.sessions.fast,
        }
    }

    /// In milliseconds.
    pub fn interval(self, detection: Detection) -> u32 {
        match detection {
            Detection::Normal => self.normal_ms,
            Detection::Fast => self.fast_ms,
        }
    }

    /// What the host sends at most, in packets a second: peers with longer intervals are sent less.
    pub fn packets_per_second(self) -> u64 {
        self.sessions.packets(self.normal_ms, self.fast_ms)
    }

    fn has_same_steps(self, other: Self) -> bool {
        (self.normal_ms, self.fast_ms) == (other.normal_ms, other.fast_ms)
    }
}

/// How long it takes at most until a tunnel that carries nothing is down at its ends: both keep the longer interval.
pub fn noticed_within(one: BfdLoad, other: BfdLoad, detection: Detection) -> Duration {
    let interval = one.interval(detection).max(other.interval(detection));
    Duration::from_millis((interval * LOST_IN_A_ROW).into())
}

impl Budget {
    pub fn of(members: &Members<'_>) -> Self {
        let mut census = Census::of(members);
        for (id, topology) in members.state().topologies() {
            if let Some(network) = members.state().networks().get(id) {
                census.count(network, topology);
            }
        }
        census.close()
    }

    /// A host without tunnels has the shortest intervals.
    pub fn host(&self, host: HostId) -> BfdLoad {
        self.hosts.get(&host).copied().unwrap_or_else(|| BfdLoad::of(Sessions::default(), u32::MAX))
    }

    /// The hosts whose intervals are others than before.
    pub fn changed<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = HostId> + 'a {
        let differs = |host: &HostId| !self.host(*host).has_same_steps(before.host(*host));
        self.hosts.keys().copied().filter(differs)
    }
}

/// Counts up, kind by kind.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    normal: i64,
    fast: i64,
}

impl Count {
    fn plus(self, other: Self) -> Self {
        Self { normal: self.normal + other.normal, fast: self.fast + other.fast }
    }

    fn add(&mut self, detection: Detection, count: i64) {
        match detection {
            Detection::Normal => self.normal += count,
            Detection::Fast => self.fast += count,
        }
    }
}

/// Networks of a pool that one transport carries have the same hosts.
type Carrier<'a> = (PoolId, &'a TransportName);

/// What all leaves of a carrier have.
#[derive(Default)]
struct Leaves {
    /// Of one that can bond.
    several: Count,
    /// Of one that can't.
    one: Count,
}

struct Census<'a> {
    members: &'a Members<'a>,
    /// Of each carrier's hosts, how many can bond and how many can't.
    sizes: BTreeMap<Carrier<'a>, (i64, i64)>,
    leaves: BTreeMap<Carrier<'a>, Leaves>,
    /// What heads have beyond a leaf.
    heads: BTreeMap<HostId, Count>,
}

impl<'a> Census<'a> {
    fn of(members: &'a Members<'a>) -> Self {
        let mut sizes: BTreeMap<Carrier<'_>, (i64, i64)> = BTreeMap::new();
        for host in members.all() {
            for transport in host.transports.keys() {
                let (several, one) = sizes.entry((host.pool, transport)).or_default();
                match host.uplinks {
                    Uplinks::Several => *several += 1,
                    Uplinks::One => *one += 1,
                }
            }
        }
        Self { members, sizes, leaves: BTreeMap::new(), heads: BTreeMap::new() }
    }

    fn count(&mut self, network: &'a PrivateNetwork, topology: &'a Topology) {
        let members = self.members;
        let fabric = Fabric::with(members, network, topology);
        let detection = network.detection;
        if network.shape == Shape::OneStar {
            for (host, uplinks) in fabric.links() {
                self.heads.entry(host).or_default().add(detection, number(uplinks.len()));
                for above in uplinks {
                    self.heads.entry(above).or_default().add(detection, 1);
                }
            }
            return;
        }
        for (pool, star) in &topology.stars {
            let Some(attachment) = network.pools.get(pool) else { continue };
            let carrier = (*pool, &attachment.transport);
            let takes_part =
                |host: HostId| members.get(host).filter(|host| host.pool == *pool && network.spans(host));
            let center = takes_part(star.center.holder);
            let standby = star.standby.and_then(takes_part);
            let heads: Vec<&Host> = center.into_iter().chain(standby).collect();
            let uplinks_of = |host: &Host| match host.uplinks {
                Uplinks::Several => heads.len(),
                Uplinks::One => heads.len().min(1),
            };
            let (mut several, mut one) = self.sizes.get(&carrier).copied().unwrap_or_default();
            let leaves = self.leaves.entry(carrier).or_default();
            leaves.several.add(detection, number(heads.len()));
            leaves.one.add(detection, number(heads.len().min(1)));
            for head in &heads {
                match head.uplinks {
                    Uplinks::Several => several -= 1,
                    Uplinks::One => one -= 1,
                }
            }
            for (place, head) in heads.iter().enumerate() {
                // Those that have one uplink have the first.
                let below = several + if place == 0 { one } else { 0 };
                let uplinks = fabric.uplinks(head);
                let own = below + number(uplinks.len()) - number(uplinks_of(head));
                self.heads.entry(head.id).or_default().add(detection, own);
                for above in uplinks {
                    self.heads.entry(above).or_default().add(detection, 1);
                }
            }
        }
    }

    fn close(self) -> Budget {
        let budget = self.members.state().settings().bfd_budget;
        let mut hosts = BTreeMap::new();
        for host in self.members.all() {
            let carriers = host.transports.keys().filter_map(|name| self.leaves.get(&(host.pool, name)));
            let as_leaf = carriers.map(|leaves| match host.uplinks {
                Uplinks::Several => leaves.several,
                Uplinks::One => leaves.one,
            });
            let head = self.heads.get(&host.id).copied();
            let all = as_leaf.chain(head).fold(Count::default(), Count::plus);
            let count = |count: i64| u32::try_from(count).unwrap_or(0);
            let sessions = Sessions { normal: count(all.normal), fast: count(all.fast) };
            if sessions.total() > 0 {
                hosts.insert(host.id, BfdLoad::of(sessions, budget));
            }
        }
        Budget { hosts }
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
