//! The task behind an [`crate::rpc::RpcSession`]: one loop over the socket, the requests, the inbox and the clock.
//!
//! The only owner of the socket. No branch of the loop waits while another could go on, so that a peer that does not
//! read is still listened to, and a consumer that does not take is still written for.

use std::{collections::BTreeMap, pin::pin};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until},
};

use crate::{
    codec::{Codec, Limits},
    message::{Message, Notification, RpcError, encode_refusal, encode_reply, encode_request},
    rpc::{Liveness, MAX_PENDING, Reply, Request, RpcEnd},
};

/// Bytes that may wait for a peer that does not read.
const OUTGOING_BYTES: usize = 1 << 20;
/// How much is read at once.
const CHUNK_BYTES: usize = 16 << 10;
/// The id of our own probes; requests count from 1.
const PROBE_ID: u64 = 0;

/// What the session's task owns.
pub(crate) struct Task<S> {
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
    pub(crate) fn new(
        stream: S,
        liveness: Liveness,
        limits: Limits,
        heard: watch::Sender<Option<Instant>>,
        requests: mpsc::Receiver<Request>,
        inbox: mpsc::Sender<Notification>,
    ) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self {
            reader,
            writer,
            codec: Codec::new(limits),
            liveness,
            heard,
            last_heard: Instant::now(),
            probed: None,
            outgoing: Vec::new(),
            requests,
            pending: BTreeMap::new(),
            next_id: PROBE_ID + 1,
            inbox,
            held: None,
            delivered: 0,
        }
    }

    /// Serves until the session is over, and says why.
    pub(crate) async fn run(mut self) -> RpcEnd {
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

/// Waits for a place in the inbox and puts the held notification there. Cancel safe.
async fn place(inbox: &mpsc::Sender<Notification>, held: &mut Option<Notification>) -> Result<(), RpcEnd> {
    let place = inbox.reserve().await.map_err(|_| RpcEnd::Dropped)?;
    if let Some(notification) = held.take() {
        place.send(notification);
    }
    Ok(())
}
