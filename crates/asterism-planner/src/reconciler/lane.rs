//! One host's lane: its session, what it shows, what was sent to it. Nothing in it waits for another host.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use asterism_model::{
    BfdState, ClusterId, Fence, HostId, HostTarget, NetworkId, ObservedHost, StoredFence, target::tunnel_peer,
};

use crate::{HostEvidence, Path, SessionEvidence, Tick, moves::Holding};

/// Peers by network.
pub(super) type Ports = BTreeMap<NetworkId, BTreeSet<HostId>>;

/// How far a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// No session.
    Disconnected,
    /// Not claimed in this epoch, or something is unknown: to be claimed (again), not before the given time.
    Unclaimed { not_before: Tick },
    /// A claim was sent.
    Claiming { fence: Fence, deadline: Tick },
    /// The fence is another cluster's, or no fence: hands off.
    Barred { why: String },
    /// Claimed, and the picture is as new as our last write.
    Ready { fence: Fence },
    /// A transaction was sent.
    InFlight { fence: Fence, deadline: Tick },
    /// Something of ours was applied; the picture does not show it yet.
    Looking { fence: Fence, deadline: Tick },
    /// The host refused a transaction.
    BackingOff { fence: Fence, until: Tick },
}

impl Phase {
    /// When the phase ends by itself, and under which name.
    pub(super) fn deadline(&self) -> Option<(Tick, &'static str)> {
        match self {
            Self::Disconnected | Self::Barred { .. } | Self::Ready { .. } => None,
            Self::Unclaimed { not_before } => Some((*not_before, "pause before a claim")),
            Self::Claiming { deadline, .. } => Some((*deadline, "answer to a claim")),
            Self::InFlight { deadline, .. } => Some((*deadline, "answer to a transaction")),
            Self::Looking { deadline, .. } => Some((*deadline, "picture of what was applied")),
            Self::BackingOff { until, .. } => Some((*until, "pause after a refusal")),
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnected => f.write_str("disconnected"),
            Self::Unclaimed { .. } => f.write_str("unclaimed"),
            Self::Claiming { .. } => f.write_str("claiming"),
            Self::Barred { why } => write!(f, "barred: {why}"),
            Self::Ready { .. } => f.write_str("ready"),
            Self::InFlight { .. } => f.write_str("in flight"),
            Self::Looking { .. } => f.write_str("looking"),
            Self::BackingOff { .. } => f.write_str("backing off"),
        }
    }
}

/// A host as the reconciler sees it.
#[derive(Debug)]
pub(super) struct Lane {
    pub phase: Phase,
    pub evidence: HostEvidence,
    /// The latest; kept when the session is lost, as what the host held last.
    pub picture: Option<Arc<ObservedHost>>,
    /// Whether the picture was taken behind our fence: before, a deposed leader may still have written.
    pub fenced: bool,
    /// The greatest revision of any fence that was sent.
    pub sent_revision: u64,
    /// Ports that were sent and are not seen to be there or refused yet.
    pub sent: Ports,
    /// The target, the picture or the holdings of others have changed since the last comparison.
    pub dirty: bool,
    /// The last comparison found nothing to do.
    pub settled: bool,
    /// Ports that wait for other hosts.
    pub withheld: Ports,
    /// What foreign rows stand in the way of.
    pub conflicts: Vec<String>,
    /// Refusals in a row.
    pub refusals: u32,
    pub last_error: Option<String>,
    /// `ForgetHost` was proposed.
    pub forgetting: bool,
}

impl Lane {
    pub fn new(now: Tick) -> Self {
        let session = SessionEvidence::Down { since: now, why: "not connected yet".into() };
        Self {
            phase: Phase::Disconnected,
            evidence: HostEvidence { session, paths: BTreeMap::new() },
            picture: None,
            fenced: false,
            sent_revision: 0,
            sent: BTreeMap::new(),
            dirty: true,
            settled: false,
            withheld: BTreeMap::new(),
            conflicts: Vec::new(),
            refusals: 0,
            last_error: None,
            forgetting: false,
        }
    }

    /// Takes a picture over; says whether the evidence has changed.
    pub fn observe(&mut self, picture: Arc<ObservedHost>, now: Tick) -> bool {
        let paths = paths(&picture, &self.evidence.paths, now);
        let session = match self.evidence.session {
            SessionEvidence::Up { since } => SessionEvidence::Up { since },
            SessionEvidence::Down { .. } => SessionEvidence::Up { since: now },
        };
        let evidence = HostEvidence { session, paths };
        let changed = evidence != self.evidence;
        self.evidence = evidence;
        // BFD's flaps and counters make pictures too; only what a comparison reads makes it worthwhile.
        if self.picture.as_deref().is_none_or(|before| {
            before.bridges != picture.bridges || before.foreign_names != picture.foreign_names
        }) {
            self.dirty = true;
        }
        self.picture = Some(picture);
        changed
    }

    /// The session is gone; says whether that is news.
    pub fn lose_session(&mut self, why: String, now: Tick) -> bool {
        self.phase = Phase::Disconnected;
        self.settled = false;
        self.last_error = Some(why.clone());
        match &mut self.evidence.session {
            SessionEvidence::Down { why: known, .. } => {
                *known = why;
                false
            }
            SessionEvidence::Up { .. } => {
                self.evidence.session = SessionEvidence::Down { since: now, why };
                true
            }
        }
    }

    pub fn stored_fence(&self) -> StoredFence {
        self.picture.as_ref().map(|picture| picture.fence.clone()).unwrap_or_default()
    }

    /// The greatest revision of ours, in this epoch, that the host stores or was sent.
    pub fn last_revision(&self, epoch: u64, cluster: ClusterId) -> u64 {
        let stored = match self.stored_fence() {
            StoredFence::Present(fence) if fence.cluster == cluster && fence.epoch == epoch => fence.revision,
            StoredFence::Present(_) | StoredFence::Absent | StoredFence::Malformed(_) => 0,
        };
        stored.max(self.sent_revision)
    }

    /// What the host may hold at this instant.
    pub fn holding(&self) -> Holding {
        let Some(picture) = self.picture.as_deref().filter(|_| self.fenced) else { return Holding::Unknown };
        let mut ports = held(picture);
        for (network, peers) in &self.sent {
            ports.entry(*network).or_default().extend(peers);
        }
        Holding::Known(ports)
    }

    /// Remembers what a transaction may make of the host until it is seen.
    pub fn send(&mut self, target: &HostTarget) {
        for bridge in target.bridges.values() {
            let peers = bridge.ports.values().flat_map(|port| &port.tunnels).map(|tunnel| tunnel.peer);
            self.sent.entry(bridge.network).or_default().extend(peers);
        }
    }
}

/// The peers to which a picture shows ports of ours.
pub(super) fn held(picture: &ObservedHost) -> Ports {
    let mut ports = Ports::new();
    for (network, peer, _) in tunnels(picture) {
        ports.entry(network).or_default().insert(peer);
    }
    ports
}

fn tunnels(picture: &ObservedHost) -> impl Iterator<Item = (NetworkId, HostId, BfdState)> + '_ {
    let ports = picture.bridges.values().flat_map(|bridge| bridge.ports.values());
    ports.flat_map(|port| {
        port.interfaces.values().filter_map(|interface| {
            let network = port.network?;
            Some((network, tunnel_peer(network, &interface.name)?, interface.bfd_state))
        })
    })
}

fn paths(picture: &ObservedHost, before: &BTreeMap<HostId, Path>, now: Tick) -> BTreeMap<HostId, Path> {
    let mut best: BTreeMap<HostId, BfdState> = BTreeMap::new();
    for (_, peer, state) in tunnels(picture) {
        best.entry(peer).and_modify(|known| *known = (*known).max(state)).or_insert(state);
    }
    best.into_iter()
        .map(|(peer, state)| {
            let path = match (state, before.get(&peer)) {
                (BfdState::Up, _) => Path::Up,
                (BfdState::Down, Some(Path::Down { since })) => Path::Down { since: *since },
                (BfdState::Down, Some(Path::Up | Path::Unknown) | None) => Path::Down { since: now },
                (BfdState::Unknown, _) => Path::Unknown,
            };
            (peer, path)
        })
        .collect()
}

/// A pause that doubles with each failure in a row.
pub(super) fn pause(shortest: Duration, longest: Duration, failures: u32) -> Duration {
    shortest.saturating_mul(1 << failures.min(16)).min(longest)
}
