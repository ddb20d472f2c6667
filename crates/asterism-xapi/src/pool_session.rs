//! The crate's front door: one pool, one handle.
//!
//! Behind the handle a task (in `pool_task`) keeps a session with the pool's master up, shows the latest whole picture of
//! the pool, and carries out calls. Calls don't wait for one another: whoever wants one at a time for a host orders them
//! so. One pool's task never waits for another's. Dropping the handle stops the task and logs out.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use asterism_model::{
    CallOutcome, CertificateFingerprint, ObservedPool, PoolCall, PoolId, PoolInventory, TransportName,
    XapiAddress, XapiUuid,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::AbortHandle,
    time::Instant,
};

use crate::{
    config::XapiConfig,
    error::XapiError,
    pool_task::PoolTask,
    tls::{TlsConnector, Trust, TrustError},
};

/// Calls that may wait to be begun.
const QUEUE: usize = 16;

/// A handle on one pool.
#[derive(Debug)]
pub struct PoolSession {
    pool: PoolId,
    commands: mpsc::Sender<Command>,
    state: watch::Receiver<PoolSessionState>,
    heard: watch::Receiver<Option<Instant>>,
    task: AbortHandle,
}

/// How the session stands.
#[derive(Debug, Clone)]
pub enum PoolSessionState {
    /// There is no session, or no picture yet. `attempt` counts from 1 since the last one that held.
    Connecting {
        attempt: u32,
        last_error: Option<Arc<XapiError>>,
    },
    Connected(ConnectedPool),
}

/// A session with a picture.
#[derive(Debug, Clone)]
pub struct ConnectedPool {
    /// Where the master answers.
    pub master: XapiAddress,
    /// Of the master, for operators.
    pub version: String,
    pub since: Instant,
    pub picture: Arc<PoolPicture>,
    /// The certificates of the pool's hosts, as it tells them over a session that is trusted: those to trust next time.
    pub learned: BTreeSet<CertificateFingerprint>,
}

/// The pool at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolPicture {
    pub inventory: PoolInventory,
    /// Its `picture` counts up over the life of the handle.
    pub observed: ObservedPool,
    /// What the networks that may carry tunnels are called, by their bridges; for operators.
    pub networks: BTreeMap<TransportName, NetworkLabel>,
}

/// How operators know a network of the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkLabel {
    pub uuid: Option<XapiUuid>,
    /// `network.name_label`; need not be unique.
    pub label: String,
}

/// What the handle asks of the task.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) call: PoolCall,
    pub(crate) answer: oneshot::Sender<CallOutcome>,
}

impl PoolSession {
    /// Starts a session with `pool`, whose master is searched at once and for ever. Fails only if the configuration
    /// cannot be used, or would have strangers believed; a pool that cannot be reached is a state.
    pub fn open(pool: PoolId, config: XapiConfig) -> Result<Self, XapiError> {
        if config.addresses.is_empty() {
            return Err(XapiError::NoAddress);
        }
        check_trust(&config).map_err(|error| XapiError::Trust(Arc::new(error)))?;
        let (commands, command_queue) = mpsc::channel(QUEUE);
        let connecting = PoolSessionState::Connecting { attempt: 1, last_error: None };
        let (state_sender, state) = watch::channel(connecting);
        let (heard_sender, heard) = watch::channel(None);
        let task = PoolTask::new(pool, config, command_queue, state_sender, heard_sender);
        let task = tokio::spawn(task.run()).abort_handle();
        Ok(Self { pool, commands, state, heard, task })
    }

    pub fn pool(&self) -> PoolId {
        self.pool
    }

    /// The latest state; pictures in between may be missed.
    pub fn state(&self) -> watch::Receiver<PoolSessionState> {
        self.state.clone()
    }

    /// When the pool last answered the question for events; an idle pool does so at each end of its timeout.
    pub fn last_heard(&self) -> Option<Instant> {
        *self.heard.borrow()
    }

    /// Carries out one step. Answers within the deadline for its kind. What it did shows in a picture that comes later than
    /// the answer, if the session lasts; one comes soon even if nothing has changed.
    pub async fn call(&self, call: PoolCall) -> CallOutcome {
        let (answer, answered) = oneshot::channel();
        // The task takes commands at any time, so a full queue is a matter of moments.
        if self.commands.send(Command { call, answer }).await.is_err() {
            return CallOutcome::Refused("not sent: the pool's task ended".to_owned());
        }
        let gone = |_| CallOutcome::Unknown("the session with the pool ended meanwhile".to_owned());
        answered.await.unwrap_or_else(gone)
    }
}

impl Drop for PoolSession {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl PoolSessionState {
    /// The picture, while there is one to act on.
    pub fn picture(&self) -> Option<&Arc<PoolPicture>> {
        match self {
            Self::Connected(pool) => Some(&pool.picture),
            Self::Connecting { .. } => None,
        }
    }
}

fn check_trust(config: &XapiConfig) -> Result<(), TrustError> {
    if config.expected_pool.is_none() {
        return Err(TrustError::AnyPool);
    }
    if config.addresses.iter().any(XapiAddress::is_https) {
        if config.trust == Trust::Observe {
            return Err(TrustError::AnyCertificate);
        }
        TlsConnector::new(&config.trust)?;
    }
    Ok(())
}
