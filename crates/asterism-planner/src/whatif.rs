//! What would come of a failure: who takes over, who is cut from whom, and for how long by design. Pure.
//!
//! The story has four moments. *Before*: every host uses the first of its uplinks that works. *At once*: links whose end is
//! dead carry nothing. *Data plane*: BFD has told every host, and bonds use another member. *Election*: the planner is
//! asked, as the leader would ask it, with evidence that ages; hosts use what its choices give them. Two hosts reach one
//! another where their ways up meet.
//!
//! Times are upper bounds. Those of the data plane are BFD's intervals alone; an election adds the graces of the evidence
//! ([`Graces`]), the loss of sessions and of the leader ([`Delays`], [`Kill`]), `PROGRAMMING` and `BFD_START`.

mod reach;
mod trial;

use std::{collections::BTreeSet, time::Duration};

use asterism_model::{HostId, NetworkId, NetworkState, PoolId, PrivateNetwork, Resilience, Uplinks};

use crate::{Evidence, Graces, Targets, budget::noticed_within, links::Fabric, members::Members};
use reach::{Damage, Reach};
use trial::Trial;

/// From the moment that a choice could be made until each host has it in place: proposed, committed, written everywhere at
/// once. Measured in the laboratory: single stars of nine hosts whose center or root dies are whole again 1290 to 1320 ms
/// later (6 deaths), of which 200 to 300 ms are BFD's and 1000 ms [`Graces::fabric`]'s.
const PROGRAMMING: Duration = Duration::from_millis(200);
/// Until BFD is up on a tunnel that was just made, which a bond waits for and a plain port does not: a packet of each end in
/// turn, and while a session is not up there is no more than one a second (RFC 5880 §6.8.3). Measured: center and standby of
/// a dual star die at once, and it is whole after 1330 to 2260 ms (6 deaths), up to 0.9 s more than a single star.
const BFD_START: Duration = Duration::from_secs(2);
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

/// What an election waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delays {
    pub graces: Graces,
    /// How long the session to a host outlives it that goes dark and closes no connection: until it is probed, and the probe
    /// is given up.
    pub session: Duration,
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
pub fn whatif(state: &NetworkState, evidence: Option<&Evidence>, delays: &Delays, kill: &Kill) -> Forecast {
    let before = Damage::known(evidence, &delays.graces);
    let after = before.with(kill);
    let trial = Trial::run(state, evidence, delays, kill, &before);
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
        let fabrics = [Fabric::of(self.members, network), Fabric::of(members_after, network)];
        let [fabric, fabric_after] = [fabrics[0].as_ref(), fabrics[1].as_ref()];

        let before = Reach::of(fabric, self.members, network, self.before, None);
        let at_once = before.without(self.after);
        let healed = Reach::of(fabric, self.members, network, self.after, Some(&before));
        let elected = Reach::of(fabric_after, members_after, network, self.after, Some(&healed));

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
            let chosen = trial.elected_within.get(&network.id).copied().unwrap_or_default();
            let waits = |host: HostId| waits_for_bfd(fabric, network, self.members, host, &elected);
            let start = if living.iter().copied().any(waits) { BFD_START } else { Duration::ZERO };
            let heals_within = chosen + PROGRAMMING + start;
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

    /// How long the slowest of the hosts that use another uplink takes to notice.
    fn detection(&self, before: &Reach, after: &Reach) -> Duration {
        let load = |host: HostId| self.targets.budget().host(host);
        let turned = before.active.iter().filter(|(host, uplink)| after.active.get(host) != Some(uplink));
        let noticed =
            turned.map(|(host, uplink)| noticed_within(load(*host), load(*uplink), self.network.detection));
        noticed.max().unwrap_or_default()
    }
}

/// Whether a host's way up leads over a tunnel that it did not have before, and its port to it is a bond, or was one in between:
/// of two heads that die at once, one may be given up a moment before the other.
fn waits_for_bfd(
    before: Option<&Fabric<'_>>,
    network: &PrivateNetwork,
    members: &Members<'_>,
    host: HostId,
    reach: &Reach,
) -> bool {
    let (Some(uplink), Some(host)) = (reach.active.get(&host), members.get(host)) else { return false };
    let can_bond = network.resilience == Resilience::Dual && host.uplinks == Uplinks::Several;
    can_bond && !before.is_some_and(|before| before.uplinks(host).contains(uplink))
}

#[cfg(test)]
mod tests;
