//! One JSON-RPC session: a task that owns the socket, and a handle to it.
//!
//! The task matches replies to requests, answers the server's `echo`, probes a silent server with its own, and hands
//! notifications on in order. It knows nothing of OVSDB's tables. It ends when the handle is dropped, when the
//! stream ends, breaks or makes no sense, when a probe stays unanswered, or when nobody takes its notifications.
//!
//! *Bounds.* At most [`MAX_PENDING`] requests wait for a reply, at most [`INBOX`] notifications for the consumer, at
//! most [`OUTGOING_BYTES`] (and one request more) for the socket. When either side is full the task stops reading, so
//! that a slow consumer slows the server and not our memory.
//!
//! *Order.* A [`Reply`] says how many notifications came before it. ovsdb-server sends the updates that a transaction
//! causes before the reply to that transaction, on the same session (ovsdb-server(7), 4.1.5; its source did so in the
//! days of 2.5 already; RFC 7047 itself doesn't say). So once that many notifications are applied, the consumer's
//! picture shows the transaction.

use std::{collections::BTreeMap, io, pin::pin, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::{mpsc, oneshot, watch},
    task::AbortHandle,
    time::{Instant, sleep_until, timeout},
};

use crate::{
    codec::{Codec, CodecError, Limits},
    message::{Message, MessageError, Notification, RpcError, encode_refusal, encode_reply, encode_request},
};

/// Requests that may wait for a reply: a host has one transaction in flight, a claim, and a probe.
const MAX_PENDING: usize = 16;
/// Notifications that may wait for the consumer. Each was parsed already and is bounded by [`Limits`].
const INBOX: usize = 32;
/// Bytes that may wait for a peer that does not read.
const OUTGOING_BYTES: usize = 1 << 20;
/// How much is read at once.
const CHUNK_BYTES: usize = 16 << 10;
/// The id of our own probes; requests count from 1.
const PROBE_ID: u64 = 0;

/// When a silent peer is asked, and when it is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Liveness {
    /// Silence after which an `echo` is sent.
    pub probe_interval: Duration,
    /// Silence after that probe at which the session is dead.
    pub probe_deadline: Duration,
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

#[derive(Debug)]
struct Request {
    method: &'static str,
    params: Value,
    answer: oneshot::Sender<Reply>,
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
        let (reader, writer) = tokio::io::split(stream);
        let task = Task {
            reader,
            writer,
            codec: Codec::new(limits),
            liveness,
            heard,
            last_heard: Instant::now(),
            probed: None,
            outgoing: Vec::new(),
            requests: request_queue,
            pending: BTreeMap::new(),
            next_id: PROBE_ID + 1,
            inbox,
            held: None,
            delivered: 0,
        };
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

/// Waits for a place in the inbox and puts the held notification there. Cancel safe.
async fn place(inbox: &mpsc::Sender<Notification>, held: &mut Option<Notification>) -> Result<(), RpcEnd> {
    let place = inbox.reserve().await.map_err(|_| RpcEnd::Dropped)?;
    if let Some(notification) = held.take() {
        place.send(notification);
    }
    Ok(())
}

async fn wait_for_end(mut end: watch::Receiver<Option<Arc<RpcEnd>>>) -> Arc<RpcEnd> {
    match end.wait_for(Option::is_some).await.as_deref() {
        Ok(Some(end)) => end.clone(),
        Ok(None) | Err(_) => Arc::new(RpcEnd::Dropped),
    }
}

/// What the session's task owns.
struct Task<S> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    codec: Codec,
    liveness: Liveness,
    heard: watch::Sender<Option<Instant>>,
    last_heard: Instant,
    /// When the unanswered probe was queued.
    probed: Option<Instant>,
    outgoing: Vec<u8>,
    requests: mpsc::Receiver<Request>,
    pending: BTreeMap<u64, oneshot::Sender<Reply>>,
    next_id: u64,
    inbox: mpsc::Sender<Notification>,
    /// A notification for which the inbox has no place yet. Nothing is read or handed on before it.
    held: Option<Notification>,
    delivered: u64,
}

impl<S: AsyncRead + AsyncWrite> Task<S> {
    async fn run(mut self) -> RpcEnd {
        match self.serve().await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn serve(&mut self) -> Result<std::convert::Infallible, RpcEnd> {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let holding = self.held.is_some();
            let may_read = !holding && self.outgoing.len() < OUTGOING_BYTES;
            let may_accept = self.pending.len() < MAX_PENDING && self.outgoing.len() < OUTGOING_BYTES;
            let mut timer = pin!(sleep_until(self.next_check()));
            tokio::select! {
                request = self.requests.recv(), if may_accept => match request {
                    Some(request) => self.accept(request),
                    None => return Err(RpcEnd::Dropped),
                },
                placed = place(&self.inbox, &mut self.held), if holding => {
                    placed?;
                    self.delivered += 1;
                    // The silence while nothing was read was ours.
                    self.last_heard = Instant::now();
                    self.take_messages()?;
                },
                read = self.reader.read(&mut chunk), if may_read => match read {
                    Ok(0) => return Err(RpcEnd::Closed),
                    Ok(length) => {
                        self.hear();
                        self.codec.feed(&chunk[..length]);
                        self.take_messages()?;
                    }
                    Err(error) => return Err(RpcEnd::Broken(error)),
                },
                written = self.writer.write(&self.outgoing), if !self.outgoing.is_empty() => match written {
                    Ok(0) => return Err(RpcEnd::Closed),
                    Ok(length) => drop(self.outgoing.drain(..length)),
                    Err(error) => return Err(RpcEnd::Broken(error)),
                },
                () = &mut timer, if !holding => self.check_liveness()?,
            }
        }
    }

    fn accept(&mut self, request: Request) {
        // The caller gave up while the request stood in the queue: it was never sent, and is not sent late.
        if request.answer.is_closed() {
            return;
        }
        let id = self.next_id;
        self.next_id += 1;
        self.outgoing.extend(encode_request(id, request.method, &request.params));
        self.pending.insert(id, request.answer);
    }

    /// Any byte counts as a sign of life: the answer to a probe may stand behind a picture that takes long to arrive.
    fn hear(&mut self) {
        let now = Instant::now();
        self.last_heard = now;
        self.probed = None;
        self.heard.send_replace(Some(now));
    }

    /// Hands on all whole messages, up to one for which there is no place.
    fn take_messages(&mut self) -> Result<(), RpcEnd> {
        while self.held.is_none() {
            let Some(json) = self.codec.next_message().map_err(RpcEnd::Garbled)? else { break };
            // What it says is not logged: it may hold the secret of a tunnel (`options:psk`).
            tracing::trace!("message received");
            match Message::try_from(json).map_err(RpcEnd::Meaningless)? {
                Message::Request { id, method, params } => self.answer(&id, &method, &params),
                Message::Notification(notification) => self.notify(notification)?,
                Message::Reply { id, result } => self.complete(id, result)?,
            }
        }
        Ok(())
    }

    fn answer(&mut self, id: &Value, method: &str, params: &Value) {
        match method {
            "echo" => self.outgoing.extend(encode_reply(id, params)),
            _ => self.outgoing.extend(encode_refusal(id)),
        }
    }

    fn notify(&mut self, notification: Notification) -> Result<(), RpcEnd> {
        match self.inbox.try_send(notification) {
            Ok(()) => self.delivered += 1,
            Err(mpsc::error::TrySendError::Full(notification)) => self.held = Some(notification),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(RpcEnd::Dropped),
        }
        Ok(())
    }

    fn complete(&mut self, id: Value, result: Result<Value, RpcError>) -> Result<(), RpcEnd> {
        let number = id.as_u64().filter(|number| *number < self.next_id);
        let Some(number) = number else { return Err(RpcEnd::UnknownReply { id }) };
        if number == PROBE_ID {
            return Ok(());
        }
        let Some(answer) = self.pending.remove(&number) else { return Err(RpcEnd::UnknownReply { id }) };
        // A caller that waits no longer is no error: its deadline passed.
        drop(answer.send(Reply { result, after: self.delivered }));
        Ok(())
    }

    fn next_check(&self) -> Instant {
        match self.probed {
            Some(probed) => probed + self.liveness.probe_deadline,
            None => self.last_heard + self.liveness.probe_interval,
        }
    }

    fn check_liveness(&mut self) -> Result<(), RpcEnd> {
        if self.probed.is_some() {
            return Err(RpcEnd::Unanswered {
                silence: self.liveness.probe_interval,
                after: self.liveness.probe_deadline,
            });
        }
        self.outgoing.extend(encode_request(PROBE_ID, "echo", &json!([])));
        self.probed = Some(Instant::now());
        Ok(())
    }
}
