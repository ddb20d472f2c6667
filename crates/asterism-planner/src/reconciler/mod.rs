//! Brings every host to its target, and the topology to the plan. Sans-I/O: events and the time go in, actions and a
//! deadline come out.
//!
//! One instance serves one leadership: it is made when the leader's epoch is applied, and dropped when it is deposed. It
//! runs unchanged in the daemon, in simulations, and in the replay of a recorded day.
//!
//! Each host has a lane of its own with at most one transaction in flight. Its cycle is: claim the fence, look, compare,
//! transact, look. What is not answered is unknown, and the reply to unknown is to claim again with a greater fence,
//! which shuts out whatever is still under way, and to look. Lanes meet in two places only: [`crate::moves`] withholds
//! ports that might close a ring, and the plan weighs the evidence of all.

mod event;
mod lane;
mod status;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque, btree_map::Entry},
    sync::Arc,
    time::Duration,
};

use asterism_model::{
    ClusterId, Fence, HostId, HostTarget, NetworkId, NetworkState, ObservedHost, Operation, Outcome,
    PortRole, Refusal, StoredFence,
};

pub use event::{Action, ClaimOutcome, Event, ProposalOutcome};
pub use lane::Phase;
pub use status::LaneStatus;

use crate::{
    Evidence, Graces, Plan, SessionEvidence, Tick, diff,
    moves::{self, Holding},
    plan::plan,
    target::target,
};
use lane::{Lane, Ports, held, pause};

/// Limits and pauses, each with its reason.
#[derive(Debug, Clone)]
pub struct Settings {
    pub graces: Graces,
    /// How long a claim or transaction may stay unanswered before it is unknown. Longer than the session's own deadline,
    /// so that this one fires only if the session is wedged.
    pub answer: Duration,
    /// How long a picture may lag behind what was applied.
    pub look: Duration,
    /// Pause after a refusal; doubled with each in a row up to `longest_pause`.
    pub shortest_pause: Duration,
    pub longest_pause: Duration,
    /// How long news is gathered before it is planned upon: a host that dies takes many tunnels down at nearly one time.
    pub plan_delay: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            graces: Graces::default(),
            answer: Duration::from_secs(15),
            look: Duration::from_secs(5),
            shortest_pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(30),
            plan_delay: Duration::from_millis(10),
        }
    }
}

/// The state machine. See the module's description.
pub struct Reconciler {
    settings: Settings,
    cluster: ClusterId,
    epoch: u64,
    state: Arc<NetworkState>,
    lanes: BTreeMap<HostId, Lane>,
    holdings: BTreeMap<HostId, Holding>,
    actions: VecDeque<Action>,
    /// When to plan next.
    plan_at: Option<Tick>,
    /// Something has changed since the last plan.
    unplanned_news: bool,
    /// A topology was proposed and not answered yet.
    proposing: bool,
    /// The last plan, for those who ask why.
    plan: Option<Plan>,
    silent: bool,
}

impl Reconciler {
    /// Begins to lead. `state` has `epoch` applied, and was claimed by this controller.
    pub fn new(
        settings: Settings,
        cluster: ClusterId,
        epoch: u64,
        state: Arc<NetworkState>,
        now: Tick,
    ) -> Self {
        let mut reconciler = Self {
            settings,
            cluster,
            epoch,
            state: Arc::new(NetworkState::default()),
            lanes: BTreeMap::new(),
            holdings: BTreeMap::new(),
            actions: VecDeque::new(),
            plan_at: None,
            unplanned_news: true,
            proposing: false,
            plan: None,
            silent: false,
        };
        reconciler.handle(Event::State(state), now);
        reconciler
    }

    /// Takes an event in.
    pub fn handle(&mut self, event: Event, now: Tick) {
        if self.silent {
            return;
        }
        match event {
            Event::State(state) => self.take_state(state, now),
            Event::Picture { host, picture } => self.take_picture(host, picture, now),
            Event::SessionLost { host, why } => self.lose_session(host, why, now),
            Event::Claimed { host, fence, outcome } => self.take_claim(host, fence, outcome, now),
            Event::Transacted { host, fence, outcome } => self.take_outcome(host, fence, outcome, now),
            Event::Proposed { operation, outcome } => self.take_proposal(&operation, outcome, now),
            Event::Wake => {}
            Event::Deposed => self.fall_silent(),
        }
        self.expire(now);
        self.step_lanes(now);
        self.plan_if_due(now);
    }

    /// The next thing to do, in order.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to send [`Event::Wake`], and what is waited for.
    pub fn poll_deadline(&self) -> Option<(Tick, &'static str)> {
        if self.silent {
            return None;
        }
        let lanes = self.lanes.values().filter_map(|lane| lane.phase.deadline());
        let plan = self.plan_at.filter(|_| !self.proposing).map(|at| (at, "next plan"));
        lanes.chain(plan).min()
    }

    fn take_state(&mut self, state: Arc<NetworkState>, now: Tick) {
        if state.epoch() != self.epoch {
            let reason = format!("epoch {} was claimed by another controller", state.epoch());
            return self.step_down(reason);
        }
        for host in affected(&self.state, &state) {
            if let Some(lane) = self.lanes.get_mut(&host) {
                lane.dirty = true;
            }
        }
        let revision_before = self.state.revision();
        self.state = state;
        let gone: Vec<HostId> =
            self.lanes.keys().filter(|host| !self.state.hosts().contains_key(host)).copied().collect();
        for host in gone {
            self.lanes.remove(&host);
            self.holdings.remove(&host);
            self.actions.push_back(Action::Disconnect { host });
        }
        for host in self.state.hosts().values() {
            if let Entry::Vacant(vacant) = self.lanes.entry(host.id) {
                vacant.insert(Lane::new(now));
                self.holdings.insert(host.id, Holding::Unknown);
                self.actions.push_back(Action::Connect { host: host.id, endpoint: host.ovsdb.clone() });
            }
        }
        if revision_before != self.state.revision() || self.plan.is_none() {
            self.replan_by(now);
        }
    }

    fn take_picture(&mut self, host: HostId, picture: Arc<ObservedHost>, now: Tick) {
        let Some(lane) = self.lanes.get_mut(&host) else { return };
        if lane.observe(picture, now) {
            self.replan_by(now + self.settings.plan_delay);
        }
        let Some(lane) = self.lanes.get_mut(&host) else { return };
        let stored = lane.stored_fence();
        match (lane.phase.clone(), stored) {
            (Phase::Looking { fence, .. }, StoredFence::Present(shown)) if shown == fence => {
                self.believe(host, fence)
            }
            (Phase::Ready { fence }, StoredFence::Present(shown)) if shown == fence => {
                self.believe(host, fence)
            }
            (Phase::BackingOff { fence, .. }, StoredFence::Present(shown)) if shown == fence => {}
            // Older than what was applied, or about to change: wait for the answer or the next picture.
            (Phase::Looking { fence, .. }, StoredFence::Present(shown)) if shown < fence => {}
            (Phase::Claiming { .. } | Phase::InFlight { .. } | Phase::Unclaimed { .. }, _) => {}
            // A new session, or a fence that is not the one we left: an emptied or restored database, a late write of
            // ours, a newer leader. The claim finds out which.
            (
                Phase::Disconnected
                | Phase::Barred { .. }
                | Phase::Ready { .. }
                | Phase::Looking { .. }
                | Phase::BackingOff { .. },
                _,
            ) => self.unclaim(host, now),
        }
        self.update_holding(host);
    }

    /// The picture shows our last write: nothing else can be under way.
    fn believe(&mut self, host: HostId, fence: Fence) {
        let Some(lane) = self.lanes.get_mut(&host) else { return };
        lane.phase = Phase::Ready { fence };
        lane.fenced = true;
        lane.sent.clear();
    }

    fn lose_session(&mut self, host: HostId, why: String, now: Tick) {
        let Some(lane) = self.lanes.get_mut(&host) else { return };
        if lane.lose_session(why, now) {
            self.replan_by(now);
        }
    }

    fn take_claim(&mut self, host: HostId, fence: Fence, outcome: ClaimOutcome, now: Tick) {
        let Some(lane) = self.lanes.get_mut(&host) else { return };
        if !matches!(lane.phase, Phase::Claiming { fence: sent, .. } if sent == fence) {
            return;
        }
        match outcome {
            ClaimOutcome::Claimed => self.look(host, fence, now),
            ClaimOutcome::Refused(StoredFence::Present(stored)) if stored.cluster == self.cluster => {
                if stored.epoch > self.epoch {
                    let label = self.state.host_label(host);
                    return self.step_down(format!("host {label} was claimed for epoch {}", stored.epoch));
                }
                // Our own late write got there first: raise the fence above it.
                self.unclaim(host, now + self.settings.shortest_pause);
            }
            ClaimOutcome::Refused(stored) => {
                let why = match stored {
                    StoredFence::Present(fence) => format!("claimed by another cluster, {}", fence.cluster),
                    StoredFence::Malformed(text) => format!("its fence is not one: `{text}`"),
                    StoredFence::Absent => "it refused the claim".into(),
                };
                lane.last_error = Some(why.clone());
                lane.phase = Phase::Barred { why };
            }
            ClaimOutcome::Unknown(why) => {
                lane.last_error = Some(why);
                self.unclaim(host, now + self.settings.shortest_pause);
            }
        }
    }

    fn take_outcome(&mut self, host: HostId, fence: Fence, outcome: Outcome, now: Tick) {
        let Some(lane) = self.lanes.get_mut(&host) else { return };
        if !matches!(lane.phase, Phase::InFlight { fence: sent, .. } if sent == fence) {
            return;
        }
        match outcome {
            Outcome::Applied => {
                lane.refusals = 0;
                lane.last_error = None;
                self.look(host, fence, now);
            }
            Outcome::Fenced => self.unclaim(host, now),
            Outcome::Rejected(why) => {
                lane.last_error = Some(why);
                let pause = pause(self.settings.shortest_pause, self.settings.longest_pause, lane.refusals);
                lane.refusals = lane.refusals.saturating_add(1);
                lane.sent.clear();
                // Nothing happened, so the stored fence is the one that the transaction was guarded by.
                lane.phase = match lane.stored_fence() {
                    StoredFence::Present(stored) => Phase::BackingOff { fence: stored, until: now + pause },
                    StoredFence::Absent | StoredFence::Malformed(_) => {
                        Phase::Unclaimed { not_before: now + pause }
                    }
                };
            }
            Outcome::Unknown(why) => {
                lane.last_error = Some(why);
                self.unclaim(host, now + self.settings.shortest_pause);
            }
        }
        self.update_holding(host);
    }

    fn take_proposal(&mut self, operation: &Operation, outcome: ProposalOutcome, now: Tick) {
        if let Operation::ForgetHost { host, .. } = operation {
            if let (Some(lane), false) = (self.lanes.get_mut(host), outcome == ProposalOutcome::Applied) {
                lane.forgetting = false;
                lane.dirty = true;
            }
            return;
        }
        self.proposing = false;
        match outcome {
            ProposalOutcome::Applied | ProposalOutcome::Refused(Refusal::StalePlan { .. }) => {
                self.replan_by(now);
            }
            ProposalOutcome::Refused(refusal @ Refusal::StaleEpoch { .. }) => {
                self.step_down(refusal.to_string())
            }
            ProposalOutcome::Refused(_) | ProposalOutcome::Unknown(_) => {
                self.replan_by(now + self.settings.shortest_pause);
            }
        }
    }

    /// There is news that no plan has weighed yet.
    fn replan_by(&mut self, at: Tick) {
        self.unplanned_news = true;
        self.plan_at = Some(self.plan_at.map_or(at, |planned| planned.min(at)));
    }

    fn look(&mut self, host: HostId, fence: Fence, now: Tick) {
        let deadline = now + self.settings.look;
        let Some(lane) = self.lanes.get_mut(&host) else { return };
        // The picture may be faster than the answer.
        if lane.stored_fence() == StoredFence::Present(fence) {
            self.believe(host, fence);
            self.update_holding(host);
        } else {
            lane.phase = Phase::Looking { fence, deadline };
        }
    }

    fn unclaim(&mut self, host: HostId, not_before: Tick) {
        if let Some(lane) = self.lanes.get_mut(&host) {
            lane.phase = Phase::Unclaimed { not_before };
            lane.settled = false;
            lane.dirty = true;
        }
    }

    /// Ends what has waited too long.
    fn expire(&mut self, now: Tick) {
        let due: Vec<(HostId, Phase)> = self
            .lanes
            .iter()
            .filter(|(_, lane)| lane.phase.deadline().is_some_and(|(at, _)| at <= now))
            .map(|(host, lane)| (*host, lane.phase.clone()))
            .collect();
        for (host, phase) in due {
            match phase {
                Phase::Unclaimed { .. } => self.claim(host, now),
                Phase::Claiming { .. } | Phase::InFlight { .. } | Phase::Looking { .. } => {
                    self.unclaim(host, now)
                }
                Phase::BackingOff { fence, .. } => self.resume(host, fence),
                Phase::Disconnected | Phase::Barred { .. } | Phase::Ready { .. } => {}
            }
        }
    }

    fn resume(&mut self, host: HostId, fence: Fence) {
        if let Some(lane) = self.lanes.get_mut(&host) {
            lane.phase = Phase::Ready { fence };
            lane.dirty = true;
        }
    }

    fn claim(&mut self, host: HostId, now: Tick) {
        let fence = self.next_fence(host, self.state.revision());
        let Some(lane) = self.lanes.get_mut(&host) else { return };
        lane.sent_revision = fence.revision;
        lane.phase = Phase::Claiming { fence, deadline: now + self.settings.answer };
        self.actions.push_back(Action::Claim { host, fence });
    }

    /// A fence above the stored one and everything we sent: no two writes share one, so that a picture tells which
    /// writes it shows.
    fn next_fence(&self, host: HostId, revision: u64) -> Fence {
        let lane = self.lanes.get(&host);
        let last = lane.map_or(0, |lane| lane.last_revision(self.epoch, self.cluster));
        Fence { cluster: self.cluster, epoch: self.epoch, revision: revision.max(last.saturating_add(1)) }
    }

    fn update_holding(&mut self, host: HostId) {
        let Some(holding) = self.lanes.get(&host).map(Lane::holding) else { return };
        let before = self.holdings.insert(host, holding.clone());
        if before.as_ref() != Some(&holding) {
            for lane in self.lanes.values_mut().filter(|lane| !lane.withheld.is_empty()) {
                lane.dirty = true;
            }
        }
    }

    fn step_lanes(&mut self, now: Tick) {
        let ready: Vec<(HostId, Fence)> = self
            .lanes
            .iter()
            .filter_map(|(host, lane)| match lane.phase {
                Phase::Ready { fence } if lane.dirty => Some((*host, fence)),
                Phase::Disconnected
                | Phase::Unclaimed { .. }
                | Phase::Claiming { .. }
                | Phase::Barred { .. }
                | Phase::Ready { .. }
                | Phase::InFlight { .. }
                | Phase::Looking { .. }
                | Phase::BackingOff { .. } => None,
            })
            .collect();
        for (host, stored) in ready {
            self.step_lane(host, stored, now);
        }
    }

    /// Compares one host with its target, and sends the difference.
    fn step_lane(&mut self, host: HostId, stored: Fence, now: Tick) {
        let mut target = target(&self.state, host);
        let Some(picture) = self.lanes.get(&host).and_then(|lane| lane.picture.clone()) else { return };
        let withheld = self.withhold(host, &mut target, &picture);
        let difference = diff(&target, &picture);
        let fence = self.next_fence(host, target.revision);
        let is_leaving = self.state.hosts().get(&host).is_some_and(|host| !host.is_member());
        let Some(lane) = self.lanes.get_mut(&host) else { return };
        lane.dirty = false;
        lane.withheld = withheld;
        lane.conflicts = difference.conflicts.iter().map(ToString::to_string).collect();
        lane.settled = difference.diff.is_empty();
        if lane.settled {
            let is_clean = picture.bridges.is_empty();
            if is_leaving && is_clean && !lane.forgetting {
                lane.forgetting = true;
                self.actions.push_back(Action::Propose(Operation::ForgetHost { host, epoch: self.epoch }));
            }
            return;
        }
        lane.phase = Phase::InFlight { fence, deadline: now + self.settings.answer };
        lane.sent_revision = fence.revision;
        lane.send(&target);
        let diff = Box::new(difference.diff);
        self.actions.push_back(Action::Transact { host, stored, fence, diff, picture });
        self.update_holding(host);
    }

    /// Takes out of the target what must wait for other hosts.
    fn withhold(&self, host: HostId, target: &mut HostTarget, picture: &ObservedHost) -> Ports {
        let mut withheld = Ports::new();
        let held = held(picture);
        for bridge in target.bridges.values_mut() {
            let has = |peer: &HostId| held.get(&bridge.network).is_some_and(|peers| peers.contains(peer));
            let mut wanted: Vec<(bool, bool, bool, HostId)> = bridge
                .ports
                .values()
                .flat_map(|port| port.tunnels.iter().map(move |tunnel| (port.role, tunnel.peer)))
                .map(|(role, peer)| (!has(&peer), role != PortRole::Uplink, !self.answers(peer), peer))
                .collect();
            if wanted.iter().all(|(is_new, ..)| !is_new) {
                continue;
            }
            // What is held stays; then the way up; then those who answer, since the others may be dead.
            wanted.sort_unstable();
            let wanted: Vec<HostId> = wanted.into_iter().map(|(.., peer)| peer).collect();
            let risky = moves::withheld(bridge.network, host, &wanted, &self.holdings);
            if !risky.is_empty() {
                bridge
                    .ports
                    .retain(|_, port| port.tunnels.iter().all(|tunnel| !risky.contains(&tunnel.peer)));
                withheld.insert(bridge.network, risky);
            }
        }
        withheld
    }

    fn answers(&self, host: HostId) -> bool {
        let lane = self.lanes.get(&host);
        lane.is_some_and(|lane| matches!(lane.evidence.session, SessionEvidence::Up { .. }))
    }

    fn plan_if_due(&mut self, now: Tick) {
        if self.silent || self.proposing || self.plan_at.is_none_or(|at| at > now) {
            return;
        }
        let plan = plan(&self.state, &self.evidence(), &self.settings.graces, now);
        self.plan_at = plan.plan_again;
        self.unplanned_news = false;
        if !plan.changes.is_empty() {
            self.proposing = true;
            self.actions.push_back(Action::Propose(Operation::AdoptTopology {
                epoch: self.epoch,
                based_on: plan.based_on,
                changes: plan.changes.clone(),
            }));
        }
        self.plan = Some(plan);
    }

    /// What this leader knows of the hosts' lives.
    pub fn evidence(&self) -> Evidence {
        Evidence { hosts: self.lanes.iter().map(|(host, lane)| (*host, lane.evidence.clone())).collect() }
    }

    fn step_down(&mut self, reason: String) {
        self.fall_silent();
        self.actions.push_back(Action::StepDown { reason });
    }

    fn fall_silent(&mut self) {
        self.silent = true;
        self.actions.clear();
    }
}

/// The hosts whose target may differ between two states.
fn affected(before: &NetworkState, after: &NetworkState) -> BTreeSet<HostId> {
    let version = |state: &NetworkState, id: NetworkId| {
        let topology = state.topologies().get(&id).map(|topology| topology.revision);
        (state.networks().get(&id).map(|network| network.revision), topology)
    };
    let networks: BTreeSet<NetworkId> =
        before.networks().keys().chain(after.networks().keys()).copied().collect();
    let mut hosts = BTreeSet::new();
    for id in networks {
        if version(before, id) != version(after, id) {
            for state in [before, after] {
                let network = state.networks().get(&id);
                hosts.extend(
                    network.into_iter().flat_map(|network| state.members_of(network)).map(|host| host.id),
                );
            }
        }
    }
    // A host that joins, leaves or goes is the other end of its peers' tunnels.
    let changed: BTreeSet<HostId> = before
        .hosts()
        .keys()
        .chain(after.hosts().keys())
        .filter(|id| {
            let revision = |state: &NetworkState| state.hosts().get(id).map(|host| host.revision);
            revision(before) != revision(after)
        })
        .copied()
        .collect();
    if !changed.is_empty() {
        for state in [before, after] {
            for network in state.networks().values() {
                if state.members_of(network).any(|host| changed.contains(&host.id)) {
                    hosts.extend(state.members_of(network).map(|host| host.id));
                }
            }
        }
    }
    hosts.extend(changed);
    hosts
}
