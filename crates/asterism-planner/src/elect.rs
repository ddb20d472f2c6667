//! Chooses the star-center of a pool and the pool-center of a network.
//!
//! Sticky: preferred and able, else current and not dead, else the best able one. The score is how many stars a
//! candidate is in the middle of already, fewest first, so that stars spread over hosts; then the lowest id.

use std::collections::BTreeMap;

use asterism_model::{
    Cause, Choice, Host, HostId, NetworkId, NetworkState, PoolAttachment, PoolId, StarPlan,
};

use crate::{Evidence, Graces, Tick, Verdict, Verdicts};

/// How many stars each host is the center of, and of how many networks each pool is the center.
#[derive(Debug, Default)]
pub struct Load {
    hosts: BTreeMap<HostId, usize>,
    pools: BTreeMap<PoolId, usize>,
}

impl Load {
    pub fn of(state: &NetworkState) -> Self {
        let mut load = Self::default();
        for topology in state.topologies().values() {
            for star in topology.stars.values() {
                load.move_host(None, star.center.holder);
            }
            if let Some(choice) = &topology.pool_center {
                load.move_pool(None, Some(choice.holder));
            }
        }
        load
    }

    pub fn host(&self, host: HostId) -> usize {
        self.hosts.get(&host).copied().unwrap_or(0)
    }

    /// A star has another center.
    pub fn move_host(&mut self, from: Option<HostId>, to: HostId) {
        shift(&mut self.hosts, from, Some(to));
    }

    /// A network has another pool-center.
    pub fn move_pool(&mut self, from: Option<PoolId>, to: Option<PoolId>) {
        shift(&mut self.pools, from, to);
    }

    fn pool(&self, pool: PoolId) -> usize {
        self.pools.get(&pool).copied().unwrap_or(0)
    }
}

fn shift<T: Ord>(counts: &mut BTreeMap<T, usize>, from: Option<T>, to: Option<T>) {
    if let Some(count) = from.and_then(|from| counts.get_mut(&from)) {
        *count = count.saturating_sub(1);
    }
    if let Some(to) = to {
        *counts.entry(to).or_default() += 1;
    }
}

/// What the elections of one network look at.
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
        let seen = self.evidence.hosts.get(&host.id);
        match (self.verdicts.of(host.id), seen.and_then(|seen| seen.hindered.get(&self.network))) {
            (Verdict::Able { since }, None) => Ok(*since),
            (Verdict::Able { .. }, Some(why)) => Err(why.clone()),
            (verdict @ (Verdict::Doubtful(_) | Verdict::Dead(_)), _) => Err(verdict.to_string()),
        }
    }

    /// Whether a preferred holder, able since then, takes over: at once from one that does not work, else after a grace.
    fn takes_over(&self, since: Tick, works: bool) -> bool {
        !works || self.now >= since + self.graces.fail_back
    }

    /// The star-center of one pool; `None` where no host is able and none was center.
    pub fn star_center(
        &self,
        hosts: &[&Host],
        attachment: &PoolAttachment,
        current: Option<&Choice<HostId>>,
    ) -> Option<(HostId, Cause)> {
        let holder = current.and_then(|choice| hosts.iter().find(|host| host.id == choice.holder));
        let works = holder.is_some_and(|host| host.is_eligible() && !self.verdicts.of(host.id).is_dead());

        let preferred = attachment.preferred_host.filter(|preferred| {
            let host = hosts.iter().find(|host| host.id == *preferred);
            let since = host.and_then(|host| self.standing(host).ok());
            since.is_some_and(|since| self.takes_over(since, works))
        });
        if let Some(preferred) = preferred {
            return Some((preferred, Cause::Preferred));
        }
        if let (Some(host), Some(choice), true) = (holder, current, works) {
            return Some((host.id, choice.cause));
        }
        let best = hosts
            .iter()
            .filter(|host| self.standing(host).is_ok())
            .min_by_key(|host| (self.load.host(host.id), host.id));
        match (best, holder, current) {
            (Some(best), _, current) => Some((best.id, self.cause(holder.copied(), current))),
            // Nobody is better off for losing a center that nobody can replace.
            (None, Some(holder), Some(choice)) => Some((holder.id, choice.cause)),
            (None, None, _) | (None, _, None) => None,
        }
    }

    fn cause(&self, holder: Option<&Host>, current: Option<&Choice<HostId>>) -> Cause {
        match (current, holder) {
            (None, _) => Cause::First,
            (Some(_), None) => Cause::Removed,
            (Some(_), Some(host)) if !host.is_eligible() => Cause::Disabled,
            (Some(_), Some(_)) => Cause::Dead,
        }
    }

    /// The pool-center among the pools that have a star; `None` where no pool has one.
    pub fn pool_center(
        &self,
        stars: &BTreeMap<PoolId, StarPlan>,
        preferred: Option<PoolId>,
        current: Option<&Choice<PoolId>>,
    ) -> Option<(PoolId, Cause)> {
        let verdict = |pool: &PoolId| stars.get(pool).map(|star| self.verdicts.of(star.center));
        let works = |pool: &PoolId| verdict(pool).is_some_and(|verdict| !verdict.is_dead());
        let current_works = current.is_some_and(|choice| works(&choice.holder));

        let preferred = preferred.filter(|pool| match verdict(pool) {
            Some(Verdict::Able { since }) => self.takes_over(*since, current_works),
            Some(Verdict::Doubtful(_) | Verdict::Dead(_)) | None => false,
        });
        if let Some(preferred) = preferred {
            return Some((preferred, Cause::Preferred));
        }
        if let (Some(choice), true) = (current, current_works) {
            return Some((choice.holder, choice.cause));
        }
        let cause = match current {
            None => Cause::First,
            Some(choice) if !stars.contains_key(&choice.holder) => Cause::Removed,
            Some(_) => Cause::Dead,
        };
        let able = stars.keys().filter(|pool| verdict(pool).is_some_and(Verdict::is_able));
        let best = able.min_by_key(|pool| (self.load.pool(**pool), **pool));
        let kept = current.filter(|choice| stars.contains_key(&choice.holder));
        match (best, kept) {
            (Some(best), _) => Some((*best, cause)),
            (None, Some(choice)) => Some((choice.holder, choice.cause)),
            // Every star needs a middle, even where its center is doubtful.
            (None, None) => stars.keys().next().map(|pool| (*pool, cause)),
        }
    }
}
