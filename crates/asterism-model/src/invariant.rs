//! What holds of every state that `apply` can reach.

use std::collections::BTreeSet;

use crate::{Host, NetworkState, audit::MAX_AUDIT, event::MAX_EVENTS, session::MAX_SESSIONS};

impl NetworkState {
    /// The broken invariants, in words; empty unless there is a bug in `apply`. For tests, the chaos oracle and
    /// `doctor`.
    pub fn violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.check_names(&mut found);
        self.check_references(&mut found);
        self.check_topologies(&mut found);
        if self.events.len() > MAX_EVENTS
            || self.sessions.len() > MAX_SESSIONS
            || self.audit.len() > MAX_AUDIT
        {
            found.push("events, sessions or the audit trail are beyond their limit".into());
        }
        found
    }

    fn check_names(&self, found: &mut Vec<String>) {
        let mut check = |what: &str, unique: usize, all: usize| {
            if unique != all {
                found.push(format!("{what} are not unique"));
            }
        };
        let pools: BTreeSet<_> = self.pools.values().map(|pool| &pool.name).collect();
        check("pool names", pools.len(), self.pools.len());
        let hosts: BTreeSet<_> = self.hosts.values().map(|host| (host.pool, &host.name)).collect();
        check("host names", hosts.len(), self.hosts.len());
        let endpoints: BTreeSet<_> = self.hosts.values().map(|host| host.ovsdb.server()).collect();
        check("OVSDB endpoints", endpoints.len(), self.hosts.len());
        let networks: BTreeSet<_> = self.networks.values().map(|network| &network.name).collect();
        check("network names", networks.len(), self.networks.len());
        let held: Vec<_> = self.networks.values().filter_map(|network| self.vni_of(network)).collect();
        check("VNIs", held.iter().collect::<BTreeSet<_>>().len(), held.len());
    }

    fn check_references(&self, found: &mut Vec<String>) {
        for host in self.hosts.values() {
            if !self.pools.contains_key(&host.pool) {
                found.push(format!("host {} has no pool {}", host.id, host.pool));
            }
        }
        for network in self.networks.values() {
            if network.pools.is_empty() || !network.pools.keys().all(|pool| self.pools.contains_key(pool)) {
                found.push(format!("network {} has no pools, or unknown ones", network.id));
            }
            if network.preferred_pool.is_some_and(|pool| !network.pools.contains_key(&pool)) {
                found.push(format!("network {} prefers a pool that it does not span", network.id));
            }
            for (pool, attachment) in &network.pools {
                let Some(preferred) = attachment.preferred_host else { continue };
                if !self.hosts.get(&preferred).is_some_and(|host| host.pool == *pool && host.is_member()) {
                    found.push(format!("network {} prefers {preferred}, no member of {pool}", network.id));
                }
            }
            // What a pool lists of its hosts is a fact, fit or not.
            let is_operators = |host: &&Host| host.xapi.is_none();
            if let Err(refusal) = self.check_fit(network, self.members_of(network).filter(is_operators)) {
                found.push(refusal.to_string());
            }
        }
    }

    fn check_topologies(&self, found: &mut Vec<String>) {
        for (id, topology) in &self.topologies {
            let Some(network) = self.networks.get(id) else {
                found.push(format!("topology of unknown network {id}"));
                continue;
            };
            if network.requested_vni.is_some_and(|requested| requested != topology.vni) {
                found.push(format!("network {id} has another VNI than asked for"));
            }
            match &topology.pool_center {
                Some(choice) if !topology.stars.contains_key(&choice.holder) => {
                    found.push(format!("pool-center {} of network {id} has no star", choice.holder));
                }
                None if !topology.stars.is_empty() => {
                    found.push(format!("network {id} has stars and no pool-center"))
                }
                Some(_) | None => {}
            }
            for star in topology.stars.values() {
                let (center, next) = (star.center.holder, star.next.map(|next| next.host));
                if star.standby == Some(center) || next == Some(center) {
                    found.push(format!("{center} of network {id} is its own standby or successor"));
                }
                if star.drained.is_some_and(|drain| drain.host != center && star.standby != Some(drain.host))
                {
                    found.push(format!("network {id} drains a host that is neither center nor standby"));
                }
            }
            if let Some(next) = topology.next_pool {
                let is_there = topology.pool_center.as_ref().is_some_and(|choice| choice.holder == next.pool);
                if is_there || !topology.stars.contains_key(&next.pool) {
                    found.push(format!("network {id} is to move to {}, where it is or can't be", next.pool));
                }
            }
        }
    }
}
