//! Pools behind a XAPI: their inventories go to the log, their objects are brought to what the state wants, and hosts that
//! they list no longer are forgotten when nothing speaks for them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use asterism_model::{
    BfdState, CallOutcome, Host, HostId, NetworkId, ObservedAuthority, ObservedPool, Operation, PoolCall,
    PoolId, PoolInventory, TunnelStatus,
};

use super::{Action, ProposalOutcome, Reconciler, proposals::Report};
use crate::{
    SessionEvidence, Tick,
    pools::{PoolLane, difference, pool_target},
};

/// How long a host that its pool lists no longer must be silent. One that was ejected boots with an empty switch meanwhile;
/// a pool whose database is an old one has its host back by then, or its switch still answers.
const UNLISTED: Duration = Duration::from_secs(60);

/// How long a host must not have answered before it is given our CA again: longer than a new leader takes to reach all.
const DEAF: Duration = Duration::from_secs(10);
/// How long changes of what hosts are joined to are gathered before they are written to `tunnel.status`.
const STATUS_DELAY: Duration = Duration::from_secs(1);

impl Reconciler {
    /// A lane for each pool behind a XAPI; one whose access changed is connected anew.
    pub(super) fn match_pools(&mut self, now: Tick) {
        let wanted: BTreeSet<PoolId> =
            self.state.pools().values().filter(|pool| pool.xapi().is_some()).map(|pool| pool.id).collect();
        let gone: Vec<PoolId> = self.pools.keys().filter(|pool| !wanted.contains(pool)).copied().collect();
        for pool in gone {
            self.pools.remove(&pool);
            self.actions.push_back(Action::DisconnectPool { pool });
        }
        for pool in wanted {
            let Some(xapi) = self.state.pools().get(&pool).and_then(|pool| pool.xapi()) else { continue };
            if !self.pools.get(&pool).is_some_and(|lane| lane.fits(&xapi.access)) {
                if self.pools.insert(pool, PoolLane::new(xapi.access.clone(), now)).is_some() {
                    self.actions.push_back(Action::DisconnectPool { pool });
                }
                self.actions.push_back(Action::ConnectPool { pool });
            }
        }
    }

    pub(super) fn take_pool_picture(
        &mut self,
        pool: PoolId,
        inventory: Arc<PoolInventory>,
        picture: Arc<ObservedPool>,
        now: Tick,
    ) {
        if let Some(lane) = self.pools.get_mut(&pool) {
            lane.show(inventory, picture, now);
            self.due_pools.insert(pool);
        }
    }

    pub(super) fn lose_pool(&mut self, pool: PoolId, why: String, now: Tick) {
        if let Some(lane) = self.pools.get_mut(&pool) {
            lane.lose(why, now);
            // Another certificate may be trusted by now.
            self.match_pools(now);
        }
    }

    /// A host of a pool has changed how it is joined to its networks.
    pub(super) fn look_at_pool_of(&mut self, host: HostId, now: Tick) {
        let pool = self.state.hosts().get(&host).map(|host| host.pool);
        if let Some(lane) = pool.and_then(|pool| self.pools.get_mut(&pool)) {
            lane.look_by(now + STATUS_DELAY);
        }
    }

    pub(super) fn take_call(&mut self, pool: PoolId, ticket: u64, outcome: CallOutcome, now: Tick) {
        if let Some(lane) = self.pools.get_mut(&pool) {
            lane.take_outcome(ticket, outcome, &self.settings, now);
            self.due_pools.insert(pool);
        }
    }

    pub(super) fn step_pools(&mut self, now: Tick) {
        while let Some(pool) = self.due_pools.pop_first() {
            self.report_inventory(pool, now);
            self.step_pool(pool, now);
        }
    }

    fn report_inventory(&mut self, pool: PoolId, now: Tick) {
        let known = self.state.pools().get(&pool).and_then(|pool| pool.xapi());
        let Some(lane) = self.pools.get_mut(&pool) else { return };
        let Some(inventory) = lane.inventory.as_deref() else { return };
        let is_known = known.is_none_or(|xapi| xapi.is_leaving || xapi.inventory.as_ref() == Some(inventory));
        if is_known || lane.reported_until.is_some() {
            return;
        }
        let (epoch, inventory) = (self.leadership.epoch, inventory.clone());
        lane.reported_until = Some(now + self.settings.answer);
        self.actions.push_back(Action::Propose(Operation::RecordInventory { pool, epoch, inventory }));
    }

    /// The log has answered to an inventory.
    pub(super) fn take_report_of_pool(&mut self, pool: PoolId, outcome: &ProposalOutcome, now: Tick) {
        if let Some(lane) = self.pools.get_mut(&pool) {
            let pause = now + self.settings.longest_pause;
            lane.reported_until = (*outcome != ProposalOutcome::Applied).then_some(pause);
            self.due_pools.insert(pool);
        }
    }

    fn step_pool(&mut self, pool: PoolId, now: Tick) {
        let Some(picture) = self.pools.get(&pool).and_then(|lane| lane.picture.clone()) else { return };
        let status = |host, network| self.tunnel_status(host, network);
        let Some(target) = pool_target(&self.state, pool, status) else { return };
        let mut found = difference(&self.state, &target, &picture);
        let silent = if target.is_controlled { self.silent_hosts(pool) } else { BTreeMap::new() };
        let Some(lane) = self.pools.get_mut(&pool) else { return };
        lane.synced.retain(|host| silent.contains_key(host));
        let not_synced = silent.iter().filter(|(host, _)| !lane.synced.contains(host));
        let (deaf, early): (Vec<_>, Vec<_>) = not_synced.partition(|(_, since)| **since + DEAF <= now);
        if let Some(at) = early.into_iter().map(|(_, since)| *since + DEAF).min() {
            lane.look_by(at);
        }
        let deaf: BTreeSet<HostId> = deaf.into_iter().map(|(host, _)| *host).collect();
        if picture.authority == ObservedAuthority::Installed && !deaf.is_empty() {
            found.calls.insert(0, PoolCall::SyncCertificates);
        }
        for (ticket, call) in lane.start(found, now) {
            if call == PoolCall::SyncCertificates {
                lane.synced.extend(&deaf);
            }
            self.actions.push_back(Action::CallPool { pool, ticket, call });
        }
    }

    /// Hosts in service that don't answer us, since when: they may have joined the pool after our CA was installed, and lack it.
    fn silent_hosts(&self, pool: PoolId) -> BTreeMap<HostId, Tick> {
        let in_service =
            |host: &&Host| host.xapi.as_ref().is_some_and(|xapi| xapi.is_in_service() && xapi.is_live);
        let hosts = self.state.hosts_of(pool).filter(in_service);
        let silence = |host: &Host| match self.lanes.get(&host.id)?.evidence.session {
            SessionEvidence::Up { .. } => None,
            SessionEvidence::Awaited { since, .. } | SessionEvidence::Down { since, .. } => {
                Some((host.id, since))
            }
        };
        hosts.filter_map(silence).collect()
    }

    /// How far a host is joined to a network, for `tunnel.status`; `None` where this leader has not looked yet.
    fn tunnel_status(&self, host: HostId, network: NetworkId) -> Option<TunnelStatus> {
        let not_active = |error: String| Some(TunnelStatus { is_active: false, error });
        let lane = self.lanes.get(&host)?;
        match &lane.evidence.session {
            SessionEvidence::Up { .. } => {}
            SessionEvidence::Awaited { .. } => return None,
            SessionEvidence::Down { .. } => return not_active("its OVSDB does not answer".into()),
        }
        if let Some(conflict) = lane.conflicts.iter().find(|conflict| conflict.network() == network) {
            return not_active(conflict.to_string());
        }
        let bridges = lane.picture.iter().flat_map(|picture| picture.bridges.values());
        let bridges = bridges.filter(|bridge| bridge.network == Some(network));
        let ports: Vec<_> = bridges.flat_map(|bridge| bridge.ports.values()).collect();
        let mut states = ports.iter().flat_map(|port| port.interfaces.values()).map(|it| it.bfd_state);
        let works = |state| matches!(state, BfdState::Up | BfdState::Drained);
        let is_active = states.any(works);
        if !is_active && !lane.is_settled() {
            return None;
        }
        // The only host of a network has no tunnels, and misses none.
        Some(TunnelStatus { is_active: is_active || ports.is_empty(), error: String::new() })
    }

    /// Forgets hosts that their pool lists no longer and that have said nothing for long.
    pub(super) fn forget_unlisted(&mut self, now: Tick) {
        let due: Vec<HostId> = self.unlisted().filter(|(_, at)| *at <= now).map(|(host, _)| host).collect();
        for host in due {
            if self.proposals.try_report(host, Report::End, &self.settings, now) {
                let epoch = self.leadership.epoch;
                self.actions.push_back(Action::Propose(Operation::ForgetHost { host, epoch }));
            }
        }
    }

    /// Hosts that their pool lists no longer and that don't answer, and when they are to be forgotten.
    fn unlisted(&self) -> impl Iterator<Item = (HostId, Tick)> {
        let unlisted = self.state.hosts().values().filter(|host| host.may_be_forgotten() && host.is_member());
        unlisted.filter_map(|host| match self.lanes.get(&host.id)?.evidence.session {
            SessionEvidence::Up { .. } => None,
            SessionEvidence::Awaited { since, .. } | SessionEvidence::Down { since, .. } => {
                Some((host.id, since + UNLISTED))
            }
        })
    }

    pub(super) fn expire_pools(&mut self, now: Tick) {
        let due = self
            .pools
            .iter_mut()
            .filter_map(|(pool, lane)| lane.expire(&self.settings, now).then_some(*pool));
        self.due_pools.extend(due);
    }

    pub(super) fn pool_deadlines(&self) -> impl Iterator<Item = (Tick, &'static str)> {
        let unlisted = self.unlisted().filter(|(host, _)| !self.proposals.has_report(*host, Report::End));
        let unlisted = unlisted.map(|(_, at)| (at, "silence of a host that its pool lists no longer"));
        self.pools.values().flat_map(PoolLane::deadlines).chain(unlisted)
    }

    /// All lanes of pools.
    pub fn pools(&self) -> impl Iterator<Item = (PoolId, &PoolLane)> {
        self.pools.iter().map(|(pool, lane)| (*pool, lane))
    }
}

#[cfg(test)]
mod tests;
