//! The leader's shell, as `asterismd` has it: it claims an epoch, hands events to the real reconciler, and carries out
//! what that wants. Whether consensus still lets it lead it may learn late.

use std::{collections::BTreeMap, time::Duration};

use asterism_model::{Command, Effect, HostId, Operation, PoolId, Reply};
use asterism_planner::{
    Action, Event, Reconciler, Settings, Tick, diff, reconciler::ProposalOutcome, target,
};

use super::{
    Breakage, Time,
    consensus::{Answer, Proposer},
    replica::Letter,
    session::Work,
    world::World,
};

/// Pause before another try to lead, as in the product.
const RETRY: Duration = Duration::from_millis(200);

/// The leader's loop of a replica.
pub enum Office {
    Idle,
    Claiming,
    Leading(Box<Leading>),
    /// Until it tries again.
    Resting,
}

/// One leadership.
pub struct Leading {
    /// Counts leaderships over all replicas.
    pub generation: u64,
    pub epoch: u64,
    pub reconciler: Reconciler,
    /// Sessions by host.
    pub sessions: BTreeMap<HostId, u64>,
    /// Sessions by pool.
    pub pools: BTreeMap<PoolId, u64>,
    is_state_due: bool,
    wake_at: Option<Time>,
}

impl World {
    /// The leader's loop finds itself elected.
    pub fn take_office(&mut self, replica: usize) {
        let it = &mut self.replicas[replica];
        match it.office {
            Office::Idle | Office::Resting if it.leads.is_some() => {}
            Office::Idle | Office::Resting | Office::Claiming | Office::Leading(_) => return,
        }
        it.office = Office::Claiming;
        let (node, incarnation) = (it.node, it.incarnation);
        if self.broken == Some(Breakage::OldEpoch) && self.consensus.state().epoch() > 0 {
            let epoch = self.consensus.state().epoch();
            return self.lead(replica, epoch);
        }
        let command = self.command_of(replica, Operation::ClaimEpoch { node });
        self.propose(replica, command, Proposer::Claim { replica, incarnation });
    }

    fn command_of(&self, replica: usize, operation: Operation) -> Command {
        Command { request: None, caller: None, at: self.wall_clock(replica), operation }
    }

    pub fn take_claim(&mut self, replica: usize, answer: Answer) {
        match answer {
            Answer::Committed(Reply::Applied { effect: Effect::Epoch(epoch), .. }) => {
                self.lead(replica, epoch)
            }
            Answer::Committed(_) | Answer::NotLeader(_) | Answer::Unknown(_) => self.rest(replica),
        }
    }

    fn rest(&mut self, replica: usize) {
        let it = &mut self.replicas[replica];
        it.office = Office::Resting;
        let incarnation = it.incarnation;
        self.send(RETRY, replica, incarnation, Letter::TakeOffice);
    }

    fn lead(&mut self, replica: usize, epoch: u64) {
        let state = self.replicas[replica].state.clone();
        let Some(cluster) = state.cluster().map(|cluster| cluster.id) else { return self.rest(replica) };
        self.last_generation += 1;
        let generation = self.last_generation;
        self.trace.note(self.now, format_args!("c{} leads epoch {epoch}", replica + 1));
        self.tally.count("leaderships");
        let verdict = self.oracles.epochs.leads(replica, epoch);
        self.judge("epochs", verdict);
        let reconciler = Reconciler::new(Settings::default(), cluster, epoch, state, self.tick());
        self.oracles.orders.begins(generation, cluster, epoch);
        self.replicas[replica].office = Office::Leading(Box::new(Leading {
            generation,
            epoch,
            reconciler,
            sessions: BTreeMap::new(),
            pools: BTreeMap::new(),
            is_state_due: false,
            wake_at: None,
        }));
        self.carry_out(replica);
    }

    pub fn leading(&mut self, replica: usize, generation: u64) -> Option<&mut Leading> {
        match &mut self.replicas[replica].office {
            Office::Leading(leading) if leading.generation == generation => Some(leading),
            Office::Idle | Office::Claiming | Office::Leading(_) | Office::Resting => None,
        }
    }

    pub fn tick(&self) -> Tick {
        self.now.tick()
    }

    /// Hands an event to the reconciler, and carries out what comes of it.
    pub fn tell(&mut self, replica: usize, generation: u64, event: Event) {
        let now = self.tick();
        self.oracles.orders.hears(generation, &event);
        let Some(leading) = self.leading(replica, generation) else { return };
        leading.reconciler.handle(event, now);
        self.tally.count("events handled");
        self.carry_out(replica);
    }

    /// Its loop looks at the state soon, if it leads.
    pub fn show_state_soon(&mut self, replica: usize) {
        let it = &mut self.replicas[replica];
        let incarnation = it.incarnation;
        let Office::Leading(leading) = &mut it.office else { return };
        if std::mem::replace(&mut leading.is_state_due, true) {
            return;
        }
        let generation = leading.generation;
        let delay = self.dice.consensus.micros(10, 500);
        self.send(delay, replica, incarnation, Letter::ShowState { generation });
    }

    pub fn show_state(&mut self, replica: usize, generation: u64) {
        let state = self.replicas[replica].state.clone();
        let Some(leading) = self.leading(replica, generation) else { return };
        leading.is_state_due = false;
        self.tell(replica, generation, Event::State(state));
    }

    pub fn wake(&mut self, replica: usize, generation: u64) {
        let now = self.now;
        let Some(leading) = self.leading(replica, generation) else { return };
        if leading.wake_at.is_some_and(|at| at <= now) {
            leading.wake_at = None;
            self.tell(replica, generation, Event::Wake);
        }
    }

    pub fn take_proposal(&mut self, replica: usize, generation: u64, operation: Operation, answer: Answer) {
        let outcome = match answer {
            Answer::Committed(Reply::Applied { .. }) => ProposalOutcome::Applied,
            Answer::Committed(Reply::Refused(refusal)) => ProposalOutcome::Refused(refusal),
            Answer::NotLeader(_) => ProposalOutcome::Unknown("not the leader".into()),
            Answer::Unknown(why) => ProposalOutcome::Unknown(why.into()),
        };
        self.tell(replica, generation, Event::Proposed { operation, outcome });
    }

    /// Does what the reconciler wants done.
    fn carry_out(&mut self, replica: usize) {
        loop {
            let Office::Leading(leading) = &mut self.replicas[replica].office else { return };
            let (generation, epoch) = (leading.generation, leading.epoch);
            let Some(action) = leading.reconciler.poll_action() else { break };
            let action = self.meddle(replica, epoch, action);
            let verdict = self.oracles.orders.acts(generation, &action, self.now);
            self.judge("orders", verdict);
            match action {
                Action::Connect { host, endpoint } => self.open_session(replica, generation, host, &endpoint),
                Action::Disconnect { host } => self.disconnect(replica, generation, host),
                Action::Claim { host, root, fence } => self.order(replica, host, Work::Claim { root, fence }),
                Action::Transact { host, stored, fence, diff, picture: _ } => {
                    self.order(replica, host, Work::Transact { stored, fence, diff });
                }
                Action::ConnectPool { pool } => self.open_pool_session(replica, generation, pool),
                Action::DisconnectPool { pool } => self.close_pool_session(replica, pool),
                Action::CallPool { pool, ticket, call } => self.call_pool(replica, pool, ticket, call),
                Action::Propose(operation) => {
                    let incarnation = self.replicas[replica].incarnation;
                    let command = self.command_of(replica, operation.clone());
                    let proposer = Proposer::Reconciler { replica, incarnation, generation, operation };
                    self.propose(replica, command, proposer);
                }
                Action::StepDown { reason } => {
                    self.trace.note(self.now, format_args!("c{} steps down: {reason}", replica + 1));
                    self.tally.count("steps down");
                    self.close_office(replica);
                    return self.rest(replica);
                }
            }
        }
        self.set_alarm(replica);
    }

    fn set_alarm(&mut self, replica: usize) {
        let now = self.now;
        let it = &mut self.replicas[replica];
        let incarnation = it.incarnation;
        let Office::Leading(leading) = &mut it.office else { return };
        let Some((at, _)) = leading.reconciler.poll_deadline() else { return };
        // A loop needs some time for a round.
        let at = Time::of(at).max(now + Duration::from_micros(100));
        if leading.wake_at.is_some_and(|known| known <= at) || self.broken == Some(Breakage::LostWakeUps) {
            return;
        }
        leading.wake_at = Some(at);
        let generation = leading.generation;
        self.send(at.since(now), replica, incarnation, Letter::Wake { generation });
    }

    /// The leader's loop hears that it leads no longer.
    pub fn leave_office(&mut self, replica: usize, generation: u64) {
        let now = self.tick();
        let Some(leading) = self.leading(replica, generation) else { return };
        leading.reconciler.handle(Event::Deposed, now);
        let is_silent =
            leading.reconciler.poll_action().is_none() && leading.reconciler.poll_deadline().is_none();
        let verdict = if is_silent { Ok(()) } else { Err("a deposed reconciler goes on".into()) };
        self.judge("orders", verdict);
        self.close_office(replica);
        self.rest(replica);
    }

    /// Sessions end with the leadership; what was sent over them is on its way.
    pub fn close_office(&mut self, replica: usize) {
        let office = std::mem::replace(&mut self.replicas[replica].office, Office::Idle);
        if let Office::Leading(leading) = office {
            for session in leading.sessions.into_values() {
                self.close_session(session);
            }
            for session in leading.pools.into_values() {
                self.pool_sessions.remove(&session);
            }
        }
    }

    /// Breakages of the shell.
    fn meddle(&mut self, replica: usize, epoch: u64, action: Action) -> Action {
        match (self.broken, action) {
            (Some(Breakage::ForgedFence), Action::Transact { host, stored, mut fence, diff, picture }) => {
                fence.epoch += 1;
                Action::Transact { host, stored, fence, diff, picture }
            }
            (Some(Breakage::ForgedFence), Action::Claim { host, root, mut fence }) => {
                fence.epoch += 1;
                Action::Claim { host, root, fence }
            }
            (
                Some(Breakage::RingsIgnored),
                Action::Transact { host, stored, fence, diff: given, picture },
            ) => {
                let state = &self.replicas[replica].state;
                let all =
                    if state.epoch() == epoch { diff(&target(state, host), &picture).diff } else { *given };
                Action::Transact { host, stored, fence, diff: Box::new(all), picture }
            }
            (_, action) => action,
        }
    }
}
