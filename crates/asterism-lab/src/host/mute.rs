//! A host whose OVSDB accepts connections and never says a word: what a hung management stack looks like from afar.

use std::net::{SocketAddrV4, TcpListener};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::address::{HostName, OVSDB_PORT};
use crate::error::{LabError, Result};
use crate::fabric::{Fabric, Underlay};
use crate::netns::Netns;

/// Milliseconds after which the thread notices that it should end.
const TICK_MS: u8 = 100;

/// A mute host; it ends when dropped.
#[derive(Debug)]
pub struct MuteHost {
    name: HostName,
    netns: Netns,
    accepted: Arc<AtomicUsize>,
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl MuteHost {
    /// # Errors
    /// When the namespace or the listener cannot be made.
    pub fn build(name: HostName, fabric: &Fabric) -> Result<Self> {
        let netns = Netns::create(&name.flat())?;
        fabric.attach(&netns, Underlay::Transport, "eth0", name.transport())?;
        fabric.attach(&netns, Underlay::Management, "mgmt0", name.management())?;
        let address = SocketAddrV4::new(name.management(), OVSDB_PORT);
        let listener = netns
            .enter(|| TcpListener::bind(address))
            .and_then(|listener| listener)
            .map_err(|source| LabError::io(format!("listening on {address} for mute host {name}"), source))?;
        let (accepted, ending) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, end) = (Arc::clone(&accepted), Arc::clone(&ending));
        let thread = thread::spawn(move || hold_connections(&listener, &count, &end));
        Ok(Self { name, netns, accepted, ending, thread: Some(thread) })
    }

    pub fn name(&self) -> HostName {
        self.name
    }

    /// Where its silent listener is reached, as OVS writes it.
    pub fn ovsdb_remote(&self) -> String {
        format!("tcp:{}:{OVSDB_PORT}", self.name.management())
    }

    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    /// How many connections it has accepted so far (and holds, silently).
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for MuteHost {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::SeqCst);
        drop(self.thread.take().map(JoinHandle::join));
    }
}

fn hold_connections(listener: &TcpListener, accepted: &AtomicUsize, ending: &AtomicBool) {
    let mut held = Vec::new();
    while !ending.load(Ordering::SeqCst) {
        let mut ready = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        if poll(&mut ready, PollTimeout::from(TICK_MS)).is_ok_and(|count| count > 0)
            && let Ok((stream, _)) = listener.accept()
        {
            held.push(stream);
            accepted.fetch_add(1, Ordering::SeqCst);
        }
    }
}
