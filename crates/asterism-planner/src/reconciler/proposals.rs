//! What was proposed to the log and not answered yet: one topology at a time, each report of a host once, and the question
//! whether we still lead.
//!
//! A proposal that came to nothing is not repeated at once: without a quorum every answer is quick.

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{HostId, NetworkId, TopologyPlan};

use super::Settings;
use crate::Tick;

/// How many choices one proposal may hold. The log takes commands of up to 1 MiB, and a choice takes less than 400 bytes of
/// it; what is left over is planned again when this is adopted.
const CHOICES: usize = 2048;

/// The first of a plan's changes, as many as one proposal holds. A network has fewer choices than that.
pub(super) fn first(changes: &BTreeMap<NetworkId, TopologyPlan>) -> BTreeMap<NetworkId, TopologyPlan> {
    let mut left = CHOICES;
    let mut first = BTreeMap::new();
    for (network, plan) in changes {
        let Some(rest) = left.checked_sub(plan.stars.len() + 1) else { break };
        left = rest;
        first.insert(*network, plan.clone());
    }
    first
}

#[derive(Debug, Default)]
pub(super) struct Proposals {
    topology: Option<Topology>,
    reports: BTreeMap<(HostId, Report), Reported>,
    question: Option<Question>,
    /// Hosts that wait for the answer to the next question: the one under way was put before they were seen.
    waiting: BTreeSet<HostId>,
}

/// Whether we still lead, asked for the sake of some hosts.
#[derive(Debug)]
struct Question {
    hosts: BTreeSet<HostId>,
    /// When it is unknown.
    deadline: Tick,
}

/// A proposed topology.
#[derive(Debug, Clone, Copy)]
struct Topology {
    /// The revision that it was planned upon.
    based_on: u64,
    /// When it is unknown.
    deadline: Tick,
    /// Answered, and the answer speaks of a state that is not here yet.
    is_ahead: bool,
}

/// What the log is told of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Report {
    /// It has left, and holds no row of ours.
    End,
    /// How many uplinks it can have.
    Uplinks,
}

/// How far a report is.
#[derive(Debug, Clone, Copy)]
enum Reported {
    /// Proposed; unknown after the deadline.
    Proposed { deadline: Tick },
    /// Refused, lost or unknown: not again before this.
    Pausing { until: Tick },
}

impl Proposals {
    pub fn awaits_topology(&self) -> bool {
        self.topology.is_some()
    }

    pub fn propose_topology(&mut self, based_on: u64, settings: &Settings, now: Tick) {
        self.topology = Some(Topology { based_on, deadline: now + settings.answer, is_ahead: false });
    }

    /// It came to nothing.
    pub fn drop_topology(&mut self) {
        self.topology = None;
    }

    /// It was applied, or came too late: either way a later state is on its way, unless it is here.
    pub fn await_state(&mut self, revision: u64) {
        if let Some(topology) = &mut self.topology {
            topology.is_ahead = true;
        }
        self.see_state(revision);
    }

    /// A state of this revision is here.
    pub fn see_state(&mut self, revision: u64) {
        self.topology.take_if(|topology| topology.is_ahead && revision > topology.based_on);
    }

    /// Whether the report may be proposed; if so, it counts as proposed.
    pub fn try_report(&mut self, host: HostId, report: Report, settings: &Settings, now: Tick) -> bool {
        let is_new = !self.reports.contains_key(&(host, report));
        let deadline = now + settings.answer;
        self.reports.entry((host, report)).or_insert(Reported::Proposed { deadline });
        is_new
    }

    /// Whether the report is proposed, or pauses.
    pub fn has_report(&self, host: HostId, report: Report) -> bool {
        self.reports.contains_key(&(host, report))
    }

    /// The state says what was reported.
    pub fn reported(&mut self, host: HostId, report: Report) {
        self.reports.remove(&(host, report));
    }

    /// The state does not know the host any more.
    pub fn drop_reports(&mut self, host: HostId) {
        self.reports.retain(|(of, _), _| *of != host);
    }

    pub fn pause_report(&mut self, host: HostId, report: Report, settings: &Settings, now: Tick) {
        self.reports.insert((host, report), Reported::Pausing { until: now + settings.pause(2) });
    }

    /// Puts a host in the queue of those that wait to hear whether we still lead. A question that was asked for it before
    /// is too old.
    pub fn wait_for_answer(&mut self, host: HostId) {
        if let Some(question) = &mut self.question {
            question.hosts.remove(&host);
        }
        self.waiting.insert(host);
    }

    /// Whether the question is to be asked now; if so, it counts as asked.
    pub fn ask(&mut self, settings: &Settings, now: Tick) -> bool {
        if self.question.is_some() || self.waiting.is_empty() {
            return false;
        }
        let hosts = std::mem::take(&mut self.waiting);
        self.question = Some(Question { hosts, deadline: now + settings.answer });
        true
    }

    /// The question is answered: the hosts for which it was asked.
    pub fn take_question(&mut self) -> BTreeSet<HostId> {
        self.question.take().map(|question| question.hosts).unwrap_or_default()
    }

    /// Ends what has waited too long.
    pub fn expire(&mut self, now: Tick) -> Expired {
        let topology = self.topology.take_if(|topology| topology.deadline <= now).is_some();
        let due = |reported: &Reported| match reported {
            Reported::Proposed { deadline: at } | Reported::Pausing { until: at } => *at <= now,
        };
        let reports: Vec<(HostId, Report)> =
            self.reports.iter().filter(|(_, reported)| due(reported)).map(|(report, _)| *report).collect();
        for report in &reports {
            self.reports.remove(report);
        }
        let question = self.question.take_if(|question| question.deadline <= now);
        Expired { topology, reports, unanswered: question.map(|it| it.hosts).unwrap_or_default() }
    }

    pub fn deadlines(&self) -> impl Iterator<Item = (Tick, &'static str)> {
        let topology = self.topology.map(|topology| (topology.deadline, "answer to a proposed topology"));
        let reports = self.reports.values().map(|reported| match reported {
            Reported::Proposed { deadline } => (*deadline, "answer to a report of a host"),
            Reported::Pausing { until } => (*until, "pause before a proposal"),
        });
        let question = self.question.as_ref().map(|it| (it.deadline, "answer to whether we still lead"));
        topology.into_iter().chain(reports).chain(question)
    }
}

/// What has waited too long.
pub(super) struct Expired {
    /// The topology is to be planned again.
    pub topology: bool,
    /// What may be reported again.
    pub reports: Vec<(HostId, Report)>,
    /// Hosts for which the question was asked.
    pub unanswered: BTreeSet<HostId>,
}

#[cfg(test)]
mod tests {
    use asterism_model::{
        Cause, Drain, DrainExtent, NextCenter, NextPool, PoolId, StarPlan, Vni, topology::MAX_EVIDENCE,
    };

    use super::*;

    #[test]
    fn a_proposal_of_the_largest_plan_stays_below_what_the_log_takes() {
        let next = NextCenter { host: HostId(u32::MAX), cause: Cause::Preferred };
        let star = StarPlan {
            evidence: Some("x".repeat(MAX_EVIDENCE)),
            standby: Some(HostId(u32::MAX)),
            next: Some(next),
            drained: Some(Drain { host: HostId(u32::MAX), extent: DrainExtent::Standby }),
            ..StarPlan::around(HostId(u32::MAX), Cause::Preferred)
        };
        let stars: BTreeMap<PoolId, StarPlan> =
            (0..256).map(|pool| (PoolId(u32::MAX - pool), star.clone())).collect();
        let pool_center = Some((PoolId(u32::MAX), Cause::Preferred));
        let plan = TopologyPlan {
            vni: Vni::MAX,
            stars,
            pool_center,
            next_pool: Some(NextPool {
                pool: PoolId(u32::MAX),
                cause: Cause::Preferred,
                is_announced: true,
                is_drained: true,
            }),
        };
        let changes: BTreeMap<_, _> =
            (0..4096).map(|network| (NetworkId(u32::MAX - network), plan.clone())).collect();
        let first = first(&changes);
        assert_eq!(first.len(), CHOICES / 257);
        assert!(first.keys().eq(changes.keys().take(first.len())));
        assert!(serde_json::to_vec(&first).unwrap().len() < 1 << 20);
    }
}
