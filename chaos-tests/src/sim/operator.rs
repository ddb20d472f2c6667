//! Operators: requests in sessions, retried over several replicas until somebody answers; and what they may believe.

use std::{collections::BTreeMap, time::Duration};

use asterism_model::{
    Command, Detection, Effect, Encapsulation, HostRef, HostSpec, Name, NetworkChange, NetworkSpec,
    Operation, PoolAttachmentSpec, Reply, RequestId, Resilience, SessionId, Transport,
};

use super::{
    Dice,
    consensus::{Answer, Proposer},
    world::{Happening, World, transport},
};

/// How long an operator waits for one replica.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often an operator tries before giving up; what became of the request is not known then.
const ATTEMPTS: u32 = 7;
/// Networks of one operator at a time, so that worlds stay small.
const MOST_NETWORKS: usize = 2;

/// One operator.
pub struct Operator {
    pub number: usize,
    pub dice: Dice,
    session: Option<SessionId>,
    sequence: u64,
    request: Option<Request>,
    last_attempt: u64,
    last_name: u32,
    /// What it may believe of its own networks.
    pub networks: BTreeMap<Name, Belief>,
    /// Whether it begins nothing new.
    pub is_resting: bool,
}

/// What an operator knows of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Belief {
    There,
    Gone,
    /// A request for the one or the other was never answered.
    Either,
}

struct Request {
    operation: Operation,
    id: Option<RequestId>,
    attempts: u32,
    attempt: u64,
    replica: usize,
}

/// What happens to an operator.
#[derive(Debug, Clone)]
pub enum OperatorNews {
    /// Time to do something.
    Acts,
    /// A request arrives at its replica.
    Arrives {
        attempt: u64,
    },
    Answered {
        attempt: u64,
        answer: Answer,
    },
    /// Nobody has answered.
    Waits {
        attempt: u64,
    },
}

impl Operator {
    pub fn new(number: usize, seed: u64) -> Self {
        Self {
            number,
            dice: Dice::of(seed, &format!("operator {number}")),
            session: None,
            sequence: 0,
            request: None,
            last_attempt: 0,
            last_name: 0,
            networks: BTreeMap::new(),
            is_resting: false,
        }
    }

    pub fn is_idle(&self) -> bool {
        self.request.is_none()
    }

    fn known(&self) -> Vec<Name> {
        let there = self.networks.iter().filter(|(_, belief)| **belief == Belief::There);
        there.map(|(name, _)| name.clone()).collect()
    }
}

impl World {
    pub fn operator_news(&mut self, operator: usize, news: OperatorNews) {
        match news {
            OperatorNews::Acts => self.operator_acts(operator),
            OperatorNews::Arrives { attempt } => self.request_arrives(operator, attempt),
            OperatorNews::Answered { attempt, answer } => self.request_answered(operator, attempt, answer),
            OperatorNews::Waits { attempt } => {
                if self.is_current(operator, attempt) {
                    self.try_again(operator, None);
                }
            }
        }
    }

    fn is_current(&self, operator: usize, attempt: u64) -> bool {
        self.operators[operator].request.as_ref().is_some_and(|request| request.attempt == attempt)
    }

    fn operator_acts(&mut self, number: usize) {
        let operator = &mut self.operators[number];
        if operator.is_resting || operator.request.is_some() {
            return;
        }
        let operation =
            if operator.session.is_none() { Operation::OpenSession } else { self.think_of_something(number) };
        self.begin(number, operation);
    }

    fn begin(&mut self, number: usize, operation: Operation) {
        let operator = &mut self.operators[number];
        let id = operator.session.map(|session| RequestId { session, sequence: operator.sequence + 1 });
        if let Some(id) = id {
            operator.sequence = id.sequence;
            self.oracles.acknowledged.issued(id, &operation);
        }
        let replica = operator.dice.index(self.replicas.len());
        doubt(&mut operator.networks, &operation);
        operator.request = Some(Request { operation, id, attempts: 0, attempt: 0, replica });
        self.attempt(number, Duration::ZERO);
    }

    /// Sends the request to the replica of its turn. Each try has a number of its own, so that a late answer to an earlier
    /// one is not taken for its answer.
    fn attempt(&mut self, number: usize, pause: Duration) {
        let operator = &mut self.operators[number];
        operator.last_attempt += 1;
        let attempt = operator.last_attempt;
        let Some(request) = &mut operator.request else { return };
        request.attempts += 1;
        request.attempt = attempt;
        let delay = pause + operator.dice.micros(200, 4_000);
        self.later(delay, Happening::Operator(number, OperatorNews::Arrives { attempt }));
        self.later(pause + PATIENCE, Happening::Operator(number, OperatorNews::Waits { attempt }));
    }

    fn request_arrives(&mut self, number: usize, attempt: u64) {
        if !self.is_current(number, attempt) {
            return;
        }
        let Some(request) = &self.operators[number].request else { return };
        let replica = request.replica;
        let it = &self.replicas[replica];
        if !it.is_alive() {
            let delay = Duration::from_millis(20);
            let answer = Answer::NotLeader(None);
            return self
                .later(delay, Happening::Operator(number, OperatorNews::Answered { attempt, answer }));
        }
        if !it.is_running() {
            return;
        }
        let id = request.id;
        let command = Command {
            request: id,
            caller: None,
            at: self.wall_clock(replica),
            operation: request.operation.clone(),
        };
        self.propose(replica, command, Proposer::Operator { operator: number, attempt });
    }

    fn request_answered(&mut self, number: usize, attempt: u64, answer: Answer) {
        if !self.is_current(number, attempt) {
            return;
        }
        match answer {
            Answer::Committed(reply) => self.conclude(number, &reply),
            Answer::NotLeader(leader) => self.try_again(number, leader),
            Answer::Unknown(_) => self.try_again(number, None),
        }
    }

    fn try_again(&mut self, number: usize, leader: Option<usize>) {
        let replicas = self.replicas.len();
        let operator = &mut self.operators[number];
        let Some(request) = &mut operator.request else { return };
        if request.attempts >= ATTEMPTS {
            self.tally.count("requests given up");
            operator.request = None;
            // What became of it is not known: a session that has lost its place is of no use.
            operator.session = None;
            operator.sequence = 0;
            return self.act_later(number);
        }
        self.tally.count("requests retried");
        request.replica = leader.unwrap_or((request.replica + 1) % replicas);
        let pause = operator.dice.millis(20, 250);
        self.attempt(number, pause);
    }

    /// The request is answered.
    fn conclude(&mut self, number: usize, reply: &Reply) {
        let operator = &mut self.operators[number];
        let Some(request) = operator.request.take() else { return };
        self.tally.count("requests answered");
        let verdict = match request.id {
            Some(id) => self.oracles.acknowledged.answered(id, reply, &self.consensus),
            None => Ok(()),
        };
        let operator = &mut self.operators[number];
        if let Reply::Applied { effect: Effect::Session(session), .. } = reply {
            operator.session = Some(*session);
            operator.sequence = 0;
        }
        believe(&mut operator.networks, &request.operation, reply);
        self.judge("acknowledged", verdict);
        self.act_later(number);
    }

    pub fn act_later(&mut self, number: usize) {
        let delay = self.operators[number].dice.millis(100, 4_000);
        self.later(delay, Happening::Operator(number, OperatorNews::Acts));
    }

    fn think_of_something(&mut self, number: usize) -> Operation {
        let state = self.consensus.state().clone();
        let pools: Vec<Name> = state.pools().values().map(|pool| pool.name.clone()).collect();
        let operator = &mut self.operators[number];
        let its = operator.known();
        let dice = &mut operator.dice;
        if its.is_empty() || its.len() < MOST_NETWORKS && dice.chance(30) {
            operator.last_name += 1;
            let name = name(&format!("op{number}-n{}", operator.last_name));
            return create(dice, name, &pools);
        }
        let Some(network) = its.get(dice.index(its.len())).cloned() else { return Operation::OpenSession };
        let hosts: Vec<HostRef> = state
            .hosts()
            .values()
            .filter_map(|host| {
                Some(HostRef { pool: state.pools().get(&host.pool)?.name.clone(), host: host.name.clone() })
            })
            .collect();
        let host = hosts.get(dice.index(hosts.len())).cloned();
        let pool = pools.get(dice.index(pools.len())).cloned();
        let (Some(host), Some(pool)) = (host, pool) else { return Operation::OpenSession };
        match dice.below(20) {
            0 | 1 => Operation::DeleteNetwork { network },
            2..=5 => Operation::UpdateNetwork { network, change: change(dice, &host, &pool) },
            6..=8 => Operation::MoveCenter { network, host },
            9 | 10 => Operation::MovePoolCenter { network, pool },
            11..=13 => Operation::DisableHost { host },
            14..=17 => self.enable_one(number, host),
            _ => self.remove_or_add(number, host),
        }
    }

    fn enable_one(&mut self, number: usize, host: HostRef) -> Operation {
        let state = self.consensus.state().clone();
        let disabled: Vec<HostRef> = state
            .hosts()
            .values()
            .filter(|host| !host.is_eligible())
            .filter_map(|host| {
                Some(HostRef { pool: state.pools().get(&host.pool)?.name.clone(), host: host.name.clone() })
            })
            .collect();
        let place = self.operators[number].dice.index(disabled.len());
        Operation::EnableHost { host: disabled.get(place).cloned().unwrap_or(host) }
    }

    /// A host that is gone comes back; else one of a static pool goes.
    fn remove_or_add(&mut self, number: usize, host: HostRef) -> Operation {
        let state = self.consensus.state().clone();
        let is_known = |endpoint| state.hosts().values().any(|host| host.ovsdb == endpoint);
        let missing: Vec<usize> = (0..self.machines.len())
            .filter(|machine| {
                self.side_of(*machine).is_none() && !is_known(self.machines[*machine].endpoint())
            })
            .collect();
        match self.operators[number].dice.pick(&missing) {
            Some(machine) => self.add_host(machine),
            None => Operation::RemoveHost { host, force: false },
        }
    }

    pub fn add_host(&self, machine: usize) -> Operation {
        let it = &self.machines[machine];
        let transport = (transport(), Transport { address: it.address.into(), mtu: 1500 });
        let host = HostSpec {
            name: it.label.host.clone(),
            ovsdb: it.endpoint(),
            datapath: asterism_model::Datapath::System,
            transports: [transport].into(),
        };
        Operation::AddHost { pool: it.label.pool.clone(), host }
    }
}

pub fn name(text: &str) -> Name {
    text.parse().expect("the harness's names are names")
}

fn create(dice: &mut Dice, name: Name, pools: &[Name]) -> Operation {
    let mut chosen: Vec<Name> = pools.iter().filter(|_| dice.chance(75)).cloned().collect();
    if chosen.is_empty() {
        chosen.extend(pools.first().cloned());
    }
    let preferred_pool = chosen.get(dice.index(chosen.len())).cloned().filter(|_| dice.chance(20));
    let attachment = || PoolAttachmentSpec { transport: transport(), preferred_host: None };
    Operation::CreateNetwork(NetworkSpec {
        name,
        encapsulation: if dice.chance(70) { Encapsulation::Vxlan } else { Encapsulation::Gre },
        mtu: None,
        vni: None,
        resilience: if dice.chance(70) { Resilience::Dual } else { Resilience::Single },
        detection: if dice.chance(80) { Detection::Normal } else { Detection::Fast },
        pools: chosen.into_iter().map(|pool| (pool, attachment())).collect(),
        preferred_pool,
    })
}

fn change(dice: &mut Dice, host: &HostRef, pool: &Name) -> NetworkChange {
    let mut change = NetworkChange::default();
    match dice.below(7) {
        0 => change.resilience = Some(if dice.chance(60) { Resilience::Dual } else { Resilience::Single }),
        1 => change.mtu = Some(1300 + u16::try_from(dice.below(100)).unwrap_or(0)),
        2 => {
            let preferred = dice.chance(75).then(|| host.host.clone());
            change.prefer_hosts.insert(host.pool.clone(), preferred);
        }
        3 => change.prefer_pool = Some(dice.chance(75).then(|| pool.clone())),
        4 => change.remove_pools.push(pool.clone()),
        5 => {
            let attachment = PoolAttachmentSpec { transport: transport(), preferred_host: None };
            change.set_pools.insert(pool.clone(), attachment);
        }
        _ => change.detection = Some(if dice.chance(50) { Detection::Fast } else { Detection::Normal }),
    }
    change
}

/// A request that makes or deletes something is on its way.
fn doubt(networks: &mut BTreeMap<Name, Belief>, operation: &Operation) {
    if let Operation::CreateNetwork(NetworkSpec { name, .. }) | Operation::DeleteNetwork { network: name } =
        operation
    {
        networks.insert(name.clone(), Belief::Either);
    }
}

fn believe(networks: &mut BTreeMap<Name, Belief>, operation: &Operation, reply: &Reply) {
    let is_applied = matches!(reply, Reply::Applied { .. });
    if let Operation::CreateNetwork(NetworkSpec { name, .. }) = operation {
        // Its name is its own: refused means that it is not there, unless the session is what is refused.
        let belief = match (is_applied, is_about_session(reply)) {
            (true, _) => Belief::There,
            (false, false) => Belief::Gone,
            (false, true) => Belief::Either,
        };
        networks.insert(name.clone(), belief);
    } else if let Operation::DeleteNetwork { network } = operation {
        let belief = match (is_applied, is_about_session(reply)) {
            (true, _) => Belief::Gone,
            (false, false) => Belief::There,
            (false, true) => Belief::Either,
        };
        networks.insert(network.clone(), belief);
    }
}

fn is_about_session(reply: &Reply) -> bool {
    use asterism_model::Refusal;
    matches!(reply, Reply::Refused(Refusal::UnknownSession { .. } | Refusal::OutOfSequence { .. }))
}
