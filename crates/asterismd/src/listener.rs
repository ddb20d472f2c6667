//! The port: takes TCP connections within limits, and makes TLS of them with the certificates of the moment.
//!
//! Each handshake runs in a task of its own and has a deadline, so that a client that says nothing delays nobody. What is over a
//! limit is closed at once, before it costs a handshake; the log says so, once for as long as it lasts.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use asterism_model::chain;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;
use tracing::{debug, warn};

use crate::credentials::Standing;

/// How long a client may take for its handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Connections that are through their handshake and wait to be served.
const QUEUE: usize = 64;
/// Pause after a failure to accept, which is most often a lack of file descriptors: somebody has to close one first.
const PAUSE: Duration = Duration::from_millis(50);

/// How many connections may be open at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    pub total: usize,
    /// From one address.
    pub per_address: usize,
}

/// Serves connections of a listener, until the receiver of the stream is dropped.
pub fn accept(
    listener: TcpListener,
    limits: ConnectionLimits,
    standing: watch::Receiver<Standing>,
) -> ReceiverStream<io::Result<Connection>> {
    let (ready, connections) = mpsc::channel(QUEUE);
    let ledger = Ledger { limits, open: Arc::default() };
    tokio::spawn(async move {
        let mut is_full = false;
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = ready.closed() => return,
            };
            match accepted {
                Ok((stream, from)) => match ledger.enter(from.ip()) {
                    Ok(permit) => {
                        is_full = false;
                        let config = standing.borrow().credentials.server.clone();
                        tokio::spawn(shake(stream, from, TlsAcceptor::from(config), permit, ready.clone()));
                    }
                    Err(why) => {
                        if !std::mem::replace(&mut is_full, true) {
                            warn!(%from, why, "connections are refused");
                        }
                    }
                },
                Err(error) => {
                    warn!(error = chain(&error), "a connection can't be accepted");
                    sleep(PAUSE).await;
                }
            }
        }
    });
    ReceiverStream::new(connections)
}

async fn shake(
    stream: TcpStream,
    from: SocketAddr,
    acceptor: TlsAcceptor,
    permit: Permit,
    ready: mpsc::Sender<io::Result<Connection>>,
) {
    // Without it each small answer waits some 40 ms for an acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%from, %error, "a connection is gone");
        return;
    }
    match timeout(HANDSHAKE, acceptor.accept(stream)).await {
        // A server that has stopped takes none any more.
        Ok(Ok(stream)) => drop(ready.send(Ok(Connection { stream, _permit: permit })).await),
        Ok(Err(error)) => debug!(%from, error = chain(&error), "no TLS with a client"),
        Err(_) => debug!(%from, after = ?HANDSHAKE, "a client did not finish its handshake"),
    }
}

/// Who has connections open.
#[derive(Clone)]
struct Ledger {
    limits: ConnectionLimits,
    open: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

/// One connection's place; given back when it is dropped.
struct Permit {
    ledger: Ledger,
    from: IpAddr,
}

impl Ledger {
    fn enter(&self, from: IpAddr) -> Result<Permit, &'static str> {
        let from = from.to_canonical();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.values().sum::<usize>() >= self.limits.total {
            return Err("`limits.connections` are open");
        }
        let own = open.entry(from).or_insert(0);
        if *own >= self.limits.per_address {
            return Err("`limits.connections_per_address` are open from there");
        }
        *own += 1;
        Ok(Permit { ledger: self.clone(), from })
    }

    fn leave(&self, from: IpAddr) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(&from) {
            Some(own) if *own > 1 => *own -= 1,
            Some(_) | None => drop(open.remove(&from)),
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.ledger.leave(self.from);
    }
}

/// A client's connection, through its handshake.
pub struct Connection {
    stream: TlsStream<TcpStream>,
    _permit: Permit,
}

impl Connected for Connection {
    type ConnectInfo = <TlsStream<TcpStream> as Connected>::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_by_address_and_given_back() {
        let limits = ConnectionLimits { total: 3, per_address: 2 };
        let ledger = Ledger { limits, open: Arc::default() };
        let (a, b) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let first = ledger.enter(a).ok();
        let second = ledger.enter("::ffff:10.0.0.1".parse().unwrap()).ok();
        assert!(first.is_some() && second.is_some());
        assert!(ledger.enter(a).is_err_and(|why| why.contains("connections_per_address")));
        let third = ledger.enter(b).ok();
        assert!(ledger.enter(b).is_err_and(|why| why.contains("limits.connections`")));
        drop((first, third));
        assert!(ledger.enter(b).is_ok() && ledger.enter(a).is_ok());
        drop(second);
        assert_eq!(*ledger.open.lock().unwrap(), BTreeMap::new());
    }
}
