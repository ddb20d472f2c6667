//! Who reaches whom in a network, when every host forwards over one uplink that works.

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{HostId, PrivateNetwork};

use super::{EXAMPLES, Kill};
use crate::{Evidence, Graces, Tick, judge, links::Fabric, members::Members};

/// What does not work.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Damage {
    pub dead: BTreeSet<HostId>,
    /// Ways between two hosts, the lower id first.
    pub lost: BTreeSet<[HostId; 2]>,
}

impl Damage {
    /// What is known beforehand.
    pub fn known(evidence: Option<&Evidence>, graces: &Graces) -> Self {
        let Some(evidence) = evidence else { return Self::default() };
        let verdicts = judge(evidence, graces, Tick(u64::MAX));
        let hosts = evidence.hosts.keys().copied();
        let dead: BTreeSet<HostId> = hosts.filter(|host| verdicts.of(*host).is_dead()).collect();
        let ways =
            evidence.hosts.iter().flat_map(|(host, seen)| seen.paths.keys().map(|peer| way(*host, *peer)));
        let lost = ways.filter(|[one, other]| evidence.lost_since(*one, *other).is_some()).collect();
        Self { dead, lost }
    }

    pub fn with(&self, kill: &Kill) -> Self {
        let links = kill.links.iter().map(|[one, other]| way(*one, *other));
        Self {
            dead: self.dead.union(&kill.hosts).copied().collect(),
            lost: self.lost.iter().copied().chain(links).collect(),
        }
    }

    fn spares(&self, one: HostId, other: HostId) -> bool {
        !self.dead.contains(&one) && !self.dead.contains(&other) && !self.lost.contains(&way(one, other))
    }
}

pub(super) fn way(one: HostId, other: HostId) -> [HostId; 2] {
    [one.min(other), one.max(other)]
}

/// The uplink that each host uses.
#[derive(Debug, Clone, Default)]
pub(super) struct Reach {
    pub active: BTreeMap<HostId, HostId>,
}

impl Reach {
    /// Each host uses what it used before, if that works, else the first that does.
    pub fn of(
        fabric: Option<&Fabric<'_>>,
        members: &Members<'_>,
        network: &PrivateNetwork,
        damage: &Damage,
        before: Option<&Self>,
    ) -> Self {
        let Some(fabric) = fabric else { return Self::default() };
        let mut active = BTreeMap::new();
        for host in members.of_network(network) {
            let uplinks = fabric.uplinks(host);
            let is_drained =
                |uplink: HostId| members.get(uplink).is_some_and(|above| fabric.is_drained(above, host.id));
            // A plain port is told in vain.
            let may_use = |uplink: &HostId| {
                damage.spares(host.id, *uplink) && (uplinks.len() == 1 || !is_drained(*uplink))
            };
            let known = before.and_then(|before| before.active.get(&host.id)).copied();
            let kept = known.filter(|uplink| uplinks.contains(uplink) && may_use(uplink));
            if let Some(uplink) = kept.or_else(|| uplinks.iter().copied().find(may_use)) {
                active.insert(host.id, uplink);
            }
        }
        Self { active }
    }

    /// What is left of it when that fails, before anybody notices.
    pub fn without(&self, damage: &Damage) -> Self {
        let left = self.active.iter().filter(|(host, uplink)| damage.spares(**host, **uplink));
        Self { active: left.map(|(host, uplink)| (*host, *uplink)).collect() }
    }

    /// Where a host's way up ends. Ranks descend along it, so that it does.
    fn top(&self, host: HostId) -> HostId {
        let mut at = host;
        for _ in 0..=self.active.len() {
            match self.active.get(&at) {
                Some(uplink) => at = *uplink,
                None => break,
            }
        }
        at
    }

    /// Pairs of these hosts that reach one another.
    pub fn pairs(&self, hosts: &[HostId]) -> u64 {
        let mut sizes: BTreeMap<HostId, u64> = BTreeMap::new();
        for host in hosts {
            *sizes.entry(self.top(*host)).or_default() += 1;
        }
        sizes.values().map(|size| size * (size - 1) / 2).sum()
    }

    /// Some pairs that reach one another here and not there.
    pub fn parted(&self, there: &Self, hosts: &[HostId]) -> Vec<[HostId; 2]> {
        let mut parts: BTreeMap<HostId, BTreeMap<HostId, HostId>> = BTreeMap::new();
        for host in hosts {
            parts.entry(self.top(*host)).or_default().entry(there.top(*host)).or_insert(*host);
        }
        let mut found = Vec::new();
        for firsts in parts.values() {
            let mut firsts: Vec<HostId> = firsts.values().copied().collect();
            firsts.sort_unstable();
            found.extend(firsts.iter().skip(1).filter_map(|host| Some(way(*firsts.first()?, *host))));
        }
        found.truncate(EXAMPLES);
        found
    }
}
