//! Pools come and go.

use super::{Applied, exhausted};
use crate::{Effect, EventKind, Listing, Name, NetworkState, Pool, PoolId, Refusal};

/// Sixteen times the largest installation that is measured.
const MAX_POOLS: usize = 256;

impl NetworkState {
    pub(super) fn add_pool(&mut self, name: &Name) -> Applied {
        if self.pool_named(name).is_some() {
            return Err(Refusal::PoolNameTaken { name: name.clone() });
        }
        if self.pools.len() >= MAX_POOLS {
            return Err(Refusal::TooMany { what: "pools".into(), limit: MAX_POOLS });
        }
        self.last_pool = self.last_pool.checked_add(1).ok_or_else(|| exhausted("pool"))?;
        let id = PoolId(self.last_pool);
        self.bump();
        self.pools.insert(id, Pool { id, name: name.clone() });
        self.record(EventKind::PoolAdded { pool: name.clone() });
        Ok(Effect::Pool(id))
    }

    pub(super) fn remove_pool(&mut self, name: &Name) -> Applied {
        let id = self.find_pool(name)?;
        let hosts: Listing<Name> = self.hosts_of(id).map(|host| host.name.clone()).collect();
        if !hosts.is_empty() {
            return Err(Refusal::PoolHasHosts { pool: name.clone(), hosts });
        }
        let networks: Listing<Name> = self
            .networks
            .values()
            .filter(|network| network.pools.contains_key(&id))
            .map(|network| network.name.clone())
            .collect();
        if !networks.is_empty() {
            return Err(Refusal::PoolInUse { pool: name.clone(), networks });
        }
        self.bump();
        self.pools.remove(&id);
        self.record(EventKind::PoolRemoved { pool: name.clone() });
        Ok(Effect::Done)
    }

    pub(super) fn find_pool(&self, name: &Name) -> Result<PoolId, Refusal> {
        self.pool_named(name).map(|pool| pool.id).ok_or_else(|| Refusal::UnknownPool {
            name: name.clone(),
            known: self.pools.values().map(|pool| pool.name.clone()).collect(),
        })
    }
}
