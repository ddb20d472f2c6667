//! Constant probing between VMs: who lost how many packets, and for how long.
//!
//! One thread serves the sockets of all VMs (a socket stays in the namespace that it was opened in), so that the prober
//! takes little of the machine that the switches need. A probe is a UDP datagram and its answer. Probes that the prober
//! itself was too late to send are counted as *skipped*, never as lost.

mod engine;
mod flow_log;
mod report;

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::error::{LabError, Result};
use crate::netns::Netns;
use crate::vm::Vm;
use crate::wait::until;

use engine::{Engine, EngineFlow};
use flow_log::FlowLog;
pub use report::{FlowReport, ProbeReport, ProbeTotals};

/// UDP port of the probes inside the VMs.
const PROBE_PORT: u16 = 7401;
/// An answer that is later than this counts as lost.
pub const GRACE: Duration = Duration::from_secs(1);

/// Probes from one VM to another, answered by that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    pub from: String,
    pub to: String,
    pub interval: Duration,
}

/// Which VMs probe which, and how often.
#[derive(Clone, Debug, Default)]
pub struct ProbePlan {
    flows: Vec<Flow>,
}

impl ProbePlan {
    pub fn new() -> Self {
        Self::default()
    }

    /// One pair. The answer goes back the same way, so one direction shows losses of both.
    #[must_use]
    pub fn pair(mut self, from: &str, to: &str, interval: Duration) -> Self {
        self.flows.push(Flow { from: from.into(), to: to.into(), interval });
        self
    }

    /// Every pair of VMs that share a network label, once.
    #[must_use]
    pub fn all_pairs<'a>(mut self, vms: impl IntoIterator<Item = &'a Vm>, interval: Duration) -> Self {
        let vms: Vec<&Vm> = vms.into_iter().collect();
        for (index, from) in vms.iter().enumerate() {
            let peers = vms[index + 1..].iter().filter(|to| to.spec().network == from.spec().network);
            self = peers.fold(self, |plan, to| plan.pair(from.name(), to.name(), interval));
        }
        self
    }

    /// Each VM to the next of its network, and the last to the first: every VM twice, at little cost.
    #[must_use]
    pub fn ring<'a>(mut self, vms: impl IntoIterator<Item = &'a Vm>, interval: Duration) -> Self {
        let vms: Vec<&Vm> = vms.into_iter().collect();
        for (index, from) in vms.iter().enumerate() {
            let (before, after) = vms.split_at(index + 1);
            let network = &from.spec().network;
            let next = after.iter().chain(before).find(|to| to.spec().network == *network);
            if let Some(to) = next.filter(|to| to.name() != from.name()) {
                self = self.pair(from.name(), to.name(), interval);
            }
        }
        self
    }

    pub fn flows(&self) -> &[Flow] {
        &self.flows
    }

    /// Packets a second that this puts on the private networks, answers included.
    pub fn packets_per_second(&self) -> f64 {
        self.flows.iter().map(|flow| 2.0 / flow.interval.as_secs_f64()).sum()
    }
}

/// A VM as the prober needs it.
pub(crate) struct Endpoint {
    pub(crate) name: String,
    pub(crate) netns: Netns,
    pub(crate) address: Ipv4Addr,
}

/// A moment of a running probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(Instant);

impl Mark {
    /// Time that has passed since.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Probing that goes on until this is dropped.
#[derive(Debug)]
pub struct Probe {
    logs: Arc<Mutex<Vec<FlowLog>>>,
    start: Instant,
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Probe {
    /// Starts probing.
    ///
    /// # Errors
    /// When a flow names an unknown VM, or a socket cannot be opened.
    pub(crate) fn start(plan: &ProbePlan, endpoints: &[Endpoint]) -> Result<Self> {
        let position = |name: &str| {
            endpoints.iter().position(|endpoint| endpoint.name == name).ok_or_else(|| {
                let known: Vec<_> = endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
                LabError::Unknown { kind: "VM", name: name.into(), known: known.join(", ") }
            })
        };
        let flows = plan
            .flows
            .iter()
            .map(|flow| {
                let (from, to) = (position(&flow.from)?, position(&flow.to)?);
                Ok(EngineFlow {
                    socket: from,
                    to: (endpoints[to].address, PROBE_PORT).into(),
                    interval: flow.interval,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let sockets =
            endpoints.iter().map(|endpoint| open(endpoint, PROBE_PORT)).collect::<Result<Vec<_>>>()?;
        let logs = Arc::new(Mutex::new(plan.flows.iter().cloned().map(FlowLog::new).collect::<Vec<_>>()));
        let ending = Arc::new(AtomicBool::new(false));
        let start = Instant::now();
        let engine = Engine::new(sockets, flows, Arc::clone(&logs), Arc::clone(&ending), start);
        let thread = thread::Builder::new()
            .name("prober".into())
            .spawn(move || engine.run())
            .map_err(|source| LabError::io("starting the prober", source))?;
        Ok(Self { logs, start, ending, thread: Some(thread) })
    }

    /// This moment, to report from later.
    pub fn mark(&self) -> Mark {
        Mark(Instant::now())
    }

    /// What became of the probes sent from `since` until now. Waits up to [`GRACE`] for answers on their way.
    pub fn report(&self, since: Mark) -> ProbeReport {
        let until_mark = self.mark();
        // Lost probes never come: then the deadline is the normal end of this wait.
        drop(until("answers on their way", GRACE, || {
            let open = self.report_between(since, until_mark).lost();
            if open == 0 { Ok(()) } else { Err(format!("{open} open")) }
        }));
        self.report_between(since, until_mark)
    }

    /// What became of the probes sent between two moments, as known now.
    pub fn report_between(&self, since: Mark, until: Mark) -> ProbeReport {
        let window = (self.offset(since), self.offset(until));
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        ProbeReport { flows: logs.iter().map(|log| log.report(window)).collect() }
    }

    /// Waits until every flow chosen by `which` has lost nothing for `calm`, all of it after `since`.
    /// Gives the time from `since` to the start of that calm.
    ///
    /// # Errors
    /// [`LabError::Deadline`] naming flows that still lose.
    pub fn wait_until_calm(
        &self,
        since: Mark,
        calm: Duration,
        deadline: Duration,
        which: impl Fn(&Flow) -> bool,
    ) -> Result<Duration> {
        until("all chosen pairs answer one another", deadline, || {
            let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
            let chosen = logs.iter().filter(|log| which(&log.flow));
            let from = self.offset(since);
            let mut worst = from;
            for log in chosen {
                let calm_from = log
                    .calm_since(from, calm)
                    .ok_or_else(|| format!("{} -> {} is still losing", log.flow.from, log.flow.to))?;
                worst = worst.max(calm_from);
            }
            Ok(worst.saturating_sub(from))
        })
    }

    fn offset(&self, mark: Mark) -> Duration {
        mark.0.saturating_duration_since(self.start)
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::SeqCst);
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// A non-blocking UDP socket inside a VM, open to broadcasts.
pub(crate) fn open(endpoint: &Endpoint, port: u16) -> Result<UdpSocket> {
    let opened = endpoint.netns.enter(|| {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port))?;
        socket.set_nonblocking(true)?;
        socket.set_broadcast(true)?;
        Ok(socket)
    });
    opened
        .and_then(|socket| socket)
        .map_err(|source| LabError::io(format!("opening UDP port {port} in VM {}", endpoint.name), source))
}
