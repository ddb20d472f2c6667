//! A run: replicas, clients and faults, then peace, and what must be so then.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use asterism_model::{ClusterId, Command, Operation, Timestamp};
use asterism_raft::{
    View,
    parts::{Address, Fault as DiskFault, Proposal, StateMachine, Vote},
};
use openraft::{AsyncRuntime as _, Instant as _, ServerState, async_runtime::watch::WatchReceiver as _};
use openraft_rt_sim::{SimInstant, SimRuntime};
use tokio::sync::watch;

use super::{
    FIRST_PHASE, Fault, FaultKind, Options, PATIENCE, Raft,
    client::Client,
    network::{Weather, Wires},
    node::Node,
    witness::Witness,
};
use crate::sim::Dice;

const CLIENTS: u64 = 4;
/// How often replicas are looked at.
const GLANCE: Duration = Duration::from_millis(25);

/// What clients see of the replicas.
pub(super) struct Cluster {
    wires: Wires,
    count: u64,
    machines: Mutex<BTreeMap<u64, StateMachine>>,
}

impl Cluster {
    /// The leader as somebody knows it, most of the time; else just anybody.
    pub fn some_replica(&self, dice: &mut Dice) -> Option<(u64, Raft)> {
        let any = dice.between(1, self.count);
        let raft = self.wires.raft(any)?;
        let known = raft.metrics().borrow_watched().current_leader;
        let chosen = known.filter(|_| dice.chance(80)).unwrap_or(any);
        Some((chosen, self.wires.raft(chosen)?))
    }

    pub fn view(&self, node: u64) -> Option<View> {
        self.machines().get(&node).map(StateMachine::view)
    }

    /// Waits until a replica has applied so much; false if it ended before.
    pub async fn applied(&self, node: u64, index: u64) -> bool {
        let Some(mut applied) = self.machines().get(&node).map(StateMachine::watch_applied) else {
            return false;
        };
        applied.wait_for(|applied| applied.index >= index).await.is_ok()
    }

    fn machines(&self) -> MutexGuard<'_, BTreeMap<u64, StateMachine>> {
        self.machines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct World<'a> {
    cluster: Arc<Cluster>,
    nodes: Vec<Node>,
    /// When a machine that is down is booted again.
    due: BTreeMap<u64, SimInstant>,
    /// The greatest vote that each was seen with, which it may never forget.
    votes: BTreeMap<u64, Vote>,
    /// Up to where the state of each was compared with the others'.
    compared: BTreeMap<u64, u64>,
    witness: &'a Arc<Witness>,
}

/// Plays a run to its end.
pub(super) async fn play(seed: u64, options: &Options, plan: &[Fault], witness: &Arc<Witness>) {
    witness.begin();
    let count = options.replicas_of(seed);
    let wires = Wires::new(Dice::of(seed, "network"));
    let cluster = Arc::new(Cluster { wires, count, machines: Mutex::default() });
    let nodes = (1..=count).map(|id| Node::new(id, seed, options.broken)).collect();
    let mut world = World {
        cluster: cluster.clone(),
        nodes,
        due: BTreeMap::new(),
        votes: BTreeMap::new(),
        compared: BTreeMap::new(),
        witness,
    };
    for id in 1..=count {
        world.boot(id).await;
    }
    world.found(count).await;
    let (stop, stopped) = watch::channel(false);
    let clients: Vec<_> = (1..=CLIENTS)
        .map(|id| {
            let client = Client {
                id,
                dice: Dice::of(seed, &format!("client {id}")),
                cluster: cluster.clone(),
                witness: witness.clone(),
                broken: options.broken,
                stop: stopped.clone(),
                session: None,
                sequence: 0,
            };
            SimRuntime::spawn(client.work())
        })
        .collect();
    let began = SimInstant::now();
    for fault in plan {
        world.live_until(began + fault.at).await;
        world.befall(fault).await;
    }
    world.live_until(began + FIRST_PHASE).await;
    world.mend().await;
    let _ = stop.send(true);
    for client in clients {
        let _ = client.await;
    }
    world.heal().await;
    world.end().await;
}

impl World<'_> {
    fn node(&mut self, id: u64) -> &mut Node {
        let place = usize::try_from(id - 1).expect("a few replicas");
        &mut self.nodes[place]
    }

    async fn boot(&mut self, id: u64) {
        let wires = self.cluster.wires.clone();
        let node = self.node(id);
        if node.alive.is_some() {
            return;
        }
        let booted = node.boot(&wires).await;
        let machine = node.alive.as_ref().map(|alive| alive.machine.clone());
        if let Some(machine) = machine {
            self.cluster.machines().insert(id, machine);
        }
        self.due.remove(&id);
        self.witness.note(format_args!("{id} boots with vote {booted:?}"));
        let promised = self.votes.get(&id).copied();
        let verdict = booted.and_then(|found| match (found, promised) {
            (found, Some(promised)) if found.is_none_or(|found| found < promised) => {
                Err(format!("{id} had vote {promised} and boots with {found:?}"))
            }
            _ => Ok(()),
        });
        self.witness.judge("votes are kept", verdict);
    }

    async fn kill(&mut self, id: u64, power: bool, back_after: Duration) {
        let wires = self.cluster.wires.clone();
        if self.node(id).alive.is_none() {
            return;
        }
        self.glance_at(id);
        self.cluster.machines().remove(&id);
        self.node(id).die(&wires, power).await;
        self.due.insert(id, SimInstant::now() + back_after);
        self.witness.crashed();
    }

    /// Makes the replicas one cluster. Whoever is asked may be asked again.
    async fn found(&mut self, count: u64) {
        let members: BTreeMap<u64, Address> =
            (1..=count).map(|id| (id, Address(format!("node-{id}:7400")))).collect();
        let raft = self.cluster.wires.raft(1).expect("it was booted just now");
        let founded = raft.initialize(members).await;
        self.witness.judge("founding", founded.map_err(|error| error.to_string()));
        let name = "simulated".parse().expect("a name");
        let operation = Operation::InitCluster { cluster: ClusterId(1), name };
        let deadline = SimInstant::now() + Duration::from_secs(5);
        while self.write(operation.clone()).await.is_none() {
            if SimInstant::now() > deadline {
                return self.witness.judge("founding", Err("no leader within 5 s".into()));
            }
            SimRuntime::sleep(GLANCE).await;
        }
    }

    async fn live_until(&mut self, moment: SimInstant) {
        while SimInstant::now() < moment {
            SimRuntime::sleep(GLANCE.min(moment - SimInstant::now())).await;
            self.glance().await;
        }
    }

    /// Looks at all replicas, boots those whose time has come, and takes those away that their disks have stopped.
    async fn glance(&mut self) {
        let ids: Vec<u64> = self.nodes.iter().map(|node| node.id).collect();
        for id in ids {
            self.glance_at(id);
            if self.node(id).has_failed() {
                self.witness.note(format_args!("{id} was stopped by its disk"));
                self.kill(id, true, Duration::from_secs(1)).await;
            }
            if self.due.get(&id).is_some_and(|due| *due <= SimInstant::now()) {
                self.boot(id).await;
            }
        }
    }

    fn glance_at(&mut self, id: u64) {
        let Some(alive) = self.node(id).alive.as_ref() else { return };
        let metrics = alive.raft.metrics().borrow_watched().clone();
        let (view, bounds) = (alive.machine.view(), alive.log.bounds());
        if self.compared.insert(id, view.index) != Some(view.index) {
            let digest = asterism_model::stored::digest(&view.state).to_string();
            self.witness.record("equal states", |history| history.state(id, view.index, digest));
        }
        if metrics.state == ServerState::Leader {
            self.witness.record("one leader a term", |history| history.leads(id, metrics.current_term));
            // A leader's vote was granted by a quorum, itself included, after it was synced.
            let known = self.votes.entry(id).or_insert(metrics.vote);
            if metrics.vote > *known {
                *known = metrics.vote;
            }
        }
        let purged = bounds.purged.map_or(0, |purged| purged.index);
        let snapshot = metrics.snapshot.map_or(0, |snapshot| snapshot.index);
        let is_ordered = purged <= snapshot.max(view.index);
        let problem =
            || format!("{id} has dropped the log up to {purged}, and its snapshot is of {snapshot}");
        self.witness.judge("no gaps", if is_ordered { Ok(()) } else { Err(problem()) });
    }

    async fn befall(&mut self, fault: &Fault) {
        self.witness.note(format_args!("fault {fault}"));
        match &fault.kind {
            FaultKind::Crash { nodes, power, back_after } => {
                for id in nodes {
                    self.kill(*id, *power, *back_after).await;
                }
            }
            FaultKind::Disk { node, on_sync } => {
                let fault = if *on_sync { DiskFault::Sync } else { DiskFault::Write };
                self.node(*node).fail_disk(fault);
            }
            FaultKind::Cut { ways, shape: _ } => self.cluster.wires.cut(ways.iter().copied()),
            FaultKind::Join => self.cluster.wires.cut([]),
            FaultKind::Storm(weather) => self.cluster.wires.set_weather(*weather),
            FaultKind::Calm => self.cluster.wires.set_weather(Weather::FAIR),
            FaultKind::Transfer { to } => {
                for raft in (1..=self.cluster.count).filter_map(|id| self.cluster.wires.raft(id)) {
                    // Whoever does not lead, or has stopped, has nothing to hand over.
                    let _ = raft.trigger().transfer_leader(*to).await;
                }
            }
            FaultKind::Snapshot { node } => {
                if let Some(raft) = self.cluster.wires.raft(*node) {
                    let _ = raft.trigger().snapshot().await;
                }
            }
        }
    }

    /// Everything is mended: the network is whole, the weather fair, all machines run on disks that work.
    async fn mend(&mut self) {
        self.witness.note(format_args!("all is mended"));
        self.cluster.wires.cut([]);
        self.cluster.wires.set_weather(Weather::FAIR);
        for id in 1..=self.cluster.count {
            self.glance_at(id);
            if self.node(id).has_failed() {
                self.kill(id, true, Duration::ZERO).await;
            }
            self.boot(id).await;
        }
    }

    /// Waits until a write is accepted and all replicas are equal.
    async fn heal(&mut self) {
        let began = SimInstant::now();
        let mut written = None;
        while SimInstant::now() < began + PATIENCE && !self.witness.has_found() {
            SimRuntime::sleep(GLANCE).await;
            self.glance().await;
            if written.is_none() {
                written = self.write(Operation::OpenSession).await;
            }
            let views: Vec<u64> = (1..=self.cluster.count)
                .filter_map(|id| self.cluster.view(id))
                .map(|view| view.index)
                .collect();
            let is_whole = views.len() as u64 == self.cluster.count
                && views.iter().all(|index| Some(*index) >= written && Some(index) == views.first());
            if written.is_some() && is_whole {
                let after = SimInstant::now() - began;
                return self.witness.healed(u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
            }
        }
        let views: Vec<String> = (1..=self.cluster.count).map(|id| self.describe(id)).collect();
        let what = format!("not well {PATIENCE:?} after the last fault: {written:?} {}", views.join(", "));
        self.witness.judge("healing", Err(what));
    }

    fn describe(&mut self, id: u64) -> String {
        let applied = self.cluster.view(id).map(|view| view.index);
        let metrics = self.node(id).alive.as_ref().map(|alive| alive.raft.metrics().borrow_watched().clone());
        match metrics {
            Some(it) => {
                format!("{id}: {:?} of {} in {}, applied {applied:?}", it.state, it.vote, it.current_term)
            }
            None => format!("{id}: down"),
        }
    }

    /// A write, by whoever leads; its index when it is in.
    async fn write(&self, operation: Operation) -> Option<u64> {
        for raft in (1..=self.cluster.count).filter_map(|id| self.cluster.wires.raft(id)) {
            let command =
                Command { caller: None, request: None, at: Timestamp(0), operation: operation.clone() };
            let written =
                SimRuntime::timeout(Duration::from_secs(1), raft.client_write(Proposal(command))).await;
            if let Ok(Ok(written)) = written {
                return Some(written.log_id.index);
            }
        }
        None
    }

    /// What must be so at the end.
    async fn end(&mut self) {
        let Some(view) = self.cluster.view(1) else { return };
        let present: BTreeSet<String> =
            view.state.pools().values().map(|pool| pool.name.to_string()).collect();
        self.witness.note(format_args!("ends at {} with {} pools", view.index, present.len()));
        self.witness.record("acknowledged is kept, refused is not", |history| history.settle(&present));
        self.witness.record("linearizable", |history| history.order());
        let logs: Result<Vec<_>, String> = self
            .nodes
            .iter()
            .filter_map(|node| node.alive.as_ref().map(|alive| (node.id, alive)))
            .map(|(id, alive)| {
                let entries =
                    alive.log.read_all(0..u64::MAX).map_err(|error| format!("the log of {id}: {error}"))?;
                let applied = alive.machine.view().index;
                let kept = entries.into_iter().filter(|entry| entry.log_id.index <= applied);
                Ok(kept.map(|entry| (entry.log_id.index, entry.log_id)).collect::<BTreeMap<_, _>>())
            })
            .collect();
        let verdict = logs.and_then(|logs| {
            let mut known = BTreeMap::new();
            for (index, id) in logs.into_iter().flatten() {
                let first = *known.entry(index).or_insert(id);
                if first != id {
                    return Err(format!("two entries are committed at {index}: {first} and {id}"));
                }
            }
            Ok(())
        });
        self.witness.judge("equal logs", verdict);
        let wires = self.cluster.wires.clone();
        for node in &mut self.nodes {
            node.die(&wires, false).await;
        }
    }
}
