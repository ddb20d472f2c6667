//! Networks that are handed back: forgotten when neither a host nor a pool shows a mark of ours on them.

use asterism_model::{NetworkId, Operation, PoolNetworkKey, PrivateNetwork};

use super::{Action, Reconciler};
use crate::Tick;

impl Reconciler {
    /// Tells the log of networks on which nothing of ours is left.
    pub(super) fn forget_released(&mut self, now: Tick) {
        let state = &self.state;
        self.released.retain(|network, until| {
            *until > now && state.networks().get(network).is_some_and(PrivateNetwork::is_releasing)
        });
        let releasing = self.state.networks().values().filter(|network| network.is_releasing());
        let done: Vec<NetworkId> = releasing
            .filter(|network| !self.released.contains_key(&network.id) && self.is_released(network))
            .map(|network| network.id)
            .collect();
        for network in done {
            self.released.insert(network, now + self.settings.answer);
            let epoch = self.leadership.epoch;
            self.actions.push_back(Action::Propose(Operation::ForgetNetwork { network, epoch }));
        }
    }

    /// Silence is no sign: what a host or a pool that does not answer has is not known.
    fn is_released(&self, network: &PrivateNetwork) -> bool {
        let hosts = self.state.hosts().values().filter(|host| network.pools.contains_key(&host.pool));
        let mut pictures = hosts.map(|host| self.lanes.get(&host.id)?.picture.as_ref());
        let is_off_hosts = pictures.all(|picture| {
            picture.is_some_and(|picture| {
                !picture.bridges.values().any(|bridge| {
                    let mut ports = bridge.ports.values();
                    bridge.network == Some(network.id) || ports.any(|port| port.network == Some(network.id))
                })
            })
        });
        let is_key = |key: &str| key.parse().is_ok_and(|key: PoolNetworkKey| key.network == network.id);
        is_off_hosts
            && network.pools.keys().all(|pool| {
                let picture = self.pools.get(pool).and_then(|lane| lane.picture.as_ref());
                picture.is_some_and(|picture| !picture.networks.values().any(|it| is_key(&it.key)))
            })
    }

    pub(super) fn release_deadlines(&self) -> impl Iterator<Item = (Tick, &'static str)> {
        self.released.values().map(|until| (*until, "answer to a network's release"))
    }
}
