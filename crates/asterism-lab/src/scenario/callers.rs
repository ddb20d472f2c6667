//! Callers: every VM broadcasts a numbered frame every 50 ms (less often where there are many), as long as the scenario lasts,
//! and all count what arrives.
//!
//! A frame that arrives twice took two ways: a ring of live links, for however short a time. A thread of its own; it also
//! says for how long the machine did not let it run, since nothing that was timed then is to be believed.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::tally::Tally;
use crate::error::{LabError, Result};
use crate::probe::{Endpoint, open};
use crate::vm::Vm;

/// UDP port on which numbered broadcasts are counted.
const PORT: u16 = 7403;
/// Time between two frames of a VM, where that many copies in all are no burden.
const PERIOD: Duration = Duration::from_millis(50);
/// Copies that the switches of this one machine deliver in a second beside everything else. Broadcasts grow with the square
/// of the VMs: at 32 of them, every 50 ms, the witness would be the fault.
const COPIES_PER_SECOND: u32 = 2000;
/// Longest sleep of the thread; what a turn takes beyond that is the machine's stall.
const TURN: Duration = Duration::from_millis(5);
/// `ASTC`, sender, number.
const MAGIC: [u8; 4] = *b"ASTC";
const LENGTH: usize = 12;

/// What was counted; filled by the thread.
#[derive(Debug)]
struct Shared {
    tally: Tally,
    stall: Duration,
}

/// Callers in a set of VMs, until dropped.
#[derive(Debug)]
pub(super) struct Callers {
    shared: Arc<Mutex<Shared>>,
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

struct Voice {
    socket: UdpSocket,
    to: SocketAddr,
}

impl Callers {
    /// # Errors
    /// When a socket cannot be opened in a VM.
    pub(super) fn start<'a>(vms: impl IntoIterator<Item = &'a Vm>) -> Result<Self> {
        let (mut voices, mut names) = (Vec::new(), Vec::new());
        for vm in vms {
            let name = vm.name().to_owned();
            let endpoint = Endpoint { name: name.clone(), netns: vm.netns().clone(), address: vm.address() };
            let to = (vm.spec().cidr.broadcast(), PORT).into();
            voices.push(Voice { socket: open(&endpoint, PORT)?, to });
            names.push((name, vm.spec().network.clone()));
        }
        let shared = Arc::new(Mutex::new(Shared { tally: Tally::new(names), stall: Duration::ZERO }));
        let ending = Arc::new(AtomicBool::new(false));
        let (held, end) = (Arc::clone(&shared), Arc::clone(&ending));
        let thread = thread::Builder::new()
            .name("callers".into())
            .spawn(move || call(&voices, &held, &end))
            .map_err(|source| LabError::io("starting the callers", source))?;
        Ok(Self { shared, ending, thread: Some(thread) })
    }

    /// The longest time for which the machine did not let this thread run, since it was last asked.
    pub(super) fn take_stall(&self) -> Duration {
        std::mem::take(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner).stall)
    }

    /// What was heard, so far.
    pub(super) fn tally(&self) -> Tally {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).tally.clone()
    }
}

impl Drop for Callers {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::SeqCst);
        drop(self.thread.take().map(JoinHandle::join));
    }
}

fn call(voices: &[Voice], shared: &Mutex<Shared>, ending: &AtomicBool) {
    let start = Instant::now();
    let period = period(voices.len());
    let mut number = 0;
    let mut last = start;
    while !ending.load(Ordering::SeqCst) {
        let is_due = start.elapsed() >= period * number;
        if is_due {
            for (sender, voice) in (0..).zip(voices) {
                // A frame that the kernel refuses is a frame that nobody hears.
                drop(voice.socket.send_to(&encode(sender, number), voice.to));
            }
            number += 1;
        }
        let mut ready: Vec<PollFd<'_>> =
            voices.iter().map(|voice| PollFd::new(voice.socket.as_fd(), PollFlags::POLLIN)).collect();
        let _ = poll(&mut ready, PollTimeout::try_from(TURN).unwrap_or(PollTimeout::ZERO)); // all is read anyway
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        if is_due {
            shared.tally.called();
        }
        hear(voices, &mut shared.tally);
        shared.stall = shared.stall.max(last.elapsed().saturating_sub(TURN));
        last = Instant::now();
    }
}

/// Time between two frames of each of so many VMs.
fn period(vms: usize) -> Duration {
    let copies = u32::try_from(vms * vms.saturating_sub(1)).unwrap_or(u32::MAX);
    PERIOD.max(Duration::from_secs(1) * copies / COPIES_PER_SECOND)
}

fn hear(voices: &[Voice], tally: &mut Tally) {
    let mut buffer = [0; 64];
    for (listener, voice) in voices.iter().enumerate() {
        while let Ok((length, _)) = voice.socket.recv_from(&mut buffer) {
            if let Some((sender, number)) = decode(&buffer[..length]) {
                tally.heard(listener, sender, number);
            }
        }
    }
}

fn encode(sender: u32, number: u32) -> [u8; LENGTH] {
    let mut frame = [0; LENGTH];
    frame[..4].copy_from_slice(&MAGIC);
    frame[4..8].copy_from_slice(&sender.to_be_bytes());
    frame[8..].copy_from_slice(&number.to_be_bytes());
    frame
}

fn decode(frame: &[u8]) -> Option<(usize, usize)> {
    let frame: &[u8; LENGTH] = frame.try_into().ok()?;
    let (magic, rest) = frame.split_first_chunk::<4>()?;
    let (sender, number) = rest.split_first_chunk::<4>()?;
    let index = |bytes: &[u8; 4]| usize::try_from(u32::from_be_bytes(*bytes)).ok();
    (*magic == MAGIC).then_some((index(sender)?, index(number.first_chunk()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_call_less_often() {
        assert_eq!(period(9), PERIOD);
        assert_eq!(period(32), Duration::from_millis(496));
        assert_eq!(period(0), PERIOD);
    }

    #[test]
    fn a_frame_survives_the_wire_and_a_stranger_is_ignored() {
        assert_eq!(decode(&encode(3, 70_000)), Some((3, 70_000)));
        assert_eq!(decode(b"hello"), None);
        assert_eq!(decode(b"ASTp00000000"), None);
    }
}
