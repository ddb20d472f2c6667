//! Hosts, a log, and leaders around it; everything that is under way lies open, to be delivered in any order, late or
//! never.
//!
//! The log is what Raft promises: one order, seen late and in pieces. Leaders are real reconcilers, old ones that do not
//! know it yet among them. After every write on any host, the live links of each network are looked at for a ring.

mod data_plane;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
    time::Duration,
};

use asterism_model::{
    BfdState, ClusterId, Command, HostId, HostTarget, NetworkId, NetworkState, NodeId, ObservedHost,
    Operation, Outcome, Reply, Resilience, RowUuid,
    target::{tunnel_name, tunnel_peer},
};
use asterism_planner::{
    Event, Reconciler, Settings, Tick, check, diff,
    reconciler::{ClaimOutcome, ProposalOutcome},
    target,
};

use super::{
    host::FakeHost,
    leader::{Leader, Order, Session, Wish},
    model,
};

pub const CLUSTER: ClusterId = ClusterId(0xa57e);

pub struct World {
    /// The state after each entry of the log, the empty one first.
    pub log: Vec<Arc<NetworkState>>,
    /// All machines, those too that the state has forgotten.
    pub hosts: BTreeMap<HostId, FakeHost>,
    /// In order of their epochs.
    pub leaders: Vec<Leader>,
    pub mail: Vec<Mail>,
    pub now: Tick,
    /// Hosts whose transport is cut, though they answer.
    pub cut: BTreeSet<HostId>,
    /// Pairs of hosts between which nothing passes, though all else does: the lower id first.
    pub cut_links: BTreeSet<[HostId; 2]>,
    /// Which uplink each host forwards over: it stays with it as long as that is up and may be used.
    pub active: BTreeMap<(HostId, NetworkId), HostId>,
    /// Interfaces whose BFD was up at some time.
    pub was_up: BTreeSet<(HostId, RowUuid)>,
    /// What was written where, for eyes.
    pub story: Vec<String>,
}

/// Something under way.
pub enum Mail {
    Order { leader: usize, host: HostId, order: Order },
    Proposal { leader: usize, operation: Operation },
    Event { leader: usize, event: Event },
}

/// Something that may happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    Mail(usize),
    /// A leader sees the next state of the log.
    Learn(usize),
    Connect(usize, HostId),
    Lose(usize, HostId),
    Show(usize, HostId),
}

impl World {
    /// A cluster after a script in the model's language (`pool p1`, `host p1/a 10.0.0.1`, `network n p1`).
    pub fn of(script: &str) -> Self {
        let mut world = Self {
            log: vec![Arc::new(NetworkState::default())],
            hosts: BTreeMap::new(),
            leaders: Vec::new(),
            mail: Vec::new(),
            now: Tick(0),
            cut: BTreeSet::new(),
            cut_links: BTreeSet::new(),
            active: BTreeMap::new(),
            was_up: BTreeSet::new(),
            story: Vec::new(),
        };
        world.commit(Operation::InitCluster { cluster: CLUSTER, name: "lab".parse().unwrap() });
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let reply = world.operate(line);
            assert!(matches!(reply, Reply::Applied { .. }), "{line}: {}", model::render::reply(&reply));
        }
        world
    }

    pub fn state(&self) -> &Arc<NetworkState> {
        self.log.last().unwrap()
    }

    /// Commits one line of the model's script language.
    pub fn operate(&mut self, line: &str) -> Reply {
        let Command { operation, .. } = model::script::parse(line, self.state());
        self.commit(operation)
    }

    pub fn commit(&mut self, operation: Operation) -> Reply {
        let mut state = NetworkState::clone(self.state());
        let at = asterism_model::Timestamp(self.now.0);
        let reply = state.apply(&Command { caller: None, request: None, at, operation });
        for host in state.hosts().keys() {
            self.hosts.entry(*host).or_insert_with(|| FakeHost::new(*host));
        }
        self.log.push(Arc::new(state));
        reply
    }

    /// A new leader; older ones live on until they are told.
    pub fn elect(&mut self) {
        self.commit(Operation::ClaimEpoch { node: NodeId(self.leaders.len() as u64 + 1) });
        let (state, seen) = (self.state().clone(), self.log.len());
        let epoch = state.epoch();
        let reconciler = Reconciler::new(Settings::default(), CLUSTER, epoch, state, self.now);
        self.leaders.push(Leader::new(reconciler, CLUSTER, epoch, seen));
        let leader = self.leaders.len() - 1;
        let wishes = self.leaders[leader].drain(self.now);
        self.post(leader, wishes);
    }

    /// The leader that was elected last.
    pub fn leader(&self) -> &Leader {
        self.leaders.last().unwrap()
    }

    pub fn handle(&mut self, leader: usize, event: Event) {
        let wishes = self.leaders[leader].handle(event, self.now);
        self.post(leader, wishes);
    }

    fn post(&mut self, leader: usize, wishes: Vec<Wish>) {
        for wish in wishes {
            match wish {
                Wish::Order(host, order) => self.mail.push(Mail::Order { leader, host, order }),
                Wish::Propose(operation) => self.mail.push(Mail::Proposal { leader, operation }),
                // At once: one task reports all of a session, in order.
                Wish::Dialling(host) => {
                    self.handle(leader, Event::SessionLost { host, why: "connecting".into() });
                }
            }
        }
    }

    /// All that may happen next, in a fixed order.
    pub fn deliverable(&self) -> Vec<Delivery> {
        let mut all = Vec::new();
        for (place, mail) in self.mail.iter().enumerate() {
            match mail {
                Mail::Order { host, .. } if !self.hosts[host].answers() => {}
                Mail::Event { leader, .. } if self.leaders[*leader].is_silent => {}
                Mail::Order { .. } | Mail::Proposal { .. } | Mail::Event { .. } => {
                    all.push(Delivery::Mail(place))
                }
            }
        }
        for (place, leader) in self.leaders.iter().enumerate().filter(|(_, leader)| !leader.is_silent) {
            if leader.seen < self.log.len() {
                all.push(Delivery::Learn(place));
            }
            for (host, session) in &leader.sessions {
                match (session.is_up, self.hosts[host].answers()) {
                    (false, true) => all.push(Delivery::Connect(place, *host)),
                    (true, false) => all.push(Delivery::Lose(place, *host)),
                    (true, true) if session.is_stale => all.push(Delivery::Show(place, *host)),
                    (true, true) | (false, false) => {}
                }
            }
        }
        all
    }

    pub fn deliver(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Mail(place) => match self.mail.remove(place) {
                Mail::Order { leader, host, order } => {
                    let event = self.execute(host, order);
                    self.mail.push(Mail::Event { leader, event });
                }
                Mail::Proposal { leader, operation } => {
                    let outcome = match self.commit(operation.clone()) {
                        Reply::Applied { .. } => ProposalOutcome::Applied,
                        Reply::Refused(refusal) => ProposalOutcome::Refused(refusal),
                    };
                    self.mail.push(Mail::Event { leader, event: Event::Proposed { operation, outcome } });
                }
                Mail::Event { leader, event } => self.handle(leader, event),
            },
            Delivery::Learn(leader) => {
                let seen = self.leaders[leader].seen;
                self.leaders[leader].seen += 1;
                self.handle(leader, Event::State(self.log[seen].clone()));
            }
            Delivery::Connect(leader, host) => {
                if let Some(session) = self.leaders[leader].sessions.get_mut(&host) {
                    session.is_up = true;
                }
                self.show(leader, host, 0);
            }
            Delivery::Lose(leader, host) => self.lose_session(leader, host),
            Delivery::Show(leader, host) => self.show(leader, host, 0),
        }
    }

    /// Loses something under way: an order or a proposal before it is carried out, an answer after.
    pub fn lose(&mut self, place: usize) {
        let why = || "lost".to_owned();
        let mail = match self.mail.remove(place) {
            Mail::Order { leader, host, order } => {
                let event = match order {
                    Order::Claim(fence) => {
                        Event::Claimed { host, fence, outcome: ClaimOutcome::Unknown(why()) }
                    }
                    Order::Transact(fence, _) => {
                        Event::Transacted { host, fence, outcome: Outcome::Unknown(why()) }
                    }
                };
                Mail::Event { leader, event }
            }
            Mail::Proposal { leader, operation } => {
                let outcome = ProposalOutcome::Unknown(why());
                Mail::Event { leader, event: Event::Proposed { operation, outcome } }
            }
            Mail::Event { leader, event } => {
                let event = match event {
                    Event::Claimed { host, fence, .. } => {
                        Event::Claimed { host, fence, outcome: ClaimOutcome::Unknown(why()) }
                    }
                    Event::Transacted { host, fence, .. } => {
                        Event::Transacted { host, fence, outcome: Outcome::Unknown(why()) }
                    }
                    Event::Proposed { operation, .. } => {
                        Event::Proposed { operation, outcome: ProposalOutcome::Unknown(why()) }
                    }
                    event @ (Event::State(_)
                    | Event::Picture { .. }
                    | Event::SessionLost { .. }
                    | Event::PoolPicture { .. }
                    | Event::PoolLost { .. }
                    | Event::PoolCalled { .. }
                    | Event::Wake
                    | Event::Deposed) => event,
                };
                Mail::Event { leader, event }
            }
        };
        self.mail.push(mail);
    }

    /// The session ends, though the host may well answer: a flaw of the network between.
    pub fn lose_session(&mut self, leader: usize, host: HostId) {
        if let Some(session) = self.leaders[leader].sessions.get_mut(&host) {
            session.is_up = false;
        }
        self.handle(leader, Event::SessionLost { host, why: "no answer".into() });
    }

    fn execute(&mut self, host: HostId, order: Order) -> Event {
        let it = self.hosts.get_mut(&host).unwrap();
        let event = match order {
            Order::Claim(fence) => Event::Claimed { host, fence, outcome: it.claim(fence) },
            Order::Transact(fence, diff) => {
                let outcome = it.transact(fence, &diff);
                let is_late = outcome == Outcome::Applied && fence.epoch < it.last_epoch;
                assert!(!is_late, "{fence} wrote to {host}, which was claimed for epoch {}", it.last_epoch);
                Event::Transacted { host, fence, outcome }
            }
        };
        self.tell(host, &event);
        self.follow_bonds();
        self.changed(host);
        self.check_rings();
        event
    }

    fn tell(&mut self, host: HostId, event: &Event) {
        let it = &self.hosts[&host];
        let networks = it.networks();
        let has: String = networks.iter().map(|id| format!(" {id}: {}", it.layout(*id))).collect();
        let what = match event {
            Event::Claimed { fence, outcome, .. } => format!("claimed {} {outcome:?}", fence.epoch),
            Event::Transacted { fence, outcome, .. } => {
                format!("written {}/{} {outcome:?}", fence.epoch, fence.revision)
            }
            Event::State(_)
            | Event::Picture { .. }
            | Event::SessionLost { .. }
            | Event::PoolPicture { .. }
            | Event::PoolLost { .. }
            | Event::PoolCalled { .. }
            | Event::Proposed { .. }
            | Event::Wake
            | Event::Deposed => return,
        };
        self.story.push(format!("{} {host} {what}{has}", self.now));
    }

    /// Shows a host's rows, or those of so many changes before.
    pub fn show(&mut self, leader: usize, host: HostId, lag: usize) {
        let Some(session) = self.leaders[leader].sessions.get(&host).filter(|session| session.is_up) else {
            return;
        };
        let it = &self.hosts[&host];
        let earlier = it.earlier.iter().rev().nth(lag.wrapping_sub(1));
        let rows = earlier.filter(|rows| rows.picture > session.shown).unwrap_or(&it.rows);
        let session = Session { is_up: true, is_stale: rows.picture < it.rows.picture, shown: rows.picture };
        let picture = Arc::new(self.with_bfd(host, rows));
        self.leaders[leader].sessions.insert(host, session);
        self.handle(leader, Event::Picture { host, picture });
    }

    /// Notes that a host and those with a tunnel to it may have something new to show.
    pub fn changed(&mut self, host: HostId) {
        self.remember_who_is_up(host);
        let its: BTreeSet<HostId> = self.hosts[&host]
            .networks()
            .into_iter()
            .flat_map(|network| self.hosts[&host].peers(network))
            .collect();
        let pointing = self
            .hosts
            .iter()
            .filter(|(_, it)| it.networks().into_iter().any(|network| it.peers(network).contains(&host)));
        let all: BTreeSet<HostId> = pointing.map(|(id, _)| *id).chain(its).chain([host]).collect();
        for leader in &mut self.leaders {
            for (_, session) in leader.sessions.iter_mut().filter(|(id, _)| all.contains(id)) {
                session.is_stale = true;
            }
        }
    }

    // Faults.

    pub fn set_alive(&mut self, host: HostId, is_alive: bool) {
        self.hosts.get_mut(&host).unwrap().is_alive = is_alive;
        self.drop_orders(host);
        self.changed(host);
    }

    pub fn set_reachable(&mut self, host: HostId, is_reachable: bool) {
        self.hosts.get_mut(&host).unwrap().is_reachable = is_reachable;
        self.changed(host);
    }

    pub fn set_cut(&mut self, host: HostId, is_cut: bool) {
        if is_cut {
            self.cut.insert(host);
        } else {
            self.cut.remove(&host);
        }
        self.changed(host);
    }

    /// Cuts or mends the way between two hosts, and nothing else.
    pub fn set_link_cut(&mut self, one: HostId, other: HostId, is_cut: bool) {
        let link = [one.min(other), one.max(other)];
        if is_cut {
            self.cut_links.insert(link);
        } else {
            self.cut_links.remove(&link);
        }
        self.changed(one);
        self.changed(other);
    }

    /// The host comes back with an empty database; all sessions to it end.
    pub fn empty(&mut self, host: HostId) {
        self.changed(host);
        self.hosts.get_mut(&host).unwrap().empty();
        self.drop_orders(host);
        for leader in 0..self.leaders.len() {
            let is_up = self.leaders[leader].sessions.get(&host).is_some_and(|session| session.is_up);
            if is_up {
                self.lose_session(leader, host);
            }
        }
    }

    /// What lay in the host's sockets is gone.
    fn drop_orders(&mut self, host: HostId) {
        let is_for = |mail: &Mail| matches!(mail, Mail::Order { host: to, .. } if *to == host);
        while let Some(place) = self.mail.iter().position(is_for) {
            self.lose(place);
        }
    }

    /// Lets time pass; whoever waits for it is woken.
    pub fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        for leader in 0..self.leaders.len() {
            let due = self.leaders[leader].reconciler.poll_deadline().is_some_and(|(at, _)| at <= self.now);
            if due {
                self.handle(leader, Event::Wake);
            }
        }
    }

    /// Delivers everything, each kind in its turn, and lets time pass until nothing happens for half a minute.
    pub fn settle(&mut self) {
        // Far more than any of these worlds needs; what goes on for ever is a bug.
        for turn in 0..20_000_usize {
            let all = self.deliverable();
            if let Some(next) = all.get(turn.checked_rem(all.len()).unwrap_or(0)) {
                self.deliver(*next);
                continue;
            }
            let horizon = self.now + Duration::from_secs(30);
            let deadlines = self.leaders.iter().filter_map(|leader| leader.reconciler.poll_deadline());
            match deadlines.map(|(at, _)| at).min() {
                Some(at) if at <= horizon => self.pass(at.since(self.now).max(Duration::from_millis(1))),
                Some(_) | None => return,
            }
        }
        panic!("this does not come to rest:\n{}", self.describe());
    }
}
