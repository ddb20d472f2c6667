//! Networks of Xen Orchestra's plugin are taken over, and handed back.
//!
//! Taken over whole or not at all, with the choices that they have: the plugin's star-center becomes ours, so that nothing
//! has to move. What is handed back stays here until the leader has seen that no mark of ours is left on it.

use std::collections::BTreeMap;

use super::Applied;
use crate::{
    AdoptedPoolSpec, Adoption, AdoptionSpec, Cause, Choice, Detection, Effect, EventKind, HostRef, Name,
    NetworkId, NetworkSpec, NetworkState, Pool, PoolAttachmentSpec, PoolId, Refusal, Resilience, Star,
    Topology,
};

/// Longest name of a bridge: a Linux device's, without its end.
const MAX_BRIDGE: usize = 15;

impl NetworkState {
    pub(super) fn adopt_networks(&mut self, networks: &[AdoptionSpec]) -> Applied {
        let mut next = self.clone();
        for spec in networks {
            next.adopt_network(spec)?;
        }
        *self = next;
        Ok(Effect::Done)
    }

    fn adopt_network(&mut self, spec: &AdoptionSpec) -> Result<(), Refusal> {
        for (pool, found) in &spec.pools {
            self.check_adopted(pool, found)?;
        }
        if !spec.pools.contains_key(&spec.pool_center) && !spec.pools.is_empty() {
            return Err(Refusal::PoolCenterUnknown {
                network: spec.name.clone(),
                pool: spec.pool_center.clone(),
                known: spec.pools.keys().cloned().collect(),
            });
        }
        let attachment = |found: &AdoptedPoolSpec| PoolAttachmentSpec {
            transport: found.transport.clone(),
            preferred_host: None,
        };
        self.create_network(&NetworkSpec {
            name: spec.name.clone(),
            encapsulation: spec.encapsulation,
            mtu: Some(spec.mtu),
            vni: Some(spec.vni),
            // What the plugin has: one uplink each.
            resilience: Resilience::Single,
            detection: Detection::default(),
            pools: spec.pools.iter().map(|(pool, found)| (pool.clone(), attachment(found))).collect(),
            preferred_pool: None,
        })?;
        let id = self.find_network(&spec.name)?.id;
        let stars = self.stars_of(spec)?;
        let pool_center = self.find_pool(&spec.pool_center)?;
        for (pool, found) in &spec.pools {
            let pool = self.find_pool(pool)?;
            if let Some(attachment) =
                self.networks.get_mut(&id).and_then(|network| network.pools.get_mut(&pool))
            {
                attachment.adopted = Some(found.network.clone());
            }
        }
        if let Some(network) = self.networks.get_mut(&id) {
            network.shape = spec.shape;
            network.adoption = Some(Adoption { plugin: spec.plugin, is_releasing: false });
        }
        let since = self.clock;
        let pool_center = Choice { holder: pool_center, cause: Cause::First, since, evidence: None };
        let topology = Topology {
            vni: spec.vni,
            stars,
            pool_center: Some(pool_center),
            next_pool: None,
            revision: self.revision,
        };
        self.topologies.insert(id, topology.clone());
        self.record(EventKind::NetworkAdopted { network: spec.name.clone() });
        self.record_elections(id, None, &topology);
        Ok(())
    }

    /// Whether the pool can have made such a network, and nobody has taken it over yet.
    fn check_adopted(&self, pool: &Name, found: &AdoptedPoolSpec) -> Result<(), Refusal> {
        let id = self.find_pool(pool)?;
        if self.pools.get(&id).and_then(Pool::xapi).is_none() {
            return Err(Refusal::PoolIsStatic { pool: pool.clone() });
        }
        let bridge = &found.network.bridge;
        if !(1..=MAX_BRIDGE).contains(&bridge.len()) || !bridge.bytes().all(|it| it.is_ascii_alphanumeric()) {
            return Err(Refusal::BridgeInvalid { pool: pool.clone(), bridge: bridge.clone() });
        }
        let mut networks = self.networks.values();
        let other = networks.find(|network| {
            let adopted = network.pools.get(&id).and_then(|attachment| attachment.adopted.as_ref());
            adopted.is_some_and(|it| it.uuid == found.network.uuid || it.bridge == *bridge)
        });
        match other {
            Some(other) => Err(Refusal::PoolNetworkAdopted {
                pool: pool.clone(),
                uuid: found.network.uuid.to_string(),
                network: other.name.clone(),
            }),
            None => Ok(()),
        }
    }

    fn stars_of(&self, spec: &AdoptionSpec) -> Result<BTreeMap<PoolId, Star>, Refusal> {
        let mut stars = BTreeMap::new();
        for (pool, found) in &spec.pools {
            let host = self.find_host(&HostRef { pool: pool.clone(), host: found.center.clone() })?;
            self.check_spanned(&spec.name, host)?;
            let center = Choice { holder: host, cause: Cause::First, since: self.clock, evidence: None };
            stars.insert(self.find_pool(pool)?, Star { center, standby: None, next: None, drained: None });
        }
        Ok(stars)
    }

    pub(super) fn release_network(&mut self, name: &Name) -> Applied {
        let network = self.find_network(name)?;
        let Some(adoption) = network.adoption else {
            return Err(Refusal::NetworkNotAdopted { network: name.clone() });
        };
        if adoption.is_releasing {
            return Ok(Effect::Done);
        }
        let added = network.pools.iter().filter(|(_, attachment)| attachment.adopted.is_none());
        let added: Vec<Name> = added.map(|(pool, _)| self.pool_name(*pool)).collect();
        if !added.is_empty() {
            let pools = added.into_iter().collect();
            return Err(Refusal::PoolsNotAdopted { network: name.clone(), pools });
        }
        let has_standby = |topology: &Topology| {
            topology.stars.values().any(|star| star.standby.is_some() || star.next.is_some())
                || topology.next_pool.is_some()
        };
        if network.resilience == Resilience::Dual {
            return Err(Refusal::NetworkIsDual { network: name.clone() });
        }
        if self.topologies.get(&network.id).is_some_and(has_standby) {
            return Err(Refusal::NetworkInMotion { network: name.clone() });
        }
        let mut network = network.clone();
        network.adoption = Some(Adoption { is_releasing: true, ..adoption });
        network.revision = self.bump();
        self.networks.insert(network.id, network);
        self.record(EventKind::NetworkReleasing { network: name.clone() });
        Ok(Effect::Done)
    }

    pub(super) fn forget_network(&mut self, id: NetworkId, epoch: u64) -> Applied {
        self.require_epoch(epoch)?;
        let Some(network) = self.networks.get(&id).filter(|network| network.is_releasing()) else {
            return Ok(Effect::Done);
        };
        let name = network.name.clone();
        self.bump();
        self.networks.remove(&id);
        self.topologies.remove(&id);
        self.record(EventKind::NetworkReleased { network: name });
        Ok(Effect::Done)
    }
}
