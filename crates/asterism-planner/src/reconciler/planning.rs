//! What is put to the log: choices, the end of hosts that have left, and the question whether we still lead.

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{HostId, Operation, Refusal, Uplinks};

use super::{
    Action, Phase, ProposalOutcome, Reconciler,
    lane::Lane,
    proposals::{self, Report},
};
use crate::{Evidence, Tick, plan::plan, scope::Scope};

impl Reconciler {
    /// There is news that no plan has weighed yet.
    pub(super) fn replan_by(&mut self, at: Tick) {
        self.has_unplanned_news = true;
        self.plan_at = Some(self.plan_at.map_or(at, |planned| planned.min(at)));
    }

    pub(super) fn plan_if_due(&mut self, now: Tick) {
        if self.proposals.awaits_topology() || self.plan_at.is_none_or(|at| at > now) {
            return;
        }
        let plan = plan(&self.state, &self.evidence(), &self.settings.graces, now);
        for (host, why) in &plan.dead {
            if let Some(lane) = self.lanes.get_mut(host) {
                lane.evidence.given_up.get_or_insert_with(|| why.clone());
            }
        }
        self.plan_at = plan.plan_again;
        self.has_unplanned_news = false;
        if !plan.changes.is_empty() && !self.is_read_only() {
            self.proposals.propose_topology(plan.based_on, &self.settings, now);
            self.actions.push_back(Action::Propose(Operation::AdoptTopology {
                epoch: self.leadership.epoch,
                based_on: plan.based_on,
                changes: proposals::first(&plan.changes),
            }));
        }
        self.plan = Some(plan);
    }

    /// What this leader knows of the hosts' lives.
    pub fn evidence(&self) -> Evidence {
        let answering = self.lanes.iter().filter(|(_, lane)| lane.evidence.answers());
        Evidence {
            hosts: self.lanes.iter().map(|(host, lane)| (*host, lane.evidence.clone())).collect(),
            pictures: answering
                .clone()
                .filter_map(|(host, lane)| Some((*host, lane.picture.clone()?)))
                .collect(),
            unsettled: answering
                .map(|(host, lane)| (*host, self.unsettled(lane)))
                .filter(|(_, scope)| !scope.is_empty())
                .collect(),
            changed_at: self.changed_at.clone(),
        }
    }

    /// The networks in which the host has not been seen to have all that it can have.
    fn unsettled(&self, lane: &Lane) -> Scope {
        let mut scope = match &lane.phase {
            Phase::Ready { .. } => lane.agenda.clone(),
            Phase::InFlight { .. } | Phase::Looking { .. } => {
                let mut scope = Scope::Networks(lane.holding.sent().keys().copied().collect());
                scope.extend(lane.agenda.clone());
                scope
            }
            Phase::Unclaimed { .. } | Phase::Claiming { .. } | Phase::BackingOff { .. } => Scope::All,
            // Nothing is going to change there.
            Phase::Disconnected | Phase::Barred { .. } => Scope::none(),
        };
        let waits = lane.withheld.iter().filter(|(_, peers)| peers.iter().any(|peer| self.answers(*peer)));
        scope.extend(Scope::Networks(waits.map(|(network, _)| *network).collect()));
        scope
    }

    pub(super) fn take_proposal(&mut self, operation: &Operation, outcome: ProposalOutcome, now: Tick) {
        if let ProposalOutcome::Refused(refusal @ Refusal::StaleEpoch { .. }) = &outcome {
            return self.step_down(refusal.to_string());
        }
        // Whether the log has taken it as a leader's word, which a plan upon an old state is too.
        let is_heard =
            matches!(outcome, ProposalOutcome::Applied | ProposalOutcome::Refused(Refusal::StalePlan { .. }));
        if let Operation::RecordInventory { pool, .. } = operation {
            self.take_report_of_pool(*pool, &outcome, now);
        } else if let Operation::ForgetNetwork { .. } = operation {
            // Proposed again after a while if it is still there.
        } else if let Some((host, report)) = report(operation) {
            if outcome != ProposalOutcome::Applied {
                self.proposals.pause_report(host, report, &self.settings, now);
            }
        } else if is_question(operation) {
            let hosts = self.proposals.take_question();
            self.take_answer(hosts, is_heard, now);
        } else if is_heard {
            self.proposals.await_state(self.state.revision());
            self.replan_by(now);
        } else {
            self.proposals.drop_topology();
            self.replan_by(now + self.settings.shortest_pause);
        }
    }

    /// Tells the log how many uplinks a host can have, where it knows otherwise.
    pub(super) fn report_uplinks(&mut self, host: HostId, now: Tick) {
        let Some(known) = self.state.hosts().get(&host) else { return };
        let picture = self.lanes.get(&host).and_then(|lane| lane.picture.as_ref());
        // A switch that has never run says nothing of itself.
        let Some(picture) = picture.filter(|picture| picture.ovs_version.is_some()) else { return };
        let uplinks = if picture.can_bond { Uplinks::Several } else { Uplinks::One };
        if uplinks == known.uplinks {
            self.proposals.reported(host, Report::Uplinks);
        } else if !self.is_read_only()
            && self.proposals.try_report(host, Report::Uplinks, &self.settings, now)
        {
            let epoch = self.leadership.epoch;
            self.actions.push_back(Action::Propose(Operation::RecordUplinks { host, epoch, uplinks }));
        }
    }

    /// Whether we still lead: hosts without a fence are claimed if we do, and asked for again if nobody says.
    fn take_answer(&mut self, hosts: BTreeSet<HostId>, is_confirmed: bool, now: Tick) {
        for host in hosts {
            let Some(lane) = self.lanes.get_mut(&host) else { continue };
            if is_confirmed {
                lane.confirm(now);
            } else {
                lane.retry_claim(now + self.settings.shortest_pause);
            }
        }
    }

    /// Ends what has waited too long, and asks what is to be asked.
    pub(super) fn expire_proposals(&mut self, now: Tick) {
        let expired = self.proposals.expire(now);
        if expired.topology {
            self.replan_by(now);
        }
        for (host, report) in expired.reports {
            match report {
                Report::End => self.touch(host, Scope::All),
                Report::Uplinks => self.report_uplinks(host, now),
            }
        }
        self.take_answer(expired.unanswered, false, now);
        if self.proposals.ask(&self.settings, now) {
            // It changes nothing, and is refused unless we lead.
            self.actions.push_back(Action::Propose(Operation::AdoptTopology {
                epoch: self.leadership.epoch,
                based_on: self.state.revision(),
                changes: BTreeMap::new(),
            }));
        }
    }
}

/// What an operation tells the log of a host.
fn report(operation: &Operation) -> Option<(HostId, Report)> {
    if let Operation::ForgetHost { host, .. } = operation {
        Some((*host, Report::End))
    } else if let Operation::RecordUplinks { host, .. } = operation {
        Some((*host, Report::Uplinks))
    } else {
        None
    }
}

/// A topology without changes is proposed to hear whether we still lead.
fn is_question(operation: &Operation) -> bool {
    matches!(operation, Operation::AdoptTopology { changes, .. } if changes.is_empty())
}
