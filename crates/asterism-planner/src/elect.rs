//! Who may hold an office, who has lost it, and who is the best of those who may.
//!
//! Offices are sticky: what [`crate::succession`] asks is whether a holder has failed, and only then, or when an operator
//! wants another one, who is next. The score is how many stars a candidate is in the middle of already, then of how many it
//! is the standby, fewest first, so that stars spread over hosts; then the lowest id. Hosts that have no bonds come last.

use std::collections::BTreeMap;

use asterism_model::{Cause, Host, HostId, NetworkId, NetworkState, PoolAttachment, PoolId, Star, Uplinks};

use crate::{Evidence, Graces, Tick, Verdict, Verdicts};

/// What offices each host holds, and of how many networks each pool is the center.
#[derive(Debug, Default)]
pub struct Load {
    hosts: BTreeMap<HostId, Offices>,
    pools: BTreeMap<PoolId, usize>,
}

/// How many offices of each kind one host holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offices {
    /// Stars of which it is the center.
    pub centers: usize,
    /// Stars of which it is the standby.
    pub standbys: usize,
}

impl Load {
    pub fn of(state: &NetworkState) -> Self {
        let mut load = Self::default();
        for topology in state.topologies().values() {
            for star in topology.stars.values() {
                load.move_star(None, Some(star));
            }
            if let Some(choice) = &topology.pool_center {
                load.move_pool(None, Some(choice.holder));
            }
        }
        load
    }

    pub fn host(&self, host: HostId) -> Offices {
        self.hosts.get(&host).copied().unwrap_or_default()
    }

    /// A star has other heads.
    pub fn move_star(&mut self, from: Option<&Star>, to: Option<&Star>) {
        if let Some(star) = from {
            let center = self.hosts.entry(star.center.holder).or_default();
            center.centers = center.centers.saturating_sub(1);
            if let Some(standby) = star.standby {
                let standby = self.hosts.entry(standby).or_default();
                standby.standbys = standby.standbys.saturating_sub(1);
            }
        }
        if let Some(star) = to {
            self.hosts.entry(star.center.holder).or_default().centers += 1;
            if let Some(standby) = star.standby {
                self.hosts.entry(standby).or_default().standbys += 1;
            }
        }
    }

    /// A network has another pool-center.
    pub fn move_pool(&mut self, from: Option<PoolId>, to: Option<PoolId>) {
        if let Some(count) = from.and_then(|from| self.pools.get_mut(&from)) {
            *count = count.saturating_sub(1);
        }
        if let Some(to) = to {
            *self.pools.entry(to).or_default() += 1;
        }
    }

    pub fn pool(&self, pool: PoolId) -> usize {
        self.pools.get(&pool).copied().unwrap_or(0)
    }

    /// The less, the better the candidate.
    pub fn score(&self, host: &Host) -> (bool, Offices, HostId) {
        (host.uplinks == Uplinks::One, self.host(host.id), host.id)
    }
}

/// Why a host can hold an office no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub cause: Cause,
    /// What was seen of it.
    pub evidence: Option<String>,
}

/// What the elections of one network look at.
#[derive(Clone, Copy)]
pub struct Ballot<'a> {
    pub network: NetworkId,
    pub evidence: &'a Evidence,
    pub verdicts: &'a Verdicts,
    pub graces: &'a Graces,
    pub now: Tick,
    pub load: &'a Load,
}

impl Ballot<'_> {
    /// Since when the host may be elected; if it may not, why.
    pub fn standing(&self, host: &Host) -> Result<Tick, String> {
        if !host.is_eligible() {
            return Err("disabled".into());
        }
        match (self.verdicts.of(host.id), self.hindrance(host.id)) {
            (Verdict::Able { since }, None) => Ok(*since),
            (Verdict::Able { .. }, Some(why)) => Err(why.into()),
            (verdict @ (Verdict::Doubtful(_) | Verdict::Dead(_)), _) => Err(verdict.to_string()),
        }
    }

    /// What stands in the way of the network's bridge on the host.
    pub fn hindrance(&self, host: HostId) -> Option<&str> {
        let seen = self.evidence.hosts.get(&host)?;
        seen.hindered.get(&self.network).map(String::as_str)
    }

    /// Why a host of the pool holds its office no longer: it is dead, or can't have the network's bridge. `None` for one
    /// that is merely disabled or in doubt: it works as long as it is not replaced.
    pub fn failure(&self, host: HostId) -> Option<Failure> {
        let failure = |cause, why: &str| Some(Failure { cause, evidence: Some(why.into()) });
        match (self.verdicts.of(host), self.hindrance(host)) {
            (Verdict::Dead(why), _) => failure(Cause::Dead, why),
            (Verdict::Able { .. } | Verdict::Doubtful(_), Some(why)) => failure(Cause::CutOff, why),
            (Verdict::Able { .. } | Verdict::Doubtful(_), None) => None,
        }
    }

    /// Whether a preferred holder that is able since then has been so for long enough to replace one that works.
    pub fn is_back(&self, since: Tick) -> bool {
        self.now >= since + self.graces.fail_back
    }

    /// The pool's preferred host, if it may be elected, with since when.
    pub fn able_preferred(&self, hosts: &[&Host], attachment: &PoolAttachment) -> Option<(HostId, Tick)> {
        let preferred = attachment.preferred_host?;
        let host = hosts.iter().find(|host| host.id == preferred)?;
        Some((preferred, self.standing(host).ok()?))
    }

    /// The best of those that may be elected, one host left out.
    pub fn best(&self, hosts: &[&Host], except: Option<HostId>) -> Option<HostId> {
        let able = hosts.iter().filter(|host| Some(host.id) != except && self.standing(host).is_ok());
        able.min_by_key(|host| self.load.score(host)).map(|host| host.id)
    }
}
