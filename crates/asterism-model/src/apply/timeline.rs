//! New timelines: what a restored backup, or a cluster that was recovered from one survivor, begins with.
//!
//! The old timeline may not be over. Its leaders may live, know of nothing, and claim epochs; entries that were
//! acknowledged there may be missing here. So nothing that tells one timeline's doings from another's is given out twice:
//! the epoch is raised beyond all that the old one will ever claim, and so are the counters of ids.

use std::collections::BTreeSet;

use super::Applied;
use crate::{
    Effect, EventKind, Host, HostId, Management, NetworkState, NodeId, Pool, PoolId, Refusal,
    event::TimelineCause, pool::Standing,
};

/// Each timeline has its own range of epochs, of this width. A leader that hosts refuse tries again, with a new epoch, no
/// more than some times a second: at ten a second, 3,500 years go by before it reaches the range of the next timeline.
pub const EPOCHS_PER_TIMELINE: u64 = 1 << 40;

/// By how many the counters of pools, hosts and networks are raised: more than anybody adds after the backup was taken,
/// and little enough that four thousand timelines fit into the 24 bits of a VNI, which follows its network's id.
const SKIPPED_IDS: u32 = 1 << 12;

/// The same of sessions, of which each command of an operator opens one.
const SKIPPED_SESSIONS: u64 = 1 << 32;

impl NetworkState {
    /// Which timeline this is: 0, and one more with each restored backup and each recovery.
    pub fn timeline(&self) -> u64 {
        self.epoch / EPOCHS_PER_TIMELINE
    }

    /// What a backup has to hold of this state: what belongs to one timeline alone (sessions, the story, the audit trail) is left out.
    #[must_use]
    pub fn for_restore(mut self) -> Self {
        self.sessions.clear();
        self.events.clear();
        self.audit.clear();
        self
    }

    /// Puts an old state of this cluster in the place of this one. `members` are the controllers of today.
    ///
    /// Hosts that the old state doesn't know would keep their tunnels for ever, with nobody to take them away: they
    /// are leaving, with their pools.
    pub(super) fn restore(&mut self, old: &Self, members: &BTreeSet<NodeId>) -> Applied {
        let (ours, theirs) = (self.cluster.clone(), old.cluster.clone());
        let (Some(ours), Some(theirs)) = (ours, theirs) else { return Err(Refusal::NotInitialised) };
        if ours.id != theirs.id {
            return Err(Refusal::OtherClustersBackup { found: theirs.name, id: theirs.id.to_string() });
        }
        let epoch = next_timeline(self.epoch.max(old.epoch))?;
        let taken_at = old.clock;
        let current = std::mem::replace(self, old.clone().for_restore());
        self.cluster = current.cluster;
        self.clock = current.clock.max(old.clock);
        self.epoch_holder = None;
        self.revision = current.revision.max(old.revision);
        self.membership = current.membership;
        self.membership.inherit(&old.membership, members);
        self.sessions = current.sessions;
        self.events = current.events;
        self.audit = current.audit;
        self.last_audit = current.last_audit.max(old.last_audit);
        self.last_event = current.last_event.max(old.last_event);
        self.last_pool = current.last_pool.max(old.last_pool);
        self.last_host = current.last_host.max(old.last_host);
        self.last_network = current.last_network.max(old.last_network);
        self.last_session = current.last_session.max(old.last_session);
        let revision = self.bump();
        self.let_newcomers_leave(current.pools.into_values(), current.hosts.into_values(), revision);
        self.begin_timeline(epoch, TimelineCause::Restored { taken_at });
        Ok(Effect::Done)
    }

    /// This state goes on with one controller, after all others were lost for good.
    pub(super) fn recover(&mut self, survivor: NodeId, lost: &BTreeSet<NodeId>) -> Applied {
        let epoch = next_timeline(self.epoch)?;
        self.epoch_holder = None;
        self.membership.survived_by(lost.iter().copied().filter(|node| *node != survivor));
        self.bump();
        self.begin_timeline(epoch, TimelineCause::Recovered { survivor });
        Ok(Effect::Done)
    }

    fn begin_timeline(&mut self, epoch: u64, cause: TimelineCause) {
        self.epoch = epoch;
        self.last_pool = self.last_pool.saturating_add(SKIPPED_IDS);
        self.last_host = self.last_host.saturating_add(SKIPPED_IDS);
        self.last_network = self.last_network.saturating_add(SKIPPED_IDS);
        self.last_session = self.last_session.saturating_add(SKIPPED_SESSIONS);
        self.record(EventKind::TimelineBegun { epoch, cause });
    }

    fn let_newcomers_leave(
        &mut self,
        pools: impl Iterator<Item = Pool>,
        hosts: impl Iterator<Item = Host>,
        revision: u64,
    ) {
        let known: BTreeSet<HostId> = self.hosts.keys().copied().collect();
        let known_pools: BTreeSet<PoolId> = self.pools.keys().copied().collect();
        let newcomers: Vec<Host> = hosts
            .filter(|host| !known.contains(&host.id))
            .filter(|host| !self.hosts.values().any(|other| other.ovsdb.server() == host.ovsdb.server()))
            .collect();
        for pool in pools {
            let has_newcomers = newcomers.iter().any(|host| host.pool == pool.id);
            if has_newcomers && !self.pools.contains_key(&pool.id) && !self.is_same_pool_known(&pool) {
                self.pools.insert(pool.id, leaving(pool));
            }
        }
        for host in newcomers {
            // What a pool's XAPI lists comes by itself, as it was seen by then.
            if host.xapi.is_some() && known_pools.contains(&host.pool) {
                continue;
            }
            let is_named = self.hosts_of(host.pool).any(|other| other.name == host.name);
            if self.pools.contains_key(&host.pool) && !is_named {
                let host = Host { standing: Standing::Leaving, revision, ..host };
                self.hosts.insert(host.id, host);
            }
        }
    }

    /// Of that name, or behind the same XAPI.
    fn is_same_pool_known(&self, pool: &Pool) -> bool {
        let uuid = |pool: &Pool| pool.xapi().map(|xapi| xapi.uuid);
        let is_same =
            |other: &Pool| other.name == pool.name || (uuid(other).is_some() && uuid(other) == uuid(pool));
        self.pools.values().any(is_same)
    }
}

/// A pool behind a XAPI is forgotten with its last host; a static one stays, empty, until an operator removes it.
fn leaving(mut pool: Pool) -> Pool {
    if let Management::Xapi(xapi) = &mut pool.management {
        xapi.is_leaving = true;
    }
    pool
}

fn next_timeline(epoch: u64) -> Result<u64, Refusal> {
    let next = (epoch / EPOCHS_PER_TIMELINE).checked_add(1);
    let first = next.and_then(|next| next.checked_mul(EPOCHS_PER_TIMELINE));
    first.ok_or_else(|| super::exhausted("epoch"))
}
