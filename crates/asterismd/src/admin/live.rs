//! What the leader sees on the hosts, in the API's words.

use asterism_api::v1;
use asterism_model::{
    BfdState, Host, HostId, Mode, NetworkId, NetworkState, ObservedHost, ObservedInterface, ObservedPort,
    StoredFence, target::tunnel_name,
};
use asterism_planner::{Finding, LaneStatus, Phase, SessionEvidence, Targets, Verdict, finding::Motion};

use crate::{clock::Clock, leader::LeadingView};

/// Why nothing happens, where somebody waits for it.
pub(super) const READ_ONLY: &str = "read-only mode: nothing is chosen or written";

/// What stands in the way of an office's passing in a network, where the host holds one or is to hold one.
pub(super) fn office_waits(
    state: &NetworkState,
    leading: &LeadingView,
    network: NetworkId,
    host: &Host,
) -> Vec<String> {
    let is_about = |found: &&Finding| match found {
        Finding::CenterKept { host: kept, .. } => *kept == host.id,
        Finding::NoAbleHost { pool, .. } => *pool == host.pool,
        Finding::Waiting { motion: Motion::Center { pool, .. } | Motion::Standby { pool, .. }, .. } => {
            *pool == host.pool
        }
        Finding::Waiting { motion: Motion::PoolCenter { .. }, .. }
        | Finding::NoStandby { .. }
        | Finding::PreferredPassedOver { .. }
        | Finding::PreferredPoolPassedOver { .. }
        | Finding::NoVni { .. } => false,
    };
    let findings = leading.findings.iter().filter(|found| found.network() == network);
    let waits = findings.filter(is_about).map(|found| found.describe(state).to_string());
    // A drain is waited for; other offices stay where they are.
    let is_kept = state.settings().mode == Mode::ReadOnly && !host.is_eligible();
    waits.chain(is_kept.then(|| READ_ONLY.to_owned())).collect()
}

/// A host's status.
pub(super) fn host_status(targets: &Targets<'_>, lane: &LaneStatus, clock: &Clock) -> v1::HostStatus {
    let state = targets.members().state();
    let (session, since, session_error) = match &lane.evidence.session {
        SessionEvidence::Up { since } => (v1::Session::Connected, *since, String::new()),
        SessionEvidence::Down { since, why } => (v1::Session::Lost, *since, why.clone()),
        SessionEvidence::Awaited { since, why } => (v1::Session::Connecting, *since, why.clone()),
    };
    let picture = lane.picture.as_deref().filter(|_| session == v1::Session::Connected);
    let pending = picture.and(lane.drift(targets)).map(|drift| drift.rows);
    let tunnels = picture.map(tunnels).unwrap_or_default();
    let up = tunnels.iter().filter(|tunnel| is_up(**tunnel)).count();
    v1::HostStatus {
        session: session.into(),
        since_ms: clock.wall_at(since).0,
        last_error: lane.last_error.clone().unwrap_or(session_error),
        phase: phase(lane).into(),
        waiting_for: waiting_for(state, lane),
        target: match pending {
            None => v1::TargetState::Unknown,
            Some(0) => v1::TargetState::Reached,
            Some(_) => v1::TargetState::Differs,
        }
        .into(),
        pending_rows: count(pending.unwrap_or(0)),
        fence: picture.and_then(fence),
        ovs_version: picture.and_then(|picture| picture.ovs_version.clone()).unwrap_or_default(),
        tunnels: count(tunnels.len()),
        tunnels_up: count(up),
    }
}

fn phase(lane: &LaneStatus) -> v1::LanePhase {
    match lane.phase {
        Phase::Disconnected => v1::LanePhase::Disconnected,
        Phase::Unclaimed { .. } | Phase::Claiming { .. } => v1::LanePhase::Claiming,
        Phase::Barred { .. } => v1::LanePhase::Blocked,
        Phase::Ready { .. } if lane.settled_at.is_some() => v1::LanePhase::Settled,
        Phase::Ready { .. } | Phase::Looking { .. } => v1::LanePhase::Looking,
        Phase::InFlight { .. } => v1::LanePhase::Writing,
        Phase::BackingOff { .. } => v1::LanePhase::Backoff,
    }
}

/// Why a host is not where it should be; empty where it is.
pub(super) fn waiting_for(state: &NetworkState, lane: &LaneStatus) -> String {
    let mut reasons: Vec<String> = Vec::new();
    match &lane.phase {
        Phase::Barred { why } => reasons.push(why.clone()),
        Phase::Disconnected => {
            if let SessionEvidence::Down { why, .. } = &lane.evidence.session {
                reasons.push(format!("its OVSDB: {why}"));
            }
        }
        Phase::BackingOff { .. } | Phase::Unclaimed { .. } => reasons.extend(lane.last_error.clone()),
        Phase::Claiming { .. } => reasons.push("the answer to a claim".into()),
        Phase::InFlight { .. } => reasons.push("the answer to a transaction".into()),
        Phase::Looking { .. } => reasons.push("a picture of what was applied".into()),
        Phase::Ready { .. } => {}
    }
    for (network, peers) in &lane.withheld {
        let network =
            state.networks().get(network).map_or_else(|| network.to_string(), |known| known.name.to_string());
        let peers: Vec<String> = peers.iter().map(|peer| state.host_label(*peer)).collect();
        reasons.push(format!(
            "network {network}: no tunnel to {} until it is sure that it closes no ring",
            peers.join(", ")
        ));
    }
    reasons.extend(lane.conflicts.iter().cloned());
    reasons.join("; ")
}

fn fence(picture: &ObservedHost) -> Option<v1::Fence> {
    match &picture.fence {
        StoredFence::Present(fence) => Some(v1::Fence {
            cluster_id: fence.cluster.to_string(),
            epoch: fence.epoch,
            revision: fence.revision,
        }),
        StoredFence::Absent | StoredFence::Malformed(_) => None,
    }
}

fn tunnels(picture: &ObservedHost) -> Vec<BfdState> {
    let ports = picture.bridges.values().flat_map(|bridge| bridge.ports.values());
    ports.flat_map(|port| port.interfaces.values()).map(|interface| interface.bfd_state).collect()
}

/// One end of a network's tunnel, as the host shows it.
#[derive(Clone, Copy)]
pub(super) struct End<'a> {
    port: &'a ObservedPort,
    interface: &'a ObservedInterface,
}

/// The end of a network's tunnel to `peer`; none while that host does not answer or has no such tunnel.
pub(super) fn end(view: &LeadingView, network: NetworkId, host: HostId, peer: HostId) -> Option<End<'_>> {
    let lane = view.lane(host).filter(|lane| lane.evidence.answers())?;
    let name = tunnel_name(network, peer);
    let bridges = lane.picture.as_deref()?.bridges.values().filter(|bridge| bridge.network == Some(network));
    bridges.flat_map(|bridge| bridge.ports.values()).find_map(|port| {
        let interface = port.interfaces.values().find(|interface| interface.name == name)?;
        Some(End { port, interface })
    })
}

impl End<'_> {
    pub fn state(self) -> BfdState {
        self.interface.bfd_state
    }

    /// Whether the host forwards over it; a bond may not say.
    pub fn is_active(self) -> Option<bool> {
        match self.port.interfaces.len() {
            1 => Some(true),
            _ => self.port.active.as_ref().map(|active| *active == self.interface.name),
        }
    }

    /// Between two packets of BFD; 0 where it is not set.
    pub fn interval_ms(self) -> u32 {
        self.interface.bfd.get("min_tx").and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

/// Whether BFD is up, be the tunnel in use or drained.
pub(super) fn is_up(state: BfdState) -> bool {
    matches!(state, BfdState::Up | BfdState::Drained)
}

pub(super) fn link_state(state: BfdState) -> v1::LinkState {
    match state {
        BfdState::Unknown => v1::LinkState::Unknown,
        BfdState::Down => v1::LinkState::Down,
        BfdState::Drained => v1::LinkState::Drained,
        BfdState::Up => v1::LinkState::Up,
    }
}

/// Both ends in one word: down if one end lost it, up if both have it, drained if one is told not to use it.
pub(super) fn both_ends(one: BfdState, other: BfdState) -> BfdState {
    match (one, other) {
        (BfdState::Down, _) | (_, BfdState::Down) => BfdState::Down,
        (BfdState::Unknown, _) | (_, BfdState::Unknown) => BfdState::Unknown,
        (BfdState::Drained, _) | (_, BfdState::Drained) => BfdState::Drained,
        (BfdState::Up, BfdState::Up) => BfdState::Up,
    }
}

pub(super) fn health(verdict: &Verdict, lane: Option<&LaneStatus>) -> v1::Health {
    let answers = lane.is_some_and(|lane| matches!(lane.evidence.session, SessionEvidence::Up { .. }));
    match verdict {
        Verdict::Dead(_) => v1::Health::Dead,
        Verdict::Able { .. } => v1::Health::Alive,
        Verdict::Doubtful(_) if answers => v1::Health::Alive,
        Verdict::Doubtful(_) => v1::Health::Unreachable,
    }
}

/// Counts fit: the state is limited to thousands of each.
pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
