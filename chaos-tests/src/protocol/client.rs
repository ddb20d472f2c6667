//! A client: writes with a name of its own each time, retries what it does not know, and reads.

use std::{sync::Arc, time::Duration};

use asterism_model::{Command, Effect, Operation, Reply, RequestId, SessionId, Timestamp};
use asterism_raft::parts::Proposal;
use openraft::{
    AsyncRuntime as _, ReadPolicy,
    errors::{ClientWriteError, RaftError},
};
use openraft_rt_sim::SimRuntime;
use tokio::sync::watch;

use super::{Breakage, Types, history::Done, witness::Witness, world::Cluster};
use crate::sim::Dice;

/// How long a client waits for an answer.
const DEADLINE: Duration = Duration::from_millis(800);
/// The operators' limit of pools keeps a client from adding more.
const MOST_WRITES: u64 = 40;

pub(super) struct Client {
    pub id: u64,
    pub dice: Dice,
    pub cluster: Arc<Cluster>,
    pub witness: Arc<Witness>,
    pub broken: Option<Breakage>,
    pub stop: watch::Receiver<bool>,
    /// Once it has one.
    pub session: Option<SessionId>,
    pub sequence: u64,
}

/// What came of one try.
enum Tried {
    Done {
        index: u64,
        reply: Reply,
    },
    /// It is not in the log, and never will be.
    Refused,
    Unknown,
}

impl Client {
    /// Works until told to stop.
    pub async fn work(mut self) {
        let mut writes = 0;
        while !*self.stop.borrow() {
            SimRuntime::sleep(self.dice.millis(20, 300)).await;
            match self.dice.below(10) {
                0..4 if writes < MOST_WRITES => {
                    writes += 1;
                    self.write(writes).await;
                }
                4 if writes < MOST_WRITES => {
                    writes += 1;
                    self.write_once(writes).await;
                }
                _ => self.read().await,
            }
        }
    }

    /// A write within a session, tried until it is known to be done.
    async fn write(&mut self, number: u64) {
        let Some(session) = self.session().await else { return };
        self.sequence += 1;
        let request = Some(RequestId { session, sequence: self.sequence });
        let name = format!("c{}-{number}", self.id);
        let begun = self.witness.now();
        while !*self.stop.borrow() {
            let sent = request.filter(|_| self.broken != Some(Breakage::NoRequestIds));
            match self.attempt(add_pool(&name), sent).await {
                Tried::Done { index, reply } => return self.acknowledged(name, begun, index, &reply),
                Tried::Refused | Tried::Unknown => SimRuntime::sleep(self.dice.millis(10, 200)).await,
            }
        }
    }

    /// A write without a session: tried once, since a second try could take effect twice.
    async fn write_once(&mut self, number: u64) {
        let name = format!("c{}-{number}", self.id);
        let begun = self.witness.now();
        match self.attempt(add_pool(&name), None).await {
            Tried::Done { index, reply } => self.acknowledged(name, begun, index, &reply),
            Tried::Refused => self.witness.record("refused", |history| {
                history.refused.insert(name);
                Ok(())
            }),
            Tried::Unknown => {}
        }
    }

    fn acknowledged(&self, name: String, begun: u64, index: u64, reply: &Reply) {
        let (client, ended) = (self.id, self.witness.now());
        self.witness.note(format_args!("client {client}: {name} at {index}: {reply:?}"));
        let verdict = match reply {
            Reply::Applied { effect: Effect::Pool(_), .. } => Ok(()),
            // The name is nobody else's: it was applied before, and the retry was not known for one.
            Reply::Applied { .. } | Reply::Refused(_) => Err(format!("{name} was answered {reply:?}")),
        };
        self.witness.judge("exactly once", verdict);
        self.witness.record("acknowledged", |history| {
            history.acknowledged.insert(name);
            // An answer to a retry tells the retry's own place in the log, which is as late as its first one's or later.
            history.done.push(Done { begun, ended, index, is_write: true });
            Ok(())
        });
    }

    async fn session(&mut self) -> Option<SessionId> {
        while self.session.is_none() && !*self.stop.borrow() {
            match self.attempt(Operation::OpenSession, None).await {
                Tried::Done { reply: Reply::Applied { effect: Effect::Session(session), .. }, .. } => {
                    self.session = Some(session);
                }
                Tried::Done { .. } | Tried::Refused | Tried::Unknown => {
                    SimRuntime::sleep(self.dice.millis(10, 200)).await;
                }
            }
        }
        self.session
    }

    /// One try at some replica; what may be believed of an error is as `Replica::propose` has it.
    async fn attempt(&mut self, operation: Operation, request: Option<RequestId>) -> Tried {
        let Some((_, raft)) = self.cluster.some_replica(&mut self.dice) else {
            SimRuntime::sleep(Duration::from_millis(50)).await;
            return Tried::Refused;
        };
        let at = Timestamp(self.witness.now() / 1_000_000);
        let proposal = Proposal(Command { caller: None, request, at, operation });
        match SimRuntime::timeout(DEADLINE, raft.client_write(proposal)).await {
            Ok(Ok(written)) => match written.data.0 {
                Some(reply) => Tried::Done { index: written.log_id.index, reply },
                None => Tried::Unknown,
            },
            Ok(Err(error)) => {
                let error: RaftError<Types, ClientWriteError<Types>> = error;
                match error {
                    RaftError::APIError(ClientWriteError::ForwardToLeader(_)) => Tried::Refused,
                    RaftError::APIError(_) | RaftError::Fatal(_) => Tried::Unknown,
                }
            }
            Err(_) => Tried::Unknown,
        }
    }

    async fn read(&mut self) {
        let Some((node, raft)) = self.cluster.some_replica(&mut self.dice) else { return };
        let begun = self.witness.now();
        if self.broken != Some(Breakage::StaleReads) {
            let asked = SimRuntime::timeout(DEADLINE, raft.get_read_linearizer(ReadPolicy::ReadIndex)).await;
            let Ok(Ok(linearizer)) = asked else { return };
            let index = linearizer.read_log_id().log_id().index;
            let reached = SimRuntime::timeout(DEADLINE, self.cluster.applied(node, index)).await;
            if reached != Ok(true) {
                return;
            }
        }
        let Some(view) = self.cluster.view(node) else { return };
        let (client, ended, index) = (self.id, self.witness.now(), view.index);
        let digest = asterism_model::stored::digest(&view.state).to_string();
        self.witness.note(format_args!("client {client}: reads {index} of {node}"));
        self.witness.record("equal states", |history| {
            history.done.push(Done { begun, ended, index, is_write: false });
            history.state(node, index, digest)
        });
    }
}

fn add_pool(name: &str) -> Operation {
    Operation::AddPool { name: name.parse().expect("letters and digits are a name") }
}
