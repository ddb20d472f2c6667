//! What a supervisor is told, as sd_notify(3) has it: that the replica serves, that it lives, that it stops.
//!
//! Without `NOTIFY_SOCKET` in the environment nobody is told. The watchdog is fed only while consensus answers; a replica
//! without a quorum answers, one that is deadlocked does not, and is killed and started again.

use std::{
    env, io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
    sync::Arc,
    time::Duration,
};

use asterism_raft::Replica;
use tokio::time::sleep;
use tracing::warn;

/// The supervisor, if there is one.
#[derive(Debug, Clone, Default)]
pub struct Supervisor {
    socket: Option<Arc<(UnixDatagram, SocketAddr)>>,
    /// After this long without a word the process is killed.
    patience: Option<Duration>,
}

impl Supervisor {
    /// From `NOTIFY_SOCKET` and `WATCHDOG_USEC`.
    ///
    /// # Errors
    /// The socket's address is none, or no socket can be had.
    pub fn from_environment() -> io::Result<Self> {
        let Some(name) = env::var_os("NOTIFY_SOCKET") else { return Ok(Self::default()) };
        let address = match name.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            path => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(path))?,
        };
        let patience = env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse().ok());
        Ok(Self {
            socket: Some(Arc::new((UnixDatagram::unbound()?, address))),
            patience: patience.filter(|micros| *micros > 0).map(Duration::from_micros),
        })
    }

    /// The port is bound: whoever waits for this replica may go on.
    pub fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Feeds the watchdog for ever, if there is one.
    pub async fn feed(self, replica: Replica) {
        let Some(patience) = self.patience else { return };
        // Twice in its patience, as sd_watchdog_enabled(3) advises, and time left for the answer.
        let pause = patience / 3;
        loop {
            match replica.is_alive(pause).await {
                true => self.tell("WATCHDOG=1"),
                false => warn!("consensus does not answer: the watchdog is not fed"),
            }
            sleep(pause).await;
        }
    }

    /// A supervisor that does not listen is not waited for.
    fn tell(&self, message: &str) {
        let Some(to) = &self.socket else { return };
        let (socket, address) = &**to;
        if let Err(error) = socket.send_to_addr(message.as_bytes(), address) {
            warn!(%error, message, "the supervisor was not told");
        }
    }
}
