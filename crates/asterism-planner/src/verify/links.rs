//! Whether a network's tunnels work: those that a host has toward the root.

use asterism_model::{BfdState, HostId, PrivateNetwork};

use super::{Inspector, Kind, Place, Severity};
use crate::{SessionEvidence, Tick};

/// What one end of a tunnel says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Up,
    /// BFD has never been up, and the port is there since then, or is about to be.
    Coming(Tick),
    Down,
    /// There is no port.
    Missing,
}

/// What both ends of a tunnel come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Up,
    ComingUp,
    /// The end whose BFD is down, and the other one.
    Down(HostId, HostId),
    /// An end does not answer: that is told of the host.
    Unseen,
}

impl Inspector<'_> {
    pub(super) fn inspect_uplinks(&mut self, network: &PrivateNetwork, host: HostId, uplinks: &[HostId]) {
        self.found.links += uplinks.len();
        let evidence = self.view.evidence;
        let is_hindered =
            evidence.hosts.get(&host).is_some_and(|seen| seen.hindered.contains_key(&network.id));
        if uplinks.is_empty() || !evidence.answers(host) || is_hindered {
            return;
        }
        let links: Vec<(HostId, Link)> =
            uplinks.iter().map(|uplink| (*uplink, self.link(network, host, *uplink))).collect();
        let place = Place::network(network.id).at(host);
        let label = self.label(host);
        let may_carry = |(uplink, link): &(HostId, Link)| {
            *link == Link::ComingUp || self.end(network, host, *uplink) == End::Up
        };
        let is_cut_off = !links.iter().any(may_carry);
        if is_cut_off {
            let all: Vec<String> = uplinks.iter().map(|uplink| self.label(*uplink)).collect();
            let text = format!(
                "network {}: {label} has no way up: its tunnels to {} are down",
                network.name,
                all.join(", ")
            );
            self.report(Severity::Broken, Kind::CutOff, place, text);
        }
        for (uplink, link) in links {
            match link {
                Link::Up | Link::Unseen => {}
                Link::ComingUp => {
                    let text = format!(
                        "network {}: the tunnel between {label} and {} is coming up",
                        network.name,
                        self.label(uplink)
                    );
                    let place = Place { peer: Some(uplink), ..place };
                    self.report(Severity::ComingUp, Kind::ComingUp, place, text);
                }
                Link::Down(end, other) => {
                    let severity = if is_cut_off { Severity::Broken } else { Severity::Degraded };
                    let (near, far) = (self.label(end), self.label(other));
                    let text = format!("network {}: BFD from {near} to {far} is not up", network.name);
                    let place = Place { peer: Some(other), ..place.at(end) };
                    self.report(severity, Kind::LinkDown, place, text);
                }
            }
        }
    }

    fn link(&self, network: &PrivateNetwork, host: HostId, uplink: HostId) -> Link {
        if !self.view.evidence.answers(uplink) {
            return Link::Unseen;
        }
        let ends = (self.end(network, host, uplink), self.end(network, uplink, host));
        let made = match ends {
            (End::Up, End::Up) => return Link::Up,
            (End::Coming(made), End::Coming(later)) => Some(made.max(later)),
            // Of a tunnel that was made anew at one end, the other has lost what was there before.
            (End::Coming(made), End::Up | End::Down) | (End::Up | End::Down, End::Coming(made)) => Some(made),
            (End::Missing, _) | (_, End::Missing) => None,
            (End::Down, End::Up | End::Down) | (End::Up, End::Down) => None,
        };
        match made.filter(|_| self.may_come_up(host) && self.may_come_up(uplink)) {
            Some(made) if made + self.view.graces.come_up > self.view.now => Link::ComingUp,
            Some(_) | None if ends.0 == End::Up => Link::Down(uplink, host),
            Some(_) | None => Link::Down(host, uplink),
        }
    }

    fn end(&self, network: &PrivateNetwork, host: HostId, peer: HostId) -> End {
        match self.view.evidence.link(network.id, host, peer) {
            Some(BfdState::Up | BfdState::Drained) => End::Up,
            Some(BfdState::Down) => End::Down,
            Some(BfdState::Unknown) => {
                let seen = self.lane(host).and_then(|lane| lane.coming.get(&(network.id, peer)).copied());
                seen.map_or(End::Down, End::Coming)
            }
            None => self.is_to_be_made_since(network, host).map_or(End::Missing, End::Coming),
        }
    }

    /// Of a dead host the last word stands until its session ends: tunnels to it don't come up. One that came a moment ago is in
    /// doubt too, since its tunnels are down.
    fn may_come_up(&self, host: HostId) -> bool {
        let came =
            self.session_since(host).is_some_and(|since| since + self.view.graces.come_up > self.view.now);
        came || self.verdicts.of(host).is_able()
    }

    fn session_since(&self, host: HostId) -> Option<Tick> {
        match self.view.evidence.hosts.get(&host)?.session {
            SessionEvidence::Up { since } => Some(since),
            SessionEvidence::Awaited { .. } | SessionEvidence::Down { .. } => None,
        }
    }

    /// Since when a host wants a port that it does not have: since the network's choices changed, or the host came.
    fn is_to_be_made_since(&self, network: &PrivateNetwork, host: HostId) -> Option<Tick> {
        let evidence = self.view.evidence;
        let is_wanted = evidence.unsettled.get(&host).is_some_and(|scope| scope.contains(network.id));
        let came = self.session_since(host)?;
        let changed = evidence.changed_at.get(&network.id).copied();
        let since = changed.map_or(came, |changed| changed.max(came));
        (is_wanted && self.is_worked_on(host)).then_some(since)
    }
}
