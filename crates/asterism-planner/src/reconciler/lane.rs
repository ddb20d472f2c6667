//! One host's lane: its session, what it shows, what was sent to it. Nothing in it waits for another host.
//!
//! Its cycle is: claim the fence, look, compare, transact, look. What is not answered is unknown, and the reply to unknown
//! is to claim again with a greater fence, which shuts out whatever is still under way, and to look.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use asterism_model::{
    CertificateFingerprint, Fence, Host, HostId, HostTarget, NetworkId, NetworkState, ObservedHost, Outcome,
    OvsdbEndpoint, Pool, StoredFence, XapiTrust,
};

use super::{
    ClaimOutcome, Phase, Settings,
    holding::Holding,
    leadership::{Leadership, Superseded},
    rows,
};
use crate::{Conflict, HostEvidence, SessionEvidence, Tick, moves::Peers, scope::Scope};

/// Where and how a host is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Door {
    pub endpoint: OvsdbEndpoint,
    pub certificate: Option<CertificateFingerprint>,
    /// What its pool is known by, where the pool does not tell the host's certificate.
    pub authority: Option<String>,
}

impl Door {
    pub fn of(host: &Host, state: &NetworkState) -> Self {
        let certificate = host.xapi.as_ref().and_then(|xapi| xapi.fingerprint);
        let pool = state.pools().get(&host.pool).filter(|_| certificate.is_none());
        let authority = match pool.and_then(Pool::xapi).map(|xapi| &xapi.access.trust) {
            Some(XapiTrust::Authority(pem)) => Some(pem.clone()),
            Some(XapiTrust::Fingerprints(_)) | None => None,
        };
        Self { endpoint: host.ovsdb.clone(), certificate, authority }
    }
}

/// A host as the reconciler sees it.
#[derive(Debug)]
pub(super) struct Lane {
    pub door: Door,
    pub phase: Phase,
    pub evidence: HostEvidence,
    /// The latest; kept when the session is lost, as what the host held last.
    pub picture: Option<Arc<ObservedHost>>,
    /// Tunnels whose BFD has never been up at this end, by network and peer, since they were first seen.
    pub coming: BTreeMap<(NetworkId, HostId), Tick>,
    /// Whether the log has said that we lead since the host was first seen without a fence.
    is_confirmed: bool,
    /// The greatest revision of any fence that was sent.
    sent_revision: u64,
    pub holding: Holding,
    /// What may differ from the target: to be compared when the lane is ready.
    pub agenda: Scope,
    /// Tunnels that wait for other hosts.
    pub withheld: Peers,
    /// What foreign rows stand in the way of.
    pub conflicts: BTreeSet<Conflict>,
    /// Refusals in a row.
    refusals: u32,
    pub last_error: Option<String>,
}

impl Lane {
    pub fn new(door: Door, now: Tick) -> Self {
        let session = SessionEvidence::Awaited { since: now, why: "not connected yet".into() };
        Self {
            door,
            phase: Phase::Disconnected,
            evidence: HostEvidence::new(session),
            picture: None,
            coming: BTreeMap::new(),
            is_confirmed: false,
            sent_revision: 0,
            holding: Holding::default(),
            agenda: Scope::All,
            withheld: Peers::new(),
            conflicts: BTreeSet::new(),
            refusals: 0,
            last_error: None,
        }
    }

    /// Ready, and the last comparison found nothing to do.
    pub fn is_settled(&self) -> bool {
        matches!(self.phase, Phase::Ready { .. }) && self.agenda.is_empty()
    }

    fn stored_fence(&self) -> StoredFence {
        self.picture.as_ref().map(|picture| picture.fence.clone()).unwrap_or_default()
    }

    /// Takes a picture over; says whether the evidence has changed.
    pub fn observe(&mut self, picture: Arc<ObservedHost>, leadership: Leadership, now: Tick) -> bool {
        let before = self.picture.is_some().then_some(&self.evidence.paths);
        let paths = rows::paths(&picture, before, now);
        let session = match self.evidence.session {
            SessionEvidence::Up { since } => SessionEvidence::Up { since },
            SessionEvidence::Awaited { .. } | SessionEvidence::Down { .. } => {
                SessionEvidence::Up { since: now }
            }
        };
        // Whoever shows something lives.
        let evidence = HostEvidence { session, paths, given_up: None, ..self.evidence.clone() };
        let is_news = evidence != self.evidence;
        self.coming = rows::coming(&picture, &self.coming, now);
        self.evidence = evidence;
        let changed = match &self.picture {
            Some(before) => rows::changed(before, &picture),
            None => Scope::All,
        };
        if !changed.is_empty() {
            self.holding.show(rows::held(&picture));
        }
        self.agenda.extend(changed);
        let is_same_fence = self.stored_fence() == picture.fence;
        if !is_same_fence {
            self.is_confirmed = false;
            self.retry_claim(now);
        }
        self.picture = Some(picture);
        self.follow_fence(is_same_fence, leadership, now);
        is_news
    }

    fn follow_fence(&mut self, is_same: bool, leadership: Leadership, now: Tick) {
        let stored = self.stored_fence();
        if leadership.wrote(&stored).is_none() {
            self.holding.doubt();
        }
        match (&self.phase, stored) {
            // Whoever was in our way still is.
            (Phase::Barred { .. }, _) if is_same => {}
            (Phase::Looking { fence, .. } | Phase::Ready { fence }, StoredFence::Present(shown))
                if shown == *fence =>
            {
                self.believe(shown);
            }
            (Phase::BackingOff { fence, .. }, StoredFence::Present(shown)) if shown == *fence => {}
            // Older than what was applied, or about to change: wait for the answer or the next picture.
            (Phase::Looking { fence, .. }, StoredFence::Present(shown)) if shown < *fence => {}
            (Phase::Claiming { .. } | Phase::InFlight { .. } | Phase::Unclaimed { .. }, _) => {}
            // A new session, or a fence that is not the one we left: an emptied or restored database, a late write of
            // ours, a newer leader. The claim finds out which.
            (
                Phase::Disconnected
                | Phase::Barred { .. }
                | Phase::Ready { .. }
                | Phase::Looking { .. }
                | Phase::BackingOff { .. },
                _,
            ) => self.unclaim(now),
        }
    }

    /// The picture shows our last write: nothing else can be under way.
    fn believe(&mut self, fence: Fence) {
        self.phase = Phase::Ready { fence };
        self.holding.believe();
    }

    /// Something is unknown: to be claimed (again), and then all to be compared.
    pub fn unclaim(&mut self, not_before: Tick) {
        self.phase = Phase::Unclaimed { not_before };
        self.agenda = Scope::All;
    }

    /// The session is gone; says whether that is news.
    pub fn lose_session(&mut self, why: String, now: Tick) -> bool {
        self.phase = Phase::Disconnected;
        self.is_confirmed = false;
        self.last_error = Some(why.clone());
        match &mut self.evidence.session {
            SessionEvidence::Awaited { why: known, .. } | SessionEvidence::Down { why: known, .. } => {
                *known = why;
                false
            }
            SessionEvidence::Up { .. } => {
                self.evidence.session = SessionEvidence::Down { since: now, why };
                true
            }
        }
    }

    /// Whether the host must not be claimed before the log says that we lead.
    ///
    /// A stored fence keeps a deposed leader out. A host that has none may have had a later leader's, and been emptied.
    pub fn wants_confirmation(&self) -> bool {
        self.stored_fence() == StoredFence::Absent && !self.is_confirmed
    }

    /// The log says that we led after the host was seen as it is.
    pub fn confirm(&mut self, now: Tick) {
        self.is_confirmed = matches!(self.phase, Phase::Unclaimed { .. });
        self.retry_claim(now);
    }

    /// The claim that is waited with is due then.
    pub fn retry_claim(&mut self, at: Tick) {
        if let Phase::Unclaimed { not_before } = &mut self.phase {
            *not_before = at;
        }
    }

    /// The next claim. Its fence is above the stored one and everything we sent: no two writes share one, so that a
    /// picture tells which writes it shows.
    pub fn claim(&mut self, leadership: Leadership, revision: u64, deadline: Tick) -> Fence {
        let fence = self.next_fence(leadership, revision);
        self.phase = Phase::Claiming { fence, deadline };
        fence
    }

    fn next_fence(&mut self, leadership: Leadership, revision: u64) -> Fence {
        let stored = leadership.wrote(&self.stored_fence()).map_or(0, |fence| fence.revision);
        let last = stored.max(self.sent_revision);
        self.sent_revision = revision.max(last.saturating_add(1));
        Fence { cluster: leadership.cluster, epoch: leadership.epoch, revision: self.sent_revision }
    }

    /// # Errors
    /// The host knows a later leader.
    pub fn take_claim(
        &mut self,
        answered: Fence,
        outcome: ClaimOutcome,
        settings: &Settings,
        now: Tick,
    ) -> Result<(), Superseded> {
        if !matches!(self.phase, Phase::Claiming { fence, .. } if fence == answered) {
            return Ok(());
        }
        match outcome {
            ClaimOutcome::Claimed => {
                self.evidence.barred = None;
                self.look(answered, now + settings.look);
            }
            ClaimOutcome::Refused(StoredFence::Present(stored)) if stored.cluster == answered.cluster => {
                if stored.epoch > answered.epoch {
                    return Err(Superseded { epoch: stored.epoch });
                }
                // Our own late write got there first: raise the fence above it.
                self.sent_revision = self.sent_revision.max(stored.revision);
                self.unclaim(now + settings.shortest_pause);
            }
            ClaimOutcome::Refused(stored) => self.bar(match stored {
                StoredFence::Present(fence) => format!("claimed by another cluster, {}", fence.cluster),
                StoredFence::Malformed(text) => format!("its fence is not one: `{text}`"),
                StoredFence::Absent => "it refused the claim".into(),
            }),
            ClaimOutcome::Unknown(why) => {
                self.last_error = Some(why);
                self.unclaim(now + settings.shortest_pause);
            }
        }
        Ok(())
    }

    fn bar(&mut self, why: String) {
        self.last_error = Some(why.clone());
        self.evidence.barred = Some(why.clone());
        self.phase = Phase::Barred { why };
    }

    /// Waits for the picture that shows this fence; it may have been faster than the answer.
    fn look(&mut self, fence: Fence, deadline: Tick) {
        if self.stored_fence() == StoredFence::Present(fence) {
            self.believe(fence);
        } else {
            self.phase = Phase::Looking { fence, deadline };
        }
    }

    /// Notes that this transaction goes out: the fence to write, and what it may make of the host until that is seen.
    pub fn send(&mut self, leadership: Leadership, target: &HostTarget, deadline: Tick) -> Fence {
        self.holding.send(target);
        let fence = self.next_fence(leadership, target.revision);
        self.phase = Phase::InFlight { fence, deadline };
        fence
    }

    pub fn take_outcome(
        &mut self,
        answered: Fence,
        outcome: Outcome,
        leadership: Leadership,
        settings: &Settings,
        now: Tick,
    ) {
        if !matches!(self.phase, Phase::InFlight { fence, .. } if fence == answered) {
            return;
        }
        match outcome {
            Outcome::Applied => {
                self.refusals = 0;
                self.last_error = None;
                self.look(answered, now + settings.look);
            }
            Outcome::Fenced => self.unclaim(now),
            Outcome::Rejected(why) => {
                self.last_error = Some(why);
                let until = now + settings.pause(self.refusals);
                self.refusals = self.refusals.saturating_add(1);
                // Nothing happened.
                self.holding.take_back();
                match leadership.wrote(&self.stored_fence()) {
                    Some(stored) => self.phase = Phase::BackingOff { fence: stored, until },
                    None => self.unclaim(until),
                }
            }
            Outcome::Unknown(why) => {
                self.last_error = Some(why);
                self.unclaim(now + settings.shortest_pause);
            }
        }
    }

    /// The pause after a refusal is over.
    pub fn resume(&mut self, fence: Fence) {
        self.phase = Phase::Ready { fence };
        self.agenda = Scope::All;
    }

    /// Whether the outcome of something that was sent in the network is still awaited.
    pub fn awaits_outcome(&self, network: NetworkId) -> bool {
        self.phase.is_under_way() && self.holding.sent().contains_key(&network)
    }

    /// Takes over what a comparison within `scope` found to stand in the way; says whether the evidence has changed.
    pub fn note(&mut self, scope: &Scope, withheld: Peers, conflicts: BTreeSet<Conflict>) -> bool {
        self.withheld.retain(|network, _| !scope.contains(*network));
        self.withheld.extend(withheld);
        self.conflicts.retain(|conflict| !scope.contains(conflict.network()));
        self.conflicts.extend(conflicts);
        let hindered = self
            .conflicts
            .iter()
            .filter_map(|conflict| match conflict {
                Conflict::BridgeNameTaken { network, .. } | Conflict::BridgeAwaited { network, .. } => {
                    Some((*network, conflict.to_string()))
                }
                Conflict::InterfaceNameTaken { .. } | Conflict::BridgeInUse { .. } => None,
            })
            .collect();
        let before = std::mem::replace(&mut self.evidence.hindered, hindered);
        before != self.evidence.hindered
    }

    /// The peers to which a way is up.
    pub fn is_up(&self, peer: HostId) -> bool {
        matches!(self.evidence.paths.get(&peer), Some(crate::Path::Up { .. }))
    }
}

#[cfg(test)]
mod tests;
