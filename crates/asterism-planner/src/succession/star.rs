//! One star's next step. See the table in [`crate::succession`].

use asterism_model::{
    Cause, Choice, Drain, DrainExtent, Host, HostId, NextCenter, PoolId, Resilience, Shape, Star, Timestamp,
    Uplinks,
};

use super::{Step, Succession};
use crate::{
    Finding,
    elect::Failure,
    finding::{Motion, Wait},
};

impl Succession<'_> {
    /// The star after one step; none where the pool has no host that could be its center.
    pub fn step_star(&self, pool: PoolId) -> Step<Option<Star>> {
        let Some(star) = self.topology.stars.get(&pool) else { return self.first_star(pool) };
        let mut step = Step::to(None);
        if let Some(failure) = self.failure_of_center(pool, star, &mut step) {
            return self.succeed(pool, star, failure, step);
        }
        self.prune(pool, star.clone(), step)
    }

    fn first_star(&self, pool: PoolId) -> Step<Option<Star>> {
        let Some((center, cause)) = self.elect(pool, None) else { return self.nobody(pool, Step::to(None)) };
        Step::to(Some(Star { center: new(center, cause, None), standby: None, next: None, drained: None }))
    }

    fn nobody(&self, pool: PoolId, mut step: Step<Option<Star>>) -> Step<Option<Star>> {
        let hosts = self.members.of_star(self.network, pool).iter();
        let hosts = hosts.filter_map(|host| Some((host.id, self.ballot.standing(host).err()?))).collect();
        step.findings.push(Finding::NoAbleHost { network: self.network.id, pool, hosts });
        step
    }

    /// The preferred host if it is able, else the best.
    fn elect(&self, pool: PoolId, except: Option<HostId>) -> Option<(HostId, Cause)> {
        let hosts = self.members.of_star(self.network, pool);
        let attachment = self.network.pools.get(&pool)?;
        let preferred = self.ballot.able_preferred(hosts, attachment);
        match preferred.filter(|(host, _)| Some(*host) != except) {
            Some((host, _)) => Some((host, Cause::Preferred)),
            None => self.ballot.best(hosts, except).map(|host| (host, Cause::First)),
        }
    }

    /// Why the center is to be replaced at once.
    fn failure_of_center(&self, pool: PoolId, star: &Star, step: &mut Step<Option<Star>>) -> Option<Failure> {
        let Some(center) = self.host(star.center.holder).filter(|host| host.pool == pool) else {
            return Some(Failure { cause: Cause::Removed, evidence: None });
        };
        if let Some(failure) = self.ballot.failure(center.id) {
            return Some(failure);
        }
        let standby = star.standby.filter(|standby| self.works(*standby, pool));
        match self.roads(self.topology).is_cut_off(center, self.host(standby?)?) {
            Ok(true) => Some(Failure {
                cause: Cause::CutOff,
                evidence: Some("it lives, and its ways toward the root are down".into()),
            }),
            Ok(false) => None,
            Err(at) => {
                step.look_again(at);
                None
            }
        }
    }

    /// The center is replaced at once, by whom the data plane has turned to.
    fn succeed(
        &self,
        pool: PoolId,
        star: &Star,
        failure: Failure,
        mut step: Step<Option<Star>>,
    ) -> Step<Option<Star>> {
        let old = star.center.holder;
        let standby = star.standby.filter(|standby| self.works(*standby, pool));
        let heir = standby.or_else(|| self.elect(pool, Some(old)).map(|(host, _)| host));
        let Some(heir) = heir else {
            if self.host(old).is_none() {
                return self.nobody(pool, step);
            }
            let why = match (failure.cause, failure.evidence) {
                (Cause::Dead, Some(why)) => format!("dead: {why}"),
                (_, why) => why.unwrap_or_else(|| failure.cause.to_string()),
            };
            // Nobody is better off for losing a center that nobody can replace.
            step.findings.push(Finding::CenterKept { network: self.network.id, pool, host: old, why });
            let is_member = |host: &HostId| self.host(*host).is_some_and(|host| host.pool == pool);
            let standby = star.standby.filter(is_member);
            step.choice = Some(Star { standby, next: None, drained: None, ..star.clone() });
            return step;
        };
        let is_wanted = |next: &NextCenter| {
            next.cause == Cause::Moved && next.host != heir && self.is_fit(next.host, pool)
        };
        // One that has lost the root would be of no use as standby either.
        let others: Vec<&Host> =
            self.members.of_star(self.network, pool).iter().copied().filter(|host| host.id != old).collect();
        let best = self.ballot.best(&others, Some(heir));
        let is_dual = self.network.resilience == Resilience::Dual && self.has_hosts_below(pool);
        let standby = best.filter(|_| is_dual);
        step.choice = Some(Star {
            center: new(heir, failure.cause, failure.evidence),
            standby,
            next: star.next.filter(is_wanted),
            drained: None,
        });
        step
    }

    /// Whether hosts lead up to the star's middle. One star over all pools has one middle, the root's; the others' centers are
    /// who would be root if all of that pool died, and change hands at once.
    fn has_hosts_below(&self, pool: PoolId) -> bool {
        self.network.shape == Shape::Stars || self.is_root_pool(pool)
    }

    /// Whether the host may go on toward an office that it was chosen for.
    fn is_fit(&self, host: HostId, pool: PoolId) -> bool {
        self.works(host, pool) && self.host(host).is_some_and(Host::is_eligible)
    }

    /// The center works.
    fn prune(&self, pool: PoolId, mut star: Star, mut step: Step<Option<Star>>) -> Step<Option<Star>> {
        // One that has left holds no office, whatever comes of the rest.
        let is_member = |host: &HostId| self.host(*host).is_some_and(|host| host.pool == pool);
        star.standby = star.standby.filter(is_member);
        star.drained = star.drained.filter(|drain| is_member(&drain.host));
        star.next = star.next.filter(|next| self.is_fit(next.host, pool));
        let goal = self.goal(pool, &star, &mut step);
        if !self.has_hosts_below(pool) {
            if let Some(next) = goal {
                star.center = new(next.host, next.cause, None);
            }
            step.choice = Some(Star { center: star.center, standby: None, next: None, drained: None });
            return step;
        }
        let wait = match goal {
            Some(next) => {
                star.next = Some(next);
                self.approach(pool, &mut star, next)
            }
            None => {
                star.next = None;
                let wanted = self.wanted_standby(pool, &star);
                self.settle_standby(pool, &mut star, wanted)
            }
        };
        if let Some((_, Wait::Settling { .. })) = wait {
            step.look_again = step.look_again.into_iter().chain(self.settles_at()).min();
        }
        step.findings.extend(wait.map(|(motion, wait)| self.waiting(motion, wait)));
        let has_standby = star.standby.is_some_and(|standby| self.works(standby, pool));
        let has_others = self.members.of_star(self.network, pool).len() > 1;
        if self.network.resilience == Resilience::Dual && has_others && !has_standby {
            step.findings.push(Finding::NoStandby { network: self.network.id, pool });
        }
        step.choice = Some(star);
        step
    }

    /// Who shall be center instead of one that works, and why.
    fn goal(&self, pool: PoolId, star: &Star, step: &mut Step<Option<Star>>) -> Option<NextCenter> {
        let network = self.network.id;
        let (hosts, center) = (self.members.of_star(self.network, pool), star.center.holder);
        let standing = self.host(center).map(|host| self.ballot.standing(host));
        let is_disabled = self.host(center).is_some_and(|host| !host.is_eligible());
        let preferred = self.network.pools.get(&pool)?.preferred_host.filter(|host| *host != center);
        if let Some(preferred) = preferred {
            if star.next.is_some_and(|next| next.host == preferred) {
                return star.next;
            }
            let why = match self.host(preferred).map(|host| self.ballot.standing(host)) {
                Some(Ok(since)) if is_disabled || self.ballot.is_back(since) => {
                    return Some(NextCenter { host: preferred, cause: Cause::Preferred });
                }
                Some(Ok(since)) => {
                    step.look_again(since + self.ballot.graces.fail_back);
                    let grace = self.ballot.graces.fail_back;
                    format!("able, and takes over when it has been so for {grace:?}")
                }
                Some(Err(why)) => why,
                None => "no longer a host of the pool".into(),
            };
            step.findings.push(Finding::PreferredPassedOver { network, pool, host: preferred, why });
        }
        let asked = star.next.filter(|next| is_disabled || next.cause == Cause::Moved);
        if asked.is_some() {
            return asked;
        }
        if is_disabled {
            let is_able = |host: &HostId| self.host(*host).is_some_and(|it| self.ballot.standing(it).is_ok());
            let heir = star.standby.filter(is_able).or_else(|| self.ballot.best(hosts, Some(center)));
            if let Some(host) = heir {
                return Some(NextCenter { host, cause: Cause::Disabled });
            }
        }
        if let Some(Err(why)) = standing {
            step.findings.push(Finding::CenterKept { network, pool, host: center, why });
        }
        None
    }

    /// The standby beside a center that stays.
    fn wanted_standby(&self, pool: PoolId, star: &Star) -> Option<HostId> {
        match self.network.resilience {
            Resilience::Single => None,
            Resilience::Dual => star
                .standby
                .filter(|standby| self.is_fit(*standby, pool))
                .or_else(|| {
                    self.ballot.best(self.members.of_star(self.network, pool), Some(star.center.holder))
                })
                // Nobody is better off for losing a dead one that nobody can replace, and that may come back.
                .or(star.standby.filter(|standby| self.host(*standby).is_some_and(Host::is_eligible))),
        }
    }

    /// One step toward another standby, which the choices that follow begin with.
    fn settle_standby(
        &self,
        pool: PoolId,
        star: &mut Star,
        wanted: Option<HostId>,
    ) -> Option<(Motion, Wait)> {
        let works = |host: &HostId| self.works(*host, pool) && *host != star.center.holder;
        let current = star.standby.filter(|host| Some(*host) != wanted).filter(works);
        let is_cut = star.drained.is_some_and(|drain| drain.extent == DrainExtent::Cut);
        let Some(host) = current.and_then(|host| self.host(host)) else {
            if let (true, Some(to)) = (is_cut && star.standby == wanted, wanted) {
                let wait =
                    if self.is_in_office(pool, star) { self.settling() } else { Some(self.just_now()) };
                if let Some(wait) = wait {
                    return Some((Motion::Standby { pool, from: to, to: wanted }, wait));
                }
            }
            star.standby = wanted;
            star.drained = None;
            return None;
        };
        let drain = |extent| Some(Drain { host: host.id, extent });
        let (announced, all) = (drain(DrainExtent::Announced), drain(DrainExtent::All));
        let with = self.with_star(pool, star);
        let roads = self.roads(&with);
        let stuck = roads.without_other_way(host);
        let wait = if is_cut && !self.is_in_office(pool, star) {
            self.just_now()
        } else if !is_cut && star.drained != all && !self.ballot.evidence.answers(host.id) {
            star.drained = None;
            Wait::Answer { host: host.id }
        } else if !stuck.is_empty() {
            star.drained = None;
            Wait::OtherWay { host: host.id, peers: stuck }
        } else if !roads.is_up(host.id, star.center.holder) {
            // As a leaf it has no other way that is there by now.
            star.drained = star.drained.filter(|_| is_cut);
            Wait::Tunnels { host: host.id, peers: vec![star.center.holder] }
        } else if is_cut || star.drained == all {
            let peers = roads.not_gone(host);
            if !peers.is_empty() {
                Wait::Leaving { host: host.id, peers }
            } else if let Some(wait) = self.settling() {
                wait
            } else {
                star.standby = wanted;
                star.drained = None;
                return None;
            }
        } else if star.drained != announced
            && let Some(wait) = self.settling().or_else(|| self.cannot_drain(Some(pool), host.id))
        {
            star.drained = None;
            wait
        } else {
            star.drained = announced;
            self.open(pool, star, host).unwrap_or_else(|| {
                star.drained = all;
                let with = self.with_star(pool, star);
                Wait::Leaving { host: host.id, peers: self.roads(&with).not_gone(host) }
            })
        };
        Some((Motion::Standby { pool, from: host.id, to: wanted }, wait))
    }

    /// One step toward another center.
    fn approach(&self, pool: PoolId, star: &mut Star, next: NextCenter) -> Option<(Motion, Wait)> {
        let motion = Motion::Center { pool, to: next.host };
        if star.standby != Some(next.host) {
            return match self.host(next.host).map(|host| self.ballot.standing(host)) {
                Some(Err(why)) => {
                    star.drained = None;
                    if !star.standby.is_some_and(|standby| self.works(standby, pool)) {
                        star.standby = self.wanted_standby(pool, star);
                    }
                    Some((motion, Wait::Able { host: next.host, why }))
                }
                Some(Ok(_)) | None => self.settle_standby(pool, star, Some(next.host)),
            };
        }
        let (center, standby) = (self.host(star.center.holder)?, self.host(next.host)?);
        self.hand_over(pool, star, center, standby).map(|wait| (motion, wait))
    }

    /// The successor is standby.
    fn hand_over(&self, pool: PoolId, star: &mut Star, center: &Host, standby: &Host) -> Option<Wait> {
        if let Err(why) = self.ballot.standing(standby) {
            star.drained = None;
            return Some(Wait::Able { host: standby.id, why });
        }
        let with = self.with_star(pool, star);
        let peers = self.roads(&with).not_ready(standby, center.id);
        if !peers.is_empty() {
            star.drained = None;
            return Some(Wait::Tunnels { host: standby.id, peers });
        }
        let drain = |extent| Some(Drain { host: center.id, extent });
        if star.drained.is_none_or(|drain| drain.host != center.id) {
            star.drained = None;
            if let Some(wait) = self.settling().or_else(|| self.cannot_drain(Some(pool), center.id)) {
                return Some(wait);
            }
            star.drained = drain(DrainExtent::Announced);
        }
        if star.drained == drain(DrainExtent::Announced) {
            let wait = self.open(pool, star, center);
            if wait.is_some() {
                return wait;
            }
            let is_at_once = self.is_root_pool(pool) || standby.uplinks == Uplinks::One;
            star.drained = drain(if is_at_once { DrainExtent::All } else { DrainExtent::Standby });
        }
        let with = self.with_star(pool, star);
        let peers = self.roads(&with).not_gone(center);
        if !peers.is_empty() {
            return Some(Wait::Leaving { host: center.id, peers });
        }
        // At once: until then the drained host looks for them where they were.
        if star.drained == drain(DrainExtent::Standby) {
            star.drained = drain(DrainExtent::All);
            return None;
        }
        // A disabled one too: as standby it keeps the uplinks that it uses, while all tunnels to it are made anew.
        let is_kept = self.network.resilience == Resilience::Dual;
        let cause = star.next.map_or(Cause::Moved, |next| next.cause);
        *star = Star {
            center: new(standby.id, cause, None),
            standby: is_kept.then_some(center.id),
            next: None,
            drained: drain(DrainExtent::Cut).filter(|_| is_kept),
        };
        None
    }

    /// What an announced drain waits for.
    fn open(&self, pool: PoolId, star: &Star, host: &Host) -> Option<Wait> {
        let with = self.with_star(pool, star);
        let peers = self.roads(&with).not_open(host);
        (!peers.is_empty()).then_some(Wait::Opening { host: host.id, peers })
    }

    /// Whether the center is that which the log knows, and not one of this plan.
    fn is_in_office(&self, pool: PoolId, star: &Star) -> bool {
        let known = self.members.state().topologies().get(&self.network.id);
        let known = known.and_then(|topology| topology.stars.get(&pool));
        known.is_some_and(|known| known.center.holder == star.center.holder)
    }

    fn just_now(&self) -> Wait {
        Wait::Settling { hosts: Vec::new() }
    }

    fn with_star(&self, pool: PoolId, star: &Star) -> asterism_model::Topology {
        let mut with = self.topology.clone();
        with.stars.insert(pool, star.clone());
        with
    }
}

/// `apply` says since when.
fn new<T>(holder: T, cause: Cause, evidence: Option<String>) -> Choice<T> {
    Choice { holder, cause, since: Timestamp::default(), evidence }
}
