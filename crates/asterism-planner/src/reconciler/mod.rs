//! Brings every host to its target, and the topology to the plan. Sans-I/O: events and the time go in, actions and a
//! deadline come out.
//!
//! One instance serves one leadership: it is made when the leader's epoch is applied, and dropped when it is deposed. It
//! runs unchanged in the daemon, in simulations, and in the replay of a recorded day.
//!
//! Each host has a lane of its own with at most one transaction in flight. Lanes meet in two places only:
//! [`crate::moves`] withholds ports that might close a ring, and the plan weighs the evidence of all.

mod affected;
mod compare;
mod event;
mod holding;
mod lane;
mod leadership;
mod phase;
mod planning;
mod pools;
mod proposals;
mod release;
mod rows;
mod settings;
mod status;
mod strangers;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque, btree_map::Entry},
    sync::Arc,
};

use asterism_model::{
    ClusterId, Fence, Host, HostId, Mode, NetworkId, NetworkState, ObservedHost, Outcome, PoolId,
};

pub use event::{Action, ClaimOutcome, Event, ProposalOutcome};
pub use phase::Phase;
pub use settings::Settings;
pub use status::LaneStatus;

use crate::{Budget, Finding, Plan, Tick, members::Members, moves::Ledger, pools::PoolLane};
use lane::{Door, Lane};
use leadership::Leadership;
use proposals::Proposals;
use strangers::Strangers;

/// The state machine. See the module's description.
pub struct Reconciler {
    settings: Settings,
    leadership: Leadership,
    state: Arc<NetworkState>,
    /// Of that state.
    budget: Arc<Budget>,
    lanes: BTreeMap<HostId, Lane>,
    ledger: Ledger,
    strangers: Strangers,
    /// Networks in which a link between hosts that answer is withheld for the sake of hosts that don't.
    contested: BTreeSet<NetworkId>,
    /// Lanes that may have something to compare.
    due: BTreeSet<HostId>,
    pools: BTreeMap<PoolId, PoolLane>,
    /// Pools that may have something to call.
    due_pools: BTreeSet<PoolId>,
    proposals: Proposals,
    /// Networks whose release was proposed, until when that may take.
    released: BTreeMap<NetworkId, Tick>,
    /// When the choices for a network last changed, as this leader saw it.
    changed_at: BTreeMap<NetworkId, Tick>,
    /// When to plan next.
    plan_at: Option<Tick>,
    /// Something has changed since the last plan.
    has_unplanned_news: bool,
    /// The last plan, for those who ask why.
    plan: Option<Plan>,
    actions: VecDeque<Action>,
    is_silent: bool,
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
            leadership: Leadership { cluster, epoch },
            state: Arc::new(NetworkState::default()),
            budget: Arc::default(),
            lanes: BTreeMap::new(),
            ledger: Ledger::default(),
            strangers: Strangers::default(),
            contested: BTreeSet::new(),
            due: BTreeSet::new(),
            pools: BTreeMap::new(),
            due_pools: BTreeSet::new(),
            changed_at: BTreeMap::new(),
            proposals: Proposals::default(),
            released: BTreeMap::new(),
            plan_at: None,
            has_unplanned_news: true,
            plan: None,
            actions: VecDeque::new(),
            is_silent: false,
        };
        reconciler.handle(Event::State(state), now);
        reconciler
    }

    /// Takes an event in.
    pub fn handle(&mut self, event: Event, now: Tick) {
        if self.is_silent {
            return;
        }
        match event {
            Event::State(state) => self.take_state(state, now),
            Event::Picture { host, picture } => self.take_picture(host, picture, now),
            Event::SessionLost { host, why } => self.lose_session(host, why, now),
            Event::Claimed { host, fence, outcome } => self.take_claim(host, fence, outcome, now),
            Event::Transacted { host, fence, outcome } => self.take_outcome(host, fence, outcome, now),
            Event::PoolPicture { pool, inventory, picture } => {
                self.take_pool_picture(pool, inventory, picture, now)
            }
            Event::PoolLost { pool, why } => self.lose_pool(pool, why, now),
            Event::PoolCalled { pool, ticket, outcome } => self.take_call(pool, ticket, outcome, now),
            Event::Proposed { operation, outcome } => self.take_proposal(&operation, outcome, now),
            Event::Wake => {}
            Event::Deposed => self.fall_silent(),
        }
        if self.is_silent {
            return;
        }
        self.expire(now);
        if !self.is_read_only() {
            self.step_lanes(now);
            self.step_pools(now);
            self.forget_unlisted(now);
            self.forget_released(now);
        }
        self.plan_if_due(now);
    }

    /// The next thing to do, in order.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to send [`Event::Wake`], and what is waited for.
    pub fn poll_deadline(&self) -> Option<(Tick, &'static str)> {
        if self.is_silent {
            return None;
        }
        let lanes = self.lanes.values().filter(|lane| self.expires(lane));
        let lanes = lanes.filter_map(|lane| lane.phase.deadline());
        let plan = self.plan_at.filter(|_| !self.proposals.awaits_topology()).map(|at| (at, "next plan"));
        lanes
            .chain(plan)
            .chain(self.proposals.deadlines())
            .chain(self.pool_deadlines())
            .chain(self.release_deadlines())
            .min()
    }

    fn take_state(&mut self, state: Arc<NetworkState>, now: Tick) {
        if state.epoch() != self.leadership.epoch {
            let reason = format!("epoch {} was claimed by another controller", state.epoch());
            return self.step_down(reason);
        }
        if state.revision() != self.state.revision() || self.plan.is_none() {
            self.replan_by(now);
        }
        self.proposals.see_state(state.revision());
        let before = std::mem::replace(&mut self.state, state);
        self.note_changes(&before, now);
        self.match_lanes(now);
        self.match_strangers(&before);
        self.match_pools(now);
        if before.revision() != self.state.revision() {
            self.follow_revision(&before, now);
        }
    }

    /// Something was asked for, found or chosen otherwise.
    fn follow_revision(&mut self, before: &NetworkState, now: Tick) {
        let budget = Arc::new(Budget::of(&Members::of(&self.state)));
        let budget_before = std::mem::replace(&mut self.budget, budget);
        let affected = affected::affected((before, &budget_before), (&self.state, &self.budget));
        for (host, scope) in affected {
            self.touch(host, scope);
        }
        self.due_pools.extend(self.pools.keys());
        let hosts: Vec<HostId> = self.lanes.keys().copied().collect();
        for host in hosts {
            self.report_uplinks(host, now);
        }
    }

    /// Nothing is claimed, written or proposed; what differs is shown.
    fn is_read_only(&self) -> bool {
        self.state.settings().mode == Mode::ReadOnly
    }

    fn note_changes(&mut self, before: &NetworkState, now: Tick) {
        let topologies = self.state.topologies();
        self.changed_at.retain(|network, _| topologies.contains_key(network));
        let revision =
            |state: &NetworkState, id| state.topologies().get(&id).map(|topology| topology.revision);
        let changed = topologies.keys().filter(|id| revision(before, **id) != revision(&self.state, **id));
        self.changed_at.extend(changed.map(|id| (*id, now)));
    }

    /// Hosts that have come or gone may be those that others still have tunnels to, under another id.
    fn match_strangers(&mut self, before: &NetworkState) {
        let gone: Vec<&Host> =
            before.hosts().values().filter(|host| !self.state.hosts().contains_key(&host.id)).collect();
        for host in &gone {
            self.strangers.leaves(host);
        }
        let has_new = self.state.hosts().keys().any(|host| !before.hosts().contains_key(host));
        if self.strangers.is_empty() || gone.is_empty() && !has_new {
            return;
        }
        let holders: Vec<HostId> = self.lanes.keys().copied().collect();
        for holder in holders {
            if let Some(lane) = self.lanes.get_mut(&holder) {
                lane.holding.renew();
            }
            self.learn(holder);
        }
    }

    /// A lane for each host, and none besides.
    fn match_lanes(&mut self, now: Tick) {
        let gone: Vec<HostId> =
            self.lanes.keys().filter(|host| !self.state.hosts().contains_key(host)).copied().collect();
        for host in gone {
            self.lanes.remove(&host);
            self.proposals.drop_reports(host);
            let scope = self.ledger.forget(host);
            self.touch_waiting(&scope);
            self.actions.push_back(Action::Disconnect { host });
        }
        let state = Arc::clone(&self.state);
        for host in state.hosts().values() {
            let is_down = host.xapi.as_ref().is_some_and(|xapi| xapi.is_listed && !xapi.is_live);
            if let Some(lane) = self.lanes.get_mut(&host.id) {
                lane.evidence.is_down_in_pool = is_down;
            }
            let door = Door::of(host, &state);
            match self.lanes.entry(host.id) {
                Entry::Vacant(vacant) => drop(vacant.insert(Lane::new(door.clone(), now))),
                Entry::Occupied(lane) if lane.get().door == door => continue,
                Entry::Occupied(mut lane) => {
                    lane.get_mut().door = door.clone();
                    self.actions.push_back(Action::Disconnect { host: host.id });
                    self.lose_session(host.id, "it has another address or certificate".into(), now);
                }
            }
            self.actions.push_back(Action::Connect { host: host.id, endpoint: door.endpoint });
        }
    }

    fn take_picture(&mut self, host: HostId, picture: Arc<ObservedHost>, now: Tick) {
        let Some(lane) = self.lanes.get_mut(&host) else { return };
        self.strangers.look(&picture, &self.state);
        let is_news = lane.observe(picture, self.leadership, now);
        if is_news || self.findings().iter().any(Finding::waits_for_links) {
            self.replan_by(now + self.settings.plan_delay);
        }
        if is_news {
            self.touch_contested();
        }
        self.report_uplinks(host, now);
        self.look_at_pool_of(host, now);
        self.follow(host);
    }

    fn lose_session(&mut self, host: HostId, why: String, now: Tick) {
        let Some(lane) = self.lanes.get_mut(&host) else { return };
        if lane.lose_session(why, now) {
            self.replan_by(now);
            self.touch_contested();
            self.look_at_pool_of(host, now);
        }
    }

    fn take_claim(&mut self, host: HostId, fence: Fence, outcome: ClaimOutcome, now: Tick) {
        let Some(lane) = self.lanes.get_mut(&host) else { return };
        let before = lane.evidence.barred.clone();
        match lane.take_claim(fence, outcome, &self.settings, now) {
            Ok(()) => {
                if lane.evidence.barred != before {
                    self.replan_by(now);
                }
                self.follow(host);
            }
            Err(later) => {
                let label = self.state.host_label(host);
                self.step_down(format!("host {label} was claimed for epoch {}", later.epoch));
            }
        }
    }

    fn take_outcome(&mut self, host: HostId, fence: Fence, outcome: Outcome, now: Tick) {
        let Some(lane) = self.lanes.get_mut(&host) else { return };
        lane.take_outcome(fence, outcome, self.leadership, &self.settings, now);
        self.follow(host);
    }

    /// After anything that came from a host.
    fn follow(&mut self, host: HostId) {
        self.learn(host);
        self.due.insert(host);
    }

    /// Ends what has waited too long.
    fn expire(&mut self, now: Tick) {
        let due: Vec<HostId> = self
            .lanes
            .iter()
            .filter(|(_, lane)| self.expires(lane))
            .filter(|(_, lane)| lane.phase.deadline().is_some_and(|(at, _)| at <= now))
            .map(|(host, _)| *host)
            .collect();
        for host in due {
            self.expire_lane(host, now);
        }
        self.expire_proposals(now);
        self.expire_pools(now);
    }

    /// Whether the end of the lane's phase brings anything: no claim follows in read-only mode.
    fn expires(&self, lane: &Lane) -> bool {
        !(self.is_read_only() && matches!(lane.phase, Phase::Unclaimed { .. }))
    }

    fn expire_lane(&mut self, host: HostId, now: Tick) {
        let Some(lane) = self.lanes.get_mut(&host) else { return };
        match lane.phase {
            Phase::Unclaimed { .. } if lane.wants_confirmation() => {
                // Until the answer, which has a deadline of its own.
                lane.retry_claim(now + self.settings.answer * 2);
                self.proposals.wait_for_answer(host);
            }
            Phase::Unclaimed { .. } => {
                let Some(root) = lane.picture.as_ref().map(|picture| picture.root) else { return };
                let deadline = now + self.settings.answer;
                let fence = lane.claim(self.leadership, self.state.revision(), deadline);
                self.actions.push_back(Action::Claim { host, root, fence });
            }
            Phase::Claiming { .. } | Phase::InFlight { .. } | Phase::Looking { .. } => {
                if let Some((_, what)) = lane.phase.deadline() {
                    lane.last_error = Some(format!("{what} is overdue"));
                }
                lane.unclaim(now);
            }
            Phase::BackingOff { fence, .. } => {
                lane.resume(fence);
                self.due.insert(host);
            }
            Phase::Disconnected | Phase::Barred { .. } | Phase::Ready { .. } => {}
        }
    }

    fn step_down(&mut self, reason: String) {
        self.fall_silent();
        self.actions.push_back(Action::StepDown { reason });
    }

    fn fall_silent(&mut self) {
        self.is_silent = true;
        self.actions.clear();
    }
}
