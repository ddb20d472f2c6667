//! The crate's front door: one host, one handle.
//!
//! Behind the handle a task (in `host_task`) keeps a session with the host's ovsdb-server up, shows the latest
//! whole picture of the host, and carries out claims and transactions one at a time. One host's task never waits for
//! another's. Dropping the handle stops the task.
//!
//! # What was observed after a transaction
//!
//! Pictures are numbered, ever upward over the life of the handle. The answer to a claim or a transaction names the
//! first number whose picture shows what became of it:
//!
//! - an answer from the host came after the changes it causes (see [`crate::rpc`]), so that picture stands in the
//!   watch already when the answer is given;
//! - [`Outcome::Unknown`] names a picture that is yet to come. Until the fate is settled there is no picture: the state
//!   is [`SessionState::Waiting`] until the late answer arrives, or the session dies and a new one begins from scratch.
//!
//! A call that misses its deadline does not end the session. The server works through a session's requests in order,
//! so that whatever comes later on it shows the fate of the late one, which a second connection could not: its
//! picture may be older. A server that hangs is found by the probe, and then the session is reset.

use std::{sync::Arc, time::Duration};

use asterism_model::{Fence, HostDiff, HostId, ObservedHost, Outcome, OvsdbEndpoint, RowUuid};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::AbortHandle,
    time::Instant,
};

use crate::{
    config::SessionConfig,
    connection::{ConnectError, Dialer, DialerError},
    fencing::FenceRefusal,
    host_task::HostTask,
    monitor::MonitorError,
    rpc::{CallError, RpcEnd},
    schema::SchemaError,
    tls::TlsConfig,
};

/// Claims and transactions that may stand behind the one under way.
const QUEUE: usize = 4;

/// A handle on one host.
#[derive(Debug)]
pub struct HostSession {
    host: HostId,
    commands: mpsc::Sender<Command>,
    state: watch::Receiver<SessionState>,
    heard: watch::Receiver<Option<Instant>>,
    dialer: watch::Sender<Dialer>,
    call_deadline: Duration,
    task: AbortHandle,
}

/// How the session stands.
#[derive(Debug, Clone)]
pub enum SessionState {
    /// There is no session. `attempt` counts from 1 since the last one that held.
    Connecting { attempt: u32, last_error: Option<Arc<SessionError>> },
    /// There is a session, and no picture to act on.
    Waiting(WaitingFor),
    /// The latest picture.
    Connected { picture: Arc<ObservedHost> },
}

/// What stands between a session and a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitingFor {
    /// The database is empty: nobody ran `ovs-vsctl init`, which the host's own start-up does.
    RootRow,
    /// The answer to a claim or a transaction whose deadline has passed.
    LateAnswer,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error("host {host} cannot be reached")]
    Connect {
        host: HostId,
        #[source]
        source: ConnectError,
    },
    #[error("the schema of host {host} could not be fetched")]
    Fetch {
        host: HostId,
        #[source]
        source: CallError,
    },
    #[error("the schema of host {host} is unusable")]
    Schema {
        host: HostId,
        #[source]
        source: SchemaError,
    },
    #[error("host {host} cannot be observed")]
    Monitor {
        host: HostId,
        #[source]
        source: MonitorError,
    },
    #[error("host {host} answered a transaction with nonsense: {reason}")]
    Nonsense { host: HostId, reason: String },
    #[error("the session with host {host} ended")]
    Ended {
        host: HostId,
        #[source]
        source: Arc<RpcEnd>,
    },
}

/// The answer to a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transacted {
    /// `Fenced` exactly when the host stores a greater fence than the one given, or another cluster's. Not so when it
    /// stores a lower one or none (a database restored or emptied): that is `Rejected`, and wants a claim.
    pub outcome: Outcome,
    /// Pictures of this number and later ones show what became of it.
    pub shown_by: u64,
}

/// A host claimed: it stores the fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    /// Pictures of this number and later ones show the fence.
    pub shown_by: u64,
}

/// Why a host is not claimed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// Another writer has the host, or may have: named by the stored fence.
    #[error("host {host} refuses the claim")]
    Refused {
        host: HostId,
        #[source]
        source: FenceRefusal,
    },
    /// Nothing was sent.
    #[error("host {host} was not claimed: {reason}")]
    NotSent { host: HostId, reason: String },
    /// The claim may have happened; claiming again is harmless.
    #[error("host {host} may be claimed or not: {reason}")]
    Unknown { host: HostId, reason: String },
    /// The server refused for a reason of its own.
    #[error("host {host} was not claimed: {reason}")]
    Rejected { host: HostId, reason: String },
}

/// What the handle asks of the task.
#[derive(Debug)]
pub(crate) enum Command {
    Claim {
        /// Of the database that is meant; absent: whichever is there.
        root: Option<RowUuid>,
        fence: Fence,
        deadline: Instant,
        answer: oneshot::Sender<Result<Claimed, ClaimError>>,
    },
    Transact {
        diff: Box<HostDiff>,
        fence: Fence,
        deadline: Instant,
        answer: oneshot::Sender<Transacted>,
    },
}

impl HostSession {
    /// Starts a session with `host`, which is dialled at once and for ever. Fails only if the configuration cannot be
    /// used; a host that cannot be reached is a state.
    pub fn open(host: HostId, endpoint: OvsdbEndpoint, config: &SessionConfig) -> Result<Self, DialerError> {
        let dialer = Dialer::new(endpoint, config.tls.as_ref(), config.connect_deadline)?;
        let (commands, command_queue) = mpsc::channel(QUEUE);
        let (state_sender, state) = watch::channel(SessionState::Connecting { attempt: 1, last_error: None });
        let (heard_sender, heard) = watch::channel(None);
        let (dialer, newest_dialer) = watch::channel(dialer);
        let task =
            HostTask::new(host, newest_dialer, config.clone(), command_queue, state_sender, heard_sender);
        let task = tokio::spawn(task.run()).abort_handle();
        Ok(Self { host, commands, state, heard, dialer, call_deadline: config.call_deadline, task })
    }

    pub fn host(&self) -> HostId {
        self.host
    }

    /// Dials with other certificates from the next session on; one that is open stays as it is.
    ///
    /// # Errors
    /// They can't be used; what was there before stays.
    pub fn take_up(&self, tls: Option<&TlsConfig>) -> Result<(), DialerError> {
        let dialer = self.dialer.borrow().with_tls(tls)?;
        self.dialer.send_replace(dialer);
        Ok(())
    }

    /// The latest state; pictures in between may be missed.
    pub fn state(&self) -> watch::Receiver<SessionState> {
        self.state.clone()
    }

    /// When the host's server last said anything, answers to probes included; `None` before it ever did.
    pub fn last_heard(&self) -> Option<Instant> {
        *self.heard.borrow()
    }

    /// Raises the fence that the host stores to `fence`, unless it is greater or another cluster's. Claiming what is
    /// held already writes nothing. Answers within the call deadline.
    pub async fn claim(&self, fence: Fence) -> Result<Claimed, ClaimError> {
        self.claim_database(None, fence).await
    }

    /// The same, as long as the host's database is the one that was seen, known by its root row. One that was emptied since
    /// stores no fence, and may have stored a later leader's: that is `Rejected`, and wants another look.
    pub async fn claim_seen(&self, root: RowUuid, fence: Fence) -> Result<Claimed, ClaimError> {
        self.claim_database(Some(root), fence).await
    }

    async fn claim_database(&self, root: Option<RowUuid>, fence: Fence) -> Result<Claimed, ClaimError> {
        let (answer, answered) = oneshot::channel();
        let command = Command::Claim { root, fence, deadline: Instant::now() + self.call_deadline, answer };
        if let Err(reason) = self.order(command).await {
            return Err(ClaimError::NotSent { host: self.host, reason });
        }
        let gone =
            |_| Err(ClaimError::Unknown { host: self.host, reason: "the session's task ended".to_owned() });
        answered.await.unwrap_or_else(gone)
    }

    /// Carries out `diff` in one transaction, guarded on the fence that the host stores, and leaves `fence` behind. The
    /// host must be claimed for the fence's epoch. Answers within the call deadline.
    pub async fn transact(&self, diff: HostDiff, fence: Fence) -> Transacted {
        let (answer, answered) = oneshot::channel();
        let command = Command::Transact {
            diff: Box::new(diff),
            fence,
            deadline: Instant::now() + self.call_deadline,
            answer,
        };
        if let Err(reason) = self.order(command).await {
            return Transacted { outcome: Outcome::Rejected(reason), shown_by: 0 };
        }
        let gone = |_| Transacted {
            outcome: Outcome::Unknown("the session's task ended".to_owned()),
            shown_by: u64::MAX,
        };
        answered.await.unwrap_or_else(gone)
    }

    async fn order(&self, command: Command) -> Result<(), String> {
        self.commands.send_timeout(command, self.call_deadline).await.map_err(|error| match error {
            mpsc::error::SendTimeoutError::Timeout(_) => {
                format!("host {} takes no more requests: {QUEUE} wait already", self.host)
            }
            mpsc::error::SendTimeoutError::Closed(_) => {
                format!("the session with host {} is closed", self.host)
            }
        })
    }
}

impl Drop for HostSession {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl SessionState {
    /// The picture, while there is one to act on.
    pub fn picture(&self) -> Option<&Arc<ObservedHost>> {
        match self {
            Self::Connected { picture } => Some(picture),
            Self::Connecting { .. } | Self::Waiting(_) => None,
        }
    }
}
