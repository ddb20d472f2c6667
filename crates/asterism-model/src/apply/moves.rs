//! An operator asks for a center to be moved: the request is checked, and noted in the topology.
//!
//! Nothing moves here. The note (`next`, `next_pool`) is what the planner works on, step by step, and
//! `adopt_topology` is where a center changes.

use super::Applied;
use crate::{
    Cause, Effect, Host, HostRef, Name, NetworkId, NetworkState, NextCenter, NextPool, Refusal, Topology,
    pool::Standing,
};

impl NetworkState {
    pub(super) fn move_center(&mut self, network: &Name, host: &HostRef) -> Applied {
        let (id, pool) = (self.find_held_network(network)?.id, self.find_pool(&host.pool)?);
        let found = self.find_host(host)?;
        let is_eligible = self.hosts.get(&found).is_some_and(Host::is_eligible);
        match self.hosts.get(&found).map(|host| host.standing) {
            Some(Standing::Enabled) if is_eligible => {}
            Some(Standing::Enabled) => return Err(Refusal::HostOutOfService { host: host.clone() }),
            Some(Standing::Disabled) => return Err(Refusal::HostDisabled { host: host.clone() }),
            Some(Standing::Leaving) | None => return Err(Refusal::HostLeaving { host: host.clone() }),
        }
        self.find_attached_pool(self.find_network(network)?, &host.pool)?;
        self.check_spanned(network, found)?;
        let preferred = self.networks.get(&id).and_then(|network| network.pools.get(&pool)?.preferred_host);
        if let Some(other) = preferred.filter(|preferred| *preferred != found) {
            let preferred = HostRef { pool: host.pool.clone(), host: self.host_name(other) };
            return Err(Refusal::OtherHostPreferred { network: network.clone(), preferred });
        }
        let star = self.topologies.get(&id).and_then(|topology| topology.stars.get(&pool));
        let Some(star) = star else {
            return Err(Refusal::NoStar { network: network.clone(), pool: host.pool.clone() });
        };
        let next = (star.center.holder != found).then_some(NextCenter { host: found, cause: Cause::Moved });
        self.set_topology(id, |topology| {
            if let Some(star) = topology.stars.get_mut(&pool) {
                star.next = next;
            }
        })
    }

    pub(super) fn move_pool_center(&mut self, network: &Name, pool: &Name) -> Applied {
        let id = self.find_held_network(network)?.id;
        self.check_stars(self.find_network(network)?)?;
        let found = self.find_attached_pool(self.find_network(network)?, pool)?;
        let preferred = self.networks.get(&id).and_then(|network| network.preferred_pool);
        if let Some(other) = preferred.filter(|preferred| *preferred != found) {
            let preferred = self.pool_name(other);
            return Err(Refusal::OtherPoolPreferred { network: network.clone(), preferred });
        }
        let topology = self
            .topologies
            .get(&id)
            .filter(|topology| topology.stars.contains_key(&found))
            .ok_or_else(|| Refusal::NoStar { network: network.clone(), pool: pool.clone() })?;
        let is_there = topology.pool_center.as_ref().is_some_and(|choice| choice.holder == found);
        // Asked for again, it goes on where it is.
        let under_way = topology.next_pool.filter(|next| next.pool == found);
        let is_announced = under_way.is_some_and(|next| next.is_announced);
        let is_drained = under_way.is_some_and(|next| next.is_drained);
        let next =
            (!is_there).then_some(NextPool { pool: found, cause: Cause::Moved, is_announced, is_drained });
        self.set_topology(id, |topology| topology.next_pool = next)
    }

    /// Changes what is under way in a topology that is there.
    fn set_topology(&mut self, id: NetworkId, change: impl FnOnce(&mut Topology)) -> Applied {
        let Some(before) = self.topologies.get(&id).cloned() else { return Ok(Effect::Done) };
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return Ok(Effect::Done);
        }
        after.revision = self.bump();
        self.topologies.insert(id, after.clone());
        self.record_elections(id, Some(&before), &after);
        Ok(Effect::Done)
    }
}
