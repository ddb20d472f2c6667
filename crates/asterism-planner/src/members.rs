//! The hosts that take part, by pool: what everything that is derived from a state looks up over and over.

use std::collections::BTreeMap;

use asterism_model::{Host, HostId, NetworkState, PoolId, PrivateNetwork};

/// An index over one state, made once for many questions.
pub struct Members<'a> {
    state: &'a NetworkState,
    pools: BTreeMap<PoolId, Vec<&'a Host>>,
}

impl<'a> Members<'a> {
    pub fn of(state: &'a NetworkState) -> Self {
        let mut pools: BTreeMap<PoolId, Vec<&Host>> = BTreeMap::new();
        for host in state.hosts().values().filter(|host| host.is_member()) {
            pools.entry(host.pool).or_default().push(host);
        }
        Self { state, pools }
    }

    pub fn state(&self) -> &'a NetworkState {
        self.state
    }

    /// The host, unless it is leaving or forgotten.
    pub fn get(&self, host: HostId) -> Option<&'a Host> {
        self.state.hosts().get(&host).filter(|host| host.is_member())
    }

    /// In order of their ids.
    pub fn of_pool(&self, pool: PoolId) -> &[&'a Host] {
        self.pools.get(&pool).map_or(&[], Vec::as_slice)
    }

    pub fn of_network(&self, network: &PrivateNetwork) -> impl Iterator<Item = &'a Host> {
        network.pools.keys().flat_map(|pool| self.of_pool(*pool)).copied()
    }
}
