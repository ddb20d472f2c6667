//! One controller: its copy of the state, its life, and what its leader's loop is handed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use asterism_model::{
    NetworkState, NodeId, Operation, Timestamp, decode_command, decode_state, encode_command, encode_state,
    stored::digest,
};
use asterism_planner::Event;

use super::{
    Breakage,
    consensus::Answer,
    office::Office,
    world::{Happening, World},
};

/// One controller.
pub struct Replica {
    pub node: NodeId,
    /// Faults that keep its process from being there.
    pub killed: BTreeSet<usize>,
    /// Faults that keep its process from running.
    pub paused: BTreeSet<usize>,
    /// Faults that make it slow to apply.
    pub slowed: BTreeSet<usize>,
    /// By how much its clock is off, by fault.
    pub skews: BTreeMap<usize, i64>,
    /// Counts its lives: nothing that is meant for an earlier one reaches it.
    pub incarnation: u64,
    /// The term that it believes to lead.
    pub leads: Option<u64>,
    pub knows_term: u64,
    /// How many entries it has applied.
    pub applied: usize,
    pub state: Arc<NetworkState>,
    snapshot: (usize, Vec<u8>),
    pub office: Office,
    /// Proposals to answer when their entry is applied here.
    pub waiting: BTreeMap<usize, u64>,
    is_apply_due: bool,
    /// What arrived while it was paused.
    deferred: Vec<Letter>,
}

/// Something for a replica's process.
#[derive(Debug, Clone)]
pub enum Letter {
    Apply,
    /// It was elected.
    TakeOffice,
    /// Somebody knows a later term than this one.
    Deposed {
        term: u64,
    },
    /// The leader's loop hears of it.
    LeaveOffice {
        generation: u64,
    },
    ClaimAnswered(Answer),
    ProposalAnswered {
        generation: u64,
        operation: Operation,
        answer: Answer,
    },
    /// The loop looks at the state.
    ShowState {
        generation: u64,
    },
    /// An event of a host or a pool.
    Tell {
        generation: u64,
        event: Event,
    },
    Wake {
        generation: u64,
    },
}

impl Replica {
    pub fn new(node: NodeId) -> Self {
        let state = Arc::new(NetworkState::default());
        Self {
            node,
            killed: BTreeSet::new(),
            paused: BTreeSet::new(),
            slowed: BTreeSet::new(),
            skews: BTreeMap::new(),
            incarnation: 1,
            leads: None,
            knows_term: 0,
            applied: 0,
            snapshot: (0, encode_state(&state)),
            state,
            office: Office::Idle,
            waiting: BTreeMap::new(),
            is_apply_due: false,
            deferred: Vec::new(),
        }
    }

    pub fn is_alive(&self) -> bool {
        self.killed.is_empty()
    }

    pub fn is_running(&self) -> bool {
        self.is_alive() && self.paused.is_empty()
    }

    pub fn clock_skew_ms(&self) -> i64 {
        self.skews.values().sum()
    }
}

impl World {
    /// Sends something to a replica's process.
    pub fn send(&mut self, delay: Duration, replica: usize, incarnation: u64, letter: Letter) {
        self.later(delay, Happening::Letter { replica, incarnation, letter });
    }

    pub fn deliver(&mut self, replica: usize, incarnation: u64, letter: Letter) {
        let it = &mut self.replicas[replica];
        if it.incarnation != incarnation || !it.is_alive() {
            return;
        }
        if !it.is_running() {
            it.deferred.push(letter);
            return;
        }
        match letter {
            Letter::Apply => self.apply_some(replica),
            Letter::TakeOffice => self.take_office(replica),
            Letter::Deposed { term } => self.hear_of_deposition(replica, term),
            Letter::LeaveOffice { generation } => self.leave_office(replica, generation),
            Letter::ClaimAnswered(answer) => self.take_claim(replica, answer),
            Letter::ProposalAnswered { generation, operation, answer } => {
                self.take_proposal(replica, generation, operation, answer)
            }
            Letter::ShowState { generation } => self.show_state(replica, generation),
            Letter::Tell { generation, event } => self.tell(replica, generation, event),
            Letter::Wake { generation } => self.wake(replica, generation),
        }
    }

    /// Has a replica apply what it lacks, as far as it hears of it.
    pub fn apply_soon(&mut self, replica: usize) {
        let it = &self.replicas[replica];
        let lags = it.applied < self.consensus.entries.len() && !it.is_apply_due && it.is_alive();
        if !lags || !self.hears_the_log(replica) {
            return;
        }
        let delay = match (self.consensus.leader == Some(replica), it.slowed.is_empty()) {
            (_, false) => self.dice.consensus.millis(50, 3_000),
            (true, true) => self.dice.consensus.micros(50, 1_000),
            (false, true) => self.dice.consensus.micros(500, 20_000),
        };
        let it = &mut self.replicas[replica];
        it.is_apply_due = true;
        let incarnation = it.incarnation;
        self.send(delay, replica, incarnation, Letter::Apply);
    }

    fn hears_the_log(&self, replica: usize) -> bool {
        self.consensus.leader.is_none_or(|leader| self.is_linked(leader, replica))
    }

    /// Applies a piece of the log.
    fn apply_some(&mut self, replica: usize) {
        self.replicas[replica].is_apply_due = false;
        if !self.hears_the_log(replica) {
            return;
        }
        let end = self.consensus.entries.len();
        let lag = end - self.replicas[replica].applied;
        if lag > 60 && self.dice.consensus.chance(50) {
            self.install_snapshot(replica);
        }
        let leads = self.consensus.leader == Some(replica);
        let piece = if leads { end } else { self.dice.consensus.index(12) + 1 };
        let upto = end.min(self.replicas[replica].applied + piece);
        while self.replicas[replica].applied < upto {
            self.apply_next(replica);
        }
        let it = &mut self.replicas[replica];
        if it.applied >= it.snapshot.0 + 50 {
            it.snapshot = (it.applied, encode_state(&it.state));
            self.tally.count("snapshots taken");
        }
        self.show_state_soon(replica);
        self.apply_soon(replica);
    }

    fn apply_next(&mut self, replica: usize) {
        let it = &mut self.replicas[replica];
        let place = it.applied;
        let entry = &self.consensus.entries[place];
        let mut command = entry.command.clone();
        let is_second = replica == 1;
        if self.broken == Some(Breakage::LocalApply) && is_second {
            command.at = Timestamp(command.at.0 + 1);
        }
        let is_skipped = self.broken == Some(Breakage::SkippedEntry) && is_second && place == 20;
        if !is_skipped {
            let reply = Arc::make_mut(&mut it.state).apply(&command);
            if reply != entry.reply {
                let why = format!(
                    "c{} answers entry {} with {reply:?}, another one with {:?}",
                    replica + 1,
                    place + 1,
                    entry.reply
                );
                self.judge("digests", Err(why));
                return;
            }
        }
        it.applied += 1;
        let (index, node) = (it.applied, it.node);
        let waits = it.waiting.remove(&index);
        let state = it.state.clone();
        let verdict = self.oracles.digests.compare(node, index, &state, &self.consensus.states[index]);
        self.judge("digests", verdict);
        if let Some(id) = waits {
            let reply = self.consensus.entries[place].reply.clone();
            self.answer_proposal(id, reply);
        }
    }

    /// A replica that lags far behind gets the leader's snapshot.
    fn install_snapshot(&mut self, replica: usize) {
        let Some(leader) = self.consensus.leader else { return };
        let (index, bytes) = self.replicas[leader].snapshot.clone();
        if index <= self.replicas[replica].applied {
            return;
        }
        self.tally.count("snapshots installed");
        self.restore(replica, index, bytes);
    }

    /// Takes a state over from its stored form.
    fn restore(&mut self, replica: usize, index: usize, bytes: Vec<u8>) {
        let decoded = decode_state(&bytes).map_err(|error| format!("a snapshot can't be read: {error}"));
        let verdict = decoded.map(|state| {
            let it = &mut self.replicas[replica];
            it.state = Arc::new(state);
            it.applied = index;
            it.snapshot = (index, bytes);
        });
        self.judge("digests", verdict);
        let (ours, truth) = (digest(&self.replicas[replica].state), digest(&self.consensus.states[index]));
        let is_equal = if ours == truth {
            Ok(())
        } else {
            Err(format!("the snapshot at {index} is not the state there"))
        };
        self.judge("digests", is_equal);
    }

    /// The process ends. What it sent stays on its way.
    pub fn kill_replica(&mut self, replica: usize) {
        self.drop_unanswered(replica);
        self.close_office(replica);
        let it = &mut self.replicas[replica];
        it.incarnation += 1;
        it.leads = None;
        it.office = Office::Idle;
        it.waiting.clear();
        it.deferred.clear();
        it.is_apply_due = false;
    }

    /// The process starts: a snapshot, the log after it, and then what the leader tells.
    pub fn start_replica(&mut self, replica: usize) {
        let had = self.replicas[replica].applied;
        let (index, bytes) = self.replicas[replica].snapshot.clone();
        self.restore(replica, index, bytes);
        // What it knew to be committed it may apply at once; some of it it has to be told again.
        let known = had.saturating_sub(self.dice.consensus.index(4)).max(index);
        while self.replicas[replica].applied < known && !self.is_over() {
            let place = self.replicas[replica].applied;
            let stored = encode_command(&self.consensus.entries[place].command);
            let is_read =
                decode_command(&stored).is_ok_and(|read| read == self.consensus.entries[place].command);
            let verdict = if is_read { Ok(()) } else { Err(format!("entry {place} is read as another one")) };
            self.judge("digests", verdict);
            self.apply_next(replica);
        }
        self.apply_soon(replica);
    }

    /// The process goes on where it stopped. What sessions tell comes in its order; the rest in whatever order it looks.
    pub fn resume_replica(&mut self, replica: usize) {
        let incarnation = self.replicas[replica].incarnation;
        let mut told = Duration::ZERO;
        for letter in std::mem::take(&mut self.replicas[replica].deferred) {
            let delay = self.dice.consensus.micros(10, 2_000);
            if matches!(letter, Letter::Tell { .. }) {
                told += delay;
                self.send(told, replica, incarnation, letter);
            } else {
                self.send(delay * 5, replica, incarnation, letter);
            }
        }
    }

    /// The replica hears of a later term.
    fn hear_of_deposition(&mut self, replica: usize, term: u64) {
        let it = &mut self.replicas[replica];
        it.knows_term = it.knows_term.max(term + 1);
        if it.leads != Some(term) {
            return;
        }
        it.leads = None;
        let incarnation = it.incarnation;
        self.trace.note(self.now, format_args!("c{} leads term {term} no longer", replica + 1));
        self.drop_unanswered(replica);
        let Office::Leading(leading) = &self.replicas[replica].office else { return };
        let generation = leading.generation;
        let delay = if self.slow_news.is_empty() {
            self.dice.consensus.micros(50, 3_000)
        } else {
            self.dice.consensus.millis(200, 8_000)
        };
        self.send(delay, replica, incarnation, Letter::LeaveOffice { generation });
    }
}
