//! The next step of a network's middle. See the table in [`crate::succession`].

use asterism_model::{Cause, Choice, Host, HostId, NextPool, PoolId, Timestamp, Topology};

use super::{Step, Succession};
use crate::{
    Finding, Verdict,
    finding::{Motion, Wait},
};

/// Who is in the middle, and who shall be.
pub struct Middle {
    pub center: Option<Choice<PoolId>>,
    pub next: Option<NextPool>,
}

impl Succession<'_> {
    /// The pool-center after one step; none where no pool has a star.
    pub fn step_pool_center(&self) -> Step<Middle> {
        let next = self.topology.next_pool.filter(|next| self.pool_works(next.pool));
        let current = self.topology.pool_center.as_ref();
        let Some(center) = current.filter(|choice| self.pool_works(choice.holder)) else {
            return self.elect_pool(next);
        };
        let next = next.filter(|next| next.pool != center.holder);
        let mut step = Step::to(Middle { center: Some(center.clone()), next: None });
        if let Some(next) = self.next_pool(center.holder, next, &mut step) {
            self.approach_pool(center.holder, next, &mut step);
        }
        step
    }

    fn star_center(&self, pool: PoolId) -> Option<HostId> {
        self.topology.stars.get(&pool).map(|star| star.center.holder)
    }

    fn pool_works(&self, pool: PoolId) -> bool {
        self.star_center(pool).is_some_and(|center| self.ballot.failure(center).is_none())
    }

    fn is_able(&self, pool: PoolId) -> bool {
        let center = self.star_center(pool);
        self.pool_works(pool) && center.is_some_and(|center| self.ballot.verdicts.of(center).is_able())
    }

    /// The pool-center is gone, or none was there.
    fn elect_pool(&self, next: Option<NextPool>) -> Step<Middle> {
        let stars = &self.topology.stars;
        let current = self.topology.pool_center.as_ref();
        let cause = match current {
            None => Cause::First,
            Some(choice) if !stars.contains_key(&choice.holder) => Cause::Removed,
            Some(_) => Cause::Dead,
        };
        let preferred = self.network.preferred_pool.filter(|pool| self.is_able(*pool));
        let able = stars.keys().filter(|pool| self.is_able(**pool));
        let best = able.min_by_key(|pool| (self.ballot.load.pool(**pool), **pool)).copied();
        let kept = current.filter(|choice| stars.contains_key(&choice.holder));
        let of = |holder, cause| Choice { holder, cause, since: Timestamp::default(), evidence: None };
        let center = match (next.map(|next| next.pool), preferred, best, kept) {
            (Some(next), ..) => Some(of(next, cause)),
            (None, Some(preferred), ..) => Some(of(preferred, Cause::Preferred)),
            (None, None, Some(best), _) => Some(of(best, cause)),
            (None, None, None, Some(choice)) => Some(choice.clone()),
            // Every star needs a middle, even where its center is doubtful.
            (None, None, None, None) => stars.keys().next().map(|pool| of(*pool, cause)),
        };
        Step::to(Middle { center, next: None })
    }

    /// Who shall be pool-center instead of one that works, and why.
    fn next_pool(&self, center: PoolId, next: Option<NextPool>, step: &mut Step<Middle>) -> Option<NextPool> {
        let preferred = self.network.preferred_pool.filter(|preferred| *preferred != center);
        if let Some(pool) = preferred {
            if next.is_some_and(|next| next.pool == pool) {
                return next;
            }
            let verdict = self.star_center(pool).map(|center| self.ballot.verdicts.of(center));
            let why = match verdict {
                None => "it has no star-center".into(),
                Some(Verdict::Able { since }) if self.ballot.is_back(*since) => {
                    return Some(NextPool {
                        pool,
                        cause: Cause::Preferred,
                        is_announced: false,
                        is_drained: false,
                    });
                }
                Some(Verdict::Able { since }) => {
                    let grace = self.ballot.graces.fail_back;
                    step.look_again(*since + grace);
                    format!("its star-center takes over when it has been able for {grace:?}")
                }
                Some(verdict @ (Verdict::Doubtful(_) | Verdict::Dead(_))) => {
                    format!("its star-center is {verdict}")
                }
            };
            step.findings.push(Finding::PreferredPoolPassedOver { network: self.network.id, pool, why });
        }
        next.filter(|next| next.cause == Cause::Moved)
    }

    /// One step toward another pool-center.
    fn approach_pool(&self, from: PoolId, mut next: NextPool, step: &mut Step<Middle>) {
        let motion = Motion::PoolCenter { to: next.pool };
        let wait = self.wait_for_pool(from, &mut next);
        step.choice.next = Some(next);
        match wait {
            Some(wait) => {
                if let Wait::Settling { .. } = wait {
                    step.look_again = step.look_again.into_iter().chain(self.settles_at()).min();
                }
                step.findings.push(self.waiting(motion, wait));
            }
            None => {
                let NextPool { pool, cause, .. } = next;
                let center = Choice { holder: pool, cause, since: Timestamp::default(), evidence: None };
                step.choice = Middle { center: Some(center), next: None };
            }
        }
    }

    /// What the move waits for; begins and ends the drain. Nothing: all have left.
    fn wait_for_pool(&self, from: PoolId, next: &mut NextPool) -> Option<Wait> {
        let (old, new) = (self.topology.stars.get(&from)?, self.topology.stars.get(&next.pool)?);
        let root = old.center.holder;
        let heads = [self.host(new.center.holder), new.standby.and_then(|standby| self.host(standby))];
        if let Some((host, peers)) = self.roads(&self.with_next(*next)).next_pool_not_ready(heads, root) {
            next.is_announced = false;
            next.is_drained = false;
            return Some(Wait::Tunnels { host, peers });
        }
        let leaving: Vec<&Host> =
            [Some(root), old.standby].into_iter().flatten().filter_map(|host| self.host(host)).collect();
        if !next.is_drained {
            let cannot = || leaving.iter().find_map(|host| self.cannot_drain(None, host.id));
            if !next.is_announced {
                let wait = self.settling().or_else(cannot);
                if wait.is_some() {
                    return wait;
                }
                next.is_announced = true;
            }
            let wait = self.opening(*next, &leaving);
            if wait.is_some() {
                return wait;
            }
            next.is_drained = true;
        }
        let with = self.with_next(*next);
        let roads = self.roads(&with);
        let staying = leaving.into_iter().find_map(|host| {
            let peers = roads.not_gone(host);
            (!peers.is_empty()).then_some(Wait::Leaving { host: host.id, peers })
        });
        staying.or_else(|| self.settling())
    }

    /// What is to be open before traffic is led away from these.
    fn opening(&self, next: NextPool, leaving: &[&Host]) -> Option<Wait> {
        let with = self.with_next(next);
        let roads = self.roads(&with);
        leaving.iter().find_map(|host| {
            let peers = roads.not_open(host);
            (!peers.is_empty()).then_some(Wait::Opening { host: host.id, peers })
        })
    }

    fn with_next(&self, next: NextPool) -> Topology {
        Topology { next_pool: Some(next), ..self.topology.clone() }
    }
}
