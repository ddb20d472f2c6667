//! One leadership: a real reconciler, and the sessions that its shell would keep. Judges every action that comes out.

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{ClusterId, Fence, HostDiff, HostId, Operation};
use asterism_planner::{Action, Event, Reconciler, Settings, Tick};

/// A leader, who may not know that it is one no longer.
pub struct Leader {
    pub reconciler: Reconciler,
    pub epoch: u64,
    /// How many states of the log it has seen.
    pub seen: usize,
    pub sessions: BTreeMap<HostId, Session>,
    /// Told that it is deposed, or stepped down by itself.
    pub is_silent: bool,
    cluster: ClusterId,
    /// Transactions without an answer, and when the reconciler may give up on them.
    outstanding: BTreeMap<HostId, (Fence, Tick)>,
    fences: BTreeSet<(HostId, u64)>,
    answer: std::time::Duration,
}

/// The session to one host.
#[derive(Debug, Clone, Copy, Default)]
pub struct Session {
    pub is_up: bool,
    /// The host may show something that was not shown yet.
    pub is_stale: bool,
    /// The number of the last picture; none goes back behind it.
    pub shown: u64,
}

/// What is to be done on a host.
#[derive(Debug, Clone)]
pub enum Order {
    Claim(Fence),
    Transact(Fence, Box<HostDiff>),
}

/// What a leader wants of the world.
pub enum Wish {
    Order(HostId, Order),
    Propose(Operation),
    /// The first word of a new session's task.
    Dialling(HostId),
}

impl Leader {
    pub fn new(reconciler: Reconciler, cluster: ClusterId, epoch: u64, seen: usize) -> Self {
        Self {
            reconciler,
            epoch,
            seen,
            sessions: BTreeMap::new(),
            is_silent: false,
            cluster,
            outstanding: BTreeMap::new(),
            fences: BTreeSet::new(),
            answer: Settings::default().answer,
        }
    }

    /// Hands an event over and takes the actions out.
    pub fn handle(&mut self, event: Event, now: Tick) -> Vec<Wish> {
        match &event {
            Event::Transacted { host, fence, .. } => {
                self.outstanding.retain(|at, (sent, _)| at != host || sent != fence);
            }
            Event::SessionLost { host, .. } => {
                self.outstanding.remove(host);
            }
            Event::Deposed
            | Event::State(_)
            | Event::Picture { .. }
            | Event::Claimed { .. }
            | Event::PoolPicture { .. }
            | Event::PoolLost { .. }
            | Event::PoolCalled { .. }
            | Event::Proposed { .. }
            | Event::Wake => {}
        }
        let is_deposed = matches!(event, Event::Deposed);
        self.reconciler.handle(event, now);
        self.is_silent |= is_deposed;
        self.drain(now)
    }

    /// P10: a fence on everything, one transaction at a time and host, silence after the end.
    pub fn drain(&mut self, now: Tick) -> Vec<Wish> {
        let mut wishes = Vec::new();
        while let Some(action) = self.reconciler.poll_action() {
            assert!(!self.is_silent, "a leader that ended says {action:?}");
            match action {
                Action::Connect { host, .. } => {
                    self.sessions.insert(host, Session::default());
                    wishes.push(Wish::Dialling(host));
                }
                Action::Disconnect { host } => {
                    self.sessions.remove(&host);
                    self.outstanding.remove(&host);
                }
                Action::Claim { host, fence, .. } => {
                    self.check_fence(host, fence, now);
                    wishes.push(Wish::Order(host, Order::Claim(fence)));
                }
                Action::Transact { host, stored, fence, diff, .. } => {
                    self.check_fence(host, fence, now);
                    assert!(stored < fence && stored.epoch == fence.epoch, "{stored} guards {fence}");
                    assert!(!diff.is_empty(), "an empty transaction for {host}");
                    self.outstanding.insert(host, (fence, now + self.answer));
                    wishes.push(Wish::Order(host, Order::Transact(fence, diff)));
                }
                Action::Propose(operation) => wishes.push(Wish::Propose(operation)),
                Action::StepDown { .. } => self.is_silent = true,
                // The pools of this world are static.
                Action::ConnectPool { .. } | Action::DisconnectPool { .. } | Action::CallPool { .. } => {
                    panic!("no pool is behind a XAPI: {action:?}")
                }
            }
        }
        if self.is_silent {
            assert_eq!(self.reconciler.poll_deadline(), None, "a leader that ended waits for something");
        }
        wishes
    }

    fn check_fence(&mut self, host: HostId, fence: Fence, now: Tick) {
        assert_eq!(
            (fence.cluster, fence.epoch),
            (self.cluster, self.epoch),
            "the fence of a write to {host}"
        );
        assert!(self.fences.insert((host, fence.revision)), "fence {fence} was used twice on {host}");
        if let Some((sent, deadline)) = self.outstanding.get(&host) {
            assert!(*deadline <= now, "{host} was sent {fence} while {sent} was in flight");
        }
        assert!(
            self.sessions.get(&host).is_some_and(|session| session.is_up),
            "a write to {host} without a session"
        );
    }
}
