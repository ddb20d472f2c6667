//! The prober's thread: sends what is due, answers what arrives, notes what comes back.
//!
//! One thread and one `ppoll` for all VMs. Never blocks on a socket; a send that the kernel refuses (no neighbour, no
//! carrier) is a probe without an answer, which is what it would be to the application in the VM.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use super::flow_log::FlowLog;

/// Longest sleep: how soon the thread notices that it should end.
const TICK: Duration = Duration::from_millis(50);
/// Datagrams read from one socket before the others and the clock get their turn.
const BURST: usize = 64;
const MAGIC: [u8; 3] = *b"AST";
const LENGTH: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Probe,
    Answer,
}

pub(super) struct EngineFlow {
    /// Index of the sender's socket.
    pub(super) socket: usize,
    pub(super) to: SocketAddr,
    pub(super) interval: Duration,
}

pub(super) struct Engine {
    sockets: Vec<UdpSocket>,
    flows: Vec<EngineFlow>,
    logs: Arc<Mutex<Vec<FlowLog>>>,
    ending: Arc<AtomicBool>,
    start: Instant,
    /// (due since start, flow), earliest first.
    due: BinaryHeap<Reverse<(Duration, usize)>>,
}

impl Engine {
    pub(super) fn new(
        sockets: Vec<UdpSocket>,
        flows: Vec<EngineFlow>,
        logs: Arc<Mutex<Vec<FlowLog>>>,
        ending: Arc<AtomicBool>,
        start: Instant,
    ) -> Self {
        // Spread over the first interval, so that not all flows send in the same instant.
        let count = u32::try_from(flows.len()).unwrap_or(u32::MAX).max(1);
        let due = flows
            .iter()
            .enumerate()
            .map(|(index, flow)| {
                let share = u32::try_from(index).unwrap_or(0);
                Reverse((flow.interval * share / count, index))
            })
            .collect();
        Self { sockets, flows, logs, ending, start, due }
    }

    pub(super) fn run(mut self) {
        while !self.ending.load(Ordering::SeqCst) {
            self.send_due();
            self.sleep();
            self.receive();
        }
    }

    fn send_due(&mut self) {
        let logs = Arc::clone(&self.logs);
        let mut logs = logs.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(&Reverse((due, index))) = self.due.peek() {
            let now = self.start.elapsed();
            if due > now {
                return;
            }
            self.due.pop();
            let flow = &self.flows[index];
            let log = &mut logs[index];
            let sequence = log.sent(now);
            let packet = encode(Kind::Probe, index, sequence);
            drop(self.sockets[flow.socket].send_to(&packet, flow.to));
            // A prober that is late by whole intervals owns up to it and does not send a burst.
            let missed = (now - due).as_nanos() / flow.interval.as_nanos().max(1);
            let missed = u32::try_from(missed).unwrap_or(u32::MAX);
            log.skipped(missed);
            self.due.push(Reverse((due + flow.interval * (missed + 1), index)));
        }
    }

    fn sleep(&self) {
        let next = self.due.peek().map_or(TICK, |Reverse((due, _))| due.saturating_sub(self.start.elapsed()));
        let mut ready: Vec<PollFd<'_>> =
            self.sockets.iter().map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN)).collect();
        // Interrupted or not: the loop looks at everything anyway.
        let _ = ppoll(&mut ready, Some(TimeSpec::from_duration(next.min(TICK))), None);
    }

    fn receive(&self) {
        let mut buffer = [0; 64];
        let mut answers = Vec::new();
        for socket in &self.sockets {
            for _ in 0..BURST {
                let (length, from) = match socket.recv_from(&mut buffer) {
                    Ok(received) => received,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(_) => continue, // an ICMP error of an earlier send: that probe has no answer
                };
                match decode(&buffer[..length]) {
                    Some((Kind::Probe, flow, sequence)) => {
                        drop(socket.send_to(&encode(Kind::Answer, flow, sequence), from));
                    }
                    Some((Kind::Answer, flow, sequence)) => {
                        answers.push((flow, sequence, self.start.elapsed()));
                    }
                    None => {}
                }
            }
        }
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        for (flow, sequence, at) in answers {
            if let Some(log) = logs.get_mut(flow) {
                log.answered(sequence, at);
            }
        }
    }
}

fn encode(kind: Kind, flow: usize, sequence: u32) -> [u8; LENGTH] {
    let mut packet = [0; LENGTH];
    packet[..3].copy_from_slice(&MAGIC);
    packet[3] = match kind {
        Kind::Probe => b'p',
        Kind::Answer => b'a',
    };
    packet[4..8].copy_from_slice(&u32::try_from(flow).unwrap_or(u32::MAX).to_be_bytes());
    packet[8..].copy_from_slice(&sequence.to_be_bytes());
    packet
}

fn decode(packet: &[u8]) -> Option<(Kind, usize, u32)> {
    let packet: &[u8; LENGTH] = packet.try_into().ok()?;
    let (head, rest) = packet.split_first_chunk::<4>()?;
    let (flow, sequence) = rest.split_first_chunk::<4>()?;
    let kind = match (&head[..3] == MAGIC.as_slice(), head[3]) {
        (true, b'p') => Kind::Probe,
        (true, b'a') => Kind::Answer,
        (true | false, _) => return None,
    };
    let sequence = sequence.first_chunk::<4>()?;
    Some((kind, usize::try_from(u32::from_be_bytes(*flow)).ok()?, u32::from_be_bytes(*sequence)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_survives_the_wire() {
        assert_eq!(decode(&encode(Kind::Probe, 7, 9)), Some((Kind::Probe, 7, 9)));
        assert_eq!(decode(&encode(Kind::Answer, 1, u32::MAX)), Some((Kind::Answer, 1, u32::MAX)));
    }

    #[test]
    fn a_stranger_is_ignored() {
        assert_eq!(decode(b"hello"), None);
        assert_eq!(decode(b"ASTx00000000"), None);
    }
}
