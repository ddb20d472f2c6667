//! One machine through all of its lives: booted from its platter, killed, booted again.

use std::sync::Arc;

use asterism_model::NodeId;
use asterism_raft::{
    ReplicaConfig,
    parts::{Blocking, Failure, LogStore, Snapshots, StateMachine, Vote, openraft_config},
};

use super::{
    Breakage, Raft,
    disk::{Mounted, Platter, Spindle},
    network::{Life, Network, Wires},
};
use crate::sim::Dice;

/// So small that snapshots are made, sent and installed all the time.
const SNAPSHOT_EVERY: u64 = 25;

pub(super) struct Node {
    pub id: u64,
    platter: Arc<Platter>,
    life: Life,
    pub alive: Option<Alive>,
    dice: Dice,
}

/// What a machine is while it runs.
pub(super) struct Alive {
    pub raft: Raft,
    pub machine: StateMachine,
    pub log: LogStore,
    disk: Arc<Mounted>,
    failure: Failure,
}

impl Node {
    pub fn new(id: u64, seed: u64, broken: Option<Breakage>) -> Self {
        let dice = Dice::of(seed, &format!("machine {id}"));
        Self { id, platter: Platter::new(broken), life: 0, alive: None, dice }
    }

    /// Starts on what the platter holds, and answers with the vote that was found there.
    ///
    /// # Errors
    /// What the platter holds is refused; it never should be.
    pub async fn boot(&mut self, wires: &Wires) -> Result<Option<Vote>, String> {
        self.life += 1;
        let (disk, failure) = (Mounted::new(self.platter.clone()), Failure::default());
        let spindle = Spindle::new(Dice::of(self.dice.below(u64::MAX), "spindle"));
        let queued = Blocking::Queued(Arc::new(spindle));
        let log = LogStore::open(disk.clone(), queued, failure.clone());
        let log = log.map_err(|error| format!("the log of {} is refused: {error}", self.id))?;
        let snapshots = Snapshots::open(disk.clone(), log.bounds().purged);
        let snapshots =
            snapshots.map_err(|error| format!("the snapshots of {} are refused: {error}", self.id))?;
        let machine = StateMachine::new(snapshots, Blocking::Inline, failure.clone());
        let vote = log.vote().map_err(|error| format!("the vote of {}: {error}", self.id))?;
        let mut config = ReplicaConfig::new(
            NodeId(self.id),
            "simulated".parse().expect("a name"),
            "/nowhere".into(),
            format!("node-{}:7400", self.id),
        );
        config.snapshot_every = SNAPSHOT_EVERY;
        let config = openraft_config(&config).map_err(|error| error.to_string())?;
        let network = Network { wires: wires.clone(), node: self.id, life: self.life };
        let raft = Raft::new(self.id, config, network, log.clone(), machine.clone()).await;
        let raft = raft.map_err(|error| format!("{} does not start: {error}", self.id))?;
        wires.plug(self.id, self.life, raft.clone());
        self.alive = Some(Alive { raft, machine, log, disk, failure });
        Ok(vote)
    }

    /// The end of a life, at whatever point it stands. With `power`, what was not synced is lost.
    pub async fn die(&mut self, wires: &Wires, power: bool) {
        wires.unplug(self.id);
        let Some(alive) = self.alive.take() else { return };
        alive.disk.unmount();
        if power {
            self.platter.lose_power(&mut self.dice)
        } else {
            self.platter.keep_all()
        }
        // Its tasks end; whatever they still try meets a disk without power and wires that are unplugged.
        let _ = alive.raft.shutdown().await;
    }

    pub fn fail_disk(&self, fault: asterism_raft::parts::Fault) {
        self.platter.fail(fault);
    }

    /// Whether its disk stopped it, as it must stop then.
    pub fn has_failed(&self) -> bool {
        self.alive.as_ref().is_some_and(|alive| alive.failure.get().is_some())
    }
}
