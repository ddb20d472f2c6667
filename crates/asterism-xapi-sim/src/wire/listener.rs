//! A host's ports: one thread waits for connections on each, one thread serves each connection.
//!
//! A [`Door`] is a host's address for as long as the simulator runs. Which pool stands behind it can change: an ejected
//! host is a pool of its own.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Shutdown, TcpListener, TcpStream},
    os::fd::AsRawFd,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use openssl::ssl::SslAcceptor;

use super::connection;
use crate::pool::Pool;

/// The stack of a thread that serves; calls are shallow, and a large simulation has thousands of threads.
const STACK_BYTES: usize = 512 * 1024;
/// How long to pause when the system has no more sockets or threads to give.
const PAUSE: Duration = Duration::from_millis(20);

/// A host's address, with the connections that are open to it.
pub(crate) struct Door {
    pub(crate) address: IpAddr,
    behind: Mutex<Behind>,
    open: Mutex<Connections>,
    listeners: Mutex<Vec<TcpListener>>,
}

/// Who answers at a door.
#[derive(Clone)]
pub(crate) struct Behind {
    pub pool: Arc<Pool>,
    /// The reference of the host in that pool.
    pub host: String,
}

#[derive(Default)]
struct Connections {
    next: u64,
    streams: BTreeMap<u64, TcpStream>,
}

impl Door {
    pub(crate) fn new(address: IpAddr, pool: Arc<Pool>, host: String) -> Arc<Door> {
        let behind = Mutex::new(Behind { pool, host });
        Arc::new(Door { address, behind, open: Mutex::default(), listeners: Mutex::default() })
    }

    pub(crate) fn behind(&self) -> Behind {
        self.behind.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another pool behind the door, for the connections to come.
    pub(crate) fn move_to(&self, pool: Arc<Pool>, host: String) {
        *self.behind.lock().unwrap_or_else(PoisonError::into_inner) = Behind { pool, host };
    }

    /// Serves a port, with TLS if there is an acceptor for it.
    pub(crate) fn listen(
        self: &Arc<Door>,
        listener: TcpListener,
        tls: Option<SslAcceptor>,
    ) -> io::Result<()> {
        let door = Arc::clone(self);
        let accepting = listener.try_clone()?;
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(listener);
        let accept = move || {
            let tls = tls.map(Arc::new);
            loop {
                match accepting.accept() {
                    Ok((stream, _)) => door.serve(stream, tls.clone()),
                    Err(_) if door.is_closed() => return,
                    Err(error) => {
                        tracing::warn!(%error, "a connection was not accepted");
                        thread::sleep(PAUSE);
                    }
                }
                if door.is_closed() {
                    return;
                }
            }
        };
        thread::Builder::new().name("xapi-accept".to_owned()).stack_size(STACK_BYTES).spawn(accept)?;
        Ok(())
    }

    /// Ends all connections, as when xapi restarts.
    pub(crate) fn cut(&self) {
        for stream in self.open.lock().unwrap_or_else(PoisonError::into_inner).streams.values() {
            // Whoever closed it first has ended it just as well.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Listens no more, and ends all connections.
    pub(crate) fn close(&self) {
        for listener in self.listeners.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // Wakes the thread that accepts.
            if let Err(error) =
                nix::sys::socket::shutdown(listener.as_raw_fd(), nix::sys::socket::Shutdown::Both)
            {
                tracing::debug!(%error, "a listener was not shut down");
            }
        }
        self.cut();
    }

    fn is_closed(&self) -> bool {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn serve(self: &Arc<Door>, stream: TcpStream, tls: Option<Arc<SslAcceptor>>) {
        let Ok(twin) = stream.try_clone() else { return };
        let number = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.next += 1;
            let number = open.next;
            open.streams.insert(number, twin);
            number
        };
        let door = Arc::clone(self);
        let work = move || {
            connection::serve(&door, stream, tls.as_deref());
            door.forget(number);
        };
        let spawned =
            thread::Builder::new().name("xapi-serve".to_owned()).stack_size(STACK_BYTES).spawn(work);
        if let Err(error) = spawned {
            tracing::warn!(%error, "no thread for a connection");
            self.forget(number);
        }
    }

    fn forget(&self, number: u64) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).streams.remove(&number);
    }
}
