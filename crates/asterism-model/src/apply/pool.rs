//! Pools come and go.

use super::{Applied, exhausted};
use crate::{
    Effect, EventKind, HostId, Listing, Management, Name, NetworkState, Pool, PoolId, Refusal, XapiAccess,
    XapiPool, XapiUuid, pool::Standing,
};

/// Sixteen times the largest installation that is measured.
const MAX_POOLS: usize = 256;

impl NetworkState {
    pub(super) fn add_pool(&mut self, name: &Name) -> Applied {
        self.insert_pool(name, Management::Static)
    }

    pub(super) fn add_xapi_pool(&mut self, name: &Name, uuid: XapiUuid, access: &XapiAccess) -> Applied {
        check_access(access)?;
        let same = |pool: &&Pool| pool.xapi().is_some_and(|xapi| xapi.uuid == uuid);
        if let Some(pool) = self.pools.values().find(same) {
            return Err(Refusal::PoolKnown { pool: pool.name.clone(), uuid: uuid.to_string() });
        }
        let xapi = XapiPool { uuid, access: access.clone(), inventory: None, is_leaving: false };
        self.insert_pool(name, Management::Xapi(Box::new(xapi)))
    }

    fn insert_pool(&mut self, name: &Name, management: Management) -> Applied {
        if self.pool_named(name).is_some() {
            return Err(Refusal::PoolNameTaken { name: name.clone() });
        }
        if self.pools.len() >= MAX_POOLS {
            return Err(Refusal::TooMany { what: "pools".into(), limit: MAX_POOLS });
        }
        self.last_pool = self.last_pool.checked_add(1).ok_or_else(|| exhausted("pool"))?;
        let id = PoolId(self.last_pool);
        self.bump();
        self.pools.insert(id, Pool { id, name: name.clone(), management });
        self.record(EventKind::PoolAdded { pool: name.clone() });
        Ok(Effect::Pool(id))
    }

    pub(super) fn change_xapi_access(&mut self, name: &Name, access: &XapiAccess) -> Applied {
        check_access(access)?;
        let id = self.find_pool(name)?;
        let Some(Pool { management: Management::Xapi(xapi), .. }) = self.pools.get_mut(&id) else {
            return Err(Refusal::PoolIsStatic { pool: name.clone() });
        };
        if xapi.access != *access {
            xapi.access = access.clone();
            self.bump();
            self.record(EventKind::PoolAccessChanged { pool: name.clone() });
        }
        Ok(Effect::Done)
    }

    pub(super) fn remove_pool(&mut self, name: &Name, force: bool) -> Applied {
        let id = self.find_pool(name)?;
        let networks: Listing<Name> = self
            .networks
            .values()
            .filter(|network| network.pools.contains_key(&id))
            .map(|network| network.name.clone())
            .collect();
        let hosts: Vec<HostId> = self.hosts_of(id).map(|host| host.id).collect();
        let is_static = self.pools.get(&id).is_some_and(|pool| pool.xapi().is_none());
        if is_static && !hosts.is_empty() {
            let hosts = self.hosts_of(id).map(|host| host.name.clone()).collect();
            return Err(Refusal::PoolHasHosts { pool: name.clone(), hosts });
        }
        if !networks.is_empty() {
            return Err(Refusal::PoolInUse { pool: name.clone(), networks });
        }
        if hosts.is_empty() {
            self.drop_pool(id);
            return Ok(Effect::Done);
        }
        self.let_pool_leave(id);
        self.record(EventKind::PoolLeaving { pool: name.clone() });
        if force {
            for host in hosts {
                self.forget(host)?;
            }
        }
        Ok(Effect::Done)
    }

    /// From now on its hosts are leaving, and no inventory brings new ones.
    fn let_pool_leave(&mut self, id: PoolId) {
        let revision = self.bump();
        if let Some(Pool { management: Management::Xapi(xapi), .. }) = self.pools.get_mut(&id) {
            xapi.is_leaving = true;
        }
        for host in self.hosts.values_mut().filter(|host| host.pool == id) {
            host.standing = Standing::Leaving;
            host.revision = revision;
        }
    }

    /// A pool that is leaving goes with its last host.
    pub(super) fn drop_pool_if_left(&mut self, id: PoolId) {
        let is_leaving = |pool: &Pool| pool.xapi().is_some_and(|xapi| xapi.is_leaving);
        if self.pools.get(&id).is_some_and(is_leaving) && self.hosts_of(id).next().is_none() {
            self.drop_pool(id);
        }
    }

    fn drop_pool(&mut self, id: PoolId) {
        if let Some(pool) = self.pools.remove(&id) {
            self.bump();
            self.record(EventKind::PoolRemoved { pool: pool.name });
        }
    }

    pub(super) fn find_pool(&self, name: &Name) -> Result<PoolId, Refusal> {
        self.pool_named(name).map(|pool| pool.id).ok_or_else(|| Refusal::UnknownPool {
            name: name.clone(),
            known: self.pools.values().map(|pool| pool.name.clone()).collect(),
        })
    }
}

fn check_access(access: &XapiAccess) -> Result<(), Refusal> {
    if access.addresses.is_empty() { Err(Refusal::NoXapiAddress) } else { Ok(()) }
}
