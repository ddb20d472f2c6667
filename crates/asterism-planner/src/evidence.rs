//! What the leader knows of the hosts' lives: the four witnesses that [`judge`](crate::judge::judge) weighs.
//!
//! They are our own OVSDB session to a host, what the other hosts' BFD says of it, its pool's word where it is behind a XAPI,
//! and whether we are the ones who are cut off. Filled in by the reconciler's lanes from whole pictures; never replicated, never stored.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use asterism_model::{
    BfdState, BondMode, HostId, NetworkId, ObservedHost, ObservedPort, target::tunnel_name,
};

use crate::{Tick, scope::Scope};

/// The leader's view of all hosts at one moment. A new leader gathers its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    pub hosts: BTreeMap<HostId, HostEvidence>,
    /// The last pictures of the hosts that answer.
    pub pictures: BTreeMap<HostId, Arc<ObservedHost>>,
    /// Hosts that answer and have not been seen yet to have what they shall, with the networks that are concerned.
    pub unsettled: BTreeMap<HostId, Scope>,
    /// When the choices for a network last changed, as this leader saw it.
    pub changed_at: BTreeMap<NetworkId, Tick>,
}

impl Evidence {
    pub fn answers(&self, host: HostId) -> bool {
        self.hosts.get(&host).is_some_and(HostEvidence::answers)
    }

    /// What a host says of its end of a network's tunnel to `peer`. `None` where it does not answer, or has no such end.
    pub fn link(&self, network: NetworkId, host: HostId, peer: HostId) -> Option<BfdState> {
        let name = tunnel_name(network, peer);
        let mut interfaces = self.ports(network, host).flat_map(|port| port.interfaces.values());
        interfaces.find(|interface| interface.name == name).map(|interface| interface.bfd_state)
    }

    /// Whether a host says that a bond of its own sends by the network's tunnel to `peer`.
    pub fn sends_by(&self, network: NetworkId, host: HostId, peer: HostId) -> bool {
        let name = tunnel_name(network, peer);
        self.ports(network, host).any(|port| port.active.as_ref() == Some(&name))
    }

    fn ports(&self, network: NetworkId, host: HostId) -> impl Iterator<Item = &ObservedPort> {
        let bridges = self.pictures.get(&host).into_iter().flat_map(|picture| picture.bridges.values());
        bridges.flat_map(|bridge| bridge.ports.values()).filter(move |port| port.network == Some(network))
    }

    /// Whether a host that answers has a bond in the network that is not open, and could be.
    pub fn is_closed(&self, network: NetworkId, host: HostId) -> bool {
        let is_closed = |port: &ObservedPort| port.mode.is_some_and(|mode| mode != BondMode::Open);
        self.ports(network, host).any(|port| port.interfaces.len() > 1 && is_closed(port))
    }

    /// Since when both hosts have been without a way to one another: one of them that answers lost it. BFD is up at both
    /// ends or at none.
    pub fn lost_since(&self, one: HostId, other: HostId) -> Option<Tick> {
        let lost = |path: Path| match path {
            Path::Down { since } => Some(since),
            Path::Up { .. } | Path::Pending { .. } => None,
        };
        self.paths_between(one, other).filter_map(lost).max()
    }

    /// Whether the way between two hosts works, as far as they say.
    pub fn is_joined(&self, one: HostId, other: HostId) -> bool {
        self.lost_since(one, other).is_none()
            && self.paths_between(one, other).any(|path| matches!(path, Path::Up { .. }))
    }

    fn paths_between(&self, one: HostId, other: HostId) -> impl Iterator<Item = Path> {
        let end = |near: HostId, far: HostId| {
            let near = self.hosts.get(&near).filter(|near| near.answers())?;
            near.paths.get(&far).copied()
        };
        [end(one, other), end(other, one)].into_iter().flatten()
    }
}

/// The leader's view of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostEvidence {
    pub session: SessionEvidence,
    /// What this host's BFD says of the way to its peers. Counted only while the session is up.
    pub paths: BTreeMap<HostId, Path>,
    /// Whether its pool says that it is down: shut down, or dead for ten minutes. What the pool calls live may be dead.
    pub is_down_in_pool: bool,
    /// Why it was given up, if it has shown nothing since. The choices that follow a death take the tunnels away that told of
    /// it, and an OVSDB session outlives its host by seconds.
    pub given_up: Option<String>,
    /// Why we may not write to it, though it answers.
    pub barred: Option<String>,
    /// Networks whose bridge it cannot have, and why: something of the operator's stands in the way.
    pub hindered: BTreeMap<NetworkId, String>,
}

impl HostEvidence {
    pub fn new(session: SessionEvidence) -> Self {
        Self {
            session,
            paths: BTreeMap::new(),
            is_down_in_pool: false,
            given_up: None,
            barred: None,
            hindered: BTreeMap::new(),
        }
    }

    /// Whether there is a session to the host.
    pub fn answers(&self) -> bool {
        match self.session {
            SessionEvidence::Up { .. } => true,
            SessionEvidence::Awaited { .. } | SessionEvidence::Down { .. } => false,
        }
    }
}

/// The OVSDB session to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEvidence {
    Up {
        since: Tick,
    },
    /// There was none yet since this controller began to lead, or the host was added: it may only want its turn.
    Awaited {
        since: Tick,
        why: String,
    },
    /// There was one, and it was lost.
    Down {
        since: Tick,
        why: String,
    },
}

/// The way from one host to another, over all tunnels between them, as one of the two sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// BFD is up on one tunnel at least, and was since then.
    Up { since: Tick },
    /// BFD was up, and is down on all tunnels.
    Down { since: Tick },
    /// BFD has not been up since the first tunnel was made: the other end is not there yet, or the way does not work.
    Pending { since: Tick },
}

/// How long evidence must last before it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Graces {
    /// The session was lost, and every peer lost the host: a switch that is restarted is back within this.
    pub death: Duration,
    /// Every peer lost the host, and there was no session yet: a new leader has so long to reach everybody.
    pub contact: Duration,
    /// A session, but every peer lost it: longer, since the host itself says that it lives.
    pub fabric: Duration,
    /// No session, and no peer has a word on it: longer than a session takes to be made again.
    pub silence: Duration,
    /// Both ends have the port and answer, and BFD has never been up: longer than any switch takes to begin.
    pub come_up: Duration,
    /// How long after a change of a network's choices the next planned one may follow. A switch that has learned an address
    /// in the wrong place, from frames that crossed a change, unlearns it within its revalidators' interval, 500 ms
    /// (schema: `Open_vSwitch.other_config:max-revalidator`).
    pub settle: Duration,
    /// How long a preferred center must have been able before it takes over from one that works.
    pub fail_back: Duration,
}

impl Default for Graces {
    fn default() -> Self {
        Self {
            death: Duration::from_millis(500),
            contact: Duration::from_secs(3),
            fabric: Duration::from_secs(1),
            silence: Duration::from_secs(10),
            come_up: Duration::from_secs(10),
            settle: Duration::from_millis(700),
            fail_back: Duration::from_secs(10),
        }
    }
}
