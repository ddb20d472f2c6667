//! What would come of a failure: who takes over, who is cut from whom, and for how long by design. Pure.
//!
//! The story has four moments. *Before*: every host uses the first of its uplinks that works. *At once*: links whose end is
//! dead carry nothing. *Data plane*: BFD has told every host, and bonds use another member. *Election*: the planner is
//! asked, as the leader would ask it, with evidence that ages; hosts use what its choices give them. Two hosts reach one
//! another where their ways up meet.

mod reach;
mod trial;

use std::{collections::BTreeSet, time::Duration};

use asterism_model::{HostId, NetworkId, NetworkState, PoolId, PrivateNetwork};

use crate::{Evidence, Graces, Targets, links::Fabric, members::Members};
use reach::{Damage, Reach};
use trial::Trial;

/// From the moment that a choice is committed until the hosts forward by it: a transaction each, and BFD's first second on
/// tunnels that bonds wait for.
const PROGRAMMING: Duration = Duration::from_millis(1500);
/// Packets that may be lost in a row (`Interface.bfd`, RFC 5880 §6.8.4).
const MULTIPLIER: u32 = 3;
/// How many pairs are named.
const EXAMPLES: usize = 3;

/// What fails, all at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kill {
    /// They go dark, and their VMs with them.
    pub hosts: BTreeSet<HostId>,
    /// Ways between two hosts, for all tunnels between them.
    pub links: BTreeSet<[HostId; 2]>,
    /// No controller can elect any more.
    pub has_no_quorum: bool,
    /// How much later elections are, because the leader is among the killed.
    pub leaderless: Duration,
}

/// What comes of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Forecast {
    /// Networks in which anything changes, in order of their ids.
    pub networks: Vec<NetworkForecast>,
    /// How many networks are left as they are.
    pub untouched: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkForecast {
    pub network: NetworkId,
    pub killed: Vec<HostId>,
    /// In the order in which they happen.
    pub successions: Vec<Succession>,
    /// Pairs of living hosts whose frames to one another are lost for a while, the shortest first.
    pub interruptions: Vec<Interruption>,
    /// Pairs that are cut until what was killed is back.
    pub cut: Option<Pairs>,
    /// Pairs of living hosts that reached one another before.
    pub pairs: u64,
}

/// An office that passes to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Succession {
    Center { pool: PoolId, from: Option<HostId>, to: Option<HostId>, remedy: Remedy },
    Standby { pool: PoolId, from: Option<HostId>, to: Option<HostId> },
    PoolCenter { from: Option<PoolId>, to: Option<PoolId> },
}

/// How an office passes, or frames find another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// The switches use another uplink; needs no controller.
    DataPlane,
    /// A controller elects another center and programs the hosts.
    Election,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interruption {
    pub pairs: Pairs,
    pub heals_within: Duration,
    pub remedy: Remedy,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairs {
    pub count: u64,
    /// A few of them.
    pub examples: Vec<[HostId; 2]>,
}

/// Foretells. `evidence` is what is known of hosts beforehand; without any all are taken for well.
pub fn whatif(state: &NetworkState, evidence: Option<&Evidence>, graces: &Graces, kill: &Kill) -> Forecast {
    let before = Damage::known(evidence, graces);
    let after = before.with(kill);
    let trial = Trial::run(state, evidence, graces, kill, &before);
    let (members, targets) = (Members::of(state), Targets::of(state));
    let members_after = Members::of(&trial.state);
    let mut forecast = Forecast::default();
    for network in state.networks().values() {
        let story = Story { members: &members, targets: &targets, network, before: &before, after: &after };
        let found = story.tell(&members_after, &trial);
        let is_touched = !(found.killed.is_empty()
            && found.successions.is_empty()
            && found.interruptions.is_empty()
            && found.cut.is_none());
        if is_touched {
            forecast.networks.push(found);
        } else {
            forecast.untouched += 1;
        }
    }
    forecast
}

struct Story<'a> {
    members: &'a Members<'a>,
    targets: &'a Targets<'a>,
    network: &'a PrivateNetwork,
    before: &'a Damage,
    after: &'a Damage,
}

impl Story<'_> {
    fn tell(&self, members_after: &Members<'_>, trial: &Trial) -> NetworkForecast {
        let network = self.network;
        let of_network = || self.members.of_network(network).map(|host| host.id);
        let died = |host: &HostId| !self.before.dead.contains(host) && self.after.dead.contains(host);
        let living: Vec<HostId> = of_network().filter(|host| !self.after.dead.contains(host)).collect();
        let fabric = Fabric::of(self.members, network);
        let fabric_after = Fabric::of(members_after, network);

        let before = Reach::of(fabric.as_ref(), self.members, network, self.before, None);
        let at_once = before.without(self.after);
        let healed = Reach::of(fabric.as_ref(), self.members, network, self.after, Some(&before));
        let elected = Reach::of(fabric_after.as_ref(), members_after, network, self.after, Some(&healed));

        let pairs = before.pairs(&living);
        let (kept, by_switches) = (at_once.pairs(&living), healed.pairs(&living));
        let in_the_end = elected.pairs(&living).max(by_switches);
        let mut interruptions = Vec::new();
        let detection = self.detection(&before, &healed);
        if by_switches > kept {
            let examples = healed.parted(&at_once, &living);
            let pairs = Pairs { count: by_switches - kept, examples };
            interruptions.push(Interruption { pairs, heals_within: detection, remedy: Remedy::DataPlane });
        }
        if in_the_end > by_switches.max(kept) {
            let count = in_the_end - by_switches.max(kept);
            let pairs = Pairs { count, examples: elected.parted(&healed, &living) };
            let heals_within =
                trial.elected_within.get(&network.id).copied().unwrap_or_default() + PROGRAMMING;
            interruptions.push(Interruption { pairs, heals_within, remedy: Remedy::Election });
        }
        let cut = pairs.checked_sub(in_the_end.max(kept)).filter(|count| *count > 0);
        NetworkForecast {
            network: network.id,
            killed: of_network().filter(died).collect(),
            successions: trial.successions.get(&network.id).cloned().unwrap_or_default(),
            interruptions,
            cut: cut.map(|count| Pairs { count, examples: before.parted(&elected, &living) }),
            pairs,
        }
    }

    /// How long the slowest of the hosts that use another uplink takes to notice: both ends keep the longer interval.
    fn detection(&self, before: &Reach, after: &Reach) -> Duration {
        let detection = self.network.detection;
        let interval = |host: HostId| self.targets.budget().host(host).interval(detection);
        let turned = before.active.iter().filter(|(host, uplink)| after.active.get(host) != Some(uplink));
        let slowest = turned.map(|(host, uplink)| interval(*host).max(interval(*uplink))).max();
        Duration::from_millis((slowest.unwrap_or(0) * MULTIPLIER).into())
    }
}

#[cfg(test)]
mod tests;
