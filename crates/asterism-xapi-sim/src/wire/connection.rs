//! One connection: requests are read and answered one after the other, until either side ends it.
//!
//! Here is where a host's condition and ordered faults show: a crashed host is silent, a stopped one closes.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    sync::Arc,
    time::Duration,
};

use openssl::ssl::SslAcceptor;

use super::{
    Request, http,
    http::{Head, Rejection},
    listener::{Behind, Door},
};
use crate::{
    calls::{self, Refusal},
    fault::{self, Effect},
    journal::{CallRecord, Outcome},
    pool::Condition,
    value::Value,
};

/// How long a client may take to send a request that it has begun.
const REQUEST_LIMIT: Duration = Duration::from_secs(60);
/// How long a fault may hold a call: longer than any test runs.
const FOR_EVER: Duration = Duration::from_secs(24 * 3600);

/// A stream, with or without TLS.
trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// What is done after a request.
enum Next {
    /// Write this, and read on.
    Continue(Vec<u8>),
    /// Write this, and end.
    Finish(Vec<u8>),
}

/// Serves a connection until it ends.
pub(super) fn serve(door: &Arc<Door>, stream: TcpStream, tls: Option<&SslAcceptor>) {
    if !may_answer(&door.behind()) {
        return;
    }
    let result = match (tls, stream.try_clone()) {
        (None, Ok(socket)) => converse(door, &socket, stream),
        (Some(acceptor), Ok(socket)) => match acceptor.accept(stream) {
            Ok(stream) => converse(door, &socket, stream),
            Err(error) => {
                tracing::debug!(%error, "a TLS handshake failed");
                return;
            }
        },
        (_, Err(error)) => Err(error),
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended");
    }
}

/// Waits while the host is silent. Says whether it runs then.
fn may_answer(behind: &Behind) -> bool {
    let condition = behind.pool.wait(FOR_EVER, |state| {
        let machine = state.machines.get(&behind.host)?;
        (machine.condition != Condition::Crashed).then_some(machine.condition)
    });
    condition == Some(Condition::Up)
}

fn converse(door: &Arc<Door>, socket: &TcpStream, mut stream: impl Stream) -> io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let (head, body) = match read(socket, &mut stream, &mut buffer)? {
            Incoming::Request(head, body) => (head, body),
            Incoming::Rejected(rejection) => return stream.write_all(&http::rejection(rejection)),
            Incoming::End => return Ok(()),
        };
        let behind = door.behind();
        if !may_answer(&behind) {
            return Ok(());
        }
        match respond(&behind, &head, &body) {
            Next::Continue(bytes) => {
                stream.write_all(&bytes)?;
                stream.flush()?;
                if !head.keep_alive {
                    return socket.shutdown(Shutdown::Both);
                }
            }
            Next::Finish(bytes) => {
                stream.write_all(&bytes)?;
                stream.flush()?;
                return socket.shutdown(Shutdown::Both);
            }
        }
    }
}

enum Incoming {
    Request(Head, Vec<u8>),
    Rejected(Rejection),
    End,
}

/// Reads one request. Between requests a connection may be idle; within one it may not.
fn read(socket: &TcpStream, stream: &mut impl Stream, buffer: &mut Vec<u8>) -> io::Result<Incoming> {
    let mut chunk = [0; 16 * 1024];
    loop {
        if !buffer.is_empty() {
            match http::head(buffer) {
                Ok(Some(head)) if buffer.len() >= head.bytes + head.body_bytes => {
                    let rest = buffer.split_off(head.bytes + head.body_bytes);
                    let body = buffer.split_off(head.bytes);
                    *buffer = rest;
                    return Ok(Incoming::Request(head, body));
                }
                Ok(_) => {}
                Err(rejection) => return Ok(Incoming::Rejected(rejection)),
            }
        }
        socket.set_read_timeout(if buffer.is_empty() { None } else { Some(REQUEST_LIMIT) })?;
        let count = stream.read(&mut chunk)?;
        if count == 0 {
            return Ok(Incoming::End);
        }
        buffer.extend_from_slice(&chunk[..count]);
    }
}

fn respond(behind: &Behind, head: &Head, body: &[u8]) -> Next {
    let Some(request) = Request::read(&head.path, body) else {
        return Next::Finish(http::rejection(Rejection::InternalError));
    };
    let pool = &behind.pool;
    let started = pool.clock.elapsed();
    pool.journal.begin(&request.method);
    let (name, originator, effect) = {
        let mut state = pool.lock();
        let name = state.machines.get(&behind.host).map(|machine| machine.name.clone()).unwrap_or_default();
        let session = request.parameters.first().map_or("", Value::as_text);
        let originator = state.database.text("session", session, "originator").to_owned();
        let effect = fault::take(&mut state.faults, &name, &request.method);
        (name, originator, effect)
    };
    let (next, outcome) = answer(behind, head, &request, effect);
    pool.journal.end(CallRecord {
        at: started,
        took: pool.clock.elapsed().saturating_sub(started),
        host: name,
        method: request.method,
        originator,
        outcome,
    });
    next
}

/// Carries a call out, as far as no fault prevents it, and words its answer.
fn answer(behind: &Behind, head: &Head, request: &Request, effect: Option<Effect>) -> (Next, Outcome) {
    let nothing = || (Next::Finish(Vec::new()), Outcome::NoAnswer);
    let pool = &behind.pool;
    match &effect {
        Some(Effect::LoseCall) => return nothing(),
        Some(Effect::Status(status)) => {
            return (Next::Finish(http::page(*status, "as a test ordered")), Outcome::NoAnswer);
        }
        Some(Effect::Hang) => {
            pool.wait(FOR_EVER, |state| state.faults.is_empty().then_some(()));
            return nothing();
        }
        Some(Effect::Slow(_) | Effect::Cut | Effect::LoseAnswer | Effect::Fail(_)) | None => {}
    }
    let served = match &effect {
        Some(Effect::Fail(failure)) => Err(Refusal::Failure(failure.clone())),
        _ => calls::serve(pool, &behind.host, &request.method, request.parameters.clone()),
    };
    let outcome = match &served {
        Ok(_) => Outcome::Success,
        Err(Refusal::Failure(failure) | Refusal::BadCharacter(failure)) => {
            Outcome::Failure(failure.code.clone())
        }
        Err(Refusal::HangUp) => Outcome::NoAnswer,
    };
    if let Some(Effect::Slow(delay)) = effect {
        pool.sleep(delay);
    }
    let Some(body) = request.answer(served) else { return nothing() };
    let thumbprint = head.thumbprint_wanted.as_deref().and_then(|wanted| pool.thumbprint(wanted));
    let mut bytes = http::answer(&body, head.keep_alive, thumbprint.as_deref());
    match effect {
        Some(Effect::LoseAnswer) => nothing(),
        Some(Effect::Cut) => {
            bytes.truncate(bytes.len() - body.text.len().div_ceil(2));
            (Next::Finish(bytes), Outcome::NoAnswer)
        }
        _ => (Next::Continue(bytes), outcome),
    }
}
