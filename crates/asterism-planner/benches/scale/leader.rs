//! A whole leadership: the reconciler takes over hosts that are at their targets, and then one of them dies.
//!
//! Only the reconciler's own time is counted, not that of the fake hosts and the log around it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use asterism_model::{
    BfdState, Fence, HostDiff, HostId, NetworkState, ObservedHost, Operation, Resilience, target::tunnel_peer,
};
use asterism_planner::{
    Action, Event, Reconciler, Settings, Targets, Tick, diff, reconciler::ProposalOutcome,
};

use crate::{host::FakeHost, ms, setup};

/// Nothing that is due later than this is waited for.
const HORIZON: Duration = Duration::from_secs(20);

pub fn report(sizes: &[(usize, usize)], resilience: Resilience) {
    println!("\nthe reconciler's own time, {resilience} networks (ms; worst: of one event)");
    println!(
        "{:>8} {:>6} | {:>9} {:>7} {:>7} | {:>9} {:>7} {:>7} {:>7} {:>7}",
        "networks", "hosts", "take over", "worst", "events", "one dies", "worst", "events", "trans.", "rows"
    );
    for (networks, hosts) in sizes {
        let mut play = Play::new(setup::settled(*networks, *hosts, resilience));
        play.run();
        assert_eq!(play.tally.transactions, 0, "hosts at their targets are not written to");
        let taken = std::mem::take(&mut play.tally);
        play.kill(setup::busiest(&play.state));
        play.run();
        assert!(play.tally.transactions > 0, "a death changes something");
        let died = &play.tally;
        println!(
            "{networks:>8} {hosts:>6} | {:>9} {:>7} {:>7} | {:>9} {:>7} {:>7} {:>7} {:>7}",
            ms(taken.spent),
            ms(taken.worst),
            taken.events,
            ms(died.spent),
            ms(died.worst),
            died.events,
            died.transactions,
            died.rows
        );
    }
}

/// What was done, and how long the reconciler took for it.
#[derive(Default)]
struct Tally {
    spent: Duration,
    worst: Duration,
    events: usize,
    transactions: usize,
    rows: usize,
}

struct Play {
    state: Arc<NetworkState>,
    reconciler: Reconciler,
    hosts: BTreeMap<HostId, FakeHost>,
    dead: Option<HostId>,
    mail: VecDeque<Event>,
    now: Tick,
    tally: Tally,
}

impl Play {
    fn new(state: NetworkState) -> Self {
        let hosts = hosts_at_target(&state);
        let state = Arc::new(state);
        let settings = Settings::default();
        let start = Instant::now();
        let reconciler =
            Reconciler::new(settings, setup::CLUSTER, state.epoch(), Arc::clone(&state), setup::NOW);
        let tally = Tally { spent: start.elapsed(), ..Tally::default() };
        Self { state, reconciler, hosts, dead: None, mail: VecDeque::new(), now: setup::NOW, tally }
    }

    /// Its session ends, and all who have a tunnel to it see that one down.
    fn kill(&mut self, dead: HostId) {
        self.dead = Some(dead);
        self.mail.push_back(Event::SessionLost { host: dead, why: "no answer".into() });
        let has_tunnel =
            |it: &FakeHost| it.networks().iter().any(|network| it.peers(*network).contains(&dead));
        let peers: Vec<HostId> =
            self.hosts.iter().filter(|(_, it)| has_tunnel(it)).map(|(host, _)| *host).collect();
        for peer in peers {
            self.show(peer);
        }
    }

    /// Until nothing more is due.
    fn run(&mut self) {
        self.act();
        loop {
            if let Some(event) = self.mail.pop_front() {
                self.handle(event);
                continue;
            }
            match self.reconciler.poll_deadline() {
                Some((at, _)) if at <= self.now + HORIZON => {
                    self.now = at.max(self.now);
                    self.handle(Event::Wake);
                }
                Some(_) | None => return,
            }
        }
    }

    fn handle(&mut self, event: Event) {
        let start = Instant::now();
        self.reconciler.handle(event, self.now);
        let took = start.elapsed();
        self.tally.spent += took;
        self.tally.worst = self.tally.worst.max(took);
        self.tally.events += 1;
        self.act();
    }

    fn act(&mut self) {
        while let Some(action) = self.reconciler.poll_action() {
            match action {
                Action::Connect { host, .. } => self.show(host),
                Action::Claim { host, fence, .. } => {
                    let outcome = self.host(host).claim(fence);
                    self.mail.push_back(Event::Claimed { host, fence, outcome });
                    self.show(host);
                }
                Action::Transact { host, fence, diff, .. } => {
                    self.tally.transactions += 1;
                    self.tally.rows += diff.len();
                    let outcome = self.host(host).transact(fence, &diff);
                    self.mail.push_back(Event::Transacted { host, fence, outcome });
                    self.show(host);
                }
                Action::Propose(operation) => self.propose(operation),
                Action::Disconnect { .. } => {}
                // The pools here are static.
                Action::ConnectPool { .. } | Action::DisconnectPool { .. } | Action::CallPool { .. } => {}
                Action::StepDown { reason } => panic!("nobody else leads here: {reason}"),
            }
        }
    }

    fn propose(&mut self, operation: Operation) {
        let mut state = NetworkState::clone(&self.state);
        setup::commit(&mut state, operation.clone());
        self.state = Arc::new(state);
        self.mail.push_back(Event::Proposed { operation, outcome: ProposalOutcome::Applied });
        self.mail.push_back(Event::State(Arc::clone(&self.state)));
    }

    fn host(&mut self, host: HostId) -> &mut FakeHost {
        self.hosts.get_mut(&host).expect("the state's hosts are all there")
    }

    fn show(&mut self, host: HostId) {
        if self.dead != Some(host) {
            let picture = Arc::new(with_bfd(&self.hosts[&host].rows, self.dead));
            self.mail.push_back(Event::Picture { host, picture });
        }
    }
}

/// Hosts as the leader before left them.
fn hosts_at_target(state: &NetworkState) -> BTreeMap<HostId, FakeHost> {
    let targets = Targets::of(state);
    let at_target = |host: &HostId| {
        let mut it = FakeHost::new(*host);
        let fence = Fence { cluster: setup::CLUSTER, epoch: 0, revision: 1 };
        it.claim(fence);
        let all: HostDiff = diff(&targets.host(*host), &it.rows).diff;
        it.transact(Fence { revision: 2, ..fence }, &all);
        // What it showed before is of no use here, and heavy.
        it.earlier.clear();
        (*host, it)
    };
    state.hosts().keys().map(at_target).collect()
}

fn with_bfd(rows: &ObservedHost, dead: Option<HostId>) -> ObservedHost {
    let mut rows = rows.clone();
    for port in rows.bridges.values_mut().flat_map(|bridge| bridge.ports.values_mut()) {
        let Some(network) = port.network else { continue };
        for interface in port.interfaces.values_mut() {
            let peer = tunnel_peer(network, &interface.name);
            interface.bfd_state = if peer == dead { BfdState::Down } else { BfdState::Up };
        }
    }
    rows
}
