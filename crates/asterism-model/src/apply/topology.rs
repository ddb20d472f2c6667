//! The planner's choices are checked and taken over, and every change of a topology is told as events.

use std::collections::{BTreeMap, BTreeSet};

use super::Applied;
use crate::{
    Cause, Choice, Effect, EventKind, HostId, Name, NetworkId, NetworkState, PoolId, PrivateNetwork, Refusal,
    Star, Topology, TopologyPlan, Vni, topology::MAX_EVIDENCE,
};

impl NetworkState {
    pub(super) fn adopt_topology(
        &mut self,
        epoch: u64,
        based_on: u64,
        changes: &BTreeMap<NetworkId, TopologyPlan>,
    ) -> Applied {
        self.require_epoch(epoch)?;
        if based_on != self.revision {
            return Err(Refusal::StalePlan { based_on, revision: self.revision });
        }
        self.check_plans(changes)?;
        let planned = changes.iter().map(|(id, plan)| (*id, self.topology_of(plan, self.topologies.get(id))));
        let adopted: Vec<(NetworkId, Topology)> =
            planned.filter(|(id, topology)| self.topologies.get(id) != Some(topology)).collect();
        if adopted.is_empty() {
            return Ok(Effect::Done);
        }
        let revision = self.bump();
        for (id, topology) in adopted {
            let after = Topology { revision, ..topology };
            let before = self.topologies.insert(id, after.clone());
            self.record_elections(id, before.as_ref(), &after);
        }
        Ok(Effect::Done)
    }

    fn check_plans(&self, changes: &BTreeMap<NetworkId, TopologyPlan>) -> Result<(), Refusal> {
        let unplanned = self.networks.values().filter(|network| !changes.contains_key(&network.id));
        let mut vnis: BTreeSet<Vni> = unplanned.filter_map(|network| self.vni_of(network)).collect();
        for (id, plan) in changes {
            let Some(network) = self.networks.get(id) else {
                return Err(Refusal::InvalidPlan {
                    network: id.to_string(),
                    what: "there is no such network".into(),
                });
            };
            let invalid = |what: String| Refusal::InvalidPlan { network: network.name.to_string(), what };
            self.check_plan(network, plan).map_err(invalid)?;
            if !vnis.insert(plan.vni) {
                return Err(invalid(format!("VNI {} is in use", plan.vni)));
            }
        }
        Ok(())
    }

    fn check_plan(&self, network: &PrivateNetwork, plan: &TopologyPlan) -> Result<(), String> {
        if network.requested_vni.is_some_and(|requested| requested != plan.vni) {
            return Err(format!("VNI {} is not the one asked for", plan.vni));
        }
        if self.topologies.get(&network.id).is_some_and(|topology| topology.vni != plan.vni) {
            return Err("a VNI in use is never changed".into());
        }
        for (pool, star) in &plan.stars {
            if !network.pools.contains_key(pool) {
                return Err(format!("{pool} is not one of its pools"));
            }
            let next = star.next.map(|next| next.host);
            for host in [Some(star.center), star.standby, next].into_iter().flatten() {
                if !self.hosts.get(&host).is_some_and(|host| host.pool == *pool && network.spans(host)) {
                    return Err(format!("{host} is not a host of {pool}"));
                }
            }
            if star.standby == Some(star.center) {
                return Err(format!("{} is its own standby", star.center));
            }
            if star.next.is_some_and(|next| next.host == star.center) {
                return Err(format!("{} is to become what it is", star.center));
            }
            let heads = [Some(star.center), star.standby];
            if let Some(drain) = star.drained.filter(|drain| !heads.contains(&Some(drain.host))) {
                return Err(format!("{} is drained, and neither center nor standby of {pool}", drain.host));
            }
        }
        if let Some(next) = plan.next_pool {
            if !plan.stars.contains_key(&next.pool) {
                return Err(format!("next pool-center {} has no star", next.pool));
            }
            if plan.pool_center.map(|(pool, _)| pool) == Some(next.pool) {
                return Err(format!("{} is to become what it is", next.pool));
            }
        }
        match plan.pool_center {
            Some((pool, _)) if !plan.stars.contains_key(&pool) => {
                Err(format!("pool-center {pool} has no star"))
            }
            None if !plan.stars.is_empty() => Err("there are stars and no pool-center".into()),
            Some(_) | None => Ok(()),
        }
    }

    /// What a plan makes of the topology before; its revision is the earlier one.
    fn topology_of(&self, plan: &TopologyPlan, before: Option<&Topology>) -> Topology {
        let stars = plan.stars.iter().map(|(pool, star)| {
            let earlier = before.and_then(|topology| topology.stars.get(pool)).map(|star| &star.center);
            let center = self.choice(star.center, star.cause, star.evidence.as_deref(), earlier);
            (*pool, Star { center, standby: star.standby, next: star.next, drained: star.drained })
        });
        let earlier = before.and_then(|topology| topology.pool_center.as_ref());
        Topology {
            vni: plan.vni,
            stars: stars.collect(),
            pool_center: plan.pool_center.map(|(pool, cause)| self.choice(pool, cause, None, earlier)),
            next_pool: plan.next_pool,
            revision: before.map_or(0, |topology| topology.revision),
        }
    }

    /// A choice that stays keeps its cause and its age.
    fn choice<T: Copy + PartialEq>(
        &self,
        holder: T,
        cause: Cause,
        evidence: Option<&str>,
        before: Option<&Choice<T>>,
    ) -> Choice<T> {
        match before {
            Some(choice) if choice.holder == holder => choice.clone(),
            Some(_) | None => Choice { holder, cause, since: self.clock, evidence: evidence.map(shortened) },
        }
    }

    pub(super) fn record_elections(&mut self, id: NetworkId, before: Option<&Topology>, after: &Topology) {
        let Some(network) = self.networks.get(&id).map(|network| network.name.clone()) else { return };
        let mut events = Vec::new();
        if before.is_none() {
            events.push(EventKind::VniAllocated { network: network.clone(), vni: after.vni });
        }
        let no_stars = BTreeMap::new();
        let stars_before = before.map_or(&no_stars, |topology| &topology.stars);
        let pools: BTreeSet<PoolId> = stars_before.keys().chain(after.stars.keys()).copied().collect();
        for pool in pools {
            self.tell_star(&network, pool, stars_before.get(&pool), after.stars.get(&pool), &mut events);
        }
        let from = before.and_then(|topology| topology.pool_center.as_ref()).map(|choice| choice.holder);
        let to = after.pool_center.as_ref();
        let next = |topology: &Topology| topology.next_pool.map(|next| (next.pool, next.cause));
        let (next_before, next_after) = (before.and_then(next), next(after));
        if from != to.map(|choice| choice.holder) {
            events.push(EventKind::PoolCenterElected {
                network,
                from: from.map(|pool| self.pool_name(pool)),
                to: to.map(|choice| self.pool_name(choice.holder)),
                cause: to.map(|choice| choice.cause),
            });
        } else if next_before != next_after {
            events.push(EventKind::PoolMoveBegun {
                network,
                to: next_after.map(|(pool, _)| self.pool_name(pool)),
                cause: next_after.map(|(_, cause)| cause),
            });
        }
        for event in events {
            self.record(event);
        }
    }

    fn tell_star(
        &self,
        network: &Name,
        pool: PoolId,
        before: Option<&Star>,
        after: Option<&Star>,
        events: &mut Vec<EventKind>,
    ) {
        let (network, pool) = (network.clone(), self.pool_name(pool));
        let name = |host: HostId| self.host_name(host);
        let from = before.map(|star| star.center.holder);
        let to = after.map(|star| &star.center);
        let next = |star: &Star| star.next;
        let (next_before, next_after) = (before.and_then(next), after.and_then(next));
        if from != to.map(|choice| choice.holder) {
            events.push(EventKind::StarCenterElected {
                network: network.clone(),
                pool: pool.clone(),
                from: from.map(name),
                to: to.map(|choice| name(choice.holder)),
                cause: to.map(|choice| choice.cause),
                evidence: to.and_then(|choice| choice.evidence.clone()),
            });
        } else if next_before != next_after {
            events.push(EventKind::CenterMoveBegun {
                network: network.clone(),
                pool: pool.clone(),
                to: next_after.map(|next| name(next.host)),
                cause: next_after.map(|next| next.cause),
            });
        }
        let standby = |star: &Star| star.standby;
        let (from, to) = (before.and_then(standby), after.and_then(standby));
        if from != to {
            let (from, to) = (from.map(name), to.map(name));
            events.push(EventKind::StandbyChosen { network, pool, from, to });
        }
    }
}

/// Cut at a character, within [`MAX_EVIDENCE`].
fn shortened(evidence: &str) -> String {
    let end = (0..=MAX_EVIDENCE.min(evidence.len())).rev().find(|end| evidence.is_char_boundary(*end));
    evidence[..end.unwrap_or(0)].to_owned()
}
