//! What comes next in a network: who takes over from whom, at once where a host has failed, and step by step where nothing
//! may be lost. Pure: one step from the choices and what is seen to the choices after it. [`crate::plan()`] takes steps until
//! none changes anything, so that a plan that was adopted is followed by no other upon the same evidence.
//!
//! A star, center `c`, standby `s`, of which `g` shall be the center (disabled center, preferred host that is back, an
//! operator's `move-center`; else `g` is `c`). The first line that applies is taken; "dead" is also a host that cannot have
//! the network's bridge. A row that waits tells a [`Wait`], and nothing is forced.
//!
//! | when | then |
//! |---|---|
//! | no star | `c` := preferred and able, else best able |
//! | `c` is dead, or left; or lives and has no way to the root, and `s` has one | `c` := `s`, if that is not dead, else as above; the drain ends; `next` stays if an operator asked for it |
//! | the same, and nobody is able | `c` stays; one that left takes its star with it |
//! | `next` is dead, left, or disabled | `next` ends, and the drain with it; `g` is looked for again |
//! | `g` = `c` | `next` ends, and a drain of `c`; `s` := `s` if able or in doubt, else best able (dual), none (single) |
//! | `s` is to be another, and there is none, or it is dead or left | at once |
//! | `s` is to be another, and lives | its tunnel to `c` is up; drain `s`, wait until nobody forwards over it, replace it |
//! | `g` ≠ `c`, `g` ≠ `s` | `next` := `g`; `s` is to be `g` |
//! | `s` was center before and has no tunnels to hosts below yet | when that has settled, they are made |
//! | `g` = `s`, tunnels of `g` not all up | no drain; wait |
//! | a drain or an exchange is due, and the last change has not [settled](Wait::Settling) | wait |
//! | a drain is due otherwise | announce it: the bonds of those who will be told open; wait for that |
//! | `g` = `s`, no drain yet | drain `c` of `g` (of all, if `c` is the root or `g` has no choice) |
//! | drained of `g`, which has left | at once: drain `c` of all, and take its tunnel to `g` away |
//! | drained of all, and all have left | at once: `c` := `g`; `s` := the old `c` if dual, without tunnels to hosts below; else none |
//!
//! The pool-center, from pool `a` to pool `b` (preferred pool that is back, `move-pool-center`):
//!
//! | when | then |
//! |---|---|
//! | `a` has no star, or its center is dead when its own star is done | `a` := `b` if that works, else the preferred, else the best able pool |
//! | `b` is no pool of the network any more, or its center is dead | `next` ends |
//! | tunnels between `b`'s heads and all others not up | no drain; wait |
//! | not drained yet | announce it, as above |
//! | announced, and all have opened | drain root and standby of all other pools, but for the tunnel between the two roots |
//! | drained, and all have left | `a` := `b` |
//!
//! Traffic is led away from one host of a network at a time: when a host and one below it change their uplinks together,
//! what they say of their VMs may cross, and addresses are learned where they are not. Whoever began to drain goes on;
//! others wait for their [turn](Wait::Turn). A drain ends where what made it safe does not hold any more, and begins again.

mod pool_center;
mod roads;
mod star;

use asterism_model::{Host, HostId, NextPool, PoolId, PrivateNetwork, Topology};

use crate::{
    Finding, Tick,
    elect::Ballot,
    finding::{Motion, Wait},
    members::Members,
};
use roads::Roads;

/// One network, with choices that may have been made in this plan.
pub struct Succession<'a> {
    pub ballot: Ballot<'a>,
    pub members: &'a Members<'a>,
    pub network: &'a PrivateNetwork,
    pub topology: &'a Topology,
}

/// What comes of one step.
pub struct Step<T> {
    pub choice: T,
    pub findings: Vec<Finding>,
    /// When to look again if nothing else happens.
    pub look_again: Option<Tick>,
}

impl<T> Step<T> {
    fn to(choice: T) -> Self {
        Self { choice, findings: Vec::new(), look_again: None }
    }

    fn look_again(&mut self, at: Tick) {
        self.look_again = Some(self.look_again.map_or(at, |other| other.min(at)));
    }
}

impl Succession<'_> {
    fn waiting(&self, motion: Motion, wait: Wait) -> Finding {
        Finding::Waiting { network: self.network.id, motion, wait }
    }

    fn roads<'b>(&'b self, topology: &'b Topology) -> Roads<'b> {
        Roads { ballot: self.ballot, members: self.members, network: self.network, topology }
    }

    /// The host, if it takes part in the network.
    fn host(&self, host: HostId) -> Option<&Host> {
        self.members.get(host).filter(|host| self.network.spans(host))
    }

    /// Whether a host of that pool takes part and has not failed.
    fn works(&self, host: HostId, pool: PoolId) -> bool {
        self.host(host).is_some_and(|host| host.pool == pool) && self.ballot.failure(host).is_none()
    }

    fn is_root_pool(&self, pool: PoolId) -> bool {
        self.topology.pool_center.as_ref().is_some_and(|choice| choice.holder == pool)
    }

    /// What a planned step waits for that may be taken as far as links go: all hosts have what they shall have by the last
    /// one, and what the switches learned while it was taken has been corrected.
    fn settling(&self) -> Option<Wait> {
        let evidence = self.ballot.evidence;
        let unsettled = evidence.unsettled.iter().filter(|(_, scope)| scope.contains(self.network.id));
        let members = unsettled.filter(|(host, _)| self.host(**host).is_some());
        let hosts: Vec<HostId> = members.map(|(host, _)| *host).collect();
        let is_over = hosts.is_empty() && self.settles_at().is_none();
        (!is_over).then_some(Wait::Settling { hosts })
    }

    /// When the last change of the choices has settled, if that is still to come.
    fn settles_at(&self) -> Option<Tick> {
        let changed_at = self.ballot.evidence.changed_at.get(&self.network.id)?;
        Some(*changed_at + self.ballot.graces.settle).filter(|at| *at > self.ballot.now)
    }

    /// What keeps traffic from being led away from a host: another one's turn, or that it can't be told.
    fn cannot_drain(&self, pool: Option<PoolId>, host: HostId) -> Option<Wait> {
        let is_other = |other: &PoolId| Some(*other) != pool;
        let mut others = self.topology.stars.iter().filter(|(other, _)| is_other(other));
        let is_begun = |next: NextPool| next.is_announced || next.is_drained;
        let is_pool_drained = pool.is_some() && self.topology.next_pool.is_some_and(is_begun);
        if is_pool_drained || others.any(|(_, star)| star.drained.is_some()) {
            return Some(Wait::Turn);
        }
        (!self.ballot.evidence.answers(host)).then_some(Wait::Answer { host })
    }
}
