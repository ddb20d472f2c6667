//! Raft as what it promises: one log, delivered late and in pieces; one leader in each term, and old ones that don't know it
//! yet; proposals whose outcome nobody can tell.
//!
//! How Raft comes to that is not modelled. What is: a leader without a majority commits nothing; one that is followed by
//! another may have some of its last proposals committed all the same, in their order; an answer may be lost.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use asterism_model::{Command, NetworkState, Operation, Reply, Timestamp};

use super::{
    Breakage, Time,
    operator::OperatorNews,
    replica::Letter,
    world::{Happening, World},
};

/// How long a proposer waits for its answer, as in the product.
const PROPOSAL_DEADLINE: Duration = Duration::from_secs(5);
/// When virtual time began, for the time that stands in commands.
const EPOCH_MS: u64 = 1_800_000_000_000;

/// The log and who leads.
pub struct Consensus {
    pub entries: Vec<Entry>,
    /// After each entry, the empty one first.
    pub states: Vec<Arc<NetworkState>>,
    pub term: u64,
    /// Who was elected for that term, whether it lives or not.
    pub leader: Option<usize>,
    pending: BTreeMap<u64, Pending>,
    unanswered: BTreeMap<u64, Proposer>,
    last_proposal: u64,
    headless: Option<Headless>,
}

/// An entry of the log.
pub struct Entry {
    pub command: Command,
    /// What applying it answers.
    pub reply: Reply,
}

/// Proposed, and neither committed nor lost.
struct Pending {
    replica: usize,
    term: u64,
    command: Command,
}

/// Since when there is no leader that can commit, and when the others have had enough.
struct Headless {
    until: Time,
}

/// Who waits for an answer.
#[derive(Debug, Clone)]
pub enum Proposer {
    /// The claim of an epoch.
    Claim {
        replica: usize,
        incarnation: u64,
    },
    Reconciler {
        replica: usize,
        incarnation: u64,
        generation: u64,
        operation: Operation,
    },
    Operator {
        operator: usize,
        attempt: u64,
    },
}

/// What a proposer is told.
#[derive(Debug, Clone)]
pub enum Answer {
    Committed(Reply),
    /// Nothing was proposed; that one leads, as far as this replica knows.
    NotLeader(Option<usize>),
    Unknown(&'static str),
}

impl Default for Consensus {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            states: vec![Arc::new(NetworkState::default())],
            term: 0,
            leader: None,
            pending: BTreeMap::new(),
            unanswered: BTreeMap::new(),
            last_proposal: 0,
            headless: None,
        }
    }
}

impl Consensus {
    pub fn state(&self) -> &Arc<NetworkState> {
        self.states.last().expect("the empty state is always there")
    }

    pub fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }
}

impl World {
    /// Proposes to a replica that takes part; the answer comes later, if at all.
    pub fn propose(&mut self, replica: usize, command: Command, proposer: Proposer) {
        let Some(term) = self.replicas[replica].leads else {
            let leader = self.consensus.leader.filter(|leader| self.is_linked(replica, *leader));
            return self.answer(proposer, Answer::NotLeader(leader));
        };
        self.consensus.last_proposal += 1;
        let id = self.consensus.last_proposal;
        self.consensus.unanswered.insert(id, proposer);
        self.consensus.pending.insert(id, Pending { replica, term, command });
        let delay = self.dice.consensus.micros(500, 8_000);
        self.later(delay, Happening::Replicated(id));
        self.later(PROPOSAL_DEADLINE, Happening::Overdue(id));
    }

    /// The time that a replica writes into commands.
    pub fn wall_clock(&self, replica: usize) -> Timestamp {
        let now = EPOCH_MS + self.now.0 / 1000;
        Timestamp(now.saturating_add_signed(self.replicas[replica].clock_skew_ms()))
    }

    /// A majority may have a proposal by now.
    pub fn replicated(&mut self, id: u64) {
        let Some(pending) = self.consensus.pending.get(&id) else { return };
        let (replica, term) = (pending.replica, pending.term);
        if !self.can_commit(replica, term) {
            if self.consensus.term > term && self.replicas[replica].leads != Some(term) {
                // A later leader's log takes the place of its own.
                self.consensus.pending.remove(&id);
                return;
            }
            return self.later(Duration::from_millis(100), Happening::Replicated(id));
        }
        // What was proposed before stands before it in the log.
        let upto: Vec<u64> = self
            .consensus
            .pending
            .range(..=id)
            .filter(|(_, pending)| pending.replica == replica && pending.term == term)
            .map(|(id, _)| *id)
            .collect();
        for id in upto {
            if let Some(pending) = self.consensus.pending.remove(&id) {
                self.commit(pending.command, Some((replica, id)));
            }
        }
    }

    /// A proposer has waited long enough. What it proposed may be committed yet.
    pub fn overdue(&mut self, id: u64) {
        if let Some(proposer) = self.consensus.unanswered.remove(&id) {
            self.answer(proposer, Answer::Unknown("no answer within 5 s"));
        }
    }

    /// Appends to the log; the replica that leads has it first, and answers when it has applied it.
    pub fn commit(&mut self, command: Command, from: Option<(usize, u64)>) {
        if self.loses(&command) {
            let Some((_, id)) = from else { return };
            let state = self.consensus.state().clone();
            let reply = NetworkState::clone(&state).apply(&command);
            return self.answer_proposal(id, reply);
        }
        let asked = command.clone();
        let command = self.bare(command);
        let mut state = NetworkState::clone(self.consensus.state());
        let reply = state.apply(&command);
        let index = self.consensus.entries.len() + 1;
        self.trace.note(self.now, format_args!("commit {index} {}", brief(&command, &reply)));
        self.tally.count("entries");
        let verdict = self.oracles.exactly_once.committed(&asked, &reply, self.consensus.state(), &state);
        self.judge("exactly-once", verdict);
        let verdict = self.oracles.epochs.committed(&command, &reply);
        self.judge("epochs", verdict);
        let violations = state.violations();
        self.judge("state", if violations.is_empty() { Ok(()) } else { Err(violations.join("; ")) });
        self.consensus.entries.push(Entry { command, reply });
        self.consensus.states.push(Arc::new(state));
        if let Some((replica, id)) = from {
            self.replicas[replica].waiting.insert(index, id);
        }
        for replica in 0..self.replicas.len() {
            self.apply_soon(replica);
        }
        if self.breaks_retries() && from.is_some() && asked.request.is_some() {
            self.commit(asked, None);
        }
    }

    /// A replica has applied an entry that it was asked for.
    pub fn answer_proposal(&mut self, id: u64, reply: Reply) {
        if let Some(proposer) = self.consensus.unanswered.remove(&id) {
            self.answer(proposer, Answer::Committed(reply));
        }
    }

    fn answer(&mut self, proposer: Proposer, answer: Answer) {
        let delay = self.dice.consensus.micros(50, 1_500);
        match proposer {
            Proposer::Claim { replica, incarnation } => {
                self.send(delay, replica, incarnation, Letter::ClaimAnswered(answer));
            }
            Proposer::Reconciler { replica, incarnation, generation, operation } => {
                let letter = Letter::ProposalAnswered { generation, operation, answer };
                self.send(delay, replica, incarnation, letter);
            }
            Proposer::Operator { operator, attempt } => {
                let news = OperatorNews::Answered { attempt, answer };
                self.later(delay, Happening::Operator(operator, news));
            }
        }
    }

    /// A replica has ended, or leads no longer: whoever waits for it is told, or finds out.
    pub fn drop_unanswered(&mut self, replica: usize) {
        let its: Vec<u64> = self
            .consensus
            .pending
            .iter()
            .filter(|(_, pending)| pending.replica == replica)
            .map(|(id, _)| *id)
            .collect();
        for id in its {
            if let Some(proposer) = self.consensus.unanswered.remove(&id) {
                self.answer(proposer, Answer::Unknown("the replica leads no longer"));
            }
        }
    }

    fn can_commit(&self, replica: usize, term: u64) -> bool {
        self.consensus.leader == Some(replica) && self.consensus.term == term && self.has_majority(replica)
    }

    pub fn has_majority(&self, replica: usize) -> bool {
        let linked = (0..self.replicas.len()).filter(|other| self.is_linked(replica, *other)).count();
        linked * 2 > self.replicas.len()
    }

    /// Whether both run and reach one another; a replica reaches itself.
    pub fn is_linked(&self, one: usize, other: usize) -> bool {
        let cut = self.cuts.get(&(one.min(other), one.max(other)));
        self.replicas[one].is_running()
            && self.replicas[other].is_running()
            && cut.is_none_or(BTreeSet::is_empty)
    }

    /// Heartbeats: who lags is served, who leads no longer hears of it, and without a leader one is elected.
    pub fn raft_tick(&mut self) {
        let delay = self.dice.consensus.millis(50, 100);
        self.later(delay, Happening::RaftTick);
        for replica in 0..self.replicas.len() {
            self.apply_soon(replica);
            self.depose_if_known(replica);
        }
        let leads = |leader: usize| self.replicas[leader].leads == Some(self.consensus.term);
        if self.consensus.leader.is_some_and(|leader| leads(leader) && self.has_majority(leader)) {
            self.consensus.headless = None;
            return;
        }
        let patience = self.dice.consensus.millis(250, 900);
        let until = self.consensus.headless.get_or_insert(Headless { until: self.now + patience }).until;
        if self.now >= until {
            self.elect(None);
        }
    }

    fn depose_if_known(&mut self, replica: usize) {
        let Some(term) = self.replicas[replica].leads.filter(|term| *term < self.consensus.term) else {
            return;
        };
        let knows = |other: usize| self.replicas[other].knows_term > term && self.is_linked(replica, other);
        if (0..self.replicas.len()).any(knows) {
            let incarnation = self.replicas[replica].incarnation;
            let delay = self.dice.consensus.micros(200, 30_000);
            self.send(delay, replica, incarnation, Letter::Deposed { term });
        }
    }

    /// Elects somebody who has a majority; not `except`, if there is a choice.
    pub fn elect(&mut self, except: Option<usize>) {
        let all = 0..self.replicas.len();
        let mut candidates: Vec<usize> = all.filter(|replica| self.has_majority(*replica)).collect();
        if candidates.len() > 1 {
            candidates.retain(|candidate| Some(*candidate) != except);
        }
        let Some(elected) = self.dice.consensus.pick(&candidates) else { return };
        self.consensus.headless = None;
        self.consensus.term += 1;
        self.consensus.leader = Some(elected);
        let term = self.consensus.term;
        self.trace.note(self.now, format_args!("elect c{} in term {term}", elected + 1));
        self.tally.count("elections");
        self.carry_over();
        self.enthrone(elected, term);
        if self.broken == Some(Breakage::TwoLeaders) {
            let second = candidates.into_iter().find(|candidate| *candidate != elected);
            if let Some(second) = second {
                self.enthrone(second, term);
            }
        }
        for other in 0..self.replicas.len() {
            if self.is_linked(elected, other) {
                self.replicas[other].knows_term = term;
            }
        }
    }

    fn enthrone(&mut self, elected: usize, term: u64) {
        let verdict = self.oracles.epochs.elected(elected, term);
        self.judge("epochs", verdict);
        let replica = &mut self.replicas[elected];
        replica.leads = Some(term);
        replica.knows_term = term;
        let incarnation = replica.incarnation;
        let delay = self.dice.consensus.micros(500, 20_000);
        self.send(delay, elected, incarnation, Letter::TakeOffice);
    }

    /// Of what the leader before left pending the new one may have a first part; the rest is gone. Its proposers hear
    /// nothing of either.
    fn carry_over(&mut self) {
        let before = self.consensus.term - 1;
        let mut has_lost = false;
        for pending in std::mem::take(&mut self.consensus.pending).into_values() {
            has_lost |= pending.term != before || !self.dice.consensus.chance(45);
            if has_lost {
                self.tally.count("proposals lost");
            } else {
                self.tally.count("proposals committed by a later leader");
                self.commit(pending.command, None);
            }
        }
    }

    /// A breakage: an operator's write is acknowledged and not kept.
    fn loses(&mut self, command: &Command) -> bool {
        self.broken == Some(Breakage::LostWrite)
            && command.request.is_some()
            && matches!(command.operation, Operation::CreateNetwork(_))
            && self.dice.consensus.chance(30)
    }

    /// Breakages: requests lose their place in their session, all or those that come again.
    fn bare(&self, command: Command) -> Command {
        let comes_again = command.request.is_some_and(|id| self.oracles.exactly_once.knows(id));
        let is_bare = self.broken == Some(Breakage::BareRetry) || self.breaks_retries() && comes_again;
        if is_bare { Command { request: None, ..command } } else { command }
    }

    fn breaks_retries(&self) -> bool {
        self.broken == Some(Breakage::AppliedTwice)
    }
}

/// A command and its reply, in a line.
fn brief(command: &Command, reply: &Reply) -> String {
    let request = command.request.map(|it| format!("{}#{} ", it.session, it.sequence)).unwrap_or_default();
    let reply = match reply {
        Reply::Applied { revision, effect } => format!("r{revision} {effect:?}"),
        Reply::Refused(refusal) => format!("refused: {refusal}"),
    };
    format!("{request}{:?} -> {reply}", command.operation)
}
