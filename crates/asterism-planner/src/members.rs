//! The hosts that take part, by pool: what everything that is derived from a state looks up over and over.

use std::collections::BTreeMap;

use asterism_model::{Host, HostId, NetworkState, PoolId, PrivateNetwork, TransportName};

/// An index over one state, made once for many questions.
pub struct Members<'a> {
    state: &'a NetworkState,
    /// Those of a pool that have a transport: what carries a network is what tells its hosts from others of the pool.
    carriers: BTreeMap<PoolId, BTreeMap<&'a TransportName, Vec<&'a Host>>>,
}

impl<'a> Members<'a> {
    pub fn of(state: &'a NetworkState) -> Self {
        let mut carriers: BTreeMap<PoolId, BTreeMap<&TransportName, Vec<&Host>>> = BTreeMap::new();
        for host in state.hosts().values().filter(|host| host.is_member()) {
            let carriers = carriers.entry(host.pool).or_default();
            for transport in host.transports.keys() {
                carriers.entry(transport).or_default().push(host);
            }
        }
        Self { state, carriers }
    }

    pub fn state(&self) -> &'a NetworkState {
        self.state
    }

    /// The host, unless it is leaving or forgotten.
    pub fn get(&self, host: HostId) -> Option<&'a Host> {
        self.state.hosts().get(&host).filter(|host| host.is_member())
    }

    /// In order of their ids.
    pub fn all(&self) -> impl Iterator<Item = &'a Host> {
        self.state.hosts().values().filter(|host| host.is_member())
    }

    /// The hosts of a pool that a network spans, in order of their ids.
    pub fn of_star(&self, network: &PrivateNetwork, pool: PoolId) -> &[&'a Host] {
        let attachment = network.pools.get(&pool);
        let hosts = attachment.and_then(|attachment| self.carriers.get(&pool)?.get(&attachment.transport));
        hosts.map_or(&[], Vec::as_slice)
    }

    pub fn of_network(&self, network: &PrivateNetwork) -> impl Iterator<Item = &'a Host> {
        network.pools.keys().flat_map(|pool| self.of_star(network, *pool)).copied()
    }
}
