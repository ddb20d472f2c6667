//! The one verb: how a committed command changes the state.
//!
//! Total and deterministic: reads no clock, randomness, environment or hash order, and panics on no entry, since a panic
//! here would stop every replica at the same entry for ever. A refused command changes nothing but time, its
//! session and the audit trail. No policy: who becomes center is decided by the planner and only checked here.

mod adoption;
mod audit;
mod host;
mod inventory;
mod moves;
mod network;
mod pool;
pub mod timeline;
mod topology;

use crate::{
    ClusterId, ClusterIdentity, ClusterSettings, Command, Effect, Event, EventKind, MemberChange, Name,
    NetworkState, NodeId, Operation, Refusal, Reply, RequestId, SessionId, SettingsChange, Timestamp,
    event::MAX_EVENTS,
    session::{MAX_IDLE_MS, MAX_SESSIONS, Session},
};

type Applied = Result<Effect, Refusal>;

impl NetworkState {
    /// Applies one committed command and says what came of it.
    pub fn apply(&mut self, command: &Command) -> Reply {
        self.clock = self.clock.max(command.at);
        self.expire_sessions();
        let Some(request) = command.request else {
            return self.execute_for(command);
        };
        match self.admit(request) {
            Err(refusal) => {
                let reply = Reply::Refused(refusal);
                self.audit_change(command, &reply);
                reply
            }
            // The trail has it already.
            Ok(Some(earlier)) => earlier,
            Ok(None) => {
                let reply = self.execute_for(command);
                // Absent if the operation opened a session and this one was the oldest.
                if let Some(session) = self.sessions.get_mut(&request.session) {
                    *session =
                        Session { last_used: self.clock, last: Some((request.sequence, reply.clone())) };
                }
                reply
            }
        }
    }

    fn admit(&self, request: RequestId) -> Result<Option<Reply>, Refusal> {
        let unknown = Refusal::UnknownSession { session: request.session };
        Ok(self.sessions.get(&request.session).ok_or(unknown)?.admit(request)?.cloned())
    }

    fn execute_for(&mut self, command: &Command) -> Reply {
        let reply = self.execute(&command.operation);
        self.audit_change(command, &reply);
        reply
    }

    fn execute(&mut self, operation: &Operation) -> Reply {
        match self.dispatch(operation) {
            Ok(effect) => Reply::Applied { revision: self.revision, effect },
            Err(refusal) => Reply::Refused(refusal),
        }
    }

    fn dispatch(&mut self, operation: &Operation) -> Applied {
        let is_init = matches!(operation, Operation::InitCluster { .. });
        if self.cluster.is_none() && !is_init {
            return Err(Refusal::NotInitialised);
        }
        match operation {
            Operation::InitCluster { cluster, name } => self.init_cluster(*cluster, name),
            Operation::OpenSession => self.open_session(),
            // `audit_change` keeps it.
            Operation::RecordDenied { .. } => Ok(Effect::Done),
            Operation::ClaimEpoch { node } => self.claim_epoch(*node),
            Operation::AddPool { name } => self.add_pool(name),
            Operation::AddXapiPool { name, uuid, access } => self.add_xapi_pool(name, *uuid, access),
            Operation::ChangeXapiAccess { pool, access } => self.change_xapi_access(pool, access),
            Operation::RemovePool { pool, force } => self.remove_pool(pool, *force),
            Operation::RecordInventory { pool, epoch, inventory } => {
                self.record_inventory(*pool, *epoch, inventory)
            }
            Operation::AddHost { pool, host } => self.add_host(pool, host),
            Operation::EnableHost { host } => self.enable_host(host),
            Operation::DisableHost { host } => self.disable_host(host),
            Operation::RemoveHost { host, force } => self.remove_host(host, *force),
            Operation::ForgetHost { host, epoch } => self.forget_host(*host, *epoch),
            Operation::RecordUplinks { host, epoch, uplinks } => self.record_uplinks(*host, *epoch, *uplinks),
            Operation::ReportDivergence { node, epoch, index } => {
                self.report_divergence(*node, *epoch, *index)
            }
            Operation::ChangeSettings(change) => self.change_settings(*change),
            Operation::CreateNetwork(spec) => self.create_network(spec),
            Operation::UpdateNetwork { network, change } => self.update_network(network, change),
            Operation::DeleteNetwork { network } => self.delete_network(network),
            Operation::AdoptNetworks { networks } => self.adopt_networks(networks),
            Operation::ReleaseNetwork { network } => self.release_network(network),
            Operation::ForgetNetwork { network, epoch } => self.forget_network(*network, *epoch),
            Operation::MoveCenter { network, host } => self.move_center(network, host),
            Operation::MovePoolCenter { network, pool } => self.move_pool_center(network, pool),
            Operation::ChangeMembers(change) => self.change_members(change),
            Operation::RestoreState { state, members } => self.restore(state, members),
            Operation::RecoverCluster { survivor, lost } => self.recover(*survivor, lost),
            Operation::AdoptTopology { epoch, based_on, changes } => {
                self.adopt_topology(*epoch, *based_on, changes)
            }
        }
    }

    fn init_cluster(&mut self, cluster: ClusterId, name: &Name) -> Applied {
        match &self.cluster {
            // A retry of the same initialisation has done its work.
            Some(identity) if identity.id == cluster && identity.name == *name => Ok(Effect::Done),
            Some(identity) => Err(Refusal::AlreadyInitialised { name: identity.name.clone() }),
            None => {
                self.cluster = Some(ClusterIdentity { id: cluster, name: name.clone() });
                self.record(EventKind::ClusterInitialised { name: name.clone() });
                Ok(Effect::Done)
            }
        }
    }

    fn open_session(&mut self) -> Applied {
        let last = self.last_session.checked_add(1).ok_or_else(|| exhausted("session"))?;
        while self.sessions.len() >= MAX_SESSIONS {
            let oldest = self.sessions.iter().min_by_key(|(id, session)| (session.last_used, **id));
            let Some(oldest) = oldest.map(|(id, _)| *id) else { break };
            self.sessions.remove(&oldest);
        }
        self.last_session = last;
        let id = SessionId(last);
        self.sessions.insert(id, Session { last_used: self.clock, last: None });
        Ok(Effect::Session(id))
    }

    fn expire_sessions(&mut self) {
        let Timestamp(now) = self.clock;
        self.sessions.retain(|_, session| now.saturating_sub(session.last_used.0) <= MAX_IDLE_MS);
    }

    fn claim_epoch(&mut self, node: NodeId) -> Applied {
        let epoch = self.epoch.checked_add(1).ok_or_else(|| exhausted("epoch"))?;
        self.epoch = epoch;
        self.epoch_holder = Some(node);
        self.record(EventKind::EpochClaimed { node, epoch });
        Ok(Effect::Epoch(epoch))
    }

    /// Changes nothing but the story.
    fn report_divergence(&mut self, node: NodeId, epoch: u64, index: u64) -> Applied {
        self.require_epoch(epoch)?;
        self.record(EventKind::ReplicaDiverged { node, index });
        Ok(Effect::Done)
    }

    fn change_members(&mut self, change: &MemberChange) -> Applied {
        let node = change.node();
        if let Some(change) = self.membership.change(change)? {
            self.record(EventKind::MemberChanged { node, change });
        }
        Ok(Effect::Done)
    }

    fn change_settings(&mut self, change: SettingsChange) -> Applied {
        let mut settings = self.settings;
        if let Some(value) = change.bfd_budget {
            let (min, max) = ClusterSettings::BFD_BUDGET;
            if !(min..=max).contains(&value) {
                let setting = "bfd-budget".into();
                return Err(Refusal::SettingOutOfRange { setting, value, min, max });
            }
            settings.bfd_budget = value;
        }
        if let Some(mode) = change.mode {
            settings.mode = mode;
        }
        if settings != self.settings {
            self.settings = settings;
            self.bump();
            self.record(EventKind::SettingsChanged { settings });
        }
        Ok(Effect::Done)
    }

    /// Refuses what a deposed leader proposes.
    fn require_epoch(&self, epoch: u64) -> Result<(), Refusal> {
        if epoch == self.epoch { Ok(()) } else { Err(Refusal::StaleEpoch { epoch, current: self.epoch }) }
    }

    /// Counts a change of intent, inventory or topology, and returns the new revision.
    fn bump(&mut self) -> u64 {
        self.revision = self.revision.saturating_add(1);
        self.revision
    }

    fn record(&mut self, kind: EventKind) {
        self.last_event = self.last_event.saturating_add(1);
        self.events.push_back(Event { sequence: self.last_event, at: self.clock, kind });
        while self.events.len() > MAX_EVENTS {
            self.events.pop_front();
        }
    }
}

fn exhausted(what: &str) -> Refusal {
    Refusal::Exhausted { what: what.into() }
}
