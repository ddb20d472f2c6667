//! One JSON-RPC session: a handle, and behind it a task (in `rpc_task`) that owns the socket.
//!
//! The task matches replies to requests, answers the server's `echo`, probes a silent server with its own, and hands
//! notifications on in order. It knows nothing of OVSDB's tables. It ends when the handle is dropped, when the
//! stream ends, breaks or makes no sense, when a probe stays unanswered, or when nobody takes its notifications.
//!
//! *Bounds.* At most `MAX_PENDING` requests wait for a reply, at most `INBOX` notifications for the consumer, at
//! most 1 MiB (and one request more) for the socket. When either side is full the task stops reading, so
//! that a slow consumer slows the server and not our memory.
//!
//! *Order.* A [`Reply`] says how many notifications came before it. ovsdb-server sends the updates that a transaction
//! causes before the reply to that transaction, on the same session (ovsdb-server(7), 4.1.5; its source did so in the
//! days of 2.5 already; RFC 7047 itself doesn't say). So once that many notifications are applied, the consumer's
//! picture shows the transaction.

use std::{io, sync::Arc, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{mpsc, oneshot, watch},
    task::AbortHandle,
    time::{Instant, timeout},
};

use crate::{
    codec::{CodecError, Limits},
    message::{MessageError, Notification, RpcError},
    rpc_task::Task,
};

/// Requests that may wait for a reply: a host has one transaction in flight, a claim, and a probe.
pub(crate) const MAX_PENDING: usize = 16;
/// Notifications that may wait for the consumer. Each was parsed already and is bounded by [`Limits`].
const INBOX: usize = 32;

/// When a silent peer is asked, and when it is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Liveness {
    /// Silence after which an `echo` is sent.
    pub probe_interval: Duration,
    /// Silence after that probe at which the session is dead.
    pub probe_deadline: Duration,
}

impl Liveness {
    /// Silence at which a session is over.
    pub fn until_given_up(self) -> Duration {
        self.probe_interval + self.probe_deadline
    }
}

/// Why a session is over.
#[derive(Debug, thiserror::Error)]
pub enum RpcEnd {
    #[error("the server closed the connection")]
    Closed,
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    #[error("echo unanswered for {after:?} after {silence:?} of silence")]
    Unanswered { silence: Duration, after: Duration },
    #[error("the server sent what is no stream of messages")]
    Garbled(#[source] CodecError),
    #[error("the server sent what is no JSON-RPC")]
    Meaningless(#[source] MessageError),
    #[error("the server answered request {id}, which was never made")]
    UnknownReply { id: Value },
    #[error("the session was dropped here")]
    Dropped,
}

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nothing was written: the peer does not read what it was sent before.
    #[error("{method} on {peer} was not sent: {MAX_PENDING} requests wait already")]
    NotSent { method: &'static str, peer: Arc<str> },
    /// The request was written, or may have been.
    #[error("{method} on {peer} timed out after {after:?}")]
    TimedOut { method: &'static str, peer: Arc<str>, after: Duration },
    #[error("{method} on {peer} has no answer: the session is over")]
    Lost {
        method: &'static str,
        peer: Arc<str>,
        #[source]
        end: Arc<RpcEnd>,
    },
    #[error("{method} on {peer} was refused")]
    Refused {
        method: &'static str,
        peer: Arc<str>,
        #[source]
        error: RpcError,
    },
}

/// The answer to a request.
#[derive(Debug)]
pub struct Reply {
    pub result: Result<Value, RpcError>,
    /// How many notifications of this session came before it.
    pub after: u64,
}

/// A request that was handed to the session's task. Dropping it drops the answer, not the request.
#[derive(Debug)]
pub struct PendingReply {
    method: &'static str,
    answer: oneshot::Receiver<Reply>,
    peer: Arc<str>,
    end: watch::Receiver<Option<Arc<RpcEnd>>>,
}

/// A handle on one session. Dropping it ends the session.
#[derive(Debug)]
pub struct RpcSession {
    peer: Arc<str>,
    requests: mpsc::Sender<Request>,
    end: watch::Receiver<Option<Arc<RpcEnd>>>,
    task: AbortHandle,
}

/// What the handle asks of the task.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) params: Value,
    pub(crate) answer: oneshot::Sender<Reply>,
}

impl RpcSession {
    /// Starts a session on a connected stream. `peer` is how errors name the server; `heard` gets the time of
    /// whatever arrives from it.
    pub fn start<S>(
        stream: S,
        peer: impl Into<Arc<str>>,
        liveness: Liveness,
        limits: Limits,
        heard: watch::Sender<Option<Instant>>,
    ) -> (Self, mpsc::Receiver<Notification>)
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (requests, request_queue) = mpsc::channel(MAX_PENDING);
        let (inbox, notifications) = mpsc::channel(INBOX);
        let (end_sender, end) = watch::channel(None);
        let task = Task::new(stream, liveness, limits, heard, request_queue, inbox);
        let task = tokio::spawn(async move {
            let end = task.run().await;
            // Nobody may be left to hear it.
            end_sender.send_replace(Some(Arc::new(end)));
        });
        (Self { peer: peer.into(), requests, end, task: task.abort_handle() }, notifications)
    }

    /// Makes a request and waits for its result until `within` has passed. On [`CallError::TimedOut`] the session
    /// stays up: a late reply is dropped, and the probe decides whether the server is alive.
    pub async fn call(
        &self,
        method: &'static str,
        params: Value,
        within: Duration,
    ) -> Result<Value, CallError> {
        let mut pending = self.send(method, params)?;
        let reply = timeout(within, pending.wait()).await.map_err(|_| CallError::TimedOut {
            method,
            peer: self.peer.clone(),
            after: within,
        })??;
        reply.result.map_err(|error| CallError::Refused { method, peer: self.peer.clone(), error })
    }

    /// Hands a request to the session, at once or not at all.
    pub fn send(&self, method: &'static str, params: Value) -> Result<PendingReply, CallError> {
        let (answer_sender, answer) = oneshot::channel();
        let request = Request { method, params, answer: answer_sender };
        let pending = PendingReply { method, answer, peer: self.peer.clone(), end: self.end.clone() };
        match self.requests.try_send(request) {
            Err(mpsc::error::TrySendError::Full(_)) => {
                Err(CallError::NotSent { method, peer: self.peer.clone() })
            }
            // With the session over, the answer's sender is gone, and waiting for it says why.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(pending),
        }
    }

    /// Waits until the session is over.
    pub async fn ended(&self) -> Arc<RpcEnd> {
        wait_for_end(self.end.clone()).await
    }
}

impl Drop for RpcSession {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl PendingReply {
    /// Waits for the reply, without a deadline: that is the caller's. Cancel safe: a reply that comes while nobody
    /// waits is kept.
    pub async fn wait(&mut self) -> Result<Reply, CallError> {
        match (&mut self.answer).await {
            Ok(reply) => Ok(reply),
            Err(_) => Err(self.lost().await),
        }
    }

    async fn lost(&self) -> CallError {
        CallError::Lost {
            method: self.method,
            peer: self.peer.clone(),
            end: wait_for_end(self.end.clone()).await,
        }
    }
}

async fn wait_for_end(mut end: watch::Receiver<Option<Arc<RpcEnd>>>) -> Arc<RpcEnd> {
    match end.wait_for(Option::is_some).await.as_deref() {
        Ok(Some(end)) => end.clone(),
        Ok(None) | Err(_) => Arc::new(RpcEnd::Dropped),
    }
}
