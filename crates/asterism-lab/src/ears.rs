//! Ears: sockets in several VMs that count what arrives, to see that a broadcast comes once and a stranger's never.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::error::{LabError, Result};
use crate::probe::{Endpoint, open};
use crate::vm::Vm;

/// UDP port on which broadcasts are counted.
pub const EARS_PORT: u16 = 7402;
/// Copies of one frame that are kept apart before a storm is called a storm and the count stops.
const STORM: usize = 100_000;

/// What was heard: VM, payload, number of copies.
pub type Heard = BTreeMap<String, BTreeMap<Vec<u8>, usize>>;

/// Open ears in a set of VMs; they hear until dropped.
#[derive(Debug)]
pub struct Ears {
    sockets: Vec<(String, UdpSocket)>,
    heard: Heard,
}

impl Ears {
    /// # Errors
    /// When a socket cannot be opened in a VM.
    pub fn open<'a>(vms: impl IntoIterator<Item = &'a Vm>) -> Result<Self> {
        let sockets = vms
            .into_iter()
            .map(|vm| {
                let name = vm.name().to_owned();
                let endpoint =
                    Endpoint { name: name.clone(), netns: vm.netns().clone(), address: vm.address() };
                Ok((name, open(&endpoint, EARS_PORT)?))
            })
            .collect::<Result<Vec<_>>>()?;
        let heard = sockets.iter().map(|(name, _)| (name.clone(), BTreeMap::new())).collect();
        Ok(Self { sockets, heard })
    }

    /// Broadcasts `payload` from one of the VMs.
    ///
    /// # Errors
    /// When that VM has no ears here, or the frame cannot be sent.
    pub fn broadcast(&self, from: &Vm, payload: &[u8]) -> Result<()> {
        let socket = self.sockets.iter().find(|(name, _)| name == from.name()).map(|(_, socket)| socket);
        let socket = socket.ok_or_else(|| LabError::Unknown {
            kind: "VM with ears",
            name: from.name().into(),
            known: self.sockets.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", "),
        })?;
        let sent = socket.send_to(payload, (from.spec().cidr.broadcast(), EARS_PORT));
        sent.map(drop).map_err(|source| LabError::io(format!("broadcasting from {}", from.name()), source))
    }

    /// Listens until nothing has come for `quiet`, at most for `deadline`, and gives all that was heard so far.
    ///
    /// # Errors
    /// [`LabError::Deadline`] when it never got quiet: a storm.
    pub fn listen(&mut self, quiet: Duration, deadline: Duration) -> Result<&Heard> {
        let start = Instant::now();
        let mut last = start;
        let mut count = 0;
        while last.elapsed() < quiet {
            if start.elapsed() >= deadline || count > STORM {
                let last = format!("{count} frames in {:?}", start.elapsed());
                return Err(LabError::Deadline {
                    what: "quiet on the private network".into(),
                    deadline,
                    last,
                });
            }
            let arrived = self.read_all(quiet.saturating_sub(last.elapsed()));
            if arrived > 0 {
                (last, count) = (Instant::now(), count + arrived);
            }
        }
        Ok(&self.heard)
    }

    fn read_all(&mut self, at_most: Duration) -> usize {
        let mut ready: Vec<PollFd<'_>> =
            self.sockets.iter().map(|(_, socket)| PollFd::new(socket.as_fd(), PollFlags::POLLIN)).collect();
        let timeout = PollTimeout::try_from(at_most).unwrap_or(PollTimeout::MAX);
        let _ = poll(&mut ready, timeout); // interrupted or not: everything is read below
        let mut arrived = 0;
        let mut buffer = [0; 2048];
        for (name, socket) in &self.sockets {
            while let Ok((length, _)) = socket.recv_from(&mut buffer) {
                let copies = self.heard.entry(name.clone()).or_default().entry(buffer[..length].to_vec());
                *copies.or_default() += 1;
                arrived += 1;
            }
        }
        arrived
    }
}
