//! A session that is up: applies updates, shows pictures, carries out one piece of work at a time.
//!
//! Ends when the session does, when the copy of the rows gets out of step, or when the handle is dropped. Never
//! retries a transaction: whether that is right is for its owner to say, who sees the next picture.

use asterism_model::{HostId, Outcome, StoredFence, chain};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use crate::{
    changes,
    config::SessionConfig,
    fencing::{self, Claim, FenceRefusal},
    host_session::{ClaimError, Claimed, Command, SessionError, Transacted, WaitingFor},
    message::Notification,
    monitor::Monitor,
    observe::{observe, stored_fence},
    pictures::Pictures,
    rpc::{PendingReply, Reply, RpcSession},
    transaction::{Transaction, Verdict},
};

/// A session with a running monitor.
pub(crate) struct Link {
    session: RpcSession,
    notifications: mpsc::Receiver<Notification>,
    /// How many notifications were taken.
    taken: u64,
    monitor: Monitor,
}

impl Link {
    pub(crate) fn new(
        session: RpcSession,
        notifications: mpsc::Receiver<Notification>,
        monitor: Monitor,
    ) -> Self {
        Self { session, notifications, taken: 0, monitor }
    }
}

pub(crate) struct Serving<'a> {
    host: HostId,
    config: &'a SessionConfig,
    link: Link,
    pictures: &'a mut Pictures,
    work: Work,
    /// Whether the rows changed since the picture on show.
    stale: bool,
    /// No picture before this moment, unless somebody waits for it.
    next_picture: Instant,
}

/// What is under way with the server.
enum Work {
    Idle,
    /// The caller waits.
    Running(Box<Running>),
    /// The caller's deadline passed; what it asked for may have happened or may yet.
    Late(PendingReply),
}

struct Running {
    command: Command,
    transaction: Transaction,
    pending: PendingReply,
}

impl<'a> Serving<'a> {
    pub(crate) fn new(
        host: HostId,
        config: &'a SessionConfig,
        link: Link,
        pictures: &'a mut Pictures,
    ) -> Self {
        Self { host, config, link, pictures, work: Work::Idle, stale: true, next_picture: Instant::now() }
    }

    /// Serves until the session is over, and says why; `None` when the handle was dropped.
    pub(crate) async fn run(mut self, commands: &mut mpsc::Receiver<Command>) -> Option<SessionError> {
        let end = self.serve(commands).await;
        if let Work::Running(running) = std::mem::replace(&mut self.work, Work::Idle) {
            let reason = end.as_ref().map_or_else(|| "the session was closed".to_owned(), |end| chain(end));
            running.command.leave_unknown(self.host, reason, self.pictures.next());
        }
        end
    }

    async fn serve(&mut self, commands: &mut mpsc::Receiver<Command>) -> Option<SessionError> {
        loop {
            let deadline = self.deadline();
            let show = self.stale && !matches!(self.work, Work::Late(_));
            let accept = !matches!(self.work, Work::Running(_));
            let step = tokio::select! {
                notification = self.link.notifications.recv() => match notification {
                    Some(notification) => self.apply(&notification),
                    None => Err(self.ended().await),
                },
                reply = next_reply(&mut self.work) => self.finish(reply).await,
                () = sleep_until(deadline.unwrap_or(self.next_picture)), if deadline.is_some() => {
                    self.give_up_waiting();
                    Ok(())
                }
                command = commands.recv(), if accept => {
                    self.begin(command?);
                    Ok(())
                }
                () = sleep_until(self.next_picture), if show => {
                    self.show();
                    Ok(())
                }
            };
            if let Err(error) = step {
                return Some(error);
            }
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.work {
            Work::Running(running) => Some(running.command.deadline()),
            Work::Idle | Work::Late(_) => None,
        }
    }

    fn apply(&mut self, notification: &Notification) -> Result<(), SessionError> {
        self.link.taken += 1;
        let changed = self.link.monitor.apply(notification);
        self.stale |= changed.map_err(|source| SessionError::Monitor { host: self.host, source })?;
        Ok(())
    }

    /// Shows the rows as they are.
    fn show(&mut self) {
        match observe(self.link.monitor.replica(), self.link.monitor.schema(), self.pictures.next()) {
            Some(picture) => self.pictures.show(picture),
            None => self.pictures.waiting(WaitingFor::RootRow),
        }
        self.stale = false;
        self.next_picture = Instant::now() + self.config.picture_interval;
    }

    fn begin(&mut self, command: Command) {
        if matches!(self.work, Work::Late(_)) {
            return command.refuse(self.host, &self.pictures.why_none());
        }
        if command.deadline() <= Instant::now() {
            return command.refuse(self.host, "its turn did not come within the deadline");
        }
        if self.stale {
            self.show();
        }
        match self.prepare(&command) {
            Ok(transaction) => self.send(command, transaction),
            Err(answer) => command.answer(self.host, answer, self.pictures.current()),
        }
    }

    /// The transaction that carries out a command, or its answer where there is nothing to send.
    fn prepare(&self, command: &Command) -> Result<Transaction, Answer> {
        let (replica, schema) = (self.link.monitor.replica(), self.link.monitor.schema());
        let (root, row) = replica.root().ok_or_else(|| Answer::Refused(self.pictures.why_none()))?;
        let stored = stored_fence(row);
        match command {
            Command::Claim { root: Some(seen), .. } if *seen != root => {
                Err(Answer::Refused("its database is another one than was seen".into()))
            }
            Command::Claim { fence, .. } => match fencing::claim(root, &stored, *fence) {
                Ok(Claim::Needed(transaction)) => Ok(transaction),
                Ok(Claim::Held) => Err(Answer::Done),
                Err(refusal) => Err(Answer::Fence(refusal)),
            },
            Command::Transact { diff, fence, .. } => {
                let stored = fencing::admit(&stored, *fence).map_err(Answer::Fence)?;
                changes::transaction(replica, schema, root, stored, *fence, diff)
                    .map_err(|refusal| Answer::Refused(refusal.to_string()))
            }
        }
    }

    fn send(&mut self, command: Command, transaction: Transaction) {
        match self.link.session.send("transact", transaction.params()) {
            Ok(pending) => self.work = Work::Running(Box::new(Running { command, transaction, pending })),
            Err(error) => command.refuse(self.host, &chain(&error)),
        }
    }

    /// The caller gets its answer at the deadline; the request stays under way.
    fn give_up_waiting(&mut self) {
        if let Work::Running(running) = std::mem::replace(&mut self.work, Work::Idle) {
            let reason =
                format!("transact on host {} timed out after {:?}", self.host, self.config.call_deadline);
            tracing::warn!(reason, "outcome unknown");
            running.command.leave_unknown(self.host, reason, self.pictures.next());
            self.work = Work::Late(running.pending);
            self.pictures.waiting(WaitingFor::LateAnswer);
        }
    }

    /// Takes an answer, after all updates that came before it.
    async fn finish(&mut self, reply: Result<Reply, crate::rpc::CallError>) -> Result<(), SessionError> {
        let Ok(reply) = reply else { return Err(self.ended().await) };
        while self.link.taken < reply.after {
            match self.link.notifications.recv().await {
                Some(notification) => self.apply(&notification)?,
                None => return Err(self.ended().await),
            }
        }
        let work = std::mem::replace(&mut self.work, Work::Idle);
        // The updates that came with the answer are shown before it is given. After a late one that is a new picture
        // even if nothing changed, since it settles what was unknown.
        self.show();
        let Work::Running(running) = work else { return Ok(()) };
        let verdict = match &reply.result {
            Ok(result) => running.transaction.verdict(result),
            Err(error) => Verdict::Failed(error.to_string()),
        };
        self.settle(running.command, verdict)
    }

    fn settle(&mut self, command: Command, verdict: Verdict) -> Result<(), SessionError> {
        let answer = match verdict {
            Verdict::Committed => Answer::Done,
            Verdict::Failed(reason) => Answer::Refused(reason),
            Verdict::GuardFailed => match self.prepare(&command) {
                // Somebody else wrote the fence between our look and our claim, and may be outbid still.
                Ok(transaction) if command.is_claim() => {
                    self.send(command, transaction);
                    return Ok(());
                }
                Ok(_) => {
                    Answer::Refused(format!("the fence changed meanwhile: the host stores {}", self.fence()))
                }
                Err(answer) => answer,
            },
            Verdict::Unintelligible(reason) => {
                command.leave_unknown(self.host, reason.clone(), self.pictures.next());
                return Err(SessionError::Nonsense { host: self.host, reason });
            }
        };
        command.answer(self.host, answer, self.pictures.current());
        Ok(())
    }

    fn fence(&self) -> String {
        match self.link.monitor.replica().root().map(|(_, row)| stored_fence(row)) {
            Some(StoredFence::Present(fence)) => fence.to_string(),
            Some(StoredFence::Malformed(text)) => text,
            Some(StoredFence::Absent) | None => "none".to_owned(),
        }
    }

    async fn ended(&self) -> SessionError {
        SessionError::Ended { host: self.host, source: self.link.session.ended().await }
    }
}

/// Waits for the reply to the work under way; for ever where there is none. Cancel safe.
async fn next_reply(work: &mut Work) -> Result<Reply, crate::rpc::CallError> {
    match work {
        Work::Running(running) => running.pending.wait().await,
        Work::Late(pending) => pending.wait().await,
        Work::Idle => std::future::pending().await,
    }
}

/// What became of a command, where that is known.
enum Answer {
    Done,
    Fence(FenceRefusal),
    Refused(String),
}

impl Command {
    fn deadline(&self) -> Instant {
        match self {
            Self::Claim { deadline, .. } | Self::Transact { deadline, .. } => *deadline,
        }
    }

    fn is_claim(&self) -> bool {
        match self {
            Self::Claim { .. } => true,
            Self::Transact { .. } => false,
        }
    }

    // In both, a caller that waits no longer is no error.

    fn answer(self, host: HostId, result: Answer, shown_by: u64) {
        match self {
            Self::Claim { answer, .. } => drop(answer.send(match result {
                Answer::Done => Ok(Claimed { shown_by }),
                Answer::Fence(source) => Err(ClaimError::Refused { host, source }),
                Answer::Refused(reason) => Err(ClaimError::Rejected { host, reason }),
            })),
            Self::Transact { answer, .. } => {
                let outcome = match result {
                    Answer::Done => Outcome::Applied,
                    Answer::Fence(FenceRefusal::Superseded { .. } | FenceRefusal::OtherCluster { .. }) => {
                        Outcome::Fenced
                    }
                    Answer::Fence(
                        refusal @ (FenceRefusal::Malformed { .. } | FenceRefusal::Unclaimed { .. }),
                    ) => Outcome::Rejected(refusal.to_string()),
                    Answer::Refused(reason) => Outcome::Rejected(reason),
                };
                drop(answer.send(Transacted { outcome, shown_by }));
            }
        }
    }

    fn leave_unknown(self, host: HostId, reason: String, shown_by: u64) {
        match self {
            Self::Claim { answer, .. } => drop(answer.send(Err(ClaimError::Unknown { host, reason }))),
            Self::Transact { answer, .. } => {
                drop(answer.send(Transacted { outcome: Outcome::Unknown(reason), shown_by }));
            }
        }
    }
}
