//! The world of one run: who is there, what is going to happen, and who judges it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::Ipv4Addr,
    time::Duration,
};

use asterism_model::{
    ClusterId, Command, HostRef, NodeId, Operation, SealedSecret, Timestamp, TransportName, XapiAccess,
    XapiTrust,
};
use asterism_planner::Event;

use super::{
    Breakage, Dice, Fault, Options, Tally, Time, Violation,
    consensus::Consensus,
    fabric::{Fabric, Place},
    machine::Machine,
    operator::{Operator, OperatorNews, name},
    pools::{PoolLink, PoolNews, XapiSide},
    queue::Queue,
    replica::{Letter, Replica},
    session::{Order, Session},
    trace::Trace,
};
use crate::oracle::Oracles;

/// How long faults go on.
pub const FIRST_PHASE: Time = Time(30_000_000);
/// The cluster of every run.
pub const CLUSTER: ClusterId = ClusterId(0xa57e);
/// More than any run needs; what goes on for ever is a bug.
const MOST_EVENTS: u64 = 400_000;

/// Everything.
pub struct World {
    pub now: Time,
    queue: Queue<Happening>,
    pub trace: Trace,
    pub dice: Streams,
    pub broken: Option<Breakage>,
    pub consensus: Consensus,
    pub replicas: Vec<Replica>,
    /// Faults that cut two replicas off from one another.
    pub cuts: BTreeMap<(usize, usize), BTreeSet<usize>>,
    pub machines: Vec<Machine>,
    /// Faults that cut two machines off from one another.
    pub cut_links: BTreeMap<(usize, usize), BTreeSet<usize>>,
    pub fabric: Fabric,
    pub sides: Vec<XapiSide>,
    pub operators: Vec<Operator>,
    pub sessions: BTreeMap<u64, Session>,
    pub pool_sessions: BTreeMap<u64, PoolLink>,
    pub orders: BTreeMap<u64, Order>,
    pub last_session: u64,
    pub last_order: u64,
    pub last_generation: u64,
    pub plan: Vec<Fault>,
    /// Faults that are on.
    pub on: BTreeSet<usize>,
    pub slow_news: BTreeSet<usize>,
    pub twice: BTreeSet<usize>,
    pub oracles: Oracles,
    pub tally: Tally,
    pub healing: Option<super::heal::Healing>,
    violation: Option<Violation>,
    events: u64,
    is_over: bool,
}

/// The dice of those who share none.
pub struct Streams {
    pub consensus: Dice,
    pub network: Dice,
    pub vms: Dice,
}

/// Something that is going to happen.
#[derive(Debug)]
pub enum Happening {
    FaultBegins(usize),
    FaultEnds(usize),
    /// The first phase is over: everything is mended.
    Heals,
    /// Whether everything is as it shall be.
    Examines,
    RaftTick,
    Replicated(u64),
    Overdue(u64),
    Letter {
        replica: usize,
        incarnation: u64,
        letter: Letter,
    },
    Dial(u64),
    Silence {
        session: u64,
        connection: u64,
    },
    Show(u64),
    Executes(u64),
    Answers(u64, Event),
    OrderOverdue(u64),
    BfdTurns(Place, u64),
    Pool(PoolNews),
    Operator(usize, OperatorNews),
    Vms,
}

/// What carries all tunnels, in every pool.
pub fn transport() -> TransportName {
    "lan".parse().expect("that is a transport's name")
}

impl World {
    /// A cluster that was initialised, with its pools, and nobody leads yet.
    pub fn new(seed: u64, options: &Options, plan: Vec<Fault>) -> Self {
        let mut dice = Dice::of(seed, "layout");
        let replicas = options.replicas.unwrap_or_else(|| if dice.chance(80) { 3 } else { 5 });
        let pools = options.pools.unwrap_or_else(|| dice.choose(&[(3, 1), (5, 2), (3, 3)]));
        let mut world = Self {
            now: Time(0),
            queue: Queue::default(),
            trace: Trace::new(options.is_traced),
            dice: Streams {
                consensus: Dice::of(seed, "consensus"),
                network: Dice::of(seed, "network"),
                vms: Dice::of(seed, "vms"),
            },
            broken: options.broken,
            consensus: Consensus::default(),
            replicas: (1..=replicas)
                .map(|node| Replica::new(NodeId(u64::try_from(node).unwrap_or(0))))
                .collect(),
            cuts: BTreeMap::new(),
            machines: Vec::new(),
            cut_links: BTreeMap::new(),
            fabric: Fabric::default(),
            sides: Vec::new(),
            operators: (1..=dice.between(1, 3))
                .map(|number| Operator::new(usize::try_from(number).unwrap_or(1) - 1, seed))
                .collect(),
            sessions: BTreeMap::new(),
            pool_sessions: BTreeMap::new(),
            orders: BTreeMap::new(),
            last_session: 0,
            last_order: 0,
            last_generation: 0,
            plan,
            on: BTreeSet::new(),
            slow_news: BTreeSet::new(),
            twice: BTreeSet::new(),
            oracles: Oracles::default(),
            tally: Tally::default(),
            healing: None,
            violation: None,
            events: 0,
            is_over: false,
        };
        world.found(&mut dice, pools, options.hosts);
        world
    }

    /// What operators did long ago.
    fn found(&mut self, dice: &mut Dice, pools: usize, hosts: Option<usize>) {
        self.commit_at_start(Operation::InitCluster { cluster: CLUSTER, name: name("lab") });
        for pool in 0..pools {
            let label = name(&format!("p{}", pool + 1));
            let first = self.machines.len();
            for host in 0..hosts.unwrap_or_else(|| dice.choose(&[(2, 1), (4, 2), (4, 3), (1, 4)])) {
                let label = HostRef { pool: label.clone(), host: name(&format!("h{}", host + 1)) };
                let part = |number: usize| u8::try_from(number + 1).unwrap_or(u8::MAX);
                let address = Ipv4Addr::new(10, 0, part(pool), part(host));
                let number = self.machines.len();
                self.machines.push(Machine::new(number, label, pool, address));
            }
            if dice.chance(35) {
                self.add_xapi_pool(label, pool, first);
            } else {
                self.commit_at_start(Operation::AddPool { name: label });
                for machine in first..self.machines.len() {
                    let operation = self.add_host(machine);
                    self.commit_at_start(operation);
                }
            }
        }
        for fault in 0..self.plan.len() {
            self.queue.put(self.plan[fault].at, Happening::FaultBegins(fault));
        }
        self.queue.put(FIRST_PHASE, Happening::Heals);
        self.queue.put(Time(1), Happening::RaftTick);
        self.queue.put(Time::millis(800), Happening::Vms);
        for operator in 0..self.operators.len() {
            self.act_later(operator);
        }
    }

    fn add_xapi_pool(&mut self, label: asterism_model::Name, pool: usize, first: usize) {
        let uuid = (u128::try_from(pool).unwrap_or(0) + 1) << 32;
        let machines: Vec<(usize, &Machine)> = self.machines.iter().enumerate().skip(first).collect();
        let side = XapiSide::new(label.clone(), uuid, &machines);
        let access = XapiAccess {
            addresses: ["10.0.0.1".parse().expect("that is the address of a XAPI")].into(),
            user: "root".into(),
            password: SealedSecret { key: "1".into(), sealed: "00".into() },
            trust: XapiTrust::Fingerprints(BTreeSet::new()),
        };
        self.commit_at_start(Operation::AddXapiPool {
            name: label,
            uuid: side.inventory.uuid,
            access: access.into(),
        });
        self.sides.push(side);
    }

    fn commit_at_start(&mut self, operation: Operation) {
        self.commit(Command { request: None, caller: None, at: Timestamp(1), operation }, None);
    }

    pub fn later(&mut self, delay: Duration, what: Happening) {
        self.queue.put(self.now + delay, what);
    }

    /// Runs until something is broken, or everything was mended and is as it shall be.
    pub fn run(&mut self) {
        while !self.is_over {
            let Some((at, what)) = self.queue.take() else {
                return self.judge("convergence", Err("nothing happens any more".into()));
            };
            self.now = self.now.max(at);
            self.events += 1;
            if self.events > MOST_EVENTS {
                return self.judge("convergence", Err(format!("{MOST_EVENTS} events, and no end")));
            }
            self.happen(what);
        }
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::FaultBegins(fault) => self.begin_fault(fault),
            Happening::FaultEnds(fault) => self.end_fault(fault),
            Happening::Heals => self.heal(),
            Happening::Examines => self.examine(),
            Happening::RaftTick => self.raft_tick(),
            Happening::Replicated(id) => self.replicated(id),
            Happening::Overdue(id) => self.overdue(id),
            Happening::Letter { replica, incarnation, letter } => self.deliver(replica, incarnation, letter),
            Happening::Dial(session) => self.dial(session),
            Happening::Silence { session, connection } => self.silence(session, connection),
            Happening::Show(session) => self.show(session),
            Happening::Executes(order) => self.executes(order),
            Happening::Answers(order, event) => self.answers(order, event),
            Happening::OrderOverdue(order) => self.order_overdue(order),
            Happening::BfdTurns(place, turn) => self.bfd_turns(place, turn),
            Happening::Pool(news) => self.pool_news(news),
            Happening::Operator(operator, news) => self.operator_news(operator, news),
            Happening::Vms => self.move_vms(),
        }
    }

    /// VMs come and go.
    fn move_vms(&mut self) {
        if self.healing.is_some() {
            return;
        }
        let (machine, place) = (self.dice.vms.index(self.machines.len()), self.dice.vms.index(8));
        let comes = self.dice.vms.chance(60);
        self.plug(machine, place, comes);
        let delay = self.dice.vms.millis(300, 5_000);
        self.later(delay, Happening::Vms);
    }

    /// Takes an oracle's verdict: the first promise that is broken ends the run.
    pub fn judge(&mut self, oracle: &'static str, verdict: Result<(), String>) {
        let Err(what) = verdict else { return };
        if self.violation.is_none() {
            self.trace.note(self.now, format_args!("VIOLATION {oracle}: {what}"));
            self.violation = Some(Violation { oracle, at: self.now.to_string(), what });
        }
        self.is_over = true;
    }

    pub fn end(&mut self) {
        self.is_over = true;
    }

    pub fn is_over(&self) -> bool {
        self.is_over
    }

    pub fn events(&self) -> u64 {
        self.events
    }

    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a world at {}", self.now)
    }
}
